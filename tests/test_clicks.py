"Clicks: pairs without ratings, EASE, implicit ALS and BPR; odd pairs, odd settings."
import sys

import numpy as np
import pandas as pd
import pytest
from collabdive.clicks import bpr, ease, implicit_als, read_pairs, to_pairs
from collabdive.cold_start import fold_in
from collabdive.planted import planted_ratings
from collabdive.recommend import ranking_metrics, recommend, recommend_all
from helpers import run

FITS = ease, implicit_als, bpr
FEW = {ease: {}, implicit_als: dict(n_factors=8, iterations=3), bpr: dict(n_factors=8, epochs=10)}


@pytest.fixture(scope='module')
def ratings(): return planted_ratings(80, 50, 3, 2000, .3, seed=1)[['user', 'movie', 'rating']]

@pytest.fixture(scope='module')
def pairs(ratings): return to_pairs(ratings, 4)

def fitted(fit, pairs, **settings): return fit(pairs, **{**FEW[fit], **settings})

def scores(fit, pairs, **settings):
    model = fitted(fit, pairs, **settings)
    return model.score_all(model.users)

def table(pairs):
    X = pd.crosstab(pairs.user, pairs.movie)
    assert X.to_numpy().max() == 1
    return X.to_numpy().astype(float)


def test_pairs_are_the_rows_at_or_above_the_threshold(ratings):
    pairs = to_pairs(ratings, 4)
    high = ratings[ratings.rating >= 4]
    assert list(pairs) == ['user', 'movie'] and len(pairs) == len(high) < len(ratings)
    assert len(to_pairs(ratings)) == len(ratings)
    assert len(to_pairs(ratings.drop(columns='rating'))) == len(ratings)

def test_a_pair_counts_once(pairs):
    twice = pd.concat([pairs, pairs.iloc[:50], pairs.iloc[:20]])
    assert to_pairs(twice).equals(to_pairs(pairs))
    for fit in FITS:
        a, b = fitted(fit, pairs), fitted(fit, twice)
        assert np.array_equal(a.score_all(a.users), b.score_all(b.users))
        assert (a.item_counts == b.item_counts).all()

def test_no_rating_is_high_enough(ratings):
    with pytest.raises(ValueError, match='at_least=9: the highest rating is 5'):
        to_pairs(ratings, 9)

@pytest.mark.parametrize('text,settings', [
    ('user,item\nann,007\nbob,7.5\nann,007\n', {}),
    ('user\titem\trating\nann\t007\t5\nbob\t7.5\t4\nbob\t007\t1\n', dict(at_least=4)),
    ('ann;007\nbob;7.5\n', dict(names=['user', 'item']))])
def test_a_file_with_or_without_ratings(tmp_path, text, settings):
    (tmp_path/'f.csv').write_text(text)
    got = read_pairs(tmp_path/'f.csv', **settings)
    assert got.astype(str).to_numpy().tolist() == [['ann', '007'], ['bob', '7.5']]

def test_numbers_with_a_dot_stay_as_they_are_spelled(tmp_path):
    (tmp_path/'f.csv').write_text('user,item\n1,1.10\n2,1.1\n')
    assert read_pairs(tmp_path/'f.csv').item.tolist() == ['1.10', '1.1']

@pytest.mark.parametrize('text,settings,error,says', [
    ('who,item\na,x\nb,y\n', {}, KeyError, "f.csv.*no column 'user'.*names="),
    ('user,item\na,x\nb,x\n', {}, ValueError, "f.csv.*one id only"),
    ('user,item\na,x\n,y\n', {}, ValueError, 'f.csv.*missing'),
    ('user,item\na,x\nb,y\n', dict(at_least=4), KeyError, "f.csv.*no column 'rating'")])
def test_a_bad_file_is_named(tmp_path, text, settings, error, says):
    (tmp_path/'f.csv').write_text(text)
    with pytest.raises(error, match=says): read_pairs(tmp_path/'f.csv', **settings)

def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.csv'): read_pairs(tmp_path/'none.csv')

@pytest.mark.parametrize('fit', [to_pairs, *FITS])
@pytest.mark.parametrize('change,error,says', [
    (lambda p: p.iloc[:0], ValueError, 'no rows'), (lambda p: p.to_numpy(), TypeError, 'DataFrame'),
    (lambda p: p.assign(movie=3), ValueError, 'one id only'),
    (lambda p: p.assign(user='me'), ValueError, 'one id only'),
    (lambda p: p.drop(columns='movie'), KeyError, 'no column'),
    (lambda p: p.assign(movie=p.movie.where(p.index != 2)), ValueError, 'row 2.*missing')])
def test_bad_pairs(pairs, fit, change, error, says):
    with pytest.raises(error, match=says): fit(change(pairs))

def test_users_and_items_in_one_column(pairs):
    with pytest.raises(ValueError, match="both in column 'user'"): ease(pairs, item_name='user')

