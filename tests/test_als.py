"ALS: each row is the best one, the loss only falls, and every kind of bad input."
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from test_sgd import FRAME, THREE, error, parts

from collabdive.als import _best_rows, _side, als
from collabdive.factors import rows_of


def loss(f, frame, decay, damping=60):
    "The loss in stars squared, summed over the ratings."
    spread = frame.rating.std(ddof=0)
    u, i = rows_of(f.users, frame.user, 'user'), rows_of(f.items, frame.title)
    size = 0
    for rows, factors, bias in ((u, f.user_factors, f.user_bias), (i, f.item_factors, f.item_bias)):
        pull = np.bincount(rows) + damping
        size += (pull*((factors.astype(float)**2).sum(1)*spread + bias**2)).sum()
    dot = (f.user_factors[u].astype(float)*f.item_factors[i]).sum(1)
    miss = frame.rating - f.mean - dot - f.user_bias[u] - f.item_bias[i]
    return float((miss**2).sum() + decay*size)


def small():
    rng = np.random.default_rng(0)
    u, i = rng.integers(0, 6, 40).astype('int32'), rng.integers(0, 9, 40).astype('int32')
    u[:6] = range(6)
    return u, i, rng.normal(size=40).astype('float32'), rng.normal(size=(9, 3)).astype('float32')


def test_a_row_is_that_of_least_squares():
    u, i, stars, Q = small()
    offset, ridge = np.linspace(-1, 1, 9).astype('float32'), .3*(np.bincount(u) + 2)
    bias, P = _best_rows(_side(u, i, 6, stars), Q, offset, .3, 2.)
    for k in range(6):
        X = np.column_stack([np.ones((u == k).sum()), Q[i[u == k]]])
        rest = stars[u == k] - offset[i[u == k]]
        A = np.r_[X, np.eye(4)*ridge[k]**.5]            # decay as four more ratings of 0
        want = np.linalg.lstsq(A, np.r_[rest, np.zeros(4)], rcond=None)[0]
        assert np.abs(np.r_[bias[k], P[k]] - want).max() < 1e-5
        found = minimize(lambda w: ((rest - X @ w)**2).sum() + ridge[k]*(w @ w), np.zeros(4))
        assert np.abs(found.x - want).max() < 1e-4


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_the_loss_only_falls(seed):
    losses = [loss(als(FRAME, 4, n, decay=.05, seed=seed), FRAME, .05) for n in range(1, 12)]
    assert all(b < a*(1 + 1e-6) for a, b in zip(losses, losses[1:])) and losses[-1] < losses[0]


def test_where_it_ends_no_small_change_of_a_film_helps():
    f, rng = als(FRAME, 3, 200, decay=.1), np.random.default_rng(0)
    best = loss(f, FRAME, .1)
    for _ in range(10):
        push = rng.normal(0, .01, f.item_factors.shape)
        assert loss(replace(f, item_factors=f.item_factors + push), FRAME, .1) > best


def test_the_signal_is_found_and_shuffled_ratings_hold_none():
    known, hidden = parts(FRAME)
    assert error(als(known, 5), hidden) < .8*(hidden.rating - known.rating.mean()).std()
    mixed = known.assign(rating=known.rating.sample(frac=1, random_state=0).to_numpy())
    mean = ((hidden.rating - mixed.rating.mean())**2).mean()**.5
    assert error(als(mixed, 5, decay=.5), hidden) > .98*mean


def test_a_seed_gives_the_same_numbers():
    first, f = als(FRAME, 6, seed=3), als(FRAME, 6, seed=3)
    for name in ('user_factors', 'item_factors', 'user_bias', 'item_bias'):
        assert (getattr(f, name) == getattr(first, name)).all()
    assert not np.allclose(als(FRAME, 6, seed=4).item_factors, first.item_factors)


def test_few_ratings_weigh_little_unless_damping_is_none():
    few = pd.DataFrame({'user': list('ab'), 'item': 'new', 'rating': 5})
    def rise(damping): return als(pd.concat([THREE, few]), 1, damping=damping).item_bias[0]
    assert 0 < rise(100) < .5*rise(0)


def test_what_the_factors_know_and_odd_but_sound_frames():
    f = als(THREE, 2)
    assert f.users == list('abc') and f.item_counts.tolist() == [3, 2, 3] and f.y_range is None
    assert f.seen[1].tolist() == [0, 1, 2, 0, 2, 0, 1, 2]
    one = pd.concat([THREE, pd.DataFrame({'user': ['d'], 'item': ['x'], 'rating': [1]})])
    assert als(one, 2).users == list('abcd')
    assert np.isfinite(als(THREE, n_factors=30).score('a', 'x'))
    assert np.allclose(als(THREE.assign(rating=4), 3).score_all(['a', 'b']), 4)
    named = THREE.rename(columns=dict(user='who', item='what', rating='stars'))
    g = als(named, 2, user_name='who', item_name='what', rating_name='stars')
    assert (g.item_factors == f.item_factors).all()


@pytest.mark.parametrize('setting, says', [
    (dict(n_factors=0), 'n_factors=0 must be a whole number, 1 or more'),
    (dict(iterations=0), 'iterations=0'), (dict(n_factors=2.), 'n_factors=2.0'),
    (dict(decay=0), 'decay=0 must be above 0'), (dict(decay=-1.), 'decay=-1.0'),
    (dict(damping=-1), 'damping=-1 must be 0 or more')])
def test_settings_out_of_range(setting, says):
    with pytest.raises(ValueError, match=says): als(THREE, **setting)


def test_a_decay_that_float32_cannot_hold():
    with pytest.raises(ValueError, match='decay=1e-60 is too low, take a higher one'):
        als(THREE.assign(rating=4), 3, decay=1e-60)


@pytest.mark.parametrize('frame, says', [
    (THREE.iloc[:0], 'no rows'), (THREE.assign(rating=[np.nan] + [1]*7), 'row 0: the rating'),
    (THREE.assign(user=[None, *'aabbccc']), "column 'user', row 0: the id is missing")])
def test_bad_frames(frame, says):
    with pytest.raises(ValueError, match=says): als(frame)
