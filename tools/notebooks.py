"""Run the lesson notebooks, and check what is stored of them.

Every command takes --root, the folder of another nbdev project (for the tools' own tests).
"""
import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastcore.nbio import dict2nb, write_nb

import nb_rules
from nb_compare import output_differences
from nb_project import NoMatch, Project, raw_notebook

TOOLS = Path(__file__).resolve().parent
LIBRARIES = 'torch', 'fastai', 'pandas', 'numpy'
RUN = 'run .venv/bin/python tools/notebooks.py'
THREADS = {'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1'}


@dataclass(frozen=True)
class Result:
    "What running one notebook gave."
    name: str
    ok: bool
    ran: list                # ids of the cells that are run
    checks: int              # assertions and the like in them, outside exported cells
    cpu: float               # seconds
    wall: float              # seconds
    error: str = ''
    unchanged: bool = False  # not run now: it passed before, as it is

    def __str__(self):
        if self.unchanged: end = 'ok, unchanged since it passed'
        else: end = f"{self.cpu:7.1f} s CPU {self.wall:7.1f} s  {'ok' if self.ok else 'FAILED'}"
        line = f'{self.name:20} {len(self.ran):4} cells {self.checks:4} checks  {end}'
        return line if self.ok else f'{line}\n{self.error}'


# Running

def installed(library: str) -> str:
    "The library's version, `none` where it is not installed."
    try: return version(library)
    except PackageNotFoundError: return 'none'


def source_only(notebook: dict) -> dict:
    "The notebook without its outputs."
    cells = [{k: v for k, v in cell.items() if k not in ('outputs', 'execution_count')}
             for cell in notebook['cells']]
    return {**notebook, 'cells': cells}


def state_key(project: Project, notebook: Path) -> str:
    "A hash of all that decides what running `notebook` gives."
    key = hashlib.sha256(json.dumps(source_only(raw_notebook(notebook)), sort_keys=True).encode())
    files = [*project.lib.glob('**/*.py'), *project.root.glob('benchmarks/results/**/*'),
             project.root/'constraints.txt', project.root/'pyproject.toml', TOOLS/'run_notebook.py']
    for path in sorted(p for p in files if p.is_file() and p.suffix != '.pyc'):
        key.update(f'\0{path.name}\0'.encode() + path.read_bytes())
    key.update(' '.join([platform.python_version(), *map(installed, LIBRARIES)]).encode())
    return key.hexdigest()


def stamp(project: Project, notebook: Path) -> Path:
    "The file that remembers how `notebook` passed."
    return project.build/'stamps'/f'{notebook.stem}.json'


def passed_before(project: Project, notebook: Path, key: str):
    "The result of a run in the same state; None if it, or its executed copy, is not there."
    path = stamp(project, notebook)
    if not path.exists() or not project.executed(notebook).exists(): return None
    known = json.loads(path.read_text(encoding='utf-8'))
    return Result(**{**known['result'], 'unchanged': True}) if known['key'] == key else None


def run_fresh(project: Project, notebook: Path, slow: bool) -> Result:
    "Run one notebook in a process of its own; keep the executed copy if all its cells pass."
    start, target = time.monotonic(), project.executed(notebook, slow)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        copy, report = Path(folder)/notebook.name, Path(folder)/'report.json'
        done = start_process(project, notebook, copy, report, slow)
        if report.exists(): known = json.loads(report.read_text(encoding='utf-8'))
        else:  # the notebook took its process down
            known = dict(ok=False, ran=[], checks=0, cpu=0.)
            done.stdout += f'\nthe process of {notebook.name} ended with code {done.returncode}'
        if known['ok']: copy.replace(target)
    error = '' if known['ok'] else done.stdout
    return Result(notebook.stem, **known, wall=time.monotonic() - start, error=error)


