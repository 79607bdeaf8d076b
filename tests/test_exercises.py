"Answers of every kind: none raises, and only the right one is right."
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collabdive.exercises import attempt, describe, prove

anything = st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()), st.booleans())


def check(answer):
    "the number seven"
    if answer != 7: raise AssertionError(f'{answer} is not the number')


@given(anything)
def test_an_answer_is_right_or_told_why_not(answer):
    said = attempt(check, answer)
    off = 'there is nothing here yet' if answer is None else f'{answer} is not the number'
    assert said.startswith('Right.' if answer == 7 else f'Not yet: {off}')


def mean(answer):
    "a function of a list that returns one number"
    if answer([1, 2, 6]) != 3: raise AssertionError('the mean of 1, 2, 6 is 3')


@pytest.mark.parametrize('answer, said', [
    (lambda xs: None, 'your function returned nothing yet.'),
    (lambda xs: xs/2, "your code stopped at `(lambda xs: xs/2, "),
    (lambda xs: 2, 'the mean of 1, 2, 6 is 3'),
    (lambda xs: np.ones(2), 'I wanted a function of a list that returns one number; '
                            'yours returned a NumPy array of shape (2,).'),
    (3, 'I wanted a function of a list that returns one number; you gave 3, a whole number.'),
    (None, 'there is nothing here yet; I wanted a function of a list that returns one number.')])
def test_what_is_off_is_said_in_plain_words(answer, said):
    assert attempt(mean, answer).startswith(f'Not yet: {said}')


def half(xs):
    return xs/2


def looks_up(xs):
    return {'a': 1}['title']


def fails_in_torch(xs):
    return torch.tensor([1., 2])@torch.tensor([1., 2, 3])


def fails_silently(xs):
    raise ValueError


@pytest.mark.parametrize('answer, said', [
    (half, "`return xs/2`. Python says: unsupported operand type(s) for /: 'list' and 'int'."),
    (looks_up, "`return {'a': 1}['title']`. Python says: nothing was found: 'title'."),
    (fails_silently, '`raise ValueError`. Python says: ValueError.')])
def test_the_line_that_stopped_and_what_python_says(answer, said):
    assert attempt(mean, answer) == f'Not yet: your code stopped at {said}'


def test_a_long_error_is_told_in_one_line():
    assert '\n' not in attempt(mean, fails_in_torch) and 'size' in attempt(mean, fails_in_torch)


class NoSuchTable:
    def __init__(self): self.table = missing     # noqa: F821
    def forward(self, x): return x


class NoSum:
    def forward(self, x): return x + None


@pytest.mark.parametrize('model, line', [(NoSum, 'def forward(self, x)'),
                                         (NoSuchTable, 'def __init__(self)')])
def test_the_line_of_a_class_that_stopped(model, line):
    def checker(answer):
        "a model"
        answer().forward(1)
    assert attempt(checker, model).startswith(f'Not yet: your code stopped at `{line}')


def test_a_class_that_cannot_be_made_is_named():
    def checker(answer):
        "a class made with one number"
        answer(1)
    assert attempt(checker, NoSum) == (
        'Not yet: I wanted a class made with one number; you gave the class NoSum.')


def test_a_line_of_pandas_is_not_the_readers():
    def checker(answer):
        "a frame with stars"
        answer.set_index('stars')
    assert attempt(checker, pd.DataFrame({'a': [1]})) == (
        'Not yet: I wanted a frame with stars; you gave a DataFrame of shape (1, 1).')


def near_three(answer):
    "a number, an array or a function that returns one, near 3"
    got = answer() if callable(answer) else answer
    if not (abs(np.asarray(got) - 3) < .1).all(): raise AssertionError('that is the median')


@pytest.mark.parametrize('answer', [
    np.nan, np.float32('nan'), np.array([3, np.nan]), [3., np.nan], lambda: np.array(np.nan),
    torch.tensor([3, np.nan]), pd.Series([3, np.nan])])
def test_nan_is_named_before_a_hint_that_does_not_mean_it(answer):
    assert attempt(near_three, answer) == (
        'Not yet: your answer holds NaN, which is not a number (0/0 gives it): '
        'look there first; then: that is the median')


def test_nan_is_not_named_where_it_is_allowed_or_already_spoken_of():
    def spoken(answer):
        "no NaN"
        if answer != answer: raise AssertionError('your number is NaN')
    def anything_goes(answer): "a frame"
    blanks, titles = pd.DataFrame({'a': [1, np.nan]}), pd.Series(['Fargo (1996)', np.nan])
    assert attempt(spoken, np.nan) == 'Not yet: your number is NaN'
    assert attempt(anything_goes, np.nan) == 'Right.'
    assert attempt(near_three, blanks) == 'Not yet: that is the median'      # a blank in a frame
    for without in (2, 'nan', [None, 'nan'], np.array(['nan']), {'a': 1}, titles,
                    titles.astype(object)):
        assert 'NaN' not in attempt(near_three, without)


@pytest.mark.parametrize('value, words', [
    (None, 'nothing (None)'), ([1, 2], '[1, 2], a list'), (len, 'a builtin_function_or_method'),
    (list(range(99)), 'a list of 99'), (np.zeros((3, 2)), 'a NumPy array of shape (3, 2)'),
    ('odd', "'odd', a text"), (pd.DataFrame({'a': [1]}), 'a DataFrame of shape (1, 1)'),
    ('x'*38, f"'{'x'*38}', a text"), ('x'*39, 'a text of 39'),
    (describe, 'a function'), (object, 'the class object'),
    (np.array('x'*41), 'a NumPy array'), (np.array(3), 'array(3), a NumPy array')])
def test_values_in_words(value, words): assert describe(value) == words


def test_nobody_is_kept_from_stopping_a_checker():
    def stopped(answer): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): attempt(stopped, 7)


def test_a_checker_must_refuse_every_blank():
    assert prove(check, 7, [8]) == ['Not yet: 8 is not the number'] and prove(check, 7) == []
    def not_dots(answer):
        "all but dots"
        if answer is None: raise AssertionError('no None')       # accepts the blank function
    def not_called(answer):
        "no function"
        if callable(answer): raise AssertionError('no function')  # accepts None
    for lax in (not_dots, not_called):
        with pytest.raises(AssertionError, match='the checker accepts'): prove(lax, 7)
    for accepted in (7, 7.0):
        with pytest.raises(AssertionError, match='accepts 7'): prove(check, 7, [accepted])
    with pytest.raises(AssertionError, match='8 is not the number'): prove(check, 8)
    with pytest.raises(AssertionError, match='8 is not the number'): prove(check, 7, also=[8])
    def silent(answer):
        if answer != 7: raise AssertionError
    with pytest.raises(AssertionError, match='needs a docstring'): prove(silent, 7)
    silent.__doc__ = 'seven'
    with pytest.raises(AssertionError, match='says nothing about'): prove(silent, 7, [8])
