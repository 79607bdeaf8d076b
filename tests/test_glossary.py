"The first use of a term in a lesson is a link to the glossary."
import json
import sys

import pytest
from helpers import ROOT, run  # first: it lets the tools be imported

import glossary

TERM = '''#### {}

{}What it is. See [its home]({}.ipynb#part).
'''
PAGE = f'''# Glossary

## Words of every page

#### Rating

Stars. See [Data](00_data.ipynb).

## Terms

### A to Z

{TERM.format('Decay', '', '01_first')}
{TERM.format('Logit', '*also: log-odds*' + chr(10) * 2, '02_second')}
{TERM.format('RMSE', '', '02_second')}
{TERM.format('Soft threshold', '', '02_second')}
{TERM.format('Threshold', '', '01_first')}
{TERM.format('Weight decay', '*also: L2*' + chr(10) * 2, '01_first')}'''


def write(path, *texts, exports=True):
    "A notebook of Markdown cells, and one of code."
    cells = [dict(cell_type='markdown', id=f'c{i}', metadata={}, source=t.splitlines(keepends=True))
             for i, t in enumerate(texts)]
    code = '#| default_exp x\n' if exports else 'x = 1\n'
    cells.append(dict(cell_type='code', id='code', metadata={}, execution_count=None, outputs=[],
                      source=[code, '# a logit']))
    path.write_text(json.dumps(dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5)))
    return path


@pytest.fixture
def root(tmp_path):
    "A project with a glossary, the two homes of its terms and a lesson that uses them."
    (tmp_path/'nbs').mkdir()
    (tmp_path/'mini').mkdir()
    (tmp_path/'pyproject.toml').write_text('[project]\nname = "mini"\n[tool.nbdev]\n')
    write(tmp_path/'nbs'/'glossary.ipynb', PAGE, exports=False)
    write(tmp_path/'nbs'/'01_first.ipynb', '# First', 'On decay, weight decay, a threshold.')
    write(tmp_path/'nbs'/'02_second.ipynb', '# Second', 'A logit, a soft threshold and RMSE.')
    write(tmp_path/'nbs'/'03_third.ipynb', '# Third', 'Every logit, and a logit.\n\nNo rating.')
    return tmp_path


def linked(*texts, lesson='03_third'):
    "The cells after the title, linked."
    return glossary.link(['# Title', *texts], TERMS, lesson)[1:]


TERMS = [glossary.Term('Decay', 'decay', ('Decay',), '01_first'),
         glossary.Term('Logit', 'logit', ('Logit', 'log-odds'), '02_second'),
         glossary.Term('RMSE', 'rmse', ('RMSE',), '02_second'),
         glossary.Term('Soft threshold', 'soft-threshold', ('Soft threshold',), '02_second'),
         glossary.Term('Threshold', 'threshold', ('Threshold',), '01_first'),
         glossary.Term('Weight decay', 'weight-decay', ('Weight decay', 'L2'), '01_first')]


# the page

def test_terms_of_the_page(root):
    assert glossary.read_terms(root/'nbs'/'glossary.ipynb') == TERMS


@pytest.mark.parametrize('old, new, message', [
    ('#### Threshold', '#### Soft threshold', "two entries of the name 'Soft threshold'"),
    ('*also: L2*', '*also: L2, logit*', "gives 'logit' to two terms"),
    ('[its home](01_first.ipynb#part)', 'there', "'Decay' has no link to a lesson"),
    ('#### Threshold', '#### Bound', "'bound' is not in alphabetical order"),
    ('## Terms', '## Others', 'no section "## Terms"')])
def test_a_faulty_page_is_refused(root, old, new, message):
    page = root/'nbs'/'glossary.ipynb'
    page.write_text(page.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message): glossary.read_terms(page)


def test_anchors_are_those_of_the_site():
    assert glossary.anchor_of("Holm's correction") == 'holms-correction'
    assert glossary.anchor_of('P-value') == 'p-value'


# linking

def test_first_use_is_linked_once():
    assert linked('A logit, a logit.', 'A logit.') == ['A [logit](glossary.ipynb#logit), a logit.',
                                                       'A logit.']


@pytest.mark.parametrize('text, want', [
    ('Two Logits.', 'Two [Logits](glossary.ipynb#logit).'),
    ('Two RMSEs.', 'Two [RMSEs](glossary.ipynb#rmse).'),
    ('Its log-odds.', 'Its [log-odds](glossary.ipynb#logit).'),
    ('Some weight decay.', 'Some [weight decay](glossary.ipynb#weight-decay).'),
    ('Weight\ndecay.', '[Weight\ndecay](glossary.ipynb#weight-decay).'),
    ('**Logit**.', '**[Logit](glossary.ipynb#logit)**.'),
    ('L2 or RMSE.', '[L2](glossary.ipynb#weight-decay) or [RMSE](glossary.ipynb#rmse).')])
def test_forms(text, want): assert linked(text) == [want]


