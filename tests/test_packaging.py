"What is installed, and what is handed out: metadata, sdist, wheel; no row of MovieLens in either."
import re
import shutil
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path

import pytest
from helpers import ROOT, run
from packaging.requirements import Requirement

BUILT = {'.venv', '.venv-bench', '_build', '_docs', '_proc'}
DATA_FILES = ('u.data', 'u.item', 'u.user', 'u.genre', 'u.info', 'u.occupation', 'u?.base',
              'u?.test', 'ua.*', 'ub.*', 'ratings.csv', 'movies.csv', 'tags.csv', 'links.csv',
              'genome-*.csv', '*.dat', '*.inter', '*.item', 'ml-*.zip', 'recbole*')
# Files as they come: ratings of 100k, of 1m and 10m, of the CSV releases; then movies and users.
DATA_ROWS = re.compile(rb'(?:^\d+\t\d+\t[1-5](?:\.0)?\t8[789]\d{7}\r?\n){3}'
                       rb'|(?:^\d+::\d+::[\d.]+::\d{9,10}\r?\n){3}'
                       rb'|(?:^\d+,\d+,[0-5]\.[05],\d{9,10}\r?\n){3}'
                       rb'|^\d+\|[^|\n]+\|\d\d-\w{3}-\d{4}\|'
                       rb'|(?:^\d+(?:::|,).+\(\d{4}\)"?(?:::|,)[A-Z][\w|-]+\r?\n){3}'
                       rb'|(?:^\d+\|\d+\|[MF]\|\w+\|\w+\r?\n){3}', re.MULTILINE)
INSTALL = 'the installed package is not that of settings.ini: run `make setup`'


def settings():
    "What settings.ini says."
    config = ConfigParser(interpolation=None, delimiters=['='])
    config.read(ROOT/'settings.ini', encoding='utf-8')
    return config['DEFAULT']


def lines(key): return [line.strip() for line in settings()[key].splitlines() if line.strip()]


def project_files():
    "The files that git has or would add; without git, all outside the folders that are built."
    if (ROOT/'.git').exists():
        listed = run('git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard',
                     cwd=ROOT, check=True).stdout.split('\0')
        found = [ROOT/name for name in listed if name]
    else: found = [p for p in ROOT.rglob('*') if not BUILT & set(p.relative_to(ROOT).parts)]
    return [p for p in found if p.is_file()]


def is_data_file(name): return any(fnmatch(Path(name).name, pattern) for pattern in DATA_FILES)


# The installed package

def test_metadata_is_that_of_settings_ini():
    meta, cfg = distribution('collabdive').metadata, settings()
    assert meta['Name'] == cfg['lib_name'], INSTALL
    assert meta['Version'] == cfg['version'], INSTALL
    assert meta['Author'] == cfg['author'], INSTALL
    assert (meta['License'] or meta['License-Expression']) == cfg['license'], INSTALL
    assert meta['Requires-Python'] == f">={cfg['min_python']}", INSTALL
    assert re.split(', *', meta['Keywords']) == cfg['keywords'].split(', '), INSTALL
    assert meta.get_all('Classifier') == lines('classifiers'), INSTALL


def test_requirements_are_those_of_settings_ini():
    def simple(requirements): return [(r.name, str(r.specifier)) for r in requirements]
    def wanted(key): return simple(map(Requirement, lines(key)))
    found = {text: Requirement(text) for text in distribution('collabdive').requires}
    plain = [r for text, r in found.items() if 'extra ==' not in text]
    assert simple(plain) == wanted('requirements'), INSTALL
    for extra in ('dev', 'bench'):
        of = [r for text, r in found.items() if f"extra == '{extra}'" in text.replace('"', "'")]
        assert simple(of) == wanted(f'{extra}_requirements'), INSTALL


