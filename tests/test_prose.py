"The checks of prose and of lessons' anatomy, each with a text that it must refuse."
import pytest
from fastcore.nbio import mk_cell, new_nb, write_nb
from helpers import ROOT  # first: it lets the tools be imported

import anatomy
import prose
from prose_ease import ease, syllables
from prose_numbers import numbers
from prose_text import plain, read_page, split_sentences

PYPROJECT = '[project]\nname = "mini"\ndynamic = ["version"]\n[tool.nbdev]\ntst_flags = "slow"\n'


def write(root, name, *cells):
    "Write a notebook; cells that begin with '# ', '## ' or 'md:' are Markdown. Gives its path."
    kinds = ['markdown' if text.startswith(('# ', '## ', 'md:')) else 'code' for text in cells]
    made = [mk_cell(text.removeprefix('md:'), kind, id=f'c{i}')
            for i, (text, kind) in enumerate(zip(cells, kinds))]
    path = root/'nbs'/f'{name}.ipynb'
    write_nb(new_nb(made, {}), path)
    return path


@pytest.fixture
def root(tmp_path):
    "An nbdev project without notebooks."
    (tmp_path/'nbs').mkdir()
    (tmp_path/'pyproject.toml').write_text(PYPROJECT)
    return tmp_path


@pytest.fixture
def loose(root):
    "Call with a sentence and code beside it, under one heading; gives the numbers left over."
    def call(text, *code):
        page = read_page(write(root, 'page', '# Page', '## First', '## Here', f'md:{text}', *code))
        return [fault.split('asserts ')[1].split(': ')[0].strip("'")
                for fault in prose.unasserted(page)]
    return call


# sentences

def test_text_without_code_formulas_and_addresses():
    text = ('Two `a.b` and $x + 1$ of [the 3](http://y.z/4?5#6) *films*, **1. Predict.** see\n'
            '```\ncode 7\n```\n<!-- note 8 --> $$9$$')
    assert plain(text).split() == 'Two □ and □ of the 3 films, 1. Predict. see □'.split()


@pytest.mark.parametrize('text, parts', [
    ('One. Two! Three?', 3), ('Dr. Strangelove ran.', 1), ('By F. M. Harper, 2015.', 1),
    ('It is 0.8 here. 5 are there.', 2), ('"Stop." He did.', 2), ('Part I. It goes on.', 2),
    ('It ends with code. `run` is code.', 2), ('Row 0 is used. fastai says so.', 2)])
def test_sentences(text, parts):
    assert len(split_sentences(plain(text))) == parts


# numbers

@pytest.mark.parametrize('text, values', [
    ('It fell to .812.', [.812]), ('It took 1,682 of them.', [1682]), ('a rate of 5e-3', [.005]),
    ('43% of all', [.43, 43]), ('from 32 to 43 per cent', [.32, 32, .43, 43]),
    ('it lost 13 points of accuracy', [.13, 13]), ('forty-eight times', [48]),
    ('twice as many', [2, .5]), ('a third of it', [1/3, 3]), ('two thirds', [2/3, 1.5]),
    ('a third longer', [1/3, 3, 4/3]), ('half of them', [.5, 2]),
    ('nine rows in ten', [9, .9, 10, .9]),
    ('one person in ten', [10, .1]), ('a hundred thousand', [100_000]), ('two dozen', [24]),
    ('minus −0.4 here', [.4]), ('1½ times', [1.5]), ('two hundred votes', [200]),
])
def test_numbers_in_digits_and_words(text, values):
    assert [v for n in numbers(text) for v in n.values] == pytest.approx(values)


@pytest.mark.parametrize('text', [
    'in 1998 and the 1970s', 'see model 4 and models 2 and 3', 'user 196 of split 42, seed 3',
    'exercise 5 of chapter 8', 'Python 3.10', 'four stars, 4½ stars and 3.5 stars',
    'a 4 is not a 5', 'the 1s and 2s', 'one of these two models', 'the other three', 'two ways',
    'the third axis', 'a third model', 'Takes 30 minutes to read and 20 seconds of CPU.',
    '| [00 Data](00_data.ipynb) | What it is | 20 |', 'the first half', 'issue #3860',
    'a 95% interval',
    'Factors and halves: u1, 3x3, pc2, 100K', 'Journal 5(4), 2015'])
