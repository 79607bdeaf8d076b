"Probes of planted factors: what is there is found, what is not is not."
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy.stats import false_discovery_control, rankdata
from sklearn.metrics import r2_score, roc_auc_score

from collabdive.factors import Factors
from collabdive.probes import (aligned, auc, axis_correlations, cross_val_ridge, film_attributes,
                               holm, linear_probe, plot_probes, probe_all, r2)

N = 120
seeds = st.integers(0, 10**6)


@pytest.fixture(scope='module')
def planted():
    "Factors whose first column is the year, and whose second is Drama; counts 0, 1, 2, ..."
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(N, 4)), rng.normal(size=(N, 2))*.3
    year, drama = (1970 + 10*(X[:, 0] + noise[:, 0])).round(), X[:, 1] + noise[:, 1] > 0
    movies = pd.DataFrame({'title': [f'T{k}' for k in range(N)], 'year': year.astype('int64'),
                           'genres': np.where(drama, 'Drama|Odd', 'Odd')}).astype({'year': 'Int64'})
    movies.loc[119, 'genres'] = 'Drama|Rare'                     # Rare: one film has it
    movies.loc[[110, 111], 'year'] = pd.NA
    f = Factors(['u'], movies.title.tolist(), np.ones((1, 4)), X, [0], np.zeros(N),
                item_counts=np.arange(N))
    return f, movies.sample(frac=1, random_state=1)


def test_what_was_planted_is_found(planted):
    f, movies = planted
    found = probe_all(f, movies, min_ratings=20, n_permutations=99)
    assert found.index.tolist() == ['year', 'log_count', 'Drama', 'Odd', 'newer half',
                                    'often rated half'] or 'Odd' not in found.index
    assert found.kind.to_dict()['newer half'] == 'auc' and found.kind['year'] == 'r2'
    known = ['year', 'Drama', 'newer half']
    assert found.score[known].min() > .7 and (found.p[known] == .01).all()
    assert found.p_holm[['log_count', 'often rated half']].min() > .2
    assert np.allclose(found.p_holm, holm(found.p)) and 'Rare' not in found.index


def test_each_row_is_the_probe_of_its_question(planted):
    f, movies = planted
    found = probe_all(f, movies, min_ratings=20, n_permutations=20, seed=3, alpha=5.)
    films = movies.set_index('title').loc[f.items[20:]]
    known, X = films.year.notna().to_numpy(), f.item_factors[20:].astype(float)
    assert (~known).sum() == 2                                    # left out, not filled in
    year, half = films.year[known].astype(float), films.year.astype(float)
    settings = dict(n_permutations=20, seed=3, alpha=5.)
    for name, want in {'year': linear_probe(X[known], year, **settings),
                       'newer half': linear_probe(X[known], year > half.median(), **settings),
                       'log_count': linear_probe(X, np.log(np.arange(20, N)), **settings),
                       'often rated half': linear_probe(X, np.arange(100) > 49, **settings),
                       }.items():
        assert found.loc[name].drop('p_holm').to_dict() == want, name


def test_what_cannot_be_probed(planted):
    f, movies = planted
    with pytest.raises(KeyError, match='movies has no title'): probe_all(f, movies[1:])
    with pytest.raises(ValueError, match='no item has 500'): probe_all(f, movies, min_ratings=500)
    flat = replace(f, item_counts=np.full(N, 3))
    with pytest.raises(ValueError, match='y does not vary'): probe_all(flat, movies)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 30), seeds)
def test_scores_are_scikit_learns(n, seed):
    rng = np.random.default_rng(seed)
    y, pred = rng.normal(size=(n, 3)), rng.normal(size=(n, 3)).round(1)
    assert np.allclose(r2(y, pred), r2_score(y, pred, multioutput='raw_values'))
    yes = (rankdata(y, axis=0) > n//2)*1
    assert np.allclose(auc(yes, pred), roc_auc_score(yes, pred, average=None))
    turned = aligned(y - y.mean(0), pred - pred.mean(0))
    assert np.allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(y - y.mean(0), axis=1))


