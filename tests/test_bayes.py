"Properties and bad input of collabdive.bayes, on planted ratings."
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import run
from scipy.stats import chisquare, wishart

from collabdive.bayes import UserNoise, _draw_rows, _sides, _Side, _sweep, bayes_mf, split_rhat
from collabdive.planted import planted_ratings

RATINGS = planted_ratings(120, 80, 2, 4000, noise=.6, seed=1)
KNOWN, HIDDEN = RATINGS[:3200], RATINGS[3200:]


def fit(ratings=KNOWN, n_factors=2, draws=60, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)     # sixty draws may not settle
        return bayes_mf(ratings, n_factors, draws, item_name='movie', **kwargs)

def error(y, pred): return float(np.sqrt(np.mean((np.asarray(y) - pred)**2)))

@pytest.fixture(scope='module')
def model(): return fit(draws=150)


def test_one_person_is_drawn_from_the_closed_form():
    rng, n, d = np.random.default_rng(0), 40_000, 3
    X, r, w = rng.normal(size=(4, d)), rng.normal(size=4), np.array([1., 2., .5, 3.])
    prior, m = np.array([[2., .5, 0], [.5, 1., .2], [0, .2, 3.]]), np.array([.3, -1., 0])
    pull = np.tile(m @ prior, (n, 1))
    _draw_rows(np.arange(n + 1)*4, np.tile(X, (n, 1)).astype('float32'), np.tile(r, n),
               np.tile(w, n), prior, pull, rng.standard_normal((n, d)))
    A = prior + X.T @ np.diag(w) @ X
    assert np.allclose(pull.mean(0), np.linalg.solve(A, prior @ m + X.T @ (w*r)), atol=.015)
    assert np.allclose(np.cov(pull.T), np.linalg.inv(A), atol=.015)

def test_a_row_without_ratings_is_drawn_from_the_prior():
    rng, n = np.random.default_rng(0), 40_000
    prior = np.array([[2., .5], [.5, 1.]])
    pull = np.tile(prior @ [1., -2.], (n, 1))
    none = np.zeros(0)
    _draw_rows(np.zeros(n + 1, int), np.zeros((0, 2), 'float32'), none, none, prior, pull,
               rng.standard_normal((n, 2)))
    assert np.allclose(pull.mean(0), [1, -2], atol=.03)
    assert np.allclose(np.cov(pull.T), np.linalg.inv(prior), atol=.03)

def test_noise_is_drawn_from_the_closed_form():
    rng, user = np.random.default_rng(0), np.repeat([0, 1], [30, 50])
    stars = rng.normal(size=80)*np.array([1., 3.])[user]
    noise, drawn = UserNoise(stars, user, 3), []
    total = np.bincount(user, noise.z**2)
    for _ in range(5_000):
        noise.each, noise.common, noise.shape = np.ones(3), 1., 10.
        noise.draw(np.zeros(80), rng)
        drawn.append(noise.each)
    expected = (5 + np.array([15, 25, 0]))/(5 + np.array([*total, 0])/2)
    assert np.allclose(np.mean(drawn, 0), expected, rtol=.03)

def truth(rng, n=(6, 5), d=2, n_ratings=20):
    "Everything drawn from the prior, and ratings from it."
    rows = [rng.integers(0, k - 1, n_ratings) for k in n]
    sides, basis = [], np.linalg.qr(rng.normal(size=(n[0], 2)))[0]*[2., 1.]
    for k, one in enumerate(rows):
        side = _Side(one, rng.normal(size=(n[k], d)), [basis] if k == 0 else [])
        side.precision = np.atleast_2d(wishart.rvs(d, np.eye(d), random_state=rng))
        root = np.linalg.cholesky(np.linalg.inv(side.precision))
        side.ridge = [rng.gamma(1) for _ in side.bases]
        side.slopes = [rng.standard_normal(G.shape) @ root.T/ridge**.5
                       for G, ridge in zip(side.slopes, side.ridge)]
        side.mean = sum(B @ G for B, G in zip(side.bases, side.slopes))
        side.W = side.mean + rng.standard_normal(side.W.shape) @ root.T
        sides.append(side)
    return rows, sides

