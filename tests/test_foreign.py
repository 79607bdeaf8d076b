"""Models of other libraries, by stand-ins with the same attributes; benchmarks/foreign.py does it
with the libraries themselves, but for LightFM."""
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from collabdive.cold_start import fold_in
from collabdive.explorer import write_explorer
from collabdive.factors import Factors, similar_items, to_factors
from collabdive.foreign import foreign_tables
from collabdive.persist import load_factors, save_factors
from collabdive.recommend import recommend

N_USERS, N_ITEMS, K = 6, 9, 3
USERS, ITEMS = [f'u{k}' for k in range(N_USERS)], [f'film {k}' for k in range(N_ITEMS)]
rng = np.random.default_rng(0)
P, Q = rng.normal(size=(N_USERS, K)), rng.normal(size=(N_ITEMS, K))
BU, BI, MEAN = rng.normal(size=N_USERS), rng.normal(size=N_ITEMS), 3.5
U, COL = np.nonzero((rng.random((N_USERS, N_ITEMS)) < .4) | np.eye(N_USERS, N_ITEMS, dtype=bool))
RATED = csr_matrix((np.ones(len(U)), (U, COL)), (N_USERS, N_ITEMS))
FRAME = pd.DataFrame({'user': np.array(USERS)[U], 'title': np.array(ITEMS)[COL], 'rating': 3.})
SUM = MEAN + BU[:, None] + BI + P @ Q.T
NAMED = dict(users=USERS, items=ITEMS)


class Trainset(SimpleNamespace):
    n_users, n_items, global_mean = N_USERS, N_ITEMS, MEAN
    def to_raw_uid(self, u): return USERS[u]
    def to_raw_iid(self, i): return ITEMS[i]
    def all_ratings(self): return ((u, i, 3.) for u, i in zip(U, COL))


class Vocabulary:
    def __init__(self, ids): self._ids = ids
    def ids(self): return np.array(self._ids)


class SparkFrame:
    def __init__(self, X): self.X = X
    def collect(self): return [dict(id=k, features=list(x)) for k, x in enumerate(self.X)][::-1]


class OnGPU:
    def __init__(self, X): self.X = X
    def to_numpy(self): return self.X


def surprise(**more): return SimpleNamespace(trainset=Trainset(), pu=P, qi=Q, bu=BU, bi=BI, **more)


Y = rng.normal(size=(N_ITEMS, K))
PLUS = np.array([sum(Y[i] for i in COL[U == u])/np.sqrt((U == u).sum()) for u in range(N_USERS)])
ones = np.ones((N_USERS, 1))
BPR = dict(user_factors=np.c_[P, ones], item_factors=np.c_[Q, BI], similar_items=len)
LMF = dict(user_factors=np.c_[P, BU, ones], similar_items=len,
           item_factors=np.c_[Q, np.ones(N_ITEMS), BI])
ids = dict(uid_map={u: k for k, u in enumerate([*USERS, 'of the test set'])},
           iid_map=dict(reversed([(i, k) for k, i in enumerate(ITEMS)])))
CORNAC = dict(u_factors=P, i_factors=Q, u_biases=BU, i_biases=BI, global_mean=MEAN, **ids)
BIAS = SimpleNamespace(user_biases=BU, item_biases=BI, global_bias=MEAN)
LENSKIT = dict(users=Vocabulary(USERS), items=Vocabulary(ITEMS), user_embeddings=P,
               item_embeddings=Q)
MODELS = {   # model, what the caller adds, scores
    'Surprise SVD': (surprise(biased=True), {}, SUM),
    'Surprise SVD, no biases': (surprise(biased=False), {}, P @ Q.T),
    'Surprise SVD++': (surprise(yj=Y), {}, SUM + PLUS @ Q.T),
    'implicit ALS': (SimpleNamespace(user_factors=P, item_factors=Q, similar_items=len),
                     NAMED | dict(ratings=RATED), P @ Q.T),
    'implicit ALS, GPU': (SimpleNamespace(user_factors=OnGPU(P), item_factors=OnGPU(Q),
                                          similar_items=len),
                          NAMED | dict(ratings=RATED), P @ Q.T),
    'implicit BPR': (SimpleNamespace(**BPR), NAMED | dict(ratings=FRAME), BI + P @ Q.T),
    'implicit LMF': (SimpleNamespace(**LMF), NAMED | dict(ratings=FRAME), SUM - MEAN),
    'cornac MF': (SimpleNamespace(**CORNAC, train_set=SimpleNamespace(csr_matrix=RATED)), {}, SUM),
    'LensKit BiasedMF': (SimpleNamespace(bias=BIAS, **LENSKIT), dict(ratings=FRAME), SUM),
    'LensKit ImplicitMF': (SimpleNamespace(**LENSKIT), dict(ratings=FRAME), P @ Q.T),
    'LensKit, items only': (SimpleNamespace(**LENSKIT, bias=SimpleNamespace(
        user_biases=None, item_biases=BI, global_bias=MEAN)),
        dict(ratings=FRAME), MEAN + BI + P @ Q.T),
    'LightFM': (SimpleNamespace(user_embeddings=P, item_embeddings=Q, user_biases=BU,
                                item_biases=BI), NAMED | dict(ratings=FRAME), SUM - MEAN)}


