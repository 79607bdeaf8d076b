"The notebook tools, each check with a notebook that it must refuse."
import json
import shutil

import pytest
from fastcore.nbio import mk_cell, new_nb, write_nb
from helpers import ROOT, run  # first: it lets the tools be imported

import check
import nb_compare
import notebooks
from test import run_pytest

PYPROJECT = '''
[project]
name = "mini"
dynamic = ["version"]
[tool.nbdev]
put_version_in_init = false
exec_profile = false
tst_flags = "slow"
'''
DATA = ['# Data', '#| default_exp data', '#| export\ndef one(): return 1',
        'assert one() == 1\none()']
KERNEL = {'display_name': 'python3', 'language': 'python', 'name': 'python3'}


def write(root, name, cells):
    "Write a clean notebook; texts that begin with '# ' are Markdown. Cell i has the id `ci`."
    made = [mk_cell(text, 'markdown' if text.startswith('# ') else 'code', id=f'c{i}')
            for i, text in enumerate(cells)]
    write_nb(new_nb(made, {'kernelspec': KERNEL}), root/'nbs'/f'{name}.ipynb')


def edit(root, name, cell, **changes):
    "Change entries of one cell of a stored notebook; the rest keeps its form."
    path = root/'nbs'/f'{name}.ipynb'
    nb = json.loads(path.read_text())
    nb['cells'][cell].update(changes)
    path.write_text(json.dumps(nb, sort_keys=True, indent=1, ensure_ascii=False) + '\n')


def result(*text, kind='text/plain'):
    "A cell's stored outputs: one shown value."
    return [dict(output_type='execute_result', data={kind: list(text)}, execution_count=None,
                 metadata={})]


def stderr(text):
    "A cell's stored outputs: a text on stderr."
    return [dict(output_type='stream', name='stderr', text=[text])]


def stored(root, name, cell):
    "The stored outputs of one cell."
    return json.loads((root/'nbs'/f'{name}.ipynb').read_text())['cells'][cell]['outputs']


def files(root, *folders):
    "The bytes of all files in these folders."
    return {p: p.read_bytes() for folder in folders for p in (root/folder).rglob('*')
            if p.is_file()}


@pytest.fixture
def root(tmp_path):
    "A small nbdev project with one lesson."
    (tmp_path/'nbs').mkdir()
    (tmp_path/'mini').mkdir()
    (tmp_path/'mini'/'__init__.py').write_text('by_hand = 1\n')
    (tmp_path/'pyproject.toml').write_text(PYPROJECT)
    write(tmp_path, '00_data', DATA)
    return tmp_path


@pytest.fixture
def tool(root, capfd):
    "Call a command of tools/notebooks.py on the project; gives its exit status and all it printed."
    def call(*args):
        status = notebooks.main([*args, '--root', str(root)])
        return status, ''.join(capfd.readouterr())
    return call


# test

def test_counts_what_passed_and_what_failed(root, tool):
    write(root, '00_good', ['# Good', 'assert 1\nassert 2', '#| slow\nassert 0',
                            '#| eval: false\nassert 0', '#| export\ndef f(): assert 1',
                            'def test_eq(a, b): return a == b\nx = test_eq(1, 1)'])
    write(root, '01_bad', ['# Bad', 'assert 1', 'assert 1 + 1 == 3, "the sum is wrong"'])
    before = files(root, 'nbs', 'mini')
    status, out = tool('test', 'good', '01_bad')
    lines = out.splitlines()
    assert status == 1 and lines[-1] == '3 passed, 1 failed'
    assert lines[-2] == '2 notebooks, 5 cells, 3 checks'
    assert 'the sum is wrong' in out and 'FAILED' in out
    good, = [line for line in lines if line.startswith('00_good')]
    assert good.endswith('ok') and '3 checks' in good
    assert files(root, 'nbs', 'mini') == before, 'nbs/ must stay as it is'
    assert [p.name for p in (root/'_build'/'executed').iterdir()] == ['00_good.ipynb']


@pytest.mark.parametrize('code', [0, 7])
def test_a_process_that_dies_is_a_failure(root, tool, code):
    write(root, '01_dies', ['# Dies', f'import os\nos._exit({code})'])
    status, out = tool('test', '01_dies')
    assert status == 1 and f'ended with code {code}' in out
    assert out.endswith('0 passed, 1 failed\n'), 'leaving quietly is no pass'


