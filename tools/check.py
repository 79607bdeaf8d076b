"""Do all that CI does: build the docs, run the tests, check the notebooks, the README, the wheel.

The docs come first, because some tests look at the built site. Every step runs, also after one that
failed. Its heading names the command that runs it alone. In the last line, `N passed, 0 failed`,
each step counts as one check, but the tests count singly.
"""
import argparse
import shutil
import subprocess
import sys

from test import ROOT, Total, run_all

NOTEBOOKS = 'tools/notebooks.py'
DOCS = 'the docs build, and their links lead somewhere'
TESTS = 'the notebooks run, and the tests in tests/ pass'
OUTPUTS = 'stored outputs agree with a fresh run'
COLAB = 'the notebooks run from the wheel alone, as on Colab'
STEPS = {
    DOCS: ['tools/docs.py'],
    TESTS: ['tools/test.py'],
    'notebooks are clean': [NOTEBOOKS, 'clean', '--check'],
    'the package is what the notebooks export': [NOTEBOOKS, 'export', '--check'],
    'lessons import only from lessons before them': [NOTEBOOKS, 'layers'],
    'cells and outputs keep the rules': [NOTEBOOKS, 'style'],
    'the prose is plain, and its numbers are asserted': ['tools/prose.py'],
    'the lessons have all their parts': ['tools/anatomy.py'],
    'first uses of terms lead to the glossary': ['tools/glossary.py'],
    OUTPUTS: [NOTEBOOKS, 'verify'],
    'the README is in step with index.ipynb': ['tools/readme.py', '--check'],
    COLAB: ['tools/colab.py'],
}


def reason_to_skip(title: str) -> str:
    "Why Python 3.10 cannot do this step; empty where it is done."
    if sys.version_info >= (3, 11): return ''
    if title == OUTPUTS: return 'they come from a pandas that needs Python 3.11 or newer'
    if title == DOCS and not shutil.which('quarto'):
        return 'without Quarto this needs Python 3.11 or newer'
    return ''


def run_step(title: str, command: list) -> Total:
    "Announce one step and run it."
    print(f"\n== {title} ({' '.join(command)})", flush=True)
    if title == TESTS: return run_all()  # here, for its counts
    if reason := reason_to_skip(title):
        print(f'skipped: {reason}')
        return Total(skipped=1)
    failed = subprocess.run([sys.executable, *command], cwd=ROOT).returncode != 0
    return Total(failed=1) if failed else Total(passed=1)


def main() -> int:
    "Run everything; the exit status."
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    totals = {title: run_step(title, command) for title, command in STEPS.items()}
    failed = [title for title, total in totals.items() if total.failed]
    print('\n== ' + ('FAILED: ' + '; '.join(failed) if failed else 'all is well'))
    print(sum(totals.values(), Total()))
    return int(bool(failed))


if __name__ == '__main__': sys.exit(main())
