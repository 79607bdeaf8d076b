#!/usr/bin/env python
"""Run the notebooks as Colab does: from the package's wheel and what it requires, nothing else.

Builds the wheel, makes an environment of its own for it in _build/colab (a few minutes the first
time), and runs every cell of each notebook there, those with `#| eval: false` too, in an empty
folder. First, notebooks that must fail prove that nothing else is in reach. A notebook that passed
is not run again until it, the package or the environment changes.
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from fastcore.nbio import mk_cell, new_nb, write_nb

from nb_project import NoMatch, Project, code_cells, is_exported, parse, raw_notebook
from notebooks import THREADS, Result, positive, run_each, source_only
from run_notebook import count_checks

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent
BUILT = shutil.ignore_patterns('.*', '_build', '_docs', '_proc', 'build', 'dist', '*.egg-info',
                               'nbs', '__pycache__')  # what a copy leaves out
TERMINAL_COLOURS = re.compile('\x1b\\[[0-9;]*m')
NOT_PASSED_ON = ('PYTHON', 'VIRTUAL_ENV', 'JUPYTER', 'IPYTHON', 'MPL', 'COLLABDIVE', 'IN_TEST',
                 'PWD', 'OLDPWD')
CONTROLS = {  # code, and whether it must fail
    'the package is installed': (
        'import collabdive.data as d; assert "site-packages" in d.__file__', False),
    'the folder is empty': ('import os; assert os.listdir() == []', False),
    'an error counts': ('1/0', True),
    'a cell that nbdev skips is run': ('#| eval: false\n1/0', True),
    'no nbdev': ('import nbdev', True),
    'no pytest': ('import pytest', True),
    'no file of the repository': ('open("../settings.ini")', True),
}


@dataclass(frozen=True)
class Place:
    "Where an environment and what it needs lie."
    folder: Path
    newest: bool = False  # the newest releases, instead of those in constraints.txt

    @property
    def venv(self) -> Path: return self.folder/('venv-newest' if self.newest else 'venv')

    @property
    def python(self) -> Path: return self.venv/'bin'/'python'

    @property
    def stamps(self) -> Path: return self.folder/('stamps-newest' if self.newest else 'stamps')


# The wheel

def build_wheel(root: Path, folder: Path) -> Path:
    "Build the package's wheel, from a copy of the project. Raises CalledProcessError."
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(root, copy, ignore=BUILT, dirs_exist_ok=True)
        pip(sys.executable, 'wheel', '--no-deps', '--no-index', '--no-build-isolation',
            '--wheel-dir', folder, copy)
    wheel, = folder.glob('*.whl')
    return wheel


def pip(python, *args) -> None:
    "Call pip. Raises CalledProcessError."
    subprocess.run([python, '-m', 'pip', '-qq', '--disable-pip-version-check', *args],
                   check=True, stdout=subprocess.DEVNULL)


def wheel_key(wheel: Path) -> str:
    "A digest of the package in a wheel and of what it requires."
    key = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if '.dist-info/' not in name: key.update(f'\0{name}\0'.encode() + archive.read(name))
            elif name.endswith('METADATA'): key.update(b'\n'.join(
                line for line in archive.read(name).splitlines() if line.startswith(b'Requires')))
    return key.hexdigest()


# The environment

def environment_key(root: Path, wheel: Path, newest: bool) -> str:
    "A digest of what decides which libraries are installed; of the week, where that is the time."
    with zipfile.ZipFile(wheel) as archive:
        meta = next(name for name in archive.namelist() if name.endswith('METADATA'))
        lines = archive.read(meta).splitlines()
    requires = [line for line in lines if line.startswith(b'Requires')]
    pinned = time.strftime('%G-%V') if newest else (root/'constraints.txt').read_text()
    return hashlib.sha256(repr([sys.version, requires, pinned]).encode()).hexdigest()


def make_environment(root: Path, place: Place, wheel: Path) -> None:
    "Install the wheel and a kernel, and nothing else. The libraries stay where they are right."
    stamp, key = place.venv/'.installed', environment_key(root, wheel, place.newest)
    versions = [] if place.newest else ['-c', root/'constraints.txt']
    if not stamp.exists() or stamp.read_text() != key:
        print(f'installing the wheel and what it requires into {place.venv}', flush=True)
        venv.create(place.venv, clear=True, with_pip=True)
        pip(place.python, 'install', *versions, wheel, 'ipykernel')
        stamp.write_text(key)
    pip(place.python, 'install', '--no-deps', '--no-index', '--force-reinstall', wheel)


def other_packages(place: Place) -> str:
    "What the environment holds beside the package: names and versions."
    frozen = subprocess.run([place.python, '-m', 'pip', '--disable-pip-version-check', 'freeze'],
                            check=True, capture_output=True, text=True).stdout
    return '\n'.join(line for line in frozen.splitlines() if not line.startswith('collabdive'))


def clean_environ(place: Place) -> dict:
    "This process's environment without what could lead a notebook back here."
    env = {k: v for k, v in os.environ.items() if not k.startswith(NOT_PASSED_ON)}
    home = place.folder/'home'
    home.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([str(place.python.parent), env.get('PATH', os.defpath)])
    return {**THREADS, **env, 'PATH': path, 'HOME': str(home), 'COLLABDIVE_HOME': str(home/'data')}


# Running

def run_fresh(place: Place, notebook: Path, ran: list, checks: int) -> Result:
    "Run one notebook in an empty folder."
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as outside:
        folder, report = Path(outside)/'content', Path(outside)/'report.json'
        folder.mkdir()
        command = [place.python, TOOLS/'run_plain.py', notebook, report]
        done = subprocess.run(command, cwd=folder, env=clean_environ(place), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding='utf-8', errors='replace')
        if report.exists(): known = json.loads(report.read_text(encoding='utf-8'))
        else: known = dict(ok=False, cpu=0., error=f'{done.stdout}\ncode {done.returncode}')
    error = TERMINAL_COLOURS.sub('', known['error'])
    return Result(notebook.stem, known['ok'], ran, checks, known['cpu'],
                  time.monotonic() - start, error)


def run_or_reuse(place: Place, key: str, notebook: Path, fresh: bool) -> Result:
    "The result of a notebook, from an earlier run where nothing changed since."
    source = json.dumps(source_only(raw_notebook(notebook)), sort_keys=True)
    key = hashlib.sha256(f'{key}\0{source}'.encode()).hexdigest()
    stamp = place.stamps/f'{notebook.stem}.json'
    if stamp.exists() and not fresh:
        known = json.loads(stamp.read_text(encoding='utf-8'))
        if known['key'] == key: return Result(**{**known['result'], 'unchanged': True})
    stamp.unlink(missing_ok=True)
    cells = code_cells(notebook)
    checks = sum(count_checks(parse(cell)) for cell in cells if not is_exported(cell))
    result = run_fresh(place, notebook, [cell.id for cell in cells], checks)
    if result.ok:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(json.dumps(dict(key=key, result=asdict(result))), encoding='utf-8')
    return result


def broken_controls(place: Place) -> list:
    "Run the notebooks that must pass and those that must fail; the names of those that do not."
    def fails(code):
        with tempfile.TemporaryDirectory() as folder:
            write_nb(new_nb([mk_cell(code, 'code')]), path := Path(folder)/'control.ipynb')
            return not run_fresh(place, path, [], 0).ok

    return [name for name, (code, must_fail) in CONTROLS.items() if fails(code) != must_fail]


def run_all(project: Project, place: Place, patterns: list, jobs: int, fresh: bool) -> int:
    "Run the notebooks that match; the exit status. Raises NoMatch, CalledProcessError."
    notebooks, start = project.notebooks(patterns), time.monotonic()
    wheel = build_wheel(project.root, place.folder/'wheel')
    make_environment(project.root, place, wheel)
    if broken := broken_controls(place):
        print(*[f'a control failed: {name}' for name in broken], sep='\n')
        return 1
    runner = (TOOLS/'run_plain.py').read_text()
    key = hashlib.sha256(f'{wheel_key(wheel)}\0{other_packages(place)}\0{runner}'.encode())
    results = run_each(lambda p: run_or_reuse(place, key.hexdigest(), p, fresh), notebooks, jobs)
    failed = sum(not result.ok for result in results)
    unchanged = sum(result.unchanged for result in results)
    print(f'{len(results)} notebooks from {wheel.name}, {unchanged} unchanged, {failed} failed; '
          f'{time.monotonic() - start:.0f} seconds')
    return int(failed > 0)


def main(argv: list = None) -> int:
    "Run the notebooks named on the command line; the exit status."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('patterns', nargs='*', metavar='PATTERN',
                        help='part of a notebook name; none means all')
    parser.add_argument('--jobs', type=positive, default=2, help='how many to run at once (2)')
    parser.add_argument('--fresh', action='store_true',
                        help='also run what passed and did not change')
    parser.add_argument('--newest', action='store_true',
                        help='with the newest releases instead of those in constraints.txt')
    args = parser.parse_args(argv)
    place = Place(ROOT/'_build'/'colab', args.newest)
    try: return run_all(Project(ROOT), place, args.patterns, args.jobs, args.fresh)
    except NoMatch as error: parser.error(str(error))
    except subprocess.CalledProcessError as error:  # pip has said why
        print(f'error: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__': sys.exit(main())
