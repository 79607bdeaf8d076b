"Properties and bad input of collabdive.neighbours, on made-up ratings."
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from collabdive.cold_start import fold_in
from collabdive.neighbours import ItemModel, _neighbours, item_neighbours
from collabdive.planted import planted_ratings
from collabdive.recommend import recommend, recommend_all
from helpers import run


@pytest.fixture(scope='module')
def ratings(): return planted_ratings(60, 40, n_ratings=1200, seed=1)[['user', 'movie', 'rating']]

@pytest.fixture(scope='module')
def model(ratings): return item_neighbours(ratings, k=10, damping=5)

def named(ratings): return ratings.assign(title='Film ' + ratings.movie.astype(str))

def by_loops(ratings, k, damping, prior, zeros):
    "The definitions of the lesson, one number at a time, on dense arrays."
    table = ratings.pivot_table('rating', 'user', 'movie')
    Y, known = table.to_numpy(), table.notna().to_numpy()
    n_users, n = Y.shape
    mean = Y[known].mean()
    b = np.array([np.nansum(Y[:, i] - mean)/(known[:, i].sum() + 5) for i in range(n)])
    c = np.array([np.nansum(Y[u] - mean - b)/(known[u].sum() + 5) for u in range(n_users)])
    usual = 0*known if zeros else mean + b + c[:, None]
    X = np.nan_to_num(Y - usual)
    S = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if i == j: continue
            common = (known[:, i] & known[:, j]).sum()
            if common: S[j, i] = (X[:, i] @ X[:, j]/np.linalg.norm(X[:, i])
                                  / np.linalg.norm(X[:, j])*common/(common + damping))
        for j in np.argsort(-S[:, i])[k:]: S[j, i] = 0
    S = S.clip(0)
    out = np.array(usual, float)
    for u in range(n_users):
        for i in range(n):
            total = 1 if zeros else S[known[u], i].sum() + prior
            out[u, i] += S[:, i] @ X[u]/(total or 1)
    return out

@pytest.mark.parametrize('zeros', [False, True])
@pytest.mark.parametrize('k,damping,prior', [(5, 0, .1), (10, 8, .5), (100, 50, 0)])
def test_it_does_what_the_lesson_says(ratings, zeros, k, damping, prior):
    m = item_neighbours(ratings, k, damping, prior=prior, zeros=zeros)
    assert np.allclose(m.score_all(m.users), by_loops(ratings, k, damping, prior, zeros), atol=1e-4)

def test_pairs_are_what_the_table_has(model):
    table = model.score_all(model.users)
    u, i = np.random.default_rng(0).integers(0, [60, 40], (500, 2)).T
    users, items = np.array(model.users)[u], np.array(model.items)[i]
    assert np.allclose(model.score(users, items), table[u, i], atol=1e-6)
    assert np.allclose(model.score(model.users[3], model.items), table[3], atol=1e-6)

def test_blocks_change_nothing(model):
    "A catalogue that is too large for one table of all pairs."
    whole, small = (_neighbours(model.given, 10, 5, cells).toarray() for cells in (2**24, 160))
    assert np.allclose(whole, small, atol=1e-6)

def test_no_item_is_its_own_neighbour_and_each_has_k_at_most(model):
    W = model.weights.toarray()
    assert not W.diagonal().any() and (W >= 0).all() and ((W > 0).sum(0) <= 10).all()

def test_more_neighbours_than_items_are_all_items(ratings):
    a, b = (item_neighbours(ratings, k=k).score_all([1, 2]) for k in (40, 10_000))
    assert np.allclose(a, b)

def test_the_order_of_the_rows_does_not_matter(ratings, model):
    other = item_neighbours(ratings.sample(frac=1, random_state=0), k=10, damping=5)
    assert np.allclose(other.score_all(model.users), model.score_all(model.users), atol=1e-5)

def test_a_pair_rated_twice_counts_once_by_its_mean(ratings):
    first = ratings.iloc[[0]]
    twice = pd.concat([ratings.iloc[1:], first.assign(rating=2.), first.assign(rating=5.)])
    once = pd.concat([ratings.iloc[1:], first.assign(rating=3.5)])
    a, b = item_neighbours(twice), item_neighbours(once)
    assert np.allclose(a.score_all(a.users), b.score_all(b.users), atol=1e-5)
    assert (a.item_counts == b.item_counts).all() and a.item_counts.sum() == len(once)

