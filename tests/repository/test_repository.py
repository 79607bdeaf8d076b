"What `make rest` asks of the repository, once the notebooks have run."
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
from helpers import ROOT, run  # first: it lets the tools be imported

import anatomy
from nbs import name, notebooks
from notebooks import stale
from outputs import changed

PYTHON, OLD = sys.executable, sys.version_info < (3, 11)
LINT = Path(PYTHON).with_name('lint-imports'), '--no-cache', '--no-logo'


def said(*command):
    "What a command says if it fails."
    done = run(*command, cwd=ROOT)
    return [done.stdout + done.stderr] if done.returncode else []


GATES = {'the docs build, their links lead somewhere': partial(said, PYTHON, 'tools/docs.py'),
         'the README is the home page': partial(said, PYTHON, 'tools/readme.py', '--check'),
         'the package is what the notebooks export': stale,
         'modules import only from layers below': partial(said, *LINT),
         'the lessons have all their parts': anatomy.faults,
         **{f'{name(p)} has the outputs of its run': partial(changed, p) for p in notebooks()}}


@pytest.mark.parametrize('gate', GATES)
def test_gate(gate):
    if OLD and ('outputs' in gate or ('docs' in gate and not shutil.which('quarto'))):
        pytest.skip('Python 3.10 has an older pandas and no smalldocs')
    if found := GATES[gate](): pytest.fail('\n'.join(found), pytrace=False)