def test_names_years_stars_and_structure_are_no_numbers(text):
    assert numbers(plain(text)) == []


@pytest.mark.parametrize('text, code', [
    ('The loss fell to .812 here.', 'assert abs(loss - .812) < .01'),
    ('The loss fell to .81 here.', 'assert round(loss, 3) == .812'),
    ('The loss fell to .812 here.', 'assert .80 < loss < .83'),
    ('The loss fell to .812 here.', 'assert loss.between(.80, .83).all()'),
    ('The loss fell to .812 here.', 'assert loss > .79 and loss < .83'),
    ('The loss fell to .812 here.', 'assert np.allclose([loss], [.8123])'),
    ('The gap stays within .02 all the time.', 'assert gap < .019 + .001'),
    ('At least 43% of them are there.', 'assert (there > .40).mean() > .40'),
    ('It is 43% of them.', 'assert abs(share - .43) < .01'),
    ('It is better by 0.04 than the others.', 'assert .03 < others - loss < .045'),
    ('That is more than twice as much.', 'assert a > 2*b'),
    ('Nine rows in ten are empty here.', 'assert (empty.mean() > .9).all()'),
    ('It has ten parts, as shown.', 'assert x == [0, 9, 8, 7, 6, 5, 4, 3, 2, 1]'),
    ('It says 1,682 in the message.', 'with expect_fail(ValueError, "has 1,682 rows"): f()'),
    ('There are 7 of them.', 'test_eq(f(), 7)'),
    ('The parts are .2, .3 and .5 long.',
     'for part, size in zip(parts, [.2, .3, .5]): assert part == size'),
    ('Only five are left of all.', 'left = [1, 2, 3, 4, 5]\nassert found == left'),
])
def test_a_number_that_is_asserted_beside_it(loose, text, code):
    assert loose(text, code) == []
    assert loose(text, 'assert ready') != [], 'and without the assertion it is refused'


@pytest.mark.parametrize('text, code', [
    ('The loss fell to .812 here.', 'assert abs(loss - .712) < .01'),
    ('The loss fell to .812 here.', 'assert loss < .83'),            # a bound on one side only
    ('The loss fell to .812 here.', 'assert .30 < loss < 1.6'),      # a bound that says nothing
    ('The loss fell to .812 here.', 'assert abs(loss - .8) < .5'),
    ('The loss is about .812 here.', 'assert loss[.812] > 0 and f(x, decay=.812) and x**.812 > 1'),
    ('The loss is about .812 here.', 'loss = .8121\nassert loss'),
    ('It is better by 0.04 than the others.', 'assert others > loss + .02'),
    ('That is more than five times as much.', 'assert a > 2*b'),
    ('It is 43% of them.', 'assert share == .34'),
    ('About 50 of them are left.', 'f(n=50)'),                       # a setting, but no finding
    ('Two thirds.', 'f(2, 3)'),
])
def test_a_number_that_something_else_is_asserted_of(loose, text, code):
    assert loose(text, code)


def test_a_setting_may_stand_in_the_code(loose):
    assert loose('With 50 factors from three seeds.', 'train(50, seeds=(1, 2, 3))') == []
    assert loose('With 60 factors from four seeds.', 'train(50, seeds=(1, 2, 3))') == ['60', 'four']


def test_how_far_an_assertion_reaches(root):
    near, far = 'assert .8 < loss < .83', 'assert n == 943'
    page = read_page(write(
        root, 'page', '# Page\n\n> The loss is .812.', '## A', near, near, far, '## B', 'assert 1',
        'md:It was .812 for 943 people.', 'assert 1',
        '## In three sentences\n\nThe loss is .812. It is twice that.'))
    assert [(f.split("'")[1], f.split(',')[1][:8]) for f in prose.unasserted(page)] == [
        ('.812', ' cell c7'), ('twice', ' cell c9')], 'not under another heading, but in the recap'


def test_figures_and_tables_are_prose(root):
    alt = '#| fig-alt: "It falls to .812."\nplot()'
    page = read_page(write(root, 'page', '# Page', '## A', alt,
                           'md:| model | loss |\n|---|---|\n| dot product | .912 |'))
    assert [f.split("'")[1] for f in prose.unasserted(page)] == ['.812', '.912']