def test_only_what_changed_runs_again(root, tool):
    def ran(*args):
        status, out = tool('test', *args)
        assert status == 0 and out.endswith('1 passed, 0 failed\n')
        return 'unchanged' not in out
    assert ran() and not ran()
    assert ran('--fresh')
    edit(root, '00_data', 3, outputs=result('1'))
    assert not ran(), 'stored outputs do not decide what a run gives'
    edit(root, '00_data', 3, source=['assert one() == 1\n', 'one() + 1'])
    assert ran()
    (root/'mini'/'__init__.py').write_text('by_hand = 2\n')
    assert ran() and not ran()
    shutil.rmtree(root/'_build'/'executed')
    assert ran()
    edit(root, '00_data', 3, source=['assert one() == 2'])
    assert tool('test')[0] == 1 and tool('test')[0] == 1, 'a failure is never remembered as a pass'


@pytest.mark.parametrize('command', ['test', 'refresh', 'verify'])
def test_pattern_without_a_match_is_an_error(tool, command):
    status, out = tool(command, '00', '99')
    assert status == 2 and "'99'" in out and '00_data' in out


def test_a_project_without_notebooks_is_an_error(root, tool):
    (root/'nbs'/'00_data.ipynb').unlink()
    assert tool('test')[0] == 2


# clean, export

def test_clean_check(root, tool):
    assert tool('clean', '--check')[0] == 0
    edit(root, '00_data', 3, execution_count=7)
    before = files(root, 'nbs')
    status, out = tool('clean', '--check')
    assert status == 1 and '00_data.ipynb' in out and files(root, 'nbs') == before
    assert tool('clean')[0] == 0 and tool('clean', '--check')[0] == 0


def test_a_notebook_that_cannot_be_cleaned_is_a_failure(root, tool):
    path = root/'nbs'/'00_data.ipynb'
    path.write_text(path.read_text().replace('"source"', '"sauce"'))
    assert tool('clean', '--check')[0] == 1


def test_export_check(root, tool):
    status, out = tool('export', '--check')
    assert status == 1 and 'mini/data.py: missing' in out and not (root/'mini'/'data.py').exists()
    assert tool('export')[0] == 0 and tool('export', '--check')[0] == 0
    edit(root, '00_data', 2, source=['#| export\n', 'def one(): return 2'])
    before = files(root, 'nbs', 'mini')
    status, out = tool('export', '--check')
    assert status == 1 and 'mini/data.py: nbdev-export would change' in out
    assert files(root, 'nbs', 'mini') == before


def test_export_check_finds_a_module_without_a_notebook(root, tool):
    write(root, '01_gone', ['# Gone', '#| default_exp gone', '#| export\nx = 1'])
    assert tool('export')[0] == 0
    (root/'nbs'/'01_gone.ipynb').unlink()
    status, out = tool('export', '--check')
    assert status == 1 and 'mini/gone.py: no notebook exports it' in out and '__init__' not in out


# layers

def test_layers_allow_earlier_lessons_and_index(root, tool):
    write(root, '01_next', ['# Next', '#| default_exp next', 'from mini.data import one',
                            'import mini.next', 'from mini import __version__',
                            '! echo hello\n%matplotlib inline'])
    for free in ('index', 'glossary'): write(root, free, ['# Mini', 'from mini.next import x'])
    assert tool('layers')[0] == 0


@pytest.mark.parametrize('source', [
    'from mini.last import x', 'import mini.last', 'from mini import last',
    'def f():\n    from mini.last import x', '#| eval: false\nimport mini.last as m',
    '! true\nimport mini.last', 'from mini.nowhere import x', 'x = ('])
def test_layers_refuse_a_later_lesson(root, tool, source):
    write(root, '02_last', ['# Last', '#| default_exp last', '#| export\nx = 1'])
    write(root, '01_next', ['# Next', source])
    status, out = tool('layers')
    assert status == 1 and '01_next, cell c1' in out


def test_layers_judge_an_exported_cell_by_its_module(root, tool):
    write(root, '01_next', ['# Next', '#| default_exp next', '#| export\nx = 1'])
    write(root, '02_last', ['# Last', 'from mini.next import x',
                            '#| export data\nfrom mini.next import x'])
    status, out = tool('layers')
    assert status == 1 and '02_last, cell c2' in out and 'cell c1' not in out


def test_a_page_without_a_number_comes_before_all_lessons(root, tool):
    write(root, 'words', ['# Words', '#| default_exp words', '#| export\nx = 1'])
    write(root, '00_data', [*DATA, 'from mini.words import x'])
    assert tool('layers')[0] == 0
    write(root, 'words', ['# Words', 'from mini.data import one'])
    assert tool('layers')[0] == 1


# refresh, verify

def test_refresh_stores_outputs_and_keeps_those_of_slow_cells(root, tool):
    write(root, '01_slow', ['# Slow', '1 + 1', '#| slow\n2 + 2'])
    edit(root, '01_slow', 2, outputs=result('kept'))
    assert tool('refresh')[0] == 0
    assert stored(root, '01_slow', 1) == result('2')
    assert stored(root, '01_slow', 2) == result('kept')
    assert tool('clean', '--check')[0] == 0
    assert tool('refresh', '01', '--slow')[0] == 0
    assert stored(root, '01_slow', 2) == result('4')