def start_process(project: Project, notebook: Path, copy: Path, report: Path, slow: bool):
    "Run tools/run_notebook.py to its end; its output, errors too, is in `.stdout`."
    command = [sys.executable, TOOLS/'run_notebook.py', project.root, notebook, copy, report]
    return subprocess.run(command + ['--slow'] * slow, env={**THREADS, **os.environ}, text=True,
                          encoding='utf-8', errors='replace', stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def run_or_reuse(project: Project, notebook: Path, fresh: bool) -> Result:
    "The result of a test of `notebook`, from an earlier run where nothing changed since."
    key, path = state_key(project, notebook), stamp(project, notebook)
    if not fresh and (before := passed_before(project, notebook, key)): return before
    path.unlink(missing_ok=True)
    result = run_fresh(project, notebook, slow=False)
    if result.ok:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix('.part')
        part.write_text(json.dumps(dict(key=key, result=asdict(result))), encoding='utf-8')
        part.replace(path)
    return result


def run_each(
    work,             # called with each notebook; gives a Result
    notebooks: list,
    jobs: int,        # how many at once
) -> list:            # of Result, in the notebooks' order
    "Call `work` for each notebook, and print each result as it comes."
    with ThreadPoolExecutor(jobs) as pool:
        tasks = [pool.submit(work, notebook) for notebook in notebooks]
        for task in as_completed(tasks): print(task.result(), flush=True)
    return [task.result() for task in tasks]


def run_tests(project: Project, patterns: list = (), jobs: int = 2, fresh: bool = False) -> list:
    "Test the notebooks that match; print a line for each and their sum. Raises NoMatch."
    results = run_each(lambda p: run_or_reuse(project, p, fresh), project.notebooks(patterns), jobs)
    print(f'{len(results)} notebooks, {sum(len(r.ran) for r in results)} cells, '
          f'{sum(r.checks for r in results)} checks', flush=True)
    return results


def count(results: list) -> tuple:
    "How many checks passed, and how many notebooks failed."
    return sum(r.checks for r in results if r.ok), sum(not r.ok for r in results)


def run_nbdev(command: str, folder: Path):
    "Run `module:function` of nbdev in `folder`. Raises CalledProcessError if it fails."
    module, name = command.split(':')
    env = {k: v for k, v in os.environ.items() if k != 'IN_TEST'}  # with it, nbdev exports nothing
    strict = ['-W', 'error:Failed to clean notebook']  # nbdev-clean only warns of a broken one
    code = f'from {module} import {name}; {name}()'
    subprocess.run([sys.executable, *strict, '-c', code], cwd=folder, env=env, check=True)


def report(
    faults: list,    # one text for each
    sound: str,      # what to print if there is none
    mend: str = '',  # what to do about them
) -> int:            # the exit status
    "Print the faults and how to mend them, or that all is sound."
    for fault in faults: print(fault)
    print(': '.join(filter(None, [f'{len(faults)} to mend', mend])) if faults else sound)
    return int(bool(faults))


# The commands: each takes the project and the parsed arguments, and returns the exit status

def test(project: Project, args) -> int:
    "Run the notebooks without their slow cells, each in a process of its own; nbs/ is not changed."
    passed, failed = count(run_tests(project, args.patterns, args.jobs, args.fresh))
    print(f'{passed} passed, {failed} failed')
    return int(failed > 0)


def refresh(project: Project, args) -> int:
    "Run the notebooks and store their outputs in nbs/; without --slow, slow cells keep theirs."
    notebooks = project.notebooks(args.patterns)
    results = run_each(lambda p: run_fresh(project, p, args.slow), notebooks, args.jobs)
    for notebook, result in zip(notebooks, results):
        if result.ok: store_outputs(notebook, project.executed(notebook, args.slow), result.ran)
    run_nbdev('nbdev.clean:nbdev_clean', project.root)
    failed = [result.name for result in results if not result.ok]
    return report([f'{name}: failed, so its outputs stay as they were' for name in failed],
                  f'{len(results)} notebooks refreshed')


def store_outputs(notebook: Path, executed: Path, ran: list):
    "Give the cells `ran` of `notebook` the outputs that they have in the executed copy."
    stored, fresh = raw_notebook(notebook), cells_by_id(executed)
    for cell in stored['cells']:
        if cell.get('id') in ran: cell['outputs'] = fresh[cell['id']]['outputs']
    write_nb(dict2nb(stored), notebook)


def cells_by_id(notebook: Path) -> dict:
    "The notebook's cells by their ids."
    return {cell['id']: cell for cell in dict2nb(raw_notebook(notebook)).cells}


def verify(project: Project, args) -> int:
    "Compare the stored outputs with a run's; cells with `#| varies` or `#| slow` are left out."
    notebooks = project.notebooks(args.patterns)
    results = run_each(lambda p: run_or_reuse(project, p, False), notebooks, args.jobs)
    faults = []
    for notebook, result in zip(notebooks, results):
        if result.ok: faults += changed_outputs(project, notebook, result.ran)
        else: faults.append(f'{result.name}: failed, so nothing was compared')
    return report(faults, 'stored outputs agree with a fresh run',
                  f'if the new outputs are right, {RUN} refresh')


def changed_outputs(project: Project, notebook: Path, ran: list) -> list:
    "Differences between the notebook's stored outputs and its executed copy's."
    stored, fresh = cells_by_id(notebook), cells_by_id(project.executed(notebook))
    if not stored.keys() >= set(ran): return [f'{notebook.stem}: edited while it ran; check again']
    steady = [i for i in ran if not any(map(stored[i].has_directive, ('varies', 'slow')))]
    return [f'{notebook.stem}, cell {i}: {difference}' for i in steady
            for difference in output_differences(stored[i].outputs, fresh[i].outputs)]


def clean(project: Project, args) -> int:
    "Run nbdev-clean; with --check, only list the notebooks that it would change."
    if not args.check:
        run_nbdev('nbdev.clean:nbdev_clean', project.root)
        return 0
    notebooks = project.notebooks()
    with tempfile.TemporaryDirectory() as folder:
        copies = copy_project(project, Path(folder))
        run_nbdev('nbdev.clean:nbdev_clean', copies.root)
        unclean = [f'nbs/{p.name}: nbdev-clean would change it' for p in notebooks
                   if p.read_bytes() != (copies.nbs/p.name).read_bytes()]
    return report(unclean, 'notebooks are clean', f'{RUN} clean')


def export(project: Project, args) -> int:
    "Run nbdev-export; with --check, only list the modules that it would change."
    if not args.check:
        run_nbdev('nbdev.doclinks:nbdev_export', project.root)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        copies = copy_project(project, Path(folder))
        run_nbdev('nbdev.doclinks:nbdev_export', copies.root)
        stale = changed_modules(project.lib, copies.lib)
    sound = f'{project.lib.name}/ is what the notebooks export'
    return report(stale, sound, f'{RUN} export')


def copy_project(project: Project, folder: Path) -> Project:
    "Copy pyproject.toml, the notebooks, and the modules that are written by hand."
    copies = Project(folder.resolve())
    shutil.copy(project.root/'pyproject.toml', copies.root)
    copies.nbs.mkdir()
    for notebook in project.notebooks(): shutil.copy(notebook, copies.nbs)
    for module in project.lib.glob('**/*.py'):
        if 'autogenerated' in module.read_text(encoding='utf-8').lower(): continue
        copy = copies.lib/module.relative_to(project.lib)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(module, copy)
    return copies


def changed_modules(lib: Path, exported: Path) -> list:
    "The modules in which two copies of a package differ."
    def difference(old, new):
        if not new.exists(): return 'no notebook exports it any more'
        if not old.exists(): return 'missing, nbdev-export would write it'
        return old.read_bytes() != new.read_bytes() and 'nbdev-export would change it'

    names = {p.relative_to(folder) for folder in (lib, exported) for p in folder.glob('**/*.py')}
    found = {name: difference(lib/name, exported/name) for name in sorted(names)}
    return [f'{lib.name}/{name}: {what}' for name, what in found.items() if what]


def layers(project: Project, args) -> int:
    "Check that each lesson imports only what lessons before it (or it itself) export."
    return report(nb_rules.layers(project), 'lessons import only from lessons before them')


def style(project: Project, args) -> int:
    "Check the form of the cells and of their stored outputs."
    return report(nb_rules.style(project), 'cells and stored outputs keep the rules')


# The command line

def make_parser() -> argparse.ArgumentParser:
    "The commands and their options."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = parser.add_subparsers(required=True, metavar='COMMAND')
    commands = {}
    for command in (test, refresh, verify, clean, export, layers, style):
        sub = subparsers.add_parser(command.__name__, help=command.__doc__,
                                    description=command.__doc__)
        sub.add_argument('--root', type=Path, default=TOOLS.parent, help='folder of the project')
        sub.set_defaults(command=command)
        commands[command.__name__] = sub
    for name in ('test', 'refresh', 'verify'):
        commands[name].add_argument('patterns', nargs='*', metavar='PATTERN',
                                    help='part of a notebook name; none means all')
        commands[name].add_argument('--jobs', type=positive, default=2,
                                    help='how many notebooks to run at once (2)')
    commands['test'].add_argument('--fresh', action='store_true',
                                  help='also run what passed and did not change')
    commands['refresh'].add_argument('--slow', action='store_true', help='also run the slow cells')
    for name in ('clean', 'export'):
        commands[name].add_argument('--check', action='store_true',
                                    help='change nothing; fail if it would')
    return parser


def positive(text: str) -> int:
    "A whole number above 0. Raises ArgumentTypeError."
    if text.isdigit() and int(text) > 0: return int(text)
    raise argparse.ArgumentTypeError(f'{text!r} is no number above 0')


def main(argv: list = None) -> int:
    "Run the command that `argv` names; the exit status: 0 success, 1 a fault, 2 wrong usage."
    args = make_parser().parse_args(argv)
    try: return args.command(Project(args.root.resolve()), args)
    except NoMatch as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:  # nbdev has said why
        print(f'error: nbdev failed in {args.root}: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__': sys.exit(main())