def statistics(sides):
    P, Q = (side.W for side in sides)
    return [P[0, 0] + Q[0, 0] + P[0, 1:] @ Q[0, 1:], P[-1, 0] + Q[1, 0] + P[-1, 1:] @ Q[1, 1:],
            np.linalg.slogdet(sides[0].precision)[1], np.linalg.slogdet(sides[1].precision)[1],
            sides[0].ridge[1], sides[0].ridge[0]]

def test_truths_drawn_from_the_prior_rank_evenly_among_the_draws():
    rng, ranks = np.random.default_rng(0), []
    for _ in range(80):
        rows, sides = truth(rng)
        P, Q = (side.W[one] for side, one in zip(sides, rows))
        score = P[:, 0] + Q[:, 0] + (P[:, 1:]*Q[:, 1:]).sum(1)
        z, true, drawn = score + rng.normal(size=len(score)), statistics(sides), []
        for t in range(60):
            _sweep(sides[:1], sides[1:], z, np.ones(len(z)), rng)
            if t % 10 == 9: drawn.append(statistics(sides))
        ranks.append((np.array(drawn) < true).sum(0))
    for one in np.array(ranks).T:
        assert chisquare(np.bincount(one, minlength=7)).pvalue > .001

def test_it_learns_what_was_planted_and_knows_how_well(model):
    mean, std = model.predict(HIDDEN)
    best = error(HIDDEN.rating, HIDDEN.signal.clip(1, 5))
    assert best < error(HIDDEN.rating, mean) < 1.15*best < .8*HIDDEN.rating.std()
    assert .75 < (np.abs(HIDDEN.rating - mean) < 1.2816*std).mean() < .85
    doubt = model.predict(HIDDEN, noise=False)[1]
    assert (0 < doubt).all() and (doubt < std).all()
    surprise = np.abs(HIDDEN.signal - mean)/doubt
    assert .68 < (surprise < 1.2816).mean() < .88              # the doubt is of the signal

def test_shuffled_ratings_do_not_beat_the_mean():
    shuffled = KNOWN.assign(rating=np.random.default_rng(0).permutation(KNOWN.rating))
    mean, _ = fit(shuffled).predict(HIDDEN)
    assert error(HIDDEN.rating, mean) > .99*HIDDEN.rating.std()

def test_noisy_users_are_found_out():
    rng = np.random.default_rng(0)
    rough = KNOWN.user <= 40
    other = KNOWN.rating + np.where(rough, rng.normal(0, 1.5, len(KNOWN)), 0)
    width = fit(KNOWN.assign(rating=other)).noise.mean(0)
    users = np.array(fit().users)
    assert width[:-1][users <= 40].mean() > 1.4*width[:-1][users > 40].mean()

def test_the_seed_decides():
    one, same, other = fit(seed=1), fit(seed=1), fit(seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(one.draws, same.draws))
    assert not np.array_equal(one.draws[0], other.draws[0])

def test_another_scale_scales_everything(model):
    wide = fit(KNOWN.assign(rating=KNOWN.rating*20 - 10), draws=150)
    for a, b in zip(model.predict(HIDDEN), wide.predict(HIDDEN)):
        shift = 10 if b.mean() > 30 else 0
        assert np.allclose(20*a, b + shift, rtol=1e-3)

def test_factors_score_nearly_the_same(model):
    f = model.factors
    table = model.score_all(f.users)
    assert error(table, f.score_all(f.users).clip(1, 5)) < .05
    known = HIDDEN[HIDDEN.user.isin(f.users) & HIDDEN.movie.isin(f.items)]
    own = f.score(known.user, known.movie).clip(1, 5)
    assert abs(error(known.rating, own) - error(known.rating, model.predict(known)[0])) < .005
    assert (f.item_counts == KNOWN.groupby('movie').size()).all() and f is model.factors

def test_score_all_and_doubt_all_are_those_of_predict(model):
    pairs = pd.MultiIndex.from_product([model.users[:3], model.items]).to_frame(
        index=False, name=['user', 'movie'])
    mean, doubt = model.predict(pairs, noise=False)
    assert np.allclose(model.score_all(model.users[:3]).ravel(), mean, atol=1e-5)
    assert np.allclose(model.doubt_all(model.users[:3]).ravel(), doubt, atol=1e-4)
    with pytest.raises(KeyError, match='there is no user 999'): model.score_all(999)

