#!/usr/bin/env python
"""Run notebooks as Colab does: from the package's wheel and what it requires, and nothing else.

Every cell runs, also those that nbdev skips, in a folder that holds the notebook alone; one that
must fail proves it. The environment, in _build/colab, is made anew in each run.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fastcore.nbio import mk_cell, new_nb, write_nb

from nbs import ROOT, notebooks
from notebooks import THREADS

PLACE = ROOT/'_build'/'colab'
BIN = PLACE/'venv'/'bin'
HERE = 'PYTHON', 'VIRTUAL_ENV', 'JUPYTER', 'IPYTHON'  # variables that could lead back here
MUST_FAIL = '#| eval: false\nimport nbdev'            # only the tools' environment has it


def install(versions: list) -> None:
    "Install the wheel, and what runs notebooks. Raises CalledProcessError."
    shutil.rmtree(PLACE, ignore_errors=True)
    subprocess.run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', PLACE, ROOT],
                   check=True, stdout=subprocess.DEVNULL)
    venv.create(PLACE/'venv', with_pip=True)
    subprocess.run([BIN/'python', '-m', 'pip', '-q', 'install', *versions, *PLACE.glob('*.whl'),
                    'ipykernel', 'nbclient'], check=True)


def passes(path: Path, expect: str = '') -> bool:
    "Run a copy of a notebook and say how it went: does it pass, or fail as expected?"
    env = {**THREADS, **{k: v for k, v in os.environ.items() if not k.startswith(HERE)}}
    env['PATH'] = f"{BIN}{os.pathsep}{env['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([BIN/'jupyter-execute', '--timeout=900', shutil.copy(path, folder)],
                              env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    well = expect in done.stdout if expect else not done.returncode
    print(path.stem, 'as it should' if well else f'FAILED\n{done.stdout}', flush=True)
    return well


def main() -> int:
    "Run the notebooks named on the command line; the exit status."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('patterns', nargs='*', help='parts of names; none means all notebooks')
    parser.add_argument('--newest', action='store_true', help='do not heed constraints.txt')
    args = parser.parse_args()
    found = notebooks(args.patterns)
    install([] if args.newest else ['-c', ROOT/'constraints.txt'])
    write_nb(new_nb([mk_cell(MUST_FAIL, 'code')]), control := PLACE/'must_fail.ipynb')
    if not passes(control, 'ModuleNotFoundError'): return 1
    with ThreadPoolExecutor(2) as pool: passed = [*pool.map(passes, found)]
    print(f'{sum(passed)} passed, {len(passed) - sum(passed)} failed')
    return int(not all(passed))


if __name__ == '__main__': sys.exit(main())
