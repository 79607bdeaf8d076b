"Answers of every kind: none raises, and only the right one is right."
import numpy as np
import pandas as pd
import pytest
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
    assert said == ('Right.' if answer == 7 else f'Not yet: {answer} is not the number')


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
    (None, 'I wanted a function of a list that returns one number; you gave nothing (None).')])
def test_what_is_off_is_said_in_plain_words(answer, said):
    assert attempt(mean, answer).startswith(f'Not yet: {said}')


def test_a_class_that_forgets_to_return_is_told_so():
    class Model:
        def forward(self, x): return x + None
    def checker(answer):
        "a model"
        answer().forward(1)
    assert attempt(checker, Model).startswith('Not yet: your code stopped at `def forward(self, x)')


@pytest.mark.parametrize('value, words', [
    (None, 'nothing (None)'), ([1, 2], '[1, 2], a list'), (len, 'a builtin_function_or_method'),
    (list(range(99)), 'a list of 99'), (np.zeros((3, 2)), 'a NumPy array of shape (3, 2)'),
    ('odd', "'odd', a text"), (pd.DataFrame({'a': [1]}), 'a DataFrame of shape (1, 1)'),
    ('x'*38, f"'{'x'*38}', a text"), ('x'*39, 'a text of 39'),
    (describe, 'a function'), (object, 'a type')])
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
