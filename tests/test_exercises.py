"Answers of every kind: none raises, and only the right one is right."
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabdive.exercises import attempt, prove

anything = st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()), st.booleans())


def check(answer):
    if answer != 7: raise AssertionError(f'{answer} is not the number')


@given(anything)
def test_an_answer_is_right_or_told_why_not(answer):
    said = attempt(check, answer)
    assert said == ('Right.' if answer == 7 else f'Not yet: {answer} is not the number')


@pytest.mark.parametrize('error', [ValueError('odd'), KeyError('k'), RecursionError('deep')])
def test_what_an_answer_raises_is_reported(error):
    def checker(answer):
        if answer() != 7: raise AssertionError('not the number')
    def broken(): raise error
    assert attempt(checker, broken) == f'Not yet: {type(error).__name__}: {error}'
    with pytest.raises(type(error)): prove(checker, broken)


def test_nobody_is_kept_from_stopping_a_checker():
    def stopped(answer): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): attempt(stopped, 7)


def test_a_checker_must_refuse_every_blank():
    assert prove(check, 7, wrong=8) == prove(check, 7) == 'The blank fails, the solution passes.'
    def not_dots(answer): assert answer is not ...               # accepts the blank function
    def not_called(answer): assert not callable(answer)          # accepts the dots
    for lax in (not_dots, not_called):
        with pytest.raises(AssertionError, match='the checker accepts'): prove(lax, 7)
    for accepted in (7, 7.0):
        with pytest.raises(AssertionError, match='accepts 7'): prove(check, 7, wrong=accepted)
    with pytest.raises(AssertionError, match='8 is not the number'): prove(check, 8)
    def by_hand(answer): assert answer(1, k=2) == 3              # a blank takes any arguments
    assert prove(by_hand, lambda a, k: a + k).startswith('The blank fails')
