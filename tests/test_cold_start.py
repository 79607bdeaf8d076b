"Properties and bad input of collabdive.cold_start, on made-up models."
import unicodedata
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from collabdive.cold_start import (_curve, _minimum, _solved, explain, fold_in, fold_in_all,
                                   swapped, what_to_ask)
from collabdive.factors import Factors
from collabdive.recommend import recommend


def model(y_range=(0, 5.5), n_users=40, n_items=25, width=6, seed=0):
    rng = np.random.default_rng(seed)
    seen = np.arange(n_users + 1)*5, rng.integers(0, n_items, n_users*5)
    return Factors(list(range(n_users)), [f'Film {k}' for k in range(n_items)],
                   rng.normal(0, .6, (n_users, width)), rng.normal(0, .6, (n_items, width)),
                   rng.normal(0, .5, n_users), rng.normal(.3, .5, n_items),
                   0. if y_range else 3.5, y_range, np.full(n_items, 8), seen)

def given(n, seed=0, n_items=25):
    rng = np.random.default_rng(seed)
    return {f'Film {k}': int(rng.integers(1, 6)) for k in rng.choice(n_items, n, replace=False)}

def stated_minimum(f, ratings, noise=.9, widen=2.25):
    "The formula of the lesson, minimised by BFGS."
    W = np.column_stack([f.user_bias, f.user_factors]).astype(float)
    m = np.average(W, axis=0, weights=np.diff(f.seen[0]))
    root = np.linalg.cholesky(widen*(W - m).T @ (W - m)/len(W))
    rows = [f.items.index(t) for t in ratings]
    X = np.column_stack([np.ones(len(rows)), f.item_factors[rows]])
    r = np.array([*ratings.values()])
    def predict(w):
        raw = f.mean + f.item_bias[rows] + X @ w
        return raw if f.y_range is None else f.y_range[1]/(1 + np.exp(-raw))
    def loss(z): return ((r - predict(m + root @ z))**2).sum()/noise**2 + z @ z
    starts = [np.zeros(len(m))] + [np.random.default_rng(k).normal(size=len(m)) for k in range(2)]
    found = min((minimize(loss, z, options={'gtol': 1e-9}) for z in starts), key=lambda o: o.fun)
    return m + root @ found.x

@pytest.mark.parametrize('y_range', [None, (0, 5.5)])
@pytest.mark.parametrize('n', [1, 4, 20])
def test_it_is_the_minimum_of_the_stated_loss(y_range, n):
    f = model(y_range)
    you = fold_in(f, given(n), noise=.9)
    best = stated_minimum(f, given(n))
    assert np.abs(np.r_[you.user_bias, you.user_factors] - best).max() < 1e-5

def test_without_a_range_it_is_one_ridge_in_closed_form():
    f, ratings = model(None), given(7)
    W = np.column_stack([f.user_bias, f.user_factors]).astype(float)
    m = W.mean(0)
    P = np.linalg.inv(2.25*(W - m).T @ (W - m)/len(W))
    rows = [f.items.index(t) for t in ratings]
    X = np.column_stack([np.ones(len(rows)), f.item_factors[rows]]).astype(float)
    left = np.array([*ratings.values()]) - f.mean - f.item_bias[rows]
    H = X.T @ X/.9**2 + P
    you = fold_in(f, ratings)
    w = np.linalg.solve(H, X.T @ left/.9**2 + P @ m)
    assert np.allclose(np.r_[you.user_bias, you.user_factors], w, atol=1e-5)
    assert np.allclose(you.covariance, np.linalg.inv(H), atol=1e-4)

@pytest.mark.parametrize('y_range', [None, (0, 5.5)])
def test_all_at_once_is_one_by_one(y_range):
    f, people = model(y_range), {u: given(n, n) for u, n in zip('zyx', (1, 9, 20))}
    frame = pd.DataFrame([(u, t, s) for u, r in people.items() for t, s in r.items()],
                         columns=['user', 'title', 'rating']).sample(frac=1, random_state=0)
    many = fold_in_all(f, frame)
    assert many.users == ['x', 'y', 'z'] and many.items == f.items
    for u, r in people.items():
        one = fold_in(f, r)
        assert np.allclose(many.score(u, f.items), one.score(f.items), atol=1e-5)
        rated = many.seen[1][many.seen[0][k := many.users.index(u)]:many.seen[0][k + 1]]
        assert {f.items[i] for i in rated} == set(r)
    assert not set(recommend(many, 'x', 3).item) & set(people['x'])