@pytest.mark.parametrize('fit,settings,says', [
    (ease, dict(decay=0), 'decay=0'), (ease, dict(decay=np.inf), 'decay=inf'),
    (ease, dict(dropout=-1), 'dropout=-1'), (ease, dict(user_power=np.nan), 'user_power=nan'),
    (ease, dict(item_power=-.1), 'item_power=-0.1'),
    (implicit_als, dict(n_factors=0), 'n_factors=0'), (implicit_als, dict(decay=-1), 'decay=-1'),
    (implicit_als, dict(iterations=1.5), 'iterations=1.5'),
    (implicit_als, dict(confidence=1), 'confidence=1 must be above 1'),
    (implicit_als, dict(damping=0), 'damping=0'), (implicit_als, dict(steps=0), 'steps=0'),
    (implicit_als, dict(threads=0), 'threads=0'),
    (bpr, dict(epochs=0), 'epochs=0'), (bpr, dict(lr=0), 'lr=0'),
    (bpr, dict(decay=np.nan), 'decay=nan'), (bpr, dict(n_factors=-2), 'n_factors=-2')])
def test_settings_out_of_range(pairs, fit, settings, says):
    with pytest.raises(ValueError, match=says): fit(pairs, **settings)

def test_too_many_items_for_a_table_of_pairs():
    many = pd.DataFrame({'user': np.arange(40_001) % 7, 'item': np.arange(40_001)})
    with pytest.raises(ValueError, match='40,001 items need 6 GB.*implicit_als'): ease(many)

def test_a_rate_too_high_is_no_result(pairs):
    with pytest.raises(ValueError, match='lr=1e.*lower'), np.errstate(all='ignore'):
        bpr(pairs, 4, 5, lr=1e30)


def test_ease_is_a_regression_for_each_item(pairs):
    X, model = table(pairs), ease(pairs, 7., 0, 0)
    for i in range(0, 50, 7):
        rest = np.delete(X, i, 1)
        want = np.linalg.solve(rest.T @ rest + 7*np.eye(49), rest.T @ X[:, i])
        assert np.allclose(np.delete(model.weights[:, i], i), want, atol=1e-4)
    assert (np.diag(model.weights) == 0).all()

def test_dropout_and_powers_of_ease(pairs):
    X, model = table(pairs), ease(pairs, 7., .2, .5, .3)
    n, count = X.sum(1), X.sum(0)
    weight = (n/n.mean())**-.5
    for i in range(0, 50, 7):
        rest = np.delete(X, i, 1)
        G = (rest.T*weight) @ rest
        want = np.linalg.solve(G + np.diag(7 + .2*np.diag(G)), (rest.T*weight) @ X[:, i])
        want *= (count[i]/count.mean())**-.3
        assert np.allclose(np.delete(model.weights[:, i], i), want, atol=1e-4)

def exact_items(X, P, pull, confidence):
    "For each item the best row for these users, every cell weighed."
    W, P = 1 + (confidence - 1)*X, P.astype(float)
    return np.array([np.linalg.solve((P.T*W[:, i]) @ P + pull[i]*np.eye(P.shape[1]),
                                     (P.T*W[:, i]) @ X[:, i]) for i in range(X.shape[1])])

def test_implicit_als_solves_each_row_of_all_cells(pairs):
    "After the last half round the items are the best for these users, if the steps are enough."
    X = table(pairs)
    for damping in (None, 30.):
        f = implicit_als(pairs, 5, 2, 6., .02, damping, steps=8)
        pull = .02*(5*X.sum(0) + (len(X) if damping is None else damping))
        best = exact_items(X, f.user_factors, pull, 6.)
        assert np.allclose(f.item_factors, best, atol=1e-4)

def test_three_steps_come_nearer_to_the_closed_form_than_one(pairs):
    X, off = table(pairs), []
    for steps in (1, 3, 5, 40):
        f = implicit_als(pairs, 5, 4, 6., .02, steps=steps)
        best = exact_items(X, f.user_factors, .02*(5*X.sum(0) + len(X)), 6.)
        off.append(np.abs(f.item_factors - best).max())
    assert off[0] > 5*off[1] > 50*off[2] and off[3] < 1e-5

def test_threads_change_no_number(pairs):
    one, two, many = (implicit_als(pairs, 8, 3, threads=n) for n in (1, 2, 9))
    for f in (two, many):
        assert np.array_equal(f.user_factors, one.user_factors)
        assert np.array_equal(f.item_factors, one.item_factors)

def test_the_loss_of_implicit_als_only_falls(pairs):
    X, losses = table(pairs), []
    for n in (1, 2, 4, 8):
        f = implicit_als(pairs, 5, n, 6., .02)
        miss = ((1 + 5*X)*(X - f.user_factors @ f.item_factors.T)**2).sum()
        pulls = [(.02*(5*X.sum(axis) + X.shape[axis]) * (F**2).sum(1)).sum()
                 for axis, F in ((1, f.user_factors), (0, f.item_factors))]
        losses.append(miss + sum(pulls))
    assert (np.diff(losses) < 1e-3).all() and losses[-1] < losses[0]