def test_ratings_of_zero_stars_are_ratings(ratings):
    m = item_neighbours(ratings.assign(rating=ratings.rating - 3), zeros=True)
    assert m.item_counts.sum() == len(ratings) and len(m.seen[1]) == len(ratings)

def test_neighbours_find_planted_taste(ratings):
    "Better than biases, which the same model has without its neighbours; not so if shuffled."
    frame = planted_ratings(300, 60, 2, 9000, .3, seed=2)[['user', 'movie', 'rating']]
    def gain(frame):
        train, valid = frame.iloc[1000:], frame.iloc[:1000]
        m = item_neighbours(train, damping=10)
        def off(m): return ((m.score(valid.user, valid.movie) - valid.rating)**2).mean()
        biases = ItemModel(m.users, m.items, 0*m.weights, m.given, m.user_bias, m.item_bias,
                           m.mean, m.prior)
        return 1 - off(m)/off(biases)
    mixed = np.random.default_rng(0).permutation(frame.rating)
    assert gain(frame) > .2 and gain(frame.assign(rating=mixed)) < .02

def test_the_turned_table_gives_neighbours_of_users(ratings):
    m = item_neighbours(ratings, user_name='movie', item_name='user')
    assert len(m.users) == 40 and len(m.items) == 60
    assert m.similar_items(1).n_common.max() <= ratings.user.eq(1).sum()

def test_lists_leave_out_what_was_rated(ratings, model):
    lists, scores = recommend_all(model, model.users, 5)
    rated = ratings.groupby('user').movie.agg(set)
    assert not any(rated[user] & {*row} for user, row in zip(model.users, lists))
    assert np.isfinite(scores[pd.notna(lists)]).all() and len(recommend(model, 3, 4)) == 4

def test_somebody_folded_in_is_told_what_the_same_user_is(ratings):
    for zeros in (False, True):
        m = item_neighbours(ratings, zeros=zeros)
        own = ratings[ratings.user == 7].groupby('movie').rating.mean().to_dict()
        you = m.fold_in(own)
        assert np.allclose(you.score(m.items), m.score_all(7)[0], atol=1e-4)
        assert [*recommend(m, you).item] == [*recommend(m, 7).item]
        assert you.ratings == own and repr(you) == f'Newcomer({len(own)} ratings)'

@pytest.mark.parametrize('zeros', [False, True])
def test_pushes_add_up(ratings, zeros):
    ratings = named(ratings)
    m = item_neighbours(ratings, zeros=zeros)
    for user, item in ((1, 'Film 3'), (5, 'Film 20')):
        why, u, i = m.explain(user, item), m.users.index(user), m.items.index(item)
        usual = m.mean + m.user_bias[u] + m.item_bias[i]
        assert np.isclose(usual + why.push.sum(), m.score(user, item)[0], atol=1e-4)
        own = ratings[ratings.user == user].groupby('title').rating.mean()
        assert np.allclose(own[why.item], why.rating, atol=1e-3) and (why.similarity > 0).all()
        assert why.push.abs().is_monotonic_decreasing

def test_any_weights_make_a_model(ratings):
    "As a linear autoencoder has them: dense, of both signs, summed."
    given = item_neighbours(ratings, zeros=True).given
    W = np.random.default_rng(0).normal(size=(40, 40)).astype('float32')
    m = ItemModel([*range(60)], [*range(40)], W, given, np.zeros(60), np.zeros(40))
    assert np.allclose(m.score_all([4, 2]), given[[4, 2]].toarray() @ W, atol=1e-4)
    assert np.isclose(m.explain(4, 3).push.sum(), m.score(4, 3)[0], rtol=1e-3)
    assert np.allclose(m.similar_items(3, 5).similarity, np.sort(np.delete(W[:, 3], 3))[::-1][:5])

@pytest.mark.parametrize('change,says', [
    (dict(weights=np.zeros((3, 40))), r"weights \(40, 40\), not \(3, 40\)"),
    (dict(weights=np.full((40, 40), np.nan)), 'weights holds NaN'),
    (dict(user_bias=np.zeros(2)), r"user_bias \(60,\), not \(2,\)"),
    (dict(item_bias=np.full(40, np.inf)), 'item_bias holds NaN'),
    (dict(users=[1]), r"given \(1, 40\)")])