def test_a_frame_in_many_blocks_is_the_same():
    f, rng = model(), np.random.default_rng(0)
    frame = pd.DataFrame({'user': rng.integers(0, 900, 9000),
                          'title': [f'Film {k}' for k in rng.integers(0, 25, 9000)],
                          'rating': rng.integers(1, 6, 9000)})
    many = fold_in_all(f, frame)
    for u in many.users[::200]:
        alone = fold_in_all(f, frame[frame.user == u])
        assert np.allclose(many.score(u, f.items), alone.score(u, f.items), atol=1e-5)

@pytest.mark.parametrize('k', [1, 3, 7, 20])
def test_the_smaller_table_gives_the_same_answer(k):
    rng = np.random.default_rng(k)
    R, v = rng.normal(size=(4, k, 7)), rng.normal(size=(4, 7))
    want = np.linalg.solve(np.eye(7) + R.swapaxes(1, 2) @ R, v[..., None])[..., 0]
    assert np.allclose(_solved(R.astype('float32'), v), want, atol=1e-5)
    assert (_solved(np.zeros((len(v), 0, v.shape[1]), 'float32'), v) == v).all()  # no ratings

@pytest.mark.parametrize('n', [2, 20])
def test_factors_beyond_all_bounds_have_no_answer(n):
    f = model(None)
    f = replace(f, user_factors=f.user_factors*1e18, item_factors=f.item_factors*1e18)
    with pytest.raises(ValueError, match='larger noise'), np.errstate(all='ignore'):
        fold_in(f, given(n))

def test_order_does_not_matter_and_more_of_the_same_moves_further():
    f, ratings = model(), given(6)
    turned = dict(reversed(ratings.items()))
    assert np.allclose(fold_in(f, ratings).score(f.items), fold_in(f, turned).score(f.items))
    low, high = (fold_in(f, dict.fromkeys(ratings, s)).user_bias for s in (2, 5))
    assert low < high

def test_doubt_shrinks_with_ratings_and_without_them_is_how_people_differ():
    f = model()
    doubts = [fold_in(f, dict(list(given(20).items())[:n])).doubt(f.items).mean()
              for n in (1, 5, 20)]
    assert doubts == sorted(doubts, reverse=True)
    vague = fold_in(f, given(3), noise=1e4)
    W = np.column_stack([f.user_bias, f.user_factors]).astype(float)
    assert np.allclose(vague.covariance, 2.25*np.cov(W.T, bias=True), atol=1e-3)
    assert np.allclose(np.r_[vague.user_bias, vague.user_factors], W.mean(0), atol=1e-4)

def test_a_steep_model_that_oversteps_still_settles():
    f = model(n_users=60)
    f = replace(f, item_factors=f.item_factors*12, item_bias=f.item_bias*12)
    ratings = given(15, 3)
    you = fold_in(f, ratings, noise=.1)
    def loss(w):
        moved = replace(you, user_bias=w[0], user_factors=w[1:])
        miss = moved.score(list(ratings)) - np.array([*ratings.values()])
        W = np.column_stack([f.user_bias, f.user_factors]).astype(float)
        far = w - W.mean(0)
        return (miss**2).sum()/.01 + far @ np.linalg.solve(2.25*np.cov(W.T, bias=True), far)
    w = np.r_[you.user_bias, you.user_factors]
    rng = np.random.default_rng(0)
    assert all(loss(w) <= loss(w + 1e-3*rng.normal(size=len(w))) + 1e-6 for _ in range(50))

def test_a_model_without_biases_or_without_factors_folds_in_what_it_has():
    f = model()
    flat = fold_in(replace(f, user_bias=np.zeros(40)), given(5))
    assert abs(flat.user_bias) < 1e-9
    bare = replace(f, user_factors=np.zeros((40, 0)), item_factors=np.zeros((25, 0)))
    assert fold_in(bare, given(5)).user_factors.shape == (0,)

