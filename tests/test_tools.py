"The tools and the gates, each with something that it must refuse."
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastcore.nbio import mk_cell, new_nb, write_nb
from helpers import ROOT, run  # first: it lets the tools be imported

import anatomy
import nbs
import notebooks
import outputs

PROJECT = """[project]\nname = "mini"\ndynamic = ["version"]\n[project.urls]
Repository = "https://github.com/me/mini"\n[tool.nbdev]\ntst_flags = "slow"\n"""
KERNEL = {'kernelspec': {'display_name': 'python3', 'language': 'python', 'name': 'python3'}}
PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nG{}AAAABJRU5ErkJggg=='  # a PNG
CONFIG = SimpleNamespace(git_url='https://github.com/me/mini', lib_name='mini')
LESSON = '\n'.join(['# Title\n\n> A finding.\n\n**Needs** [Data](00_data.ipynb)',
                    *anatomy.head('01_next', CONFIG), '**Takes** 5 minutes.',
                    '**1. Predict.** What?', 'def check_1(x):\n    from mini.data import f',
                    'attempt(check_1, ...)', 'prove(check_1, 1, wrong=[0, 2, 3],\n  also=[1.])'])


def shown(text, kind='text/plain'):
    return [dict(output_type='display_data', data={kind: [text]}, metadata={})]


def write(root, title, *cells):
    "Write a clean notebook of Markdown ('# ...') and of code, which has shown `x`."
    made = [mk_cell(text, 'markdown', id=f'c{i}') if text[:2] == '# ' else
            mk_cell(text, 'code', id=f'c{i}', outputs=shown('x')) for i, text in enumerate(cells)]
    write_nb(new_nb(made, KERNEL), path := root/'nbs'/f'{title}.ipynb')
    return path


def values(path): return [''.join(c.outputs[0].data['text/plain']) for c in nbs.code_cells(path)]


@pytest.fixture
def root(tmp_path):
    "A project with one notebook, in a folder of nbs/."
    for folder in ('nbs/workshop', 'mini'): (tmp_path/folder).mkdir(parents=True)
    (tmp_path/'pyproject.toml').write_text(PROJECT)
    write(tmp_path, 'workshop/cli', '# Commands', '#| default_exp cli', '#| export\nx = 1')
    return tmp_path


def test_cells_that_are_not_to_run_keep_their_outputs(root):
    path = write(root, '02', '1 + 1', '#| slow\n2', '#| eval: false\n1/0', '#| varies\n3')
    ran = notebooks.run(path, root)
    assert values(ran) == ['2', 'x', 'x', '3'] and values(path) == ['x', 'x', 'x', 'x']
    assert [fault[:8] for fault in outputs.changed(path, root)] == ['cell c0:'], 'the steady one'
    assert notebooks.refresh(path, root, slow=True) and values(path) == ['2', '2', 'x', '3']
    assert '"execution_count": 1' not in path.read_text(), 'it is clean'
    write(root, '02', '1 + 2')
    assert outputs.changed(path, root) == ['edited after it ran']
    with pytest.raises(notebooks.Failed, match='edited'): notebooks.store(path, ran)


@pytest.mark.parametrize('code, said', [
    ('assert 1 == 3, "wrong sum"', 'wrong sum'), ('import os; os._exit(0)', 'ended its process')])
def test_a_failing_notebook_fails_and_stays_as_it_is(root, capsys, code, said):
    notebooks.run(write(root, '02', '1'), root)
    before = (path := write(root, '02', '1', code)).read_bytes()
    with pytest.raises(notebooks.Failed, match=said): notebooks.run(path, root)
    assert outputs.changed(path, root) == ['it has not run, or failed']
    assert not notebooks.refresh(path, root) and said in capsys.readouterr().out
    assert path.read_bytes() == before


def test_texts_and_images_are_compared():
    near = '.90 .91|0.0 -0.01|1.00 0.99|12 12|1,004.5 1,003.5|1e-05 2e-05|3.2s 3.21s'
    far = ('10.0 10.3|12 13|1 1.0|1,682 1,683|1e5 2e5|nan .5|-2.5 2.5|1682. 1683.|2.13.0 2.13.1|a |'
           'u1 u2|0.5-0.7 0.5-0.9|a b')
    black, dark, white = (shown(PIXEL.format(x), 'image/png') for x in (
        'NgAAAAAgABSK+kcQ', 'NgAQAABgAFg5cbEQ', 'P4DwABAQEAsTj2FA'))
    for same, pairs, images in ((True, near, (black, dark)), (False, far, (black, white))):
        for a, b in (*([*map(shown, pair.split(' '))] for pair in pairs.split('|')), images):
            assert (not outputs.differences(a, b)) == (not outputs.differences(b, a)) == same, a
    assert outputs.differences(shown('a'), []) and outputs.differences(shown('a'), shown('a', 'b'))


@pytest.mark.parametrize('source, total', [
    ('', '0 passed, 1 failed'), ('import nowhere', '0 passed, 1 failed'),
    ('import pytest\ndef test_a(): pass\ndef test_b(): 1/0\ndef test_c(): pytest.skip()',
     '1 passed, 1 failed, 1 skipped')])
