"What `make rest` asks of the repository, once the notebooks have run."
import shutil
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from helpers import ROOT, run  # first: it lets the tools be imported

import anatomy
from nbs import name, notebooks
from notebooks import stale
from outputs import changed

PYTHON, OLD = sys.executable, sys.version_info < (3, 11)
ALONE = 'ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ETIMEDOUT'     # npm's words for no network
LINT = Path(PYTHON).with_name('lint-imports'), '--no-cache', '--no-logo'


def said(*command):
    "What a command says if it fails."
    done = run(*command, cwd=ROOT)
    return [done.stdout + done.stderr] if done.returncode else []


def explorer_changed():
    "Files of web/ that another build does not give. Skips where nothing can be built."
    if not shutil.which('npm'): pytest.skip('there is no npm: the explorer is not built anew')
    with TemporaryDirectory() as tmp:
        web, leave = Path(tmp)/'web', shutil.ignore_patterns('node_modules', 'dist')
        shutil.copytree(ROOT/'web', web, ignore=leave)
        shutil.rmtree(web/'figures')
        done = run('npm', 'ci', '--ignore-scripts', cwd=web)
        if any(code in done.stderr for code in ALONE):
            pytest.skip('npm reaches no registry: the explorer is not built anew')
        done = done if done.returncode else run('npm', 'run', 'build', cwd=web)
        if done.returncode: return [done.stdout + done.stderr]
        built = [*(web/'dist').iterdir(), *(web/'figures').iterdir()]
        return [f'{file.name} is not what `make web` builds' for file in built
                if file.read_bytes() != (ROOT/'web'/file.relative_to(web)).read_bytes()]


GATES = {'the docs build, their links lead somewhere': partial(said, PYTHON, 'tools/docs.py'),
         'the README is the home page': partial(said, PYTHON, 'tools/readme.py', '--check'),
         'the package is what the notebooks export': stale,
         'the explorer and the figures are what their sources build': explorer_changed,
         'modules import only from layers below': partial(said, *LINT),
         'the lessons have all their parts': anatomy.faults,
         **{f'{name(p)} has the outputs of its run': partial(changed, p) for p in notebooks()}}


@pytest.mark.parametrize('gate', GATES)
def test_gate(gate):
    if OLD and ('outputs' in gate or ('docs' in gate and not shutil.which('quarto'))):
        pytest.skip('Python 3.10 has an older pandas and no smalldocs')
    if found := GATES[gate](): pytest.fail('\n'.join(found), pytrace=False)