@pytest.mark.parametrize('text', [
    '## A logit\n', '`logit`', '$logit$', '$$\nlogit\n$$', '[the logit](01_first.ipynb)',
    '![a logit](x.png)', '```\nlogit\n```', '| a logit | 1 |', '> A logit.', '<!-- a logit -->',
    '<details>\n<summary>A logit</summary>', '::: {.callout-note}\n## A logit\n:::',
    'nologit', 'logit-like', 'rmse', '**Needs** a logit.', 'https://logit.org/logit'])
def test_not_prose_or_not_the_term(text): assert linked(text) == [text]


def test_title_and_exercises_are_left_alone():
    cells = ['# A logit\n\n> A logit.', 'Text.\n\n## Exercises\n\nA logit.', 'A logit.']
    assert glossary.link(cells, TERMS, '03_third') == cells


def test_homes_are_left_alone():
    text = 'Weight decay at a threshold.'
    assert linked(text, lesson='01_first') == [text]
    assert 'glossary' in linked(text)[0]
    bound = 'A threshold.'                          # a part of the soft threshold, at home there
    assert linked(bound, lesson='02_second') == [bound] != linked(bound)


def test_links_move_to_the_first_use():
    old = 'A logit. A [logit](glossary.ipynb#logit).'
    assert linked(old) == ['A [logit](glossary.ipynb#logit). A logit.']
    assert linked(*linked(old)) == linked(old)


def test_a_link_in_other_words_counts():
    text = 'A [score before softmax](glossary.ipynb#logit). A logit.'
    assert linked(text) == [text]


# files

def check(root, *args): return glossary.main(['--root', str(root), *map(str, args)])


def test_check_and_link(root, capsys):
    third = root/'nbs'/'03_third.ipynb'
    before = third.read_text()
    assert check(root, '--check') == 1 and third.read_text() == before
    assert "03_third, cell c1: 'logit' is used first here" in capsys.readouterr().out
    assert check(root, '--link') == 0 and check(root) == 0
    old, new = json.loads(before), json.loads(third.read_text())
    assert new['cells'][1]['source'][0] == 'Every [logit](glossary.ipynb#logit), and a logit.\n'
    new['cells'][1] = old['cells'][1]
    assert new == old
    linked_once = third.read_bytes()
    assert check(root, '--link') == 0 and third.read_bytes() == linked_once


@pytest.mark.parametrize('text, message', [
    ('A [logit](glossary.ipynb#logit), a [logit](glossary.ipynb#logit).', 'links the second use'),
    ('Weight decay, [L2](glossary.ipynb#weight-decay).', "'Weight decay' is used first here"),
    ('## Exercises\n\nA [logit](glossary.ipynb#logit).', 'is linked, but not used first here')])
def test_check_finds_wrong_links(root, capsys, text, message):
    write(root/'nbs'/'03_third.ipynb', '# Third', text)
    assert check(root) == 1 and message in capsys.readouterr().out


def test_a_home_must_use_the_word(root, capsys):
    write(root/'nbs'/'02_second.ipynb', '# Second', 'A logit and a soft threshold.')
    write(root/'nbs'/'03_third.ipynb', '# Third', 'Nothing.')
    assert check(root) == 1 and 'RMSE: its home 02_second does not use' in capsys.readouterr().out
    (root/'nbs'/'02_second.ipynb').unlink()
    assert check(root) == 1 and 'there is no 02_second.ipynb' in capsys.readouterr().out


def test_pages_that_export_nothing_are_no_lessons(root):
    write(root/'nbs'/'03_third.ipynb', '# Third', 'A logit.', exports=False)
    assert check(root) == 0


def test_texts_with_cells(root, capsys):
    source = root/'03_third.txt'
    source.write_text('#%% md\n# A logit\n#%%\n# a logit\n#%% md\nA logit.\n\n#%% md\nA logit.\n')
    assert check(root, source) == 1
    assert check(root, '--link', source) == 0
    assert source.read_text() == ('#%% md\n# A logit\n#%%\n# a logit\n#%% md\n'
                                  'A [logit](glossary.ipynb#logit).\n\n#%% md\nA logit.\n')


def test_what_cannot_be_read_is_named(root, capsys):
    (root/'bad.ipynb').write_text('no json')
    for name, message in (('bad.ipynb', 'is no notebook'), ('nowhere.txt', 'nowhere.txt')):
        assert check(root, root/name) == 2 and message in capsys.readouterr().err


def test_the_terms_of_this_site():
    terms = glossary.read_terms(ROOT/'nbs'/'glossary.ipynb')
    assert len(terms) > 50 and {term.name for term in terms} >= {'Softmax', 'Weight decay'}
    forms = {form.lower() for term in terms for form in term.forms}
    assert not {'rating', 'user', 'movie', 'item', 'model'} & forms


def test_the_command_has_a_help():
    done = run(sys.executable, str(ROOT/'tools'/'glossary.py'), '--help')
    assert done.returncode == 0 and '--link' in done.stdout