def test_last_line_counts_what_ran(tmp_path, source, total):
    shutil.copy(ROOT/'tests'/'conftest.py', tmp_path)
    (tmp_path/'test_notebooks.py').write_text(source)
    workers = str(int('import' in source))
    done = run(sys.executable, '-m', 'pytest', '-qq', '-n', workers, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == total and done.returncode
    assert ('test_a' in source) == (' s  passed' in done.stdout), 'a line for each notebook'


def test_ci_goes_on_after_a_failure_and_counts_all_that_ran(tmp_path):
    for command in ('make', 'chromium'):
        (tmp_path/command).write_text('#!/bin/sh\n[ "$1" != test ] || echo "5 passed, 1 failed"\n'
                                      'echo "7 passed, 0 failed, 2 skipped"; [ "$1" != test ]')
        (tmp_path/command).chmod(0o755)
    done = run(ROOT/'.ci'/'run', env={**os.environ, 'PATH': f"{tmp_path}:{os.environ['PATH']}"})
    assert done.stdout.splitlines()[-1] == '19 passed, 1 failed' and done.returncode == 1


def test_stale_missing_orphaned_and_unclean_files_are_found(root):
    mend, old = 'run nbdev-export and nbdev-clean', 'mini/old.py: no notebook exports it: delete it'
    assert f'mini/cli.py: {mend}' in notebooks.stale(root)
    notebooks.call('nbdev-export', cwd=root)
    assert notebooks.stale(root) == []
    for module in ('cli', 'old'): (root/'mini'/f'{module}.py').write_text('# AUTOGENERATED\n')
    path = write(root, '02', '1')
    path.write_text(path.read_text().replace('"execution_count": null', '"execution_count": 7'))
    assert notebooks.stale(root) == [f'mini/cli.py: {mend}', old, f'nbs/02.ipynb: {mend}']


def test_a_module_of_a_higher_layer_or_of_none_is_refused(tmp_path):
    shutil.copytree(ROOT/'collabdive', tmp_path/'collabdive')
    shutil.copy(ROOT/'pyproject.toml', tmp_path)
    for module, line in [('data', 'import collabdive.cli'), ('new', '')]:
        (tmp_path/'collabdive'/f'{module}.py').write_text(line)
        done = run(Path(sys.executable).with_name('lint-imports'), '--no-cache', cwd=tmp_path)
        assert done.returncode and f'collabdive.{module}' in done.stdout


@pytest.mark.parametrize('old, new, fault', [
    ('', '', None), ('> A finding.\n\n', '', 'lacks a title'), ('/01_', '/02_', 'lacks [Open in C'),
    ('kernels/', '', 'lacks [Open in Kaggle'), ('/raw/', '/blob/', 'lacks [Download'),
    ('-e /kaggle', '', 'lacks ! [ -e'), ('**Needs**', '', 'lacks **Needs**'),
    ('**Takes** 5', '', 'lacks **Takes**'), ('00_data', '02_late', 'needs 02_late, not before it'),
    ('data import f', 'cli import x', 'imports cli, of no'), ('.data', '.late', 'imports late, of'),
    ('1. Predict', '2. Predict', 'exercises {2}'), ('def check_1', 'def check_2', 'checkers {2}'),
    ('attempt(check_1, ', '(', 'attempts set()'), ('prove(', '(', 'proofs set()'),
    ('0, 2, 3', '0, 2', 'check_1 is to be proved with three wrong answers'),
    ('also=[1.]', 'also=[]', 'check_1 is to be'), ('\n  also=[1.]', '', 'check_1 is to be'),
    ('mini @', 'maxi @', 'lacks ! [ -e')])
def test_faults_of_a_lesson_are_found(old, new, fault):
    modules = {'data': '00_data', 'next': '01_next', 'late': '02_late', 'cli': 'workshop/cli'}
    lesson = LESSON.replace(old, new)
    found = anatomy.lesson_faults('01_next', lesson, lesson, ['00_data'], modules, CONFIG)
    assert any(x.startswith(fault) for x in found) if fault else found == []


def test_patterns_sidebar_and_table_name_the_lessons(root, monkeypatch):
    monkeypatch.setattr(anatomy, 'lesson_faults', lambda *_: [])
    (root/'_quarto.yml').write_text(
        'website: {sidebar: {contents: [{section: One, contents: [01_next.ipynb]}]}}')
    write(root, '01_next', LESSON)
    home = write(root, 'index', '# Mini\n\n<!-- lessons -->\n\nold\n\n<!-- /lessons -->')
    cells = '! pip install -q git+https://there', '! pip install pyarrow'
    assert [x[:16] for x in anatomy.faults(root)] == ['index: the table']
    path = write(root, 'workshop/cli', *cells)
    assert anatomy.faults(root) == [
        'workshop/cli: pip is to install "mini @ git+https://github.com/me/mini"']
    anatomy.write(root)
    assert anatomy.faults(root) == []
    assert [c.source for c in nbs.code_cells(path)] == [
        '! pip install -q "mini @ git+https://github.com/me/mini"', cells[1]]
    assert '| **One** | | |\n| [01 Title](01_next.ipynb) | A finding. | 5 |\n' in nbs.read_nb(
        home).cells[0].source
    write(root, '02_lost', '# Lost')
    assert anatomy.faults(root) == ['02_lost: in the sidebar or in nbs/, not in both']
    assert [nbs.name(p, root) for p in nbs.notebooks(['cl'], root)] == ['workshop/cli']
    with pytest.raises(ValueError, match="'99'.*workshop/cli"): nbs.notebooks(['cli', '99'], root)
