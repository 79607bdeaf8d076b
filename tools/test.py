"""Run the notebooks and the tests in tests/, and print one total.

The last line is `N passed, 0 failed`: N counts the notebooks' checks and the pytest tests.
What passed and has not changed since is not run again, unless --fresh asks for it.
"""
import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from pathlib import Path

import notebooks
from nb_project import NoMatch, Project

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Total:
    "What passed, failed and was skipped."
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Total(self.passed + other.passed, self.failed + other.failed,
                     self.skipped + other.skipped)

    def __str__(self):
        line = f'{self.passed} passed, {self.failed} failed'
        return f'{line}, {self.skipped} skipped' if self.skipped else line


def run_all(patterns: list = (), jobs: int = 2, fresh: bool = False) -> Total:
    "Test the notebooks, then run tests/. Raises NoMatch if a pattern names no notebook."
    results = notebooks.run_tests(Project(ROOT), patterns, jobs, fresh)
    total = Total(*notebooks.count(results)) + run_tests(fresh)
    print(total, flush=True)
    return total


def state_key() -> str:  # '' outside a git checkout, where it cannot be told
    "A digest of all that tests/ can depend on: the project's files, the site, what is installed."
    command = ['git', 'ls-files', '-coz', '--exclude-standard']
    listed = subprocess.run(command, cwd=ROOT, capture_output=True)
    if listed.returncode: return ''
    files = {ROOT/name for name in listed.stdout.decode().split('\0') if name}
    found = [sys.version, *map(shutil.which, ('chromium', 'google-chrome', 'npm'))]
    digest = hashlib.sha256(repr(found).encode())
    for path in sorted(files | set((ROOT/'_docs').rglob('*'))):
        if path.is_file(): digest.update(f'{path}\0'.encode() + path.read_bytes())
    digest.update(repr(sorted(f'{d.name} {d.version}' for d in distributions())).encode())
    return digest.hexdigest()


def run_tests(
    fresh: bool = False,                         # run them even if nothing has changed
    stamp: Path = ROOT/'_build'/'tests.json',    # what passed last, and its key
) -> Total:
    "Run tests/, or repeat the counts of the last run if all passed and nothing has changed since."
    key = state_key()
    if stamp.exists() and not fresh:
        last = json.loads(stamp.read_text())
        if key and last.pop('key') == key:
            total = Total(**last)
            print(f'tests/: {total.passed} tests, unchanged since they passed', flush=True)
            return total
    total = run_pytest()
    if total.failed: stamp.unlink(missing_ok=True)
    else: stamp.write_text(json.dumps({'key': key, **asdict(total)}))
    return total


def run_pytest(
    folder: Path = ROOT/'tests',
    report: Path = ROOT/'_build'/'pytest.xml',  # where pytest writes its counts
) -> Total:
    "Run the tests in `folder`. A bad end, or one without a report, is at least one failure."
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    command = [sys.executable, '-m', 'pytest', folder, '-q', '-rs', '-p', 'no:cacheprovider',
               f'--junitxml={report}']
    code = subprocess.run(command, cwd=folder.parent).returncode
    total = read_counts(report) if report.exists() else Total(failed=1)
    if code and not total.failed: total += Total(failed=1)
    print(f'{folder.name}/: {total.passed + total.failed} tests, {total.failed} failed', flush=True)
    return total


def read_counts(report: Path) -> Total:
    "The counts in a JUnit report."
    total = Total()
    for suite in ElementTree.parse(report).getroot().iter('testsuite'):
        failed = int(suite.get('failures')) + int(suite.get('errors'))
        skipped = int(suite.get('skipped'))
        total += Total(int(suite.get('tests')) - failed - skipped, failed, skipped)
    return total


def main() -> int:
    "Run everything; the exit status."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('patterns', nargs='*', metavar='PATTERN',
                        help='part of a notebook name; none means all')
    parser.add_argument('--jobs', type=notebooks.positive, default=2,
                        help='how many notebooks to run at once (2)')
    parser.add_argument('--fresh', action='store_true',
                        help='also run what passed and did not change')
    args = parser.parse_args()
    try: return int(run_all(args.patterns, args.jobs, args.fresh).failed > 0)
    except NoMatch as error: parser.error(str(error))


if __name__ == '__main__': sys.exit(main())