def test_refresh_leaves_a_failing_notebook_alone(root, tool):
    write(root, '01_bad', ['# Bad', '1 + 1', 'assert 0'])
    before = files(root, 'nbs')
    status, out = tool('refresh', '01')
    assert status == 1 and '01_bad' in out and files(root, 'nbs') == before


@pytest.mark.parametrize('outputs, status', [
    (result('rmse 0.9312 after 3 epochs'), 0), (result('rmse 0.94 after 3 epochs'), 0),
    (result('rmse 0.99 after 3 epochs'), 1), (result('rmse 0.9312 after 4 epochs'), 1),
    (result('mae 0.9312 after 3 epochs'), 1), (result('rmse 0.9312 after 3 epochs!'), 1), ([], 1),
    (result('rmse 0.9312 after 3 epochs', kind='text/html'), 1)])
def test_verify_compares_stored_outputs(root, tool, outputs, status):
    source = 'from IPython.display import Pretty\nPretty("rmse 0.9312 after 3 epochs")'
    write(root, '00_data', ['# Data', source])
    edit(root, '00_data', 1, outputs=outputs)
    found, out = tool('verify')
    assert found == status
    if status: assert '00_data, cell c1' in out and 'stored:' in out and 'after 3 epochs' in out


def test_verify_skips_what_varies(root, tool):
    write(root, '00_data', ['# Data', '#| varies\n"now"', '#| slow\n"slow"',
                            '#| eval: false\n"never"'])
    for cell in (1, 2, 3): edit(root, '00_data', cell, outputs=result('before'))
    assert tool('verify')[0] == 0
    edit(root, '00_data', 1, source=['"now"'])
    assert tool('verify')[0] == 1


def test_verify_fails_where_the_notebook_does(root, tool):
    write(root, '00_data', ['# Data', 'assert 0'])
    assert tool('verify')[0] == 1


def test_verify_notices_an_edit_during_the_run(root, tool):
    find = f'from pathlib import Path\npath = Path({str(root)!r}, "nbs", "00_data.ipynb")'
    rename = 'path.write_text(path.read_text().replace("c2", "new"))'
    write(root, '00_data', ['# Data', find, rename])
    status, out = tool('verify')
    assert status == 1 and '00_data: edited while it ran' in out


def test_verify_compares_images(root, tool):
    def draw(colour, width):
        return ('from io import BytesIO\nfrom IPython.display import Image\nimport PIL.Image\n'
                'file = BytesIO()\n'
                f'PIL.Image.new("RGB", ({width}, 100), ({colour}, 0, 0)).save(file, "png")\n'
                'Image(file.getvalue())')
    write(root, '00_data', ['# Data', draw(200, 100)])
    assert tool('refresh')[0] == 0
    for colour, width, status in [(200, 100, 0), (210, 101, 0), (250, 100, 1), (200, 120, 1)]:
        edit(root, '00_data', 1, source=draw(colour, width).splitlines(True))
        assert tool('verify')[0] == status, (colour, width)


@pytest.mark.parametrize('a, b, same', [
    ('0.90', '0.91', True), ('0.0', '-0.01', True), ('1.00', '0.99', True), ('10.0', '10.3', False),
    ('12', '12', True), ('12', '13', False), ('1', '1.0', False), ('1,682', '1,683', False),
    ('1,004.5', '1,003.5', True), ('1e-05', '2e-05', True), ('1e5', '2e5', False),
    ('nan', '0.5', False), ('-2.5', '2.5', False), ('1682.', '1683.', False),
    ('2.13.0', '2.13.1', False), ('3.2s', '3.21s', True), ('u1', 'u2', False),
    ('0.5-0.7', '0.5-0.9', False), ('a  b', 'a b', True), ('a', 'a b', False)])
def test_tokens(a, b, same):
    assert (nb_compare.text_difference(a, b) is None) == same
    assert (nb_compare.text_difference(b, a) is None) == same


# style

def test_style_accepts_cells_within_the_limits(root, tool):
    lesson, exported = 'x = 1\n' * 15, 'x = 1\n' * 25
    write(root, '01_fine', ['# Fine', lesson, f'#| export\n{exported}', f'#| hide\n{lesson}',
                            '#| fig-alt: a dot\n1'])
    edit(root, '01_fine', 4, outputs=result('iVBORw0', kind='image/png'))
    assert tool('style')[0] == 0