def test_no_other_turn_lies_nearer():
    rng = np.random.default_rng(0)
    A, B = (v - v.mean(0) for v in rng.normal(size=(2, 30, 3)))
    best = np.linalg.norm(aligned(A, B) - B)
    for turn in np.linalg.qr(rng.normal(size=(200, 3, 3)))[0]:
        assert np.linalg.norm(A @ turn - B) >= best - 1e-12
        assert np.allclose(aligned(A @ turn, A), A)         # turned or in a mirror, it is back
    assert np.allclose(aligned(3*A, A), 3*A)                       # it does not stretch
    with pytest.raises(ValueError, match='the matrix holds nan'): aligned(A*np.nan, B)


def test_no_row_sees_itself():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 5)), rng.normal(size=90)
    fold = np.random.default_rng(0).permutation(90) % 5
    moved = y.copy()
    moved[7] += 1000
    change = np.abs(cross_val_ridge(X, moved) - cross_val_ridge(X, y))
    assert change[fold == fold[7]].max() < 1e-9 and change[fold != fold[7]].max() > 1
    constant = np.column_stack([X, np.full(90, .1)])
    assert np.allclose(cross_val_ridge(constant, y), cross_val_ridge(X, y), atol=1e-6)
    both = cross_val_ridge(X, np.column_stack([y, moved]))         # each target on its own
    assert np.allclose(both[:, 0], cross_val_ridge(X, y))
    for arrays, says in (((X[:9], y[:9]), '9 rows are too few for 5 folds'),
                         ((X[:9], y), 'X has 9 rows, Y has 90'),
                         ((X*np.nan, y), 'the matrix holds nan in row 0')):
        with pytest.raises(ValueError, match=says): cross_val_ridge(*arrays)


def test_what_is_nowhere_is_found_once_in_twenty():
    for kind in (lambda rng: rng.normal(size=100), lambda rng: rng.random(100) < .3):
        p = []
        for seed in range(200):
            rng = np.random.default_rng(seed)
            p.append(linear_probe(rng.normal(size=(100, 20)), kind(rng), 19, seed)['p'])
        assert np.mean(np.array(p) <= .05) < .1 and .45 < np.mean(p) < .62


def test_questions_without_an_answer():
    X, y = np.random.default_rng(0).normal(size=(50, 3)), np.arange(50.)
    for args, says in (((X, np.ones(50)), 'y does not vary'), ((X, y, 0), 'n_permutations=0'),
                       ((X[:8], y[:8]), '8 rows are too few'),
                       ((X, np.where(y == 1, np.nan, y)), 'y holds nan in row 1; leave out')):
        with pytest.raises(ValueError, match=says): linear_probe(*args)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferronis(p):
    p, found = np.array(p), holm(p)
    assert (found >= p).all() and (found <= np.minimum(1, len(p)*p) + 1e-12).all()
    assert (found >= false_discovery_control(p) - 1e-12).all()
    assert found.min() == pytest.approx(min(1, len(p)*p.min())) and found[p.argmax()] == found.max()
    order, rejected = np.argsort(p), np.zeros(len(p), bool)        # in Holm's own words
    for k, row in enumerate(order):
        if p[row]*(len(p) - k) > .05: break
        rejected[row] = True
    assert ((found <= .05) == rejected).all()


def test_p_values_are_between_0_and_1():
    assert holm([.3]).tolist() == [.3] and not len(holm([]))
    for bad in (1.2, -.1, np.nan):
        with pytest.raises(ValueError, match=f'p-value {bad} in row 1 is not in'): holm([.5, bad])