def test_people_who_had_no_training_ratings_do_not_narrow_the_spread():
    f = model()
    mean = fold_in(f, given(3), noise=1e6)
    idle = 20
    more = replace(f, users=list(range(40 + idle)),
                   user_factors=np.r_[f.user_factors, np.tile(mean.user_factors, (idle, 1))],
                   user_bias=np.r_[f.user_bias, [mean.user_bias]*idle],
                   seen=(np.r_[f.seen[0], [f.seen[0][-1]]*idle], f.seen[1]))
    a, b = (fold_in(g, given(5)).score(f.items) for g in (f, more))
    assert np.allclose(a, b, atol=1e-5)

@pytest.mark.parametrize('y_range', [None, (0, 5.5)])
def test_pushes_add_up_and_without_is_without(y_range):
    f, ratings = model(y_range), given(6)
    you = fold_in(f, ratings)
    why = explain(f, you, 'Film 3')
    average = fold_in(f, given(1), noise=1e7).score('Film 3')[0]
    assert np.isclose(average + why.push.sum(), you.score('Film 3')[0], atol=1e-4)
    assert (why.push.abs().diff().dropna() <= 1e-12).all() and set(why.item) == set(ratings)
    for row in why.itertuples():
        rest = {t: s for t, s in ratings.items() if t != row.item}
        assert np.isclose(fold_in(f, rest).score('Film 3')[0], row.without, atol=1e-4)

def test_explaining_a_single_rating_falls_back_on_the_average():
    f = model()
    why = explain(f, fold_in(f, given(1)), 'Film 3')
    assert np.isclose(why.without[0] + why.push[0], fold_in(f, given(1)).score('Film 3')[0])

def test_the_first_question_is_the_best_of_all():
    f = model(None)
    asked = what_to_ask(f, 3)
    left = {t: np.sqrt((fold_in(f, {t: 3}).doubt(f.items)**2).mean()) for t in f.items}
    assert asked.item[0] == min(left, key=left.get)
    assert np.isclose(asked.doubt[0], min(left.values()), atol=1e-4)
    after = fold_in(f, dict.fromkeys(asked.item, 3)).doubt(f.items)
    assert np.isclose(asked.doubt[2], np.sqrt((after**2).mean()), atol=1e-4)
    assert asked.doubt.is_monotonic_decreasing and asked.item.is_unique
    assert set(what_to_ask(f, 9, ['Film 1', 'Film 2']).item) == {'Film 1', 'Film 2'}

def test_swapped_twice_is_the_same_and_a_film_folds_in_by_its_raters():
    f = model()
    turned = swapped(f)
    assert turned.users == f.items and np.array_equal(turned.item_counts, [5]*40)
    assert np.allclose(turned.score_all(turned.users), f.score_all(f.users).T)
    back = swapped(turned)
    assert np.array_equal(back.seen[0], f.seen[0])
    for a, b in zip(back.seen[0], back.seen[0][1:]):
        assert sorted(back.seen[1][a:b]) == sorted(f.seen[1][a:b])
    film = fold_in(turned, {3: 5, 7: 1})
    assert film.score([3])[0] > film.score([7])[0]

bad_dicts = [({'Film 99': 3}, KeyError, 'Film 9'), ({'film 3': 3}, KeyError, "'Film 3'"),
             ({}, ValueError, 'rated nothing'), ({'Film 3': 6}, ValueError, '5.5'),
             ({'Film 3': -1}, ValueError, 'stars'), ({'Film 3': float('nan')}, ValueError, 'stars'),
             ({'Film 3': '5'}, ValueError, 'stars'), ({'Film 3': None}, ValueError, 'stars'),
             ({'Film 3': 5, ' film  3': 4}, ValueError, 'two spellings'),
             ([('Film 3', 5)], TypeError, 'dict')]

@pytest.mark.parametrize('ratings, error, says', bad_dicts)
def test_bad_ratings_are_named(ratings, error, says):
    with pytest.raises(error, match=says): fold_in(model(), ratings)

def test_two_unicode_spellings_of_one_title_offer_the_known_one():
    f = model()
    f = replace(f, items=['Amélie', *f.items[1:]])
    with pytest.raises(KeyError, match='Amélie'):
        fold_in(f, {unicodedata.normalize('NFD', 'Amélie'): 5})

