"Planted ratings of any size are what was asked for."
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.planted import planted_ratings


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 3), st.floats(.01, 1),
       st.integers(0, 99))
def test_any_size(n_users, n_items, n_factors, share, seed):
    n = max(1, int(share*n_users*n_items))
    frame = planted_ratings(n_users, n_items, n_factors, n, seed=seed)
    assert len(frame) == n and not frame.duplicated(['user', 'movie']).any()
    assert frame.user.between(1, n_users).all() and frame.movie.between(1, n_items).all()
    assert set(frame.rating) <= {1, 2, 3, 4, 5} and frame.timestamp.is_monotonic_increasing
    assert np.isfinite(frame.signal).all()
    assert frame.equals(planted_ratings(n_users, n_items, n_factors, n, seed=seed))


def test_a_full_table():
    full = planted_ratings(4, 3, 1, 12, seed=3)
    assert len(full) == 12 and not full.duplicated(['user', 'movie']).any()
    assert planted_ratings(9, 9, 0, 5).signal.std() > 0
    for n in (0, 13):
        with pytest.raises(ValueError, match=r'n_users\*n_items = 12'): planted_ratings(4, 3, 1, n)


def test_the_number_of_factors_does_not_change_how_much_they_matter():
    signals = [planted_ratings(300, 300, k, 9000, seed=k).signal.rename(k) for k in (1, 5)]
    spread = pd.concat(signals, axis=1).std()
    assert abs(spread[1] - spread[5]) < .1


def test_a_few_films_are_popular_and_a_few_users_busy():
    frame = planted_ratings(400, 600, 2, 9000, seed=5)
    for column in ('user', 'movie'):
        counts = frame[column].value_counts()
        assert counts.mean() > 1.1*counts.median() and counts.max() > 4*counts.mean()