def test_entry_points():
    points = distribution('collabdive').entry_points
    scripts = [f'{p.name}={p.value}' for p in points if p.group == 'console_scripts']
    assert scripts == lines('console_scripts'), INSTALL
    index, = [point for point in points if point.group == 'nbdev']
    symbols = index.load()['syms']
    modules = {f'collabdive.{p.stem}' for p in (ROOT/'collabdive').glob('[!_]*.py')}
    assert symbols.keys() == modules, 'the index of names that doclinks read: run nbdev-export'


def test_importing_the_package_is_light():
    heavy = 'torch', 'fastai', 'pandas', 'numpy', 'matplotlib'
    code = ('import sys, collabdive; '
            f'print(collabdive.__version__, *[m for m in {heavy} if m in sys.modules])')
    done = run(sys.executable, '-c', code, check=True)
    assert done.stdout.split() == [settings()['version']]


# What is handed out

@pytest.fixture(scope='module')
def sdist(tmp_path_factory):
    "A source archive, built from a copy of the project's files."
    folder = tmp_path_factory.mktemp('sdist')
    for path in project_files():
        copy = folder/'source'/path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    code = f'from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})'
    run(sys.executable, '-c', code, cwd=folder/'source', check=True)
    archive, = folder.glob('*.tar.gz')
    return archive


@pytest.fixture(scope='module')
def wheel(sdist):
    "A wheel, built from the source archive and nothing else."
    run(sys.executable, '-m', 'pip', 'wheel', '--quiet', '--disable-pip-version-check', '--no-deps',
        '--no-index', '--no-build-isolation', '--wheel-dir', sdist.parent, sdist, check=True)
    built, = sdist.parent.glob('*.whl')
    return built


def test_sdist_can_build(sdist):
    with tarfile.open(sdist) as archive: names = [Path(name).name for name in archive.getnames()]
    assert {'settings.ini', 'LICENSE', 'README.md', 'setup.py', 'pyproject.toml'} <= set(names)


def test_wheel_holds_the_package_alone(sdist, wheel):
    version = settings()['version']
    with zipfile.ZipFile(wheel) as archive: names = archive.namelist()
    metadata = f'collabdive-{version}.dist-info'
    assert {Path(name).parts[0] for name in names} == {'collabdive', metadata}
    inside = {name for name in names if name.startswith('collabdive/')}
    with tarfile.open(sdist) as archive:
        source = {name.partition('/')[2] for name in archive.getnames()}
    assert {name for name in source if fnmatch(name, 'collabdive/*.py')} <= inside
    assert not [name for name in inside if not name.endswith(('.py', '.json'))]


def is_movielens(name, content): return is_data_file(name) or DATA_ROWS.search(content)


def test_archives_hold_no_row_of_movielens(sdist, wheel):
    with tarfile.open(sdist) as archive:
        members = [member for member in archive if member.isfile()]
        found = {member.name: archive.extractfile(member).read() for member in members}
    with zipfile.ZipFile(wheel) as archive:
        found |= {name: archive.read(name) for name in archive.namelist()}
    assert found and not [name for name, content in found.items() if is_movielens(name, content)]


def test_no_file_of_the_project_is_movielens_data():
    found = project_files()
    assert found and not [str(p) for p in found if is_movielens(p, p.read_bytes())]


@pytest.mark.parametrize('row', [
    '7\t50\t5\t880000001', '7|30|F|writer|00000', '7::50::5::970000001', '7::50::3.5::970000001',
    '7,50,3.5,960000001', '7,No Such Film (1999),Comedy|Drama', '7::No Such Film (1999)::Drama',
    '7,"Film, No Such (1999)",Drama'])
def test_rows_are_recognised(row):
    assert DATA_ROWS.search(f'{row}\n'.encode() * 3) and not DATA_ROWS.search(f'{row}\n'.encode())


def test_a_movie_row_is_recognised():
    assert DATA_ROWS.search(b'7|No Such Film (1999)|01-Jan-1999||')


@pytest.mark.parametrize('name', [
    'data/u.data', 'u1.base', 'ml-latest-small/ratings.csv', 'ml-1m.zip', 'ml-100k.inter'])
def test_data_files_are_recognised(name): assert is_data_file(name)