def test_a_film_without_training_ratings_is_refused():
    f = replace(model(), item_counts=np.r_[0, np.full(24, 8)])
    with pytest.raises(ValueError, match="'Film 0' has no ratings in training"):
        fold_in(f, {'Film 0': 4, 'Film 1': 4})
    with pytest.raises(ValueError, match="'Film 0' has no ratings in training"):
        fold_in_all(f, pd.DataFrame({'user': [1], 'title': ['Film 0'], 'rating': [4]}))

@pytest.mark.parametrize('f', [None, {}, 'model', pd.DataFrame()])
def test_what_is_no_factor_model_is_refused(f):
    with pytest.raises(TypeError, match='to_factors'): fold_in(f, {'Film 1': 3})
    with pytest.raises(TypeError, match='to_factors'): fold_in_all(f, pd.DataFrame())

def test_a_model_whose_users_have_rated_nothing_has_no_average():
    f = replace(model(), seen=(np.zeros(41, int), np.array([], int)))
    with pytest.raises(ValueError, match='no average'): fold_in(f, {'Film 1': 3})

@pytest.mark.parametrize('setting', [dict(noise=0), dict(noise=-1), dict(widen=0),
                                     dict(noise=np.nan), dict(widen=np.inf)])
def test_settings_must_be_above_zero(setting):
    with pytest.raises(ValueError, match='must be above 0'): fold_in(model(), given(2), **setting)
    with pytest.raises(ValueError, match='must be above 0'): what_to_ask(model(), 2, **setting)

frames = [({'rating': [6.]}, ValueError, '5.5'), ({'rating': [np.nan]}, ValueError, 'missing'),
          ({'title': ['Film 99']}, KeyError, 'Film 9'), ({'user': [None]}, ValueError, 'misses 1')]

@pytest.mark.parametrize('change, error, says', frames)
def test_bad_frames_are_named(change, error, says):
    row = {'user': ['a'], 'title': ['Film 1'], 'rating': [3.], **change}
    with pytest.raises(error, match=says): fold_in_all(model(), pd.DataFrame(row))

def test_frames_without_rows_or_columns_are_named():
    frame = pd.DataFrame({'user': ['a'], 'title': ['Film 1'], 'rating': [3.]})
    with pytest.raises(ValueError, match='no rows'): fold_in_all(model(), frame[:0])
    with pytest.raises(KeyError, match="'stars'"): fold_in_all(model(), frame, rating_name='stars')

def test_explain_and_ask_name_what_is_wrong():
    f, you = model(), fold_in(model(), given(3))
    with pytest.raises(TypeError, match='fold_in'): explain(f, given(3), 'Film 1')
    with pytest.raises(KeyError, match='Film 9'): explain(f, you, 'Film 99')
    with pytest.raises(KeyError, match='Film 9'): you.score(['Film 99'])
    with pytest.raises(ValueError, match='k=0'): what_to_ask(f, 0)
    with pytest.raises(KeyError, match='Film 9'): what_to_ask(f, 2, ['Film 99'])

def test_another_scale_needs_no_setting():
    f, ratings = model(), given(8)
    twice = replace(f, y_range=(0, 11))
    a = fold_in(f, ratings).score(f.items)
    b = fold_in(twice, {t: 2*s for t, s in ratings.items()}).score(f.items)
    assert np.allclose(2*a, b, atol=1e-4)


def test_the_minimum_is_exact_where_newtons_steps_are_held_back():
    rng, worst = np.random.default_rng(0), 0
    for _ in range(60):
        level, B = rng.normal(0, 1.5, 20), rng.normal(0, .6, (20, 8))
        stars = rng.integers(1, 6, 20).astype(float)
        z = _minimum(level[None], B[None], stars[None], 1., (0, 5.5), .9)[0][0]

        def loss(z):
            pred, slope, _ = _curve(level + B @ z, (0, 5.5))
            error = (stars - pred)/.9
            return error @ error + z @ z, 2*z - 2*B.T @ (error*slope/.9)
        best = minimize(loss, z, jac=True, options=dict(gtol=1e-10)).x
        worst = max(worst, np.abs(best - z).max())
    assert worst < 1e-5