def test_the_unknown_is_doubtful(model):
    pairs = pd.DataFrame({'user': [1, 'nobody', 'nobody'], 'movie': [1, 1, 'none']})
    mean, doubt = model.predict(pairs, noise=False)
    assert np.isfinite(mean).all() and doubt[0] < doubt[1] < doubt[2]
    with pytest.raises(KeyError, match='movie'): model.predict(pairs[['user']])

def test_columns_place_what_has_no_ratings():
    truth = KNOWN.groupby('movie').signal.mean()
    columns = pd.DataFrame({'told': truth, 'luck': np.random.default_rng(0).normal(size=80)})
    new = truth.index[::4]
    known = KNOWN[~KNOWN.movie.isin(new)]
    told = KNOWN[KNOWN.movie.isin(new)]
    mean, doubt = fit(known, item_columns=columns).predict(told, noise=False)
    blind, more = fit(known).predict(told, noise=False)
    assert error(told.rating, mean) < .97*error(told.rating, blind) and doubt.mean() < more.mean()

def test_users_with_columns_alone_become_users():
    columns = pd.DataFrame({'x': np.arange(130.)}, index=range(1, 131))
    model = fit(user_columns=columns, draws=10)
    assert model.users == list(range(1, 131)) and model.score_all(130).shape == (1, 80)
    assert np.diff(model.seen[0])[120:].sum() == 0