def test_a_probe_says_how_lucky_it_may_be():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    found = linear_probe(X, y, 19, seed=2)
    rng = np.random.default_rng(2)
    columns = [y] + [rng.permutation(y) for _ in range(19)]
    scores = [r2_score(c, cross_val_ridge(X, c, seed=2)) for c in columns]
    low, high = np.quantile(scores[1:], [.05, .95])
    want = dict(score=scores[0], chance=np.mean(scores[1:]), low=low, high=high)
    assert {name: found[name] for name in want} == pytest.approx(want)
    assert found['p'] == pytest.approx(np.mean([s >= scores[0] for s in scores]))
    moved = cross_val_ridge(5*X + [1, 100, -7], y, seed=2)
    assert np.allclose(moved, cross_val_ridge(X, y, seed=2))       # no unit, no origin
    assert len(cross_val_ridge(X[:10], y[:10])) == 10             # two rows a fold are enough
    up, down = (linear_probe(X, sign*(X[:, 0] > 0), 19) for sign in (1, -1))
    assert up['kind'] == down['kind'] == 'auc' and up['score'] > .9 < down['score']


def test_correlations_of_axes_and_frames_that_do_not_fit():
    axes = pd.DataFrame({'pc1': [1., 2, 3, 4], 'pc2': [1., 3, 2, 4]})
    known = pd.DataFrame({'up': [1., 2, 3, 9], 'down': [4., np.nan, 2, 1]})
    found = axis_correlations(axes, known)
    assert list(found) == ['axis', 'attribute', 'rho', 'p', 'p_holm']
    found = found.set_index(['axis', 'attribute'])
    rho = [found.rho[pair] for pair in (('pc1', 'up'), ('pc1', 'down'), ('pc2', 'up'))]
    assert rho == pytest.approx([1, -1, .8]) and found.rho.abs().is_monotonic_decreasing
    assert np.allclose(found.p_holm, holm(found.p))
    with pytest.raises(ValueError, match='4 rows, the attributes 3'):
        axis_correlations(axes, known[1:])
    for still in (axes.assign(pc2=1.), axes.assign(pc2=np.nan)):
        with pytest.raises(ValueError, match="column 'pc2' does not vary"):
            axis_correlations(still, known)
    with pytest.raises(ValueError, match='cannot be aligned'):
        aligned(np.ones((3, 2)), np.ones((3, 1)))


def test_genres_that_enough_films_have():
    movies = pd.DataFrame({'title': list('abca'), 'year': pd.array([1990, None, 1992, 7], 'Int64'),
                           'genres': ['X|Y', 'X', 'Y', 'Z']})
    table = film_attributes(movies, list('cab'), [1, 2, 0], min_films=2)
    assert table.index.tolist() == list('cab') and list(table) == ['year', 'log_count', 'X', 'Y']
    assert table.year.tolist()[:2] == [1992, 1990] and table.X.tolist() == [False, True, True]
    assert 'X' not in film_attributes(movies, list('abc'), min_films=3)
    assert film_attributes(movies, ['c'], [0]).log_count.tolist() == [-np.inf]
    assert np.isnan(film_attributes(movies, ['b']).year.iloc[0])
    with pytest.raises(KeyError, match="movies has no title 'd'; 1 of 2 items"):
        film_attributes(movies, ['a', 'd'])
    numbered = movies.assign(movie=[1, 2, 3, 4])
    by_id = film_attributes(numbered, [3, 1], item_name='movie', min_films=1)
    assert by_id.year.tolist() == [1992, 1990]
    twenty = pd.DataFrame({'title': range(20), 'year': 1990, 'genres': ['X|Y']*19 + ['X']})
    assert list(film_attributes(twenty, range(20))) == ['year', 'X']    # 20, as a default


def test_a_mark_says_whether_it_was_found():
    table = pd.DataFrame({'score': [.9, .5, .7], 'low': [.4]*3, 'high': [.6]*3,
                          'p_holm': [.01, .9, .05]}, index=list('abc'))
    ax = Figure().subplots()
    assert plot_probes(table, ax) is ax
    found, lost = ax.lines
    assert (list(found.get_xdata()), list(lost.get_xdata())) == ([.9], [.5, .7])
    assert (found.get_label(), lost.get_label()) == ('found', 'not found')
    assert [t.get_text() for t in ax.get_yticklabels()] == list('bca')
    assert [bar.get_x() for bar in ax.patches] == [.4]*3
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([.2]*3)
    spread = table.assign(lowest=.1, highest=.95)
    assert len(plot_probes(spread, Figure().subplots()).collections) == 1 + len(ax.collections)