@pytest.mark.parametrize('name', MODELS)
def test_scores_seen_and_lists_are_those_of_the_model(name):
    model, more, own = MODELS[name]
    f = to_factors(model, **more)
    assert (f.users, f.items) == (USERS, ITEMS)
    assert np.abs(f.score_all(USERS) - own).max() < 1e-5
    moved = replace(f, item_factors=np.roll(f.item_factors, 1, 0))
    assert np.abs(moved.score_all(USERS) - own).max() > .1
    assert (f.item_counts == np.bincount(COL, minlength=N_ITEMS)).all()
    unseen = pd.Series(own[2], ITEMS)[RATED[2].toarray()[0] == 0]
    assert list(recommend(f, 'u2', 3).item) == list(unseen.nlargest(3).index)


def test_spark_has_numbers_as_ids_and_its_rows_in_any_order():
    model = SimpleNamespace(userFactors=SparkFrame(P), itemFactors=SparkFrame(Q))
    rows = pd.DataFrame({'user': U, 'item': COL})
    f = to_factors(model, ratings=rows)
    assert f.users == [*range(N_USERS)] and np.abs(f.score_all(f.users) - P @ Q.T).max() < 1e-5
    assert f.item_counts.sum() == len(U)
    bare = to_factors(model)
    assert bare.seen is None and bare.item_counts is None
    with pytest.warns(UserWarning, match='pass exclude='): recommend(bare, 0, 3)


def test_the_bias_of_bpr_is_none_of_the_factors():
    f = to_factors(SimpleNamespace(**BPR), **NAMED)
    assert f.item_factors.shape == (N_ITEMS, K) and np.allclose(f.item_bias, BI)
    assert (f.user_bias == 0).all()
    near = similar_items(f, 'film 0', 1).similarity[0]
    cosine = (Q @ Q[0])/np.linalg.norm(Q, axis=1)/np.linalg.norm(Q[0])
    assert np.isclose(near, np.sort(cosine)[-2])


def test_a_pair_rated_twice_counts_twice_and_is_seen_once():
    twice = pd.concat([FRAME, FRAME.iloc[:1]])
    model, more, _ = MODELS['LightFM']
    f, g = (to_factors(model, **more | dict(ratings=rows)) for rows in (FRAME, twice))
    assert g.item_counts.sum() == f.item_counts.sum() + 1
    assert all((a == b).all() for a, b in zip(f.seen, g.seen))


def test_what_reads_factors_serves_them(tmp_path):
    model, more, own = MODELS['Surprise SVD++']
    f = to_factors(model, **more)
    assert fold_in(f, {'film 1': 5}).score('film 2').shape == (1,)
    save_factors(f, tmp_path/'m')
    assert np.abs(load_factors(tmp_path/'m').score_all(USERS) - own).max() < 1e-5
    assert write_explorer(f, tmp_path/'page').is_file()


@pytest.mark.parametrize('model', [
    object(), 'a text', [1, 2], SimpleNamespace(pu=P, qi=Q),                # no trainset
    SimpleNamespace(user_factors=None, item_factors=None, similar_items=len),   # not trained
    SimpleNamespace(weights=np.eye(3))])
def test_anything_else_is_refused_with_what_is_taken(model):
    with pytest.raises(TypeError, match=f'{type(model).__name__} is no trained.*Surprise.*Spark'):
        to_factors(model)


def test_factors_are_no_foreign_model():
    f = Factors(USERS, ITEMS, P, Q, BU, BI)
    with pytest.raises(TypeError, match='Factors is no trained'): to_factors(f)


@pytest.mark.parametrize('more, error, says', [
    ({}, ValueError, 'pass users= and items='), (dict(users=USERS), ValueError, 'pass users='),
    (NAMED | dict(users=USERS[1:]), ValueError, '6 rows of users, and users= names 5'),
    (NAMED | dict(items=ITEMS*2), ValueError, '9 rows of items, and items= names 18.*features'),
    (NAMED | dict(ratings=RATED[1:]), ValueError, r'\(5, 9\) does not fit 6 users and 9 items'),
    (NAMED | dict(ratings=FRAME.assign(user='u77')), KeyError, "no user 'u77'"),
    (NAMED | dict(ratings=FRAME.assign(title='film')), KeyError, "no title 'film': did you mean"),
    (NAMED | dict(ratings=FRAME.drop(columns='user')), KeyError, "no column 'user'"),
    (NAMED | dict(users=['u0']*6), ValueError, "user 'u0' appears twice")])
def test_ids_and_ratings_that_do_not_fit(more, error, says):
    with pytest.raises(error, match=says): to_factors(MODELS['LightFM'][0], **more)


def test_a_model_with_ids_wants_no_others():
    with pytest.raises(ValueError, match='has its own ids: leave out users='):
        foreign_tables(MODELS['cornac MF'][0], users=USERS)


def test_a_model_that_has_learnt_nonsense_is_refused():
    model = SimpleNamespace(user_factors=P*np.nan, item_factors=Q, similar_items=len)
    with pytest.raises(ValueError, match='NaN or infinity'): to_factors(model, **NAMED)