def test_who_rated_what_helps_where_it_tells():
    rng = np.random.default_rng(0)
    u, i = np.divmod(rng.permutation(60*60)[:2400], 60)
    likes = u % 2 == i % 2
    keep = likes | (rng.random(len(u)) < .15)                # people choose what they like
    frame = pd.DataFrame({'user': u, 'movie': i, 'rating': 3. + likes + rng.normal(0, .7, len(u))})
    frame = frame[keep]
    known, hidden = frame[:len(frame)//2], frame[len(frame)//2:]
    errors = [error(hidden.rating, fit(known, implicit=yes).predict(hidden)[0])
              for yes in (True, False)]
    assert errors[0] < errors[1]

def test_days_have_a_vector_of_their_own():
    rng = np.random.default_rng(0)
    moody = RATINGS.assign(day=rng.integers(0, 30, len(RATINGS)))
    moody['rating'] = moody.rating + rng.normal(0, 1, 30)[moody.day]
    with_days = fit(moody[:3200], day_name='day')
    mean, _ = with_days.predict(moody[3200:])
    assert error(moody.rating[3200:], mean) < .9*error(
        moody.rating[3200:], fit(moody[:3200]).predict(moody[3200:])[0])
    assert with_days.score_all(1).shape == (1, 80) and len(with_days.ids[2]) == 30
    assert np.isfinite(with_days.factors.user_bias).all()

def test_memory_bounds_what_is_kept():
    few = fit(memory=4e-6*200*3*13)         # of 202 rows of 3 numbers
    assert 10 <= len(few.noise) <= 13 and len(few.trace) == 70 and len(few.probes) == 60
    assert np.array_equal(few.draws[0][-1], fit().draws[0][-1])

def test_the_rhat_of_halves():
    rng = np.random.default_rng(0)
    same, trend = rng.normal(size=(400, 3)), np.arange(400.)[:, None]
    assert (split_rhat(same) < 1.02).all() and split_rhat(trend)[0] > 1.5
    assert split_rhat(np.ones((10, 2))).tolist() == [1, 1]
    with pytest.raises(ValueError, match='3 draws are too few'): split_rhat(same[:3])

def test_few_draws_warn():
    with pytest.warns(UserWarning, match='have not settled'): bayes_mf(KNOWN, 2, 4, 0)

ONES = pd.DataFrame({'user': [1, 2, 3], 'movie': ['a', 'b', 'a'], 'rating': [1., 5, 3]})

@pytest.mark.parametrize('frame', [ONES, ONES.assign(rating=4.), ONES.assign(user=['x', 'y', 3]),
                                   ONES.assign(user=1e9*ONES.user),
                                   pd.concat([ONES, ONES.assign(rating=2)])])
@pytest.mark.parametrize('n_factors', [1, 9])
def test_odd_ratings_work(frame, n_factors):
    model = fit(frame, n_factors, draws=10, implicit=True)
    mean, std = model.predict(frame)
    assert (frame.rating.min() <= mean).all() and (mean <= frame.rating.max()).all()
    assert np.isfinite(std).all() and (std > 0).all()
    assert np.isfinite(model.factors.score_all(model.users)).all()

@pytest.mark.parametrize('kwargs,said', [
    (dict(n_factors=0), 'n_factors=0 must be'), (dict(n_factors=1.5), 'n_factors=1.5 must be'),
    (dict(draws=3), 'draws=3 must be'), (dict(draws=-5), 'draws=-5'),
    (dict(burn_in=-1), 'burn_in=-1'), (dict(memory=0), 'memory=0'),
    (dict(memory=-1.), 'memory=-1')])
def test_settings_are_refused(kwargs, said):
    with pytest.raises(ValueError, match=said): fit(**kwargs)

def test_frames_are_refused():
    with pytest.raises(ValueError, match='no rows'): fit(KNOWN[:0])
    with pytest.raises(TypeError, match='list'): fit([1, 2])
    with pytest.raises(KeyError, match='rating'): fit(KNOWN.drop(columns='rating'))
    with pytest.raises(ValueError, match='row 5.*missing'):
        fit(KNOWN.assign(rating=KNOWN.rating.where(np.arange(3200) != 5)))
    with pytest.raises(KeyError, match="no column 'day'"): fit(day_name='day')
    with pytest.raises(ValueError, match="'when', row 3"):
        fit(KNOWN.assign(when=KNOWN.timestamp.where(np.arange(3200) != 3)), day_name='when')

@pytest.mark.parametrize('change,error,said', [
    (lambda c: c.drop(7), ValueError, 'no row for 7'),
    (lambda c: c.assign(x=c.x.where(c.index != 5)), ValueError, "'x' of 5 is missing"),
    (lambda c: c.assign(x=np.inf), ValueError, "'x' of 1 is missing or not finite"),
    (lambda c: c.assign(x='m'), ValueError, "'x' is no number"),
    (lambda c: c.assign(x=1.), ValueError, 'no column differs'),
    (lambda c: c[[]], ValueError, 'is empty'), (lambda c: c.to_numpy(), TypeError, 'ndarray'),
    (lambda c: pd.concat([c, c[:1]]), ValueError, '1 twice in its index')])
@pytest.mark.parametrize('name', ['user_columns', 'item_columns'])
def test_columns_are_refused(name, change, error, said):
    columns = pd.DataFrame({'x': np.arange(130.)}, index=range(1, 131))
    with pytest.raises(error, match=said) as e: fit(**{name: change(columns)})
    assert name in str(e.value)

def test_it_does_not_load_torch():
    code = 'import sys, collabdive.bayes; assert "torch" not in sys.modules'
    done = run(sys.executable, '-c', code)
    assert not done.returncode, done.stderr

def test_the_start_is_where_sgd_ends():
    rng, z = np.random.default_rng(0), (KNOWN.rating - KNOWN.rating.mean()).to_numpy(float)
    rows = [pd.factorize(KNOWN[name])[0] for name in ('user', 'movie')]
    P, Q = (side.W for side in _sides(rows, [range(120), range(80)], [[], []], z, 2, rng))
    score = (P[rows[0], 1:]*Q[rows[1], 1:]).sum(1) + P[rows[0], 0] + Q[rows[1], 0]
    assert error(z, score) < .85*z.std() and not P[-1, 0] and not Q[-1, 0]


def test_somebody_unknown_with_something_unknown_is_the_average_rating():
    "Films that are liked are rated more often here, as they are in life."
    rng = np.random.default_rng(0)
    liked = rng.normal(0, .8, 60)
    film = rng.choice(60, 3000, p=np.exp(1.5*liked)/np.exp(1.5*liked).sum())
    frame = pd.DataFrame({'user': rng.integers(0, 80, 3000), 'item': film,
                          'rating': (3 + liked[film] + rng.normal(0, .5, 3000)).clip(1, 5)})
    frame = frame.drop_duplicates(['user', 'item'])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)
        model = bayes_mf(frame, n_factors=2, draws=60)
    (got,), _ = model.predict(pd.DataFrame({'user': [-1], 'item': [-1]}))
    mean, of_films = frame.rating.mean(), frame.groupby('item').rating.mean().mean()
    assert of_films < mean - .3 and abs(got - mean) < .15
