#!/usr/bin/env python
"""Run notebooks and store their outputs in nbs/; one that fails keeps the outputs it has.

`make test NB=00` runs them without storing anything.
"""
import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fastcore.nbio import read_nb, write_nb
from nbdev.clean import nbdev_clean
from nbdev.config import get_config

from nbs import ROOT, code_cells, name, notebooks

HEAVY = {'fastai.collab', 'matplotlib.pyplot', 'nbdev.test', 'scipy.stats', 'sklearn.linear_model',
         'torch._dynamo'}   # which the first optimiser of a process imports
THREADS = {'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1'}


class Failed(Exception):
    "A notebook or a command of nbdev did not come to a good end; the text is what it said."


def call(command: str, *args, cwd: Path = ROOT) -> str:
    "Run a command of nbdev; what it said. Raises Failed."
    env = {k: v for k, v in {**THREADS, **os.environ}.items() if k != 'IN_TEST'}  # else no export
    done = subprocess.run([Path(sys.executable).with_name(command), *args], cwd=cwd, env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace')
    if done.returncode: raise Failed(done.stdout)
    return done.stdout


def work(copy: str, flags: str, log: str) -> None:
    "What nbdev-test does, in this process; what it says goes to a file."
    to = os.open(log, os.O_WRONLY | os.O_TRUNC)
    for stream in (1, 2): os.dup2(to, stream)
    os.environ.update({k: v for k, v in THREADS.items() if k not in os.environ})
    from nbdev.test import nbdev_test
    nbdev_test(copy, flags=flags, save=True)


def run_forked(copy: Path, flags: str) -> str:
    """Run a copy as nbdev-test does, in a process that has the heavy libraries imported: that is
    five seconds of each notebook, seven where something is trained. What it said; raises Failed."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(sorted(HEAVY))
    with tempfile.NamedTemporaryFile('r', errors='replace') as log:
        process = context.Process(target=work, args=(str(copy), flags, log.name))
        process.start()
        process.join()
        said = log.read()
    if process.exitcode: raise Failed(said)
    return said


def run(
    path: Path,          # the notebook; it is not changed
    root: Path = ROOT,   # folder of the project
    slow: bool = False,  # also the cells marked `#| slow`?
) -> Path:               # the executed copy, in which cells left out keep their stored outputs
    "Run a copy of a notebook as nbdev-test does. Raises Failed; then no copy is kept."
    copy, kept = (root/'_build'/folder/path.relative_to(root/'nbs')
                  for folder in ('running', 'refreshed' if slow else 'executed'))
    for folder in (copy.parent, kept.parent): folder.mkdir(parents=True, exist_ok=True)
    kept.unlink(missing_ok=True)
    shutil.copy(path, copy)
    flags = 'slow' if slow else ''
    if sys.platform == 'linux': said = run_forked(copy, flags)
    else: said = call('nbdev-test', copy, '--save', '--flags', flags)
    if 'Success.' not in said: raise Failed(f'{path.name} ended its process early\n{said}')
    nbdev_clean(str(copy))
    return copy.replace(kept)


def store(path: Path, executed: Path) -> None:
    "Give the cells of a notebook the outputs that they have in its executed copy. Raises Failed."
    stored, fresh = read_nb(path), code_cells(executed)
    code = [cell for cell in stored.cells if cell.cell_type == 'code']
    if [cell.source for cell in code] != [cell.source for cell in fresh]:
        raise Failed('its code was edited while it ran: run it again')
    for cell, ran in zip(code, fresh): cell.outputs = ran.outputs
    write_nb(stored, path)
    nbdev_clean(str(path))


def refresh(path: Path, root: Path = ROOT, slow: bool = False) -> bool:
    "Run a notebook and store its outputs; says how it went. False if it failed."
    start, told = time.monotonic(), 'refreshed'
    try: store(path, run(path, root, slow))
    except Failed as error: told = f'FAILED, its outputs stay as they were\n{error}'
    print(f'{name(path, root):20} {time.monotonic() - start:6.1f} s  {told}', flush=True)
    return told == 'refreshed'


def stale(root: Path = ROOT) -> list:
    "What nbdev-export and nbdev-clean would change or add, and what no notebook exports any more."
    def files(): return {str(p.relative_to(copy)): p.read_bytes()
                         for kind in ('*.py', '*.ipynb') for p in copy.rglob(kind)}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copy(root/'pyproject.toml', copy)
        for part in ('nbs', get_config(root).lib_path.name): shutil.copytree(root/part, copy/part)
        before = files()
        for path, content in before.items():
            if path.endswith('.py') and b'AUTOGENERATED' in content: (copy/path).unlink()
        for command in ('nbdev-export', 'nbdev-clean'): call(command, cwd=copy)
        after = files()
    return [f'{path}: ' + ('run nbdev-export and nbdev-clean' if path in after else
                           'no notebook exports it: delete it')
            for path in sorted(before | after) if before.get(path) != after.get(path)]


def main() -> int:
    "Refresh the notebooks named on the command line; the exit status."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('command', choices=['refresh'])
    parser.add_argument('patterns', nargs='*', help='parts of names; none means all notebooks')
    parser.add_argument('--slow', action='store_true', help='also run the cells marked slow')
    args = parser.parse_args()
    try: found = notebooks(args.patterns)
    except ValueError as error: parser.error(str(error))
    os.chdir(ROOT)  # where nbdev looks for its configuration
    with ThreadPoolExecutor(2) as pool:
        return int(not all([*pool.map(lambda path: refresh(path, slow=args.slow), found)]))


if __name__ == '__main__': sys.exit(main())