def test_excuses_are_given_and_counted(root, capsys):
    said = 'md:It was .812. <!-- asserted: in the paper, not here -->\n\nAnd .912.'
    page = read_page(write(root, 'page', '# Page', '## A', said))
    assert [f.split("'")[1] for f in prose.unasserted(page)] == ['.912']
    short = read_page(write(root, 'short', '# Page', '## A', 'md:.8 <!-- asserted: no -->'))
    assert 'should say where' in prose.faults([short])[0]
    many = [read_page(write(root, f'p{k}', '# Page', '## A', said)) for k in range(9)]
    assert any('9 numbers are excused' in fault for fault in prose.faults(many))


# ease

@pytest.mark.parametrize('word, n', [
    ('a', 1), ('the', 1), ('made', 1), ('used', 1), ('rated', 2), ('table', 2), ('likely', 2),
    ('movie', 2), ('ratings', 2), ('model', 2), ('evaluation', 5), ('variance', 3), ('being', 2),
    ("they're", 1), ('classes', 2), ('opening', 3), ('statement', 2), ('settles', 2)])
def test_syllables(word, n): assert syllables(word) == n


def test_reading_ease_by_hand():
    figures = ease([['The', 'cat', 'sat', 'on', 'it', '12'], ['A', 'movie']])
    assert (figures.sentences, figures.words, figures.mean, figures.longest) == (2, 8, 4, 6)
    assert figures.flesch == pytest.approx(206.835 - 1.015*4 - 84.6*8/7)


@pytest.mark.parametrize('fault, text', [
    ('37 words', ' '.join(['word']*37) + '.'), ('words a sentence', ' '.join(['a']*17) + '.'),
    ('reading ease', 'Collaborative recommendation necessitates probabilistic interpretation.'),
    ("'simply'", 'You simply call it.'), ("'of course'", 'It works, of course.'),
    ("'we will see'", 'That we will see.'), ("'obvious'", 'It is an obvious one.'),
    ("'is just'", 'This is just a sum.')])
def test_what_is_hard_to_read(root, fault, text):
    fine = ' '.join(['word']*36) + '. So it is. I see.'
    assert prose.hard(read_page(write(root, 'good', '# Page', f'md:{fine}'))) == []
    found = prose.hard(read_page(write(root, 'bad', '# Page', f'md:{text}')))
    assert any(fault in f for f in found), found


def test_the_command(root, capsys):
    def call(*args):
        status = prose.main([*args, '--root', str(root)])
        return status, ''.join(capsys.readouterr())
    assert call() == (2, f'error: there is no notebook in {root}/nbs\n')
    write(root, '00_good', '# Good', '## A', 'md:It is .8 here.', 'assert x == .8')
    write(root, '01_bad', '# Bad', '## A', 'md:It is .9 there.')
    status, out = call('--figures')
    assert status == 1 and "01_bad, cell c2: no cell near asserts '.9'" in out
    assert out.endswith('1 to mend\n')
    assert out.count('00_good') == 1 and call('good')[0] == 0 and call('99')[0] == 2


# anatomy

EXERCISE = '''md:**{k}. {kind}.** What is {k}?'''
CHECKER = '''def check_{k}(answer): assert answer == {k}, "no"
my_{k} = ...
attempt(check_{k}, my_{k})'''


def lesson(name, *links, **changes):
    "The cells of a small lesson that has all its parts; `changes` replace texts in it."
    kinds = 'Predict', 'Predict', 'Modify', 'Modify', 'Extend'
    exercises = [text.format(k=k, kind=kind) for k, kind in enumerate(kinds, 1)
                 for text in (EXERCISE, CHECKER)]
    colab = f'https://colab.research.google.com/github/a/b/blob/main/nbs/{name}.ipynb'
    cells = ['# A title\n\n> The finding in a sentence.',
             f'md:[Open in Colab]({colab})\n\n**Needs** [Data](00_data.ipynb). '
             '**Takes** 20 minutes to read and 5 seconds of CPU.',
             'md:## A part\n\n**Guess**: what is x?\n\n'
             '<details>\n<summary>Check your guess</summary>\n\nOne.\n\n</details>',
             'x = 1', 'assert x == 1',
             '## In three sentences\n\nOne is so. Two is so. And three is so.', 'md:## Exercises\n',
             *exercises, 'md:### Solutions',
             *(f'prove(check_{k}, {k}, wrong=0)' for k in range(1, 6)),
             'md:' + ' '.join(f'{word}: [there]({to}.ipynb).' for word, to in links)]
    cells[6:8] = [f'md:## Exercises\n\n{exercises[0].removeprefix("md:")}']
    text = '\x00'.join(cells)
    for old, new in changes.values():
        assert old in text, old
        text = text.replace(old, new)
    return text.split('\x00')