def test_bpr_puts_clicks_ahead(pairs):
    X, s = table(pairs) > 0, scores(bpr, pairs, epochs=60)
    ahead = [(s[u][X[u]][:, None] > s[u][~X[u]]).mean() for u in range(len(X)) if not X[u].all()]
    assert np.mean(ahead) > .8

@pytest.mark.parametrize('fit', [implicit_als, bpr])
def test_a_seed_repeats_and_another_does_not(pairs, fit):
    one, again, other = (scores(fit, pairs, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one, again) and not np.allclose(one, other, atol=1e-4)

@pytest.mark.parametrize('fit', FITS)
def test_taste_is_found_and_not_in_shuffled_clicks(fit):
    "Against the most clicked; shuffled within each film, so that counts stay."
    settings = {ease: dict(decay=30.), implicit_als: dict(n_factors=4, decay=.1),
                bpr: dict(n_factors=4, epochs=30)}[fit]
    rng = np.random.default_rng(0)
    taste, groups = rng.integers(0, 4, 200), np.arange(60) % 4
    like = rng.random((200, 60)) < np.where(taste[:, None] == groups, .5, .05)
    def gain(like):
        u, i = np.nonzero(like)
        frame = pd.DataFrame(dict(user=u, item=i))
        at = np.random.default_rng(1).random(len(u)) < .2
        known, wanted = frame[~at], frame[at].groupby('user').item.agg(set)
        wanted = wanted[wanted.index.isin(known.user)]
        model = fit(known, **settings)
        seen = known.groupby('user').item.agg(set)
        order = known.item.value_counts().index
        most = [[i for i in order if i not in seen[u]][:10] for u in wanted.index]
        lists = recommend_all(model, wanted.index)[0]
        return ranking_metrics(lists, wanted)['ndcg'] - ranking_metrics(most, wanted)['ndcg']
    mixed = np.column_stack([rng.permutation(column) for column in like.T])
    assert gain(like) > .15 and gain(mixed) < .05

@pytest.mark.parametrize('fit', FITS)
def test_lists_leave_out_clicks(pairs, fit):
    model = fitted(fit, pairs)
    lists, numbers = recommend_all(model, model.users, 5)
    own = pairs.groupby('user').movie.agg(set)
    assert not any(own[user] & {*row} for user, row in zip(model.users, lists))
    assert np.isfinite(numbers[pd.notna(lists)]).all()

@pytest.mark.parametrize('fit', FITS)
def test_somebody_without_clicks_an_item_nobody_clicked_and_no_places(ratings, fit):
    low = ratings.assign(rating=ratings.rating.where(ratings.user != 5, 2.))
    low['rating'] = low.rating.where(low.movie != 9, 1.)
    model = fitted(fit, to_pairs(low, 4))
    assert 5 not in model.users and 9 not in model.items
    with pytest.raises(KeyError, match='5'): recommend(model, 5)
    with pytest.raises(ValueError, match='k=0'): recommend(model, 1, k=0)
    lists, _ = recommend_all(model, [1, 2], 3)
    missed = ranking_metrics(lists, [{9}, {lists[1][0]}], 3)
    assert missed['recall'] == missed['hit'] == .5

def test_two_users_and_two_items():
    frame = pd.DataFrame({'user': ['a', 'b', 'b'], 'item': ['x', 'x', 'y']})
    for fit in FITS:
        model = fitted(fit, frame)
        assert recommend(model, 'a', 1).item.tolist() == ['y']

def test_somebody_who_has_clicked_on_everything(pairs):
    all_of_it = pd.DataFrame({'user': 999, 'movie': pairs.movie.unique()})
    for fit in FITS:
        model = fitted(fit, pd.concat([pairs, all_of_it]))
        assert pd.isna(recommend_all(model, [999], 3)[0]).all()

def test_other_names_and_ids_of_two_types(pairs):
    odd = pairs.assign(movie=[f'film {k}' if k % 2 else int(k) for k in pairs.movie])
    odd.columns = ['who', 'song']
    for fit in FITS:
        model = fitted(fit, odd, user_name='who', item_name='song')
        assert {*model.items} == {*odd.song} and np.isfinite(model.score_all(model.users)).all()

def test_a_newcomer_by_their_clicks(pairs):
    model = ease(pairs, 30.)
    own = pairs.movie[pairs.user == 7]
    you = model.fold_in(dict.fromkeys(own, 1))
    assert np.allclose(you.score(model.items), model.score_all(7)[0], atol=1e-5)
    with pytest.raises(TypeError, match='its own fold_in'): fold_in(model, {1: 1})

def test_no_torch_and_no_compiler_is_loaded_before_it_is_used():
    code = ("import collabdive.clicks, sys; "
            "sys.exit('numba' in sys.modules)")
    assert run(sys.executable, '-c', code).returncode == 0