@pytest.mark.parametrize('fault, changes', [
    ('not a list of lines', dict(source='1\n2')),
    ('16 lines', dict(source=['x = 1\n'] * 16)),
    ('16 lines', dict(source=['#| hide\n', *['x = 1\n'] * 16])),
    ('26 lines', dict(source=['#| export\n', *['x = 1\n'] * 26])),
    ('imports and other code', dict(source=['import os\n', 'x = os.sep'])),
    ('a stored error: KeyError',
     dict(outputs=[dict(output_type='error', ename='KeyError', evalue='', traceback=[])])),
    ('a figure without', dict(outputs=result('iVBORw0', kind='image/png'))),
    ('a warning', dict(outputs=stderr('UserWarning: old\n'))),
    ('installed packages', dict(outputs=result('/x/site-packages/y.py'))),
    ('terminal colours', dict(outputs=result('\x1b[31mred\x1b[0m'))),
    ('a progress bar', dict(outputs=stderr(' 40%|████      | 2/5'))),
    ('a progress bar', dict(outputs=result('<progress value="3"></progress>', kind='text/html'))),
    ('cells have the id c0', dict(id='c0')),
])
def test_style_refuses(root, tool, fault, changes):
    assert tool('style')[0] == 0
    edit(root, '00_data', 3, **changes)
    status, out = tool('style')
    assert status == 1 and fault in out and '00_data' in out


# the totals, and the Makefile

@pytest.mark.parametrize('source, total', [
    ('def test_a(): pass\ndef test_b(): assert 0', '1 passed, 1 failed'),
    ('import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip("no")',
     '1 passed, 0 failed, 1 skipped'),
    ('import nowhere_to_be_found', '0 passed, 1 failed'), ('', '0 passed, 1 failed'),
    ('import os\ndef test_a(): os._exit(0)', '0 passed, 1 failed')])
def test_totals_of_pytest(tmp_path, source, total):
    (tmp_path/'tests').mkdir()
    (tmp_path/'tests'/'test_it.py').write_text(source)
    assert str(run_pytest(tmp_path/'tests', tmp_path/'report'/'out.xml')) == total


@pytest.mark.parametrize('script, total', [
    ('', '1 passed, 0 failed'), ('raise SystemExit(3)', '0 passed, 1 failed')])
def test_steps_of_check(tmp_path, capfd, script, total):
    (tmp_path/'step.py').write_text(script)
    assert str(check.run_step('a step', [str(tmp_path/'step.py')])) == total
    assert '== a step' in capfd.readouterr().out


@pytest.mark.parametrize('title', [check.DOCS, check.OUTPUTS])
def test_check_skips_what_python_310_cannot(monkeypatch, capfd, title):
    monkeypatch.setattr(check.shutil, 'which', lambda name: None)
    monkeypatch.setattr(check.sys, 'version_info', (3, 11))
    assert title in check.STEPS and not check.reason_to_skip(title)
    monkeypatch.setattr(check.sys, 'version_info', (3, 10))
    assert str(check.run_step(title, ['nothing'])) == '0 passed, 0 failed, 1 skipped'
    assert 'Python 3.11' in capfd.readouterr().out


@pytest.mark.skipif(not shutil.which('make'), reason='needs make')
def test_make_help_and_the_python_version(tmp_path):
    def make(*args): return run('make', *args, cwd=ROOT)

    shown = {' '.join(line.split()[:2]) for line in make().stdout.splitlines()}
    assert {'make demo', 'make test', 'make check'} <= shown
    old = tmp_path/'oldpython'
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1\nexit 1\n')
    old.chmod(0o755)
    done = make('setup', f'VENV={tmp_path}/venv', f'PYTHON={old}')
    assert done.returncode and '3.9.1' in done.stdout and 'PYTHON=' in done.stdout
    assert not (tmp_path/'venv').exists()


def test_unchanged_tests_are_not_run_again(tmp_path, monkeypatch):
    "The counts are repeated for the same key only, and a failure leaves no stamp."
    import test as tool  # tools/test.py
    ran, stamp = [], tmp_path/'tests.json'
    outcome = [tool.Total(passed=3), tool.Total(passed=3), tool.Total(passed=2, failed=1)]
    monkeypatch.setattr(tool, 'run_pytest', lambda: ran.append(1) or outcome[len(ran) - 1])
    key = ['a']
    monkeypatch.setattr(tool, 'state_key', lambda: key[0])
    assert [tool.run_tests(stamp=stamp) for _ in range(2)] == [tool.Total(passed=3)]*2
    assert len(ran) == 1
    key[0] = 'b'
    assert tool.run_tests(stamp=stamp).passed == 3 and len(ran) == 2
    assert tool.run_tests(fresh=True, stamp=stamp).failed == 1 and not stamp.exists()