@pytest.fixture
def judged(root, monkeypatch):
    "Write two lessons, the second with changes; gives what anatomy finds."
    monkeypatch.setattr(anatomy, 'EXERCISES', 10)
    def call(old='', new=''):
        write(root, '00_data', *lesson('00_data', ('Next', '01_next')))
        change = {'change': (old, new)} if old else {}
        write(root, '01_next', *lesson('01_next', ('Previous', '00_data'), **change))
        rows = [f'| [{n}]({n}.ipynb) | What | 20 |' for n in ('00_data', '01_next')]
        write(root, 'index', 'md:# Home\n\n' + '\n'.join(rows))
        project = anatomy.Project(root)
        return anatomy.faults(anatomy.read_lessons(project), anatomy.minutes(project))
    return call


def test_a_lesson_with_all_its_parts(judged): assert judged() == []


@pytest.mark.parametrize('fault, old, new', [
    ('the finding as a quotation', '> The finding', 'The finding'),
    ('a link to itself on Colab', 'nbs/01_next', 'nbs/00_data'),
    ('**Needs**', '**Needs** [Data](00_data.ipynb)', 'Nothing is needed'),
    ('**Takes**', '**Takes** 20 minutes', 'Takes long'),
    ('the home page says 20', '**Takes** 20', '**Takes** 25'),
    ('three sentences', 'Two is so. ', ''), ('## Exercises', '## Exercises', '## Tasks'),
    ('### Solutions', '### Solutions', '### Answers'), ('Previous:', 'Previous:', 'Before:'),
    ('1 to guess and 0 folded', '<summary>Check your guess', '<summary>Look'),
    ('1 to guess and 0 folded', 'One.\n\n', ''), ('0 to guess and 1 folded', '**Guess**', 'Guess'),
    ('4 exercises, at least 5', '**5. Extend.**', '**Extend.**'),
    ('exercises numbered 1 2 3 4 6', '**5. Extend.**', '**6. Extend.**'),
    ('no known kind: Read', '**3. Modify.**', '**3. Read.**'),
    ('checkers of check_1 check_2 check_3 check_4', 'def check_5', 'def check_x'),
    ('attempts on a blank of', 'attempt(check_5, my_5)', 'attempt(check_5, 5)'),
    ('proofs of check_1 check_2 check_3 check_4,', 'prove(check_5, 5, wrong=0)', 'check_5(5)'),
    ('has no wrong answer', 'prove(check_5, 5, wrong=0)', 'prove(check_5, 5)'),
    ('9 exercises in all', 'attempt(check_4, my_4)', 'pass'),
    ('of the code cells are checked', 'assert x == 1', '\x00'.join(['x = 2']*50)),
    ('the ninth code cell of ten', 'assert x == 1', '\x00'.join(['x = 2\n'*16]*9)),
    ('the median code cell', 'assert x == 1', '\x00'.join(['x = 2\n'*8]*40)),
])
def test_a_lesson_that_lacks_something(judged, fault, old, new):
    found = judged(old, new)
    assert any(fault in f for f in found), found


def test_the_command_of_anatomy(root, judged, capsys):
    judged()
    assert anatomy.main(['--root', str(root), '--figures']) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith('00_data')
    judged('> The finding', 'The finding')
    assert anatomy.main(['--root', str(root)]) == 1 and '01_next: lacks' in capsys.readouterr().out
    assert anatomy.main(['--root', str(root/'nbs')]) in (1, 2)


# the lessons themselves

@pytest.mark.parametrize('tool', [prose, anatomy])
def test_the_lessons_keep_the_rules(tool, capsys):
    assert tool.main(['--root', str(ROOT)]) == 0, capsys.readouterr().out
