"The tool that runs notebooks from the wheel alone; here in this environment, which has too much."
import shutil
import sys
import zipfile

import pytest
from fastcore.nbio import mk_cell, new_nb, read_nb, write_nb
from helpers import ROOT  # first: it lets the tools be imported

import colab


@pytest.fixture
def place(tmp_path):
    "A place whose environment is the one that runs the tests."
    (tmp_path/'colab').mkdir()
    (tmp_path/'colab'/'venv').symlink_to(sys.prefix)
    return colab.Place(tmp_path/'colab')


@pytest.fixture
def notebook(tmp_path):
    "Writes a notebook of these cells."
    def write(*sources):
        path = tmp_path/'01_it.ipynb'
        write_nb(new_nb([mk_cell('# It', 'markdown'), *map(mk_cell, sources)]), path)
        return path
    return write


def outcome(place, path): return colab.run_fresh(place, path, [], 0)


def test_all_cells_are_run_in_an_empty_folder(place, notebook):
    path = notebook('import os\nx = os.listdir()', '#| hide\nassert x == []', '! echo hello > made',
                    '#| eval: false\ny = 2', 'assert y == 2 and open("made").read() == "hello\\n"',
                    '%matplotlib inline', 'import time\nt = sum(i for i in range(10**6))')
    before = path.read_bytes()
    result = outcome(place, path)
    assert result.ok and result.error == '' and result.cpu > .1
    assert path.read_bytes() == before and [p.name for p in path.parent.glob('made')] == []


@pytest.mark.parametrize('source, said', [
    ('1/0', 'ZeroDivisionError'), ('#| eval: false\n1/0', 'ZeroDivisionError'),
    ('#| slow\nassert False, "too bad"', 'too bad'), ('x = (', 'SyntaxError'),
    ('open("../settings.ini")', 'FileNotFoundError'), ('import tests', 'ModuleNotFoundError'),
    ('import os\nos._exit(0)', 'died')])
def test_an_error_is_told_with_its_cell(place, notebook, source, said):
    result = outcome(place, notebook('a = 1', source, 'b = 1'))
    assert not result.ok and 'cell 2' in result.error and said.lower() in result.error.lower()
    assert source in result.error and '\x1b' not in result.error


def test_a_runner_that_breaks_is_a_failure(place, tmp_path):
    (tmp_path/'bad.ipynb').write_text('no notebook')
    result = outcome(place, tmp_path/'bad.ipynb')
    assert not result.ok and 'JSONDecodeError' in result.error


def test_this_environment_is_refused(place):
    broken = colab.broken_controls(place)
    assert {'no nbdev', 'no pytest', 'the package is installed'} >= set(broken) >= {
        'no nbdev', 'no pytest'}, 'here is more than the wheel, and the controls must see it'


def test_nothing_leads_back(place, monkeypatch):
    for name in ('PYTHONPATH', 'VIRTUAL_ENV', 'MPLBACKEND', 'COLLABDIVE_HOME', 'JUPYTER_PATH'):
        monkeypatch.setenv(name, str(ROOT))
    monkeypatch.setenv('PIP_INDEX_URL', 'kept')
    env = colab.clean_environ(place)
    assert str(ROOT) not in env.values() and env['PIP_INDEX_URL'] == 'kept'
    assert env['PATH'].startswith(str(place.venv)) and env['HOME'].startswith(str(place.folder))


def test_only_what_changed_runs_again(place, notebook):
    def ran(key='k', fresh=False):
        result = colab.run_or_reuse(place, key, path, fresh)
        return result.ok, not result.unchanged
    path = notebook('1 + 1')
    assert ran() == (True, True) and ran() == (True, False) and ran(fresh=True) == (True, True)
    nb = read_nb(path)
    nb.cells[1].outputs = [dict(output_type='stream', name='stdout', text='2')]
    write_nb(nb, path)
    assert ran() == (True, False), 'stored outputs do not count'
    assert ran('another wheel') == (True, True)
    path = notebook('1/0')
    assert ran() == (False, True) and ran() == (False, True), 'a failure is not remembered'


@pytest.fixture(scope='module')
def copies(tmp_path_factory):
    "The project's files, twice; in the second a module differs."
    folder = tmp_path_factory.mktemp('copies')
    for name in ('same', 'other'): shutil.copytree(ROOT, folder/name, ignore=colab.BUILT)
    module = folder/'other'/'collabdive'/'embeddings.py'
    module.write_text(module.read_text() + '\nmore = 1\n')
    return folder


def test_the_wheel_and_its_key(copies):
    wheels = [colab.build_wheel(copies/name, copies/f'wheel-{i}')
              for i, name in enumerate(['same', 'same', 'other'])]
    first, again, other = map(colab.wheel_key, wheels)
    assert first == again != other
    with zipfile.ZipFile(wheels[0]) as archive: names = archive.namelist()
    wanted = 'data.py', '_modidx.py', 'results/ladder.json'
    assert {f'collabdive/{name}' for name in wanted} <= set(names)
    assert colab.environment_key(ROOT, wheels[0], False) == colab.environment_key(
        ROOT, wheels[2], False) != colab.environment_key(ROOT, wheels[0], True)
