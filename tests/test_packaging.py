"What is handed out: metadata, sdist, wheel; workflows, addresses; no row of MovieLens anywhere."
import re
import shutil
import sys
import sysconfig
import tarfile
import zipfile
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib.metadata import distributions
from pathlib import Path

from helpers import ROOT, run
from nbdev.config import get_config
from packaging.requirements import Requirement

PROJECT = [ROOT/name for name in run('git', 'ls-files', '-zco', '--exclude-standard', cwd=ROOT)
           .stdout.split('\0') if (ROOT/name).is_file()]
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
ADDRESS = re.compile(r'https://[\w.]*(?:github\.com|github\.io)[\w./]*?/collabdive[\w./-]*')


def is_movielens(name, content):
    return any(fnmatch(Path(name).name, p) for p in DATA_FILES) or DATA_ROWS.search(content)


def test_movielens_is_recognised():
    for row in ('7\t50\t5\t880000001', '7|30|F|writer|00000', '7::50::3.5::970000001',
                '7,50,3.5,960000001', '7,No Such Film (1999),Comedy|Drama',
                '7::No Such Film (1999)::Drama', '7,"Film, No Such (1999)",Drama'):
        assert is_movielens('', f'{row}\n'.encode()*3) and not is_movielens('', f'{row}\n'.encode())
    assert is_movielens('', b'7|No Such Film (1999)|01-Jan-1999||')
    for name in ('a/u.data', 'u1.base', 'ml/ratings.csv', 'ml-1m.zip', 'ml-100k.inter'):
        assert is_movielens(name, b'')


def test_archives_hold_what_they_should_and_nothing_holds_movielens(tmp_path):
    for path in PROJECT:
        (copy := tmp_path/path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    run(sys.executable, '-m', 'build', '--no-isolation', tmp_path, check=True)
    with tarfile.open(*(tmp_path/'dist').glob('*.tar.gz')) as tar:
        sdist = {m.name.partition('/')[2]: tar.extractfile(m).read() for m in tar if m.isfile()}
    with zipfile.ZipFile(*(tmp_path/'dist').glob('*.whl')) as archive:
        wheel = {name: archive.read(name) for name in archive.namelist()}
    for files in (sdist, wheel, {str(path): path.read_bytes() for path in PROJECT}):
        assert files and not [name for name in files if is_movielens(name, files[name])]
    modules, inside = ({n for n in names if re.fullmatch(pattern, n)} for names, pattern in (
        (sdist, r'collabdive/\w+\.py'),
        (wheel, r'collabdive/([\w/]+\.(py|json)|web/[\w/-]+\.\w+)')))
    figures = {f'collabdive/web/figures/{file.name}' for file in (ROOT/'web'/'figures').iterdir()}
    assert modules and figures and modules | figures <= inside
    assert all('.dist-info/' in n for n in {*wheel} - inside)


def test_installed_metadata_is_that_of_settings_ini():
    found, = distributions(name='collabdive', path=[sysconfig.get_path('purelib')])
    (config := ConfigParser(delimiters=['='])).read(ROOT/'settings.ini', 'utf-8')
    wanted = [line for key, text in config['DEFAULT'].items() if key.endswith('requirements')
              for line in text.split('\n') if line]
    def simple(lines): return sorted((r.name, str(r.specifier)) for r in map(Requirement, lines))
    assert simple(found.requires) == simple(wanted), 'run `make setup`'
    assert found.version == config['DEFAULT']['version'], 'run `make setup`'
    assert {'collabdive.cli:main', 'collabdive._modidx:d'} == {p.value for p in found.entry_points}


def missing(workflow):
    "Targets of make and files that a workflow's text names, and that are not there."
    targets = re.findall(r'^([\w-]+):', (ROOT/'Makefile').read_text(), re.M)
    files = re.findall(r'\b(?:tools|tests)/[\w./]+', workflow)
    return [t for t in re.findall(r'\bmake ([\w-]+)', workflow) if t not in targets] + [
        file for file in files if not (ROOT/file).exists()]


def test_what_workflows_call_exists():
    for path in (ROOT/'.github'/'workflows').glob('*.yml'): assert missing(path.read_text()) == []
    assert missing('make tset\npytest tests/gone.py') == ['tset', 'tests/gone.py']


def test_addresses_are_those_of_pyproject():
    config, other = get_config(ROOT), 'https://github.com/other/collabdive'
    ours = config.git_url.rstrip('/'), config.doc_url.rstrip('/')
    pages = [p for p in PROJECT if p.suffix in ('.ipynb', '.yml', '.md')]
    for path, text in [('', f'see {other}'), *((p, p.read_text('utf-8')) for p in pages)]:
        strangers = [a for a in ADDRESS.findall(text) if not a.startswith(ours)]
        assert strangers == [other]*(not path), path