def test_sizes_and_numbers_of_a_model_are_checked(model, change, says):
    fields = {name: getattr(model, name) for name in model.__dataclass_fields__}
    with pytest.raises(ValueError, match=says): ItemModel(**{**fields, **change})

@pytest.mark.parametrize('settings,says', [
    (dict(k=0), 'k=0'), (dict(k=-3), 'k=-3'), (dict(k=2.5), 'k=2.5'), (dict(k=np.nan), 'k=nan'),
    (dict(damping=-1), 'damping=-1'), (dict(damping=np.inf), 'damping=inf'),
    (dict(damping=np.nan), 'damping=nan'), (dict(prior=-.1), 'prior=-0.1')])
def test_settings_out_of_range(ratings, settings, says):
    with pytest.raises(ValueError, match=says): item_neighbours(ratings, **settings)

def test_bad_ratings(ratings):
    with pytest.raises(ValueError, match='no rows'): item_neighbours(ratings.iloc[:0])
    with pytest.raises(ValueError, match='row 2.*missing'):
        item_neighbours(ratings.assign(rating=ratings.rating.where(ratings.index != 2)))
    with pytest.raises(ValueError, match='one id only'): item_neighbours(ratings.assign(movie=1))
    with pytest.raises(KeyError, match="no column 'stars'"):
        item_neighbours(ratings, rating_name='stars')
    with pytest.raises(TypeError, match='DataFrame'): item_neighbours(ratings.to_numpy())

def test_unknown_names_are_told_the_nearest(ratings):
    m = item_neighbours(named(ratings))
    for ask in (m.similar_items, lambda t: m.score(1, t), lambda t: m.explain(1, t),
                lambda t: m.fold_in({t: 4})):
        with pytest.raises(KeyError, match="did you mean 'Film 3'"): ask('film 3')
    for ask in (m.score_all, lambda u: m.explain(u, 'Film 3')):
        with pytest.raises(KeyError, match='no user 999'): ask(999)

@pytest.mark.parametrize('given,error,says', [
    ({}, ValueError, 'nothing'), ({'Film 1': 55}, ValueError, '55'),
    ({'Film 1': np.nan}, ValueError, 'nan'), ([('Film 1', 5)], TypeError, 'dict')])
def test_bad_newcomers(ratings, given, error, says):
    with pytest.raises(error, match=says): item_neighbours(named(ratings)).fold_in(given)

def test_the_highest_and_the_lowest_stars_may_be_given(ratings):
    m = item_neighbours(named(ratings))
    for stars in (ratings.rating.min(), ratings.rating.max()):
        assert np.isfinite(m.fold_in({'Film 1': float(stars)}).score(m.items)).all()

def test_users_and_items_with_one_rating():
    frame = pd.DataFrame([('a', 'x', 5), ('b', 'x', 3), ('b', 'y', 4), ('c', 'z', 1)],
                         columns=['user', 'item', 'rating'])
    for zeros in (False, True):
        m = item_neighbours(frame, zeros=zeros)
        assert np.isfinite(m.score_all(m.users)).all()
        with pytest.raises(ValueError, match="'z' has no neighbours"): m.similar_items('z')
        with warnings.catch_warnings():
            warnings.simplefilter('error', RuntimeWarning)
            assert {*recommend(m, 'a', 2).item} == {'y', 'z'}

def test_equal_ratings_say_nothing(ratings):
    for stars in (3, 3.1):
        for prior in (0, .1):
            m = item_neighbours(ratings.assign(rating=stars), damping=0, prior=prior)
            assert np.allclose(m.score_all(m.users), stars, atol=1e-4)

def test_ids_of_two_types(ratings):
    mixed = ratings.assign(movie=[f'film {k}' if k % 2 else int(k) for k in ratings.movie])
    m = item_neighbours(mixed)
    assert np.isfinite(m.score(mixed.user[:5], mixed.movie[:5])).all()

def test_no_torch_is_loaded():
    code = "import collabdive.neighbours, sys; sys.exit('torch' in sys.modules)"
    assert run(sys.executable, '-c', code).returncode == 0


def test_who_is_new_is_sent_to_the_models_own_way(model):
    with pytest.raises(TypeError, match=r'model\.fold_in\(ratings\)'):
        recommend(model, {'a': 3})
    with pytest.raises(TypeError, match='its own fold_in'): fold_in(model, {'a': 3})
