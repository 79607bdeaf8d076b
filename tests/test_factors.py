"The hinge between models and what reads them: every class of model, and what it refuses."
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.collab import CollabDataLoaders, EmbeddingDotBias, TabularCollab, collab_learner
from fastai.data.block import TransformBlock
from fastai.learner import load_learner
from fastai.tabular.core import Categorify
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch import nn

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.create_params import DotProductBiasParams
from collabdive.cross_entropy import CollabNNClassifier, DotProductBiasCE
from collabdive.dot_product import DotProduct, DotProductBias
from collabdive.factors import (
    Factors,
    combine,
    rotate,
    rows_of,
    similar_items,
    similarity,
    to_factors,
    trained_on,
)
from collabdive.ordinal import CumulativeLink
from collabdive.planted import planted_ratings

pytestmark = pytest.mark.filterwarnings('ignore:The given NumPy array', 'ignore:load_learner')
MODELS = {
    'DotProduct': lambda u, i: DotProduct(u, i, 3),
    'range': lambda u, i: DotProduct(u, i, 3, (0, 5.5)),
    'DotProductBias': lambda u, i: DotProductBias(u, i, 3),
    'DotProductBiasParams': lambda u, i: DotProductBiasParams(u, i, 3),
    'fastai': lambda u, i: EmbeddingDotBias(3, u, i, (0, 5.5)),
    'classes': lambda u, i: DotProductBiasCE(u, i, 3),
    'classes, range': lambda u, i: DotProductBiasCE(u, i, 3, y_range=(0, 5.5)),
    'ordinal': lambda u, i: CumulativeLink(u, i, 3, per_user=True, per_item=True)}


@pytest.fixture(scope='module')
def club(): return planted_ratings(60, 40, 2, 1200, seed=1).astype({'title': str})


@pytest.fixture(scope='module')
def dls(club): return collab_dls(club, bs=64)


def n_rows(dls): return [len(dls.classes[name]) for name in dls.cat_names]


@pytest.mark.parametrize('name', MODELS)
def test_scores_are_the_models_own(dls, name):
    torch.manual_seed(0)
    model = MODELS[name](*n_rows(dls)).eval()
    for p in model.parameters(): nn.init.normal_(p)
    f, x = to_factors(model, dls), dls.valid_ds.x
    hidden = dls.vocab.decode(x)
    under = model.score if hasattr(model, 'score') else model     # of a class model
    with torch.no_grad(): own = under(x).flatten().numpy()
    assert np.abs(f.score(hidden.user, hidden.title) - own).max() < 1e-5 and own.std() > .1
    turned = f.score(np.roll(hidden.user, 1), hidden.title)
    assert np.abs(turned - own).max() > .1
    assert '#na#' not in f.users + f.items and f.item_counts.sum() == len(dls.train_ds)
    assert type(f.users[0]) is int and type(f.items[0]) is str


class Shifted(DotProductBias):
    def forward(self, x): return super().forward(x) + .78


class ShiftedFastai(EmbeddingDotBias):
    def forward(self, x): return super().forward(x) + .78


class ShiftedOrdinal(CumulativeLink):
    def forward(self, x): return super().forward(x)


@pytest.mark.parametrize('make', [
    lambda u, i: Shifted(u, i, 3), lambda u, i: ShiftedFastai(3, u, i),
    lambda u, i: ShiftedOrdinal(u, i, 3), lambda u, i: CollabNN((u, 3), (i, 3)),
    lambda u, i: CollabNNClassifier((u, 3), (i, 3)), lambda u, i: nn.Linear(2, 1)])
def test_a_model_that_scores_in_another_way_is_refused(dls, make):
    model = make(*n_rows(dls))
    with pytest.raises(TypeError, match=f'{type(model).__name__} does not score by a dot'):
        to_factors(model, dls)


def test_a_subclass_that_scores_in_the_same_way_is_fine(dls):
    class Renamed(DotProductBias): pass
    assert to_factors(Renamed(*n_rows(dls), 5), dls).item_factors.shape == (40, 5)


def test_sizes_must_fit_the_loaders(dls):
    with pytest.raises(ValueError, match='60 users need'):
        to_factors(DotProductBias(7, 41, 5), dls)


def test_a_model_alone_does_not_know_the_ids(dls):
    with pytest.raises(ValueError, match='a model knows rows only; pass dls='):
        to_factors(DotProduct(*n_rows(dls), 3))


def test_a_learner_with_fastais_loaders_scores_as_its_model(club):
    dls = CollabDataLoaders.from_df(club, 0.2, 'user', 'title', 'rating', seed=1)
    learn = collab_learner(dls, y_range=(0, 5.5))
    codes = torch.tensor(dls.valid_ds.xs.to_numpy('int64'))
    with torch.no_grad(): own = learn.model.eval()(codes).flatten().numpy()
    pairs = [[list(dls.classes[n])[c] for c in codes[:, k]] for k, n in enumerate(dls.cat_names)]
    f = to_factors(learn)
    assert np.abs(f.score(*pairs) - own).max() < 1e-5 and len(own) == 240
    assert type(f.users[0]) is int and f.item_counts.sum() == 960


def test_a_learner_that_was_exported_has_no_counts(club, tmp_path):
    dls = CollabDataLoaders.from_df(club, 0.2, 'user', 'title', 'rating', seed=1)
    learn = collab_learner(dls, y_range=(0, 5.5))
    before, learn.path = to_factors(learn), tmp_path
    learn.export('m.pkl')
    back = to_factors(load_learner(tmp_path/'m.pkl'))
    assert np.array_equal(back.item_factors, before.item_factors) and back.users == before.users
    assert back.item_counts is None is back.seen and before.item_counts.sum() == 960
    known = trained_on(load_learner(tmp_path/'m.pkl').dls)
    assert known == (before.users, before.items, None, None)


# what was seen, and who has ratings enough

@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6)), min_size=4, max_size=30))
def test_what_each_user_has_rated(pairs):
    frame = pd.DataFrame(pairs, columns=['user', 'item']).assign(rating=range(len(pairs)))
    if frame.user.nunique() < 2 or frame['item'].nunique() < 2: return
    hidden = [len(frame) - 1]
    dls = collab_dls(frame, splits=(list(range(len(frame) - 1)), hidden))
    f = to_factors(DotProduct(*n_rows(dls), 2), dls)
    (starts, rows), train = f.seen, frame.iloc[:-1]
    for k, user in enumerate(f.users):
        mine = [f.items[r] for r in rows[starts[k]:starts[k + 1]]]
        assert mine == sorted(set(train['item'][train.user == user]))      # twice counts once
    counts = train['item'].value_counts().reindex(f.items, fill_value=0)
    assert f.item_counts.tolist() == counts.tolist() and len(starts) == len(f.users) + 1


def test_fastais_loaders_tell_the_same_but_for_ids_that_only_hidden_rows_have(club):
    parts = list(range(1000)), list(range(1000, 1200))
    late = club.assign(user=np.where(np.arange(1200) < 1000, club.user, 99))
    theirs = TabularCollab(late, [Categorify], ['user', 'title'], y_names=['rating'],
                           y_block=TransformBlock(), splits=parts).dataloaders(bs=32)
    ours = collab_dls(late, splits=parts)
    f, g = (to_factors(DotProduct(*n_rows(d), 2), d) for d in (theirs, ours))
    assert f.users == g.users[:-1] and g.users[-1] == 99
    assert f.item_counts.sum() == 1000 and f.seen[0][-1] == len(f.seen[1]) == 1000
    assert np.array_equal(f.item_counts, g.item_counts) and np.array_equal(f.seen[1], g.seen[1])
    assert np.array_equal(f.seen[0], g.seen[0][:len(f.users) + 1])
    theirs.train_ds.items['user'] = np.r_[0, theirs.train_ds.xs.user[1:]]     # '#na#' is nobody's
    assert to_factors(DotProduct(*n_rows(theirs), 2), theirs).item_counts.sum() == 999


SMALL = Factors(['u', 'v'], list('abc'), np.eye(2), [[1, 0], [0, 1], [1, 1]], [0, 0], [3, 1, 2],
                item_counts=[5, 0, 2], seen=([0, 1, 3], [0, 0, 2]))


TINY = Factors(['Ada', 'Ben', 'Cem'], list('abc'), [[1, 0], [0, 1], [-1, 1]], np.array(
    [[1, 0], [0, 1], [1, 1]]), [0, .5, -.5], [.5, 0, -.2], mean=3.5)
BY_HAND = np.array([[5.0, 3.5, 4.3], [4.5, 5.0, 4.8], [2.5, 4.0, 2.8]])


def test_scores_of_one_of_many_and_of_all():
    assert np.allclose(TINY.score_all(TINY.users), BY_HAND)
    assert np.allclose(TINY.score('Ben', TINY.items), BY_HAND[1])
    assert np.allclose(TINY.score(TINY.users, 'b'), BY_HAND[:, 1])
    assert np.allclose(TINY.score(['Cem', 'Ada'], pd.Series(['b', 'a'])), [4, 5])
    squashed = replace(TINY, mean=0, y_range=(0, 5.5))
    assert squashed.score('Cem', 'b') == pytest.approx(5.5/(1 + np.exp(-.5)))
    assert np.allclose(squashed.score_all('Cem')[0], squashed.score('Cem', TINY.items))
    biases = replace(TINY, user_factors=np.ones((3, 0)), item_factors=np.ones((3, 0)))
    assert np.allclose(biases.score('Ada', TINY.items), [4, 3.5, 3.3])       # no factors is fine
    with pytest.raises(ValueError): TINY.score(['Ada', 'Ben'], list('abb'))
    with pytest.raises(KeyError, match=r"no user 9 \(int\): there are 'Ada', 'Ben', 'Cem'"):
        TINY.score_all(9)


def test_ids_may_be_arrays_and_become_plain():
    f = replace(TINY, users=np.array([3, 1, 2]), items=pd.Series(list('xyz')))
    assert f.users == [3, 1, 2] and type(f.users[0]) is int and f.items == list('xyz')
    assert repr(f) == 'Factors(3 users, 3 items, 2 factors)'


def test_similarity_is_what_others_say_it_is():
    X = np.random.default_rng(0).normal(size=(30, 4)).astype('float32')
    assert np.allclose(similarity(X, X[3]), 1 - cdist(X[3:4], X, 'cosine')[0], atol=1e-5)
    assert np.allclose(similarity(X, X[3], 'distance'), -cdist(X[3:4], X)[0], atol=1e-5)
    assert np.allclose(similarity(X, X[3], 'dot'), (X*X[3]).sum(1), atol=1e-5)
    theirs = torch.cosine_similarity(torch.tensor(X), torch.tensor(X[:1]))
    assert np.allclose(similarity(X, X[0]), theirs, atol=1e-5)
    assert similarity(np.array([[0., 0], [3, 4]]), np.array([3., 4])).tolist() == [0, 1]
    with pytest.raises(ValueError, match="by='euclid' must be 'cosine', 'dot' or 'distance'"):
        similarity(X, X[0], by='euclid')


def test_a_rotation_turns_both_sides_and_keeps_scores_angles_and_lengths():
    f = replace(TINY, user_factors=TINY.user_factors + .3)
    g = rotate(f, seed=2)
    assert np.abs(f.item_factors - g.item_factors).max() > .1
    assert np.allclose(f.score_all(f.users), g.score_all(g.users), atol=1e-5)
    between = [m.item_factors @ m.item_factors.T for m in (f, g)]
    assert np.allclose(*between, atol=1e-5)
    alone = replace(f, item_factors=g.item_factors)
    assert np.abs(f.score_all(f.users) - alone.score_all(f.users)).max() > .1


def test_the_table_of_items_with_ratings_enough():
    assert SMALL.table().index.tolist() == [0, 2] and SMALL.table(0).bias.tolist() == [3, 1, 2]
    assert SMALL.table(5).item.tolist() == ['a'] and SMALL.table(2).n_ratings.tolist() == [5, 2]
    with pytest.raises(ValueError, match='no item has 6 ratings or more; .* is 5'): SMALL.table(6)
    bare = replace(SMALL, item_counts=None, seen=None)
    assert list(bare.table()) == ['item', 'bias'] and len(bare.table()) == 3
    with pytest.raises(ValueError, match='leave min_ratings at 1'): bare.table(2)


@pytest.mark.parametrize('wrong, message', [
    (dict(seen=([0, 1], [0])), '3 ascending starts'), (dict(seen=([1, 1, 3], [0, 0, 2])), 'from 0'),
    (dict(seen=([0, 1, 2], [0, 0, 2])), 'number of rows'),
    (dict(seen=([0, 3, 3], [0, 0, 3])), 'rows of the 3'),
    (dict(seen=([0, 3, 1, 3], [0]*3)), 'ascending'), (dict(seen=([0, 4, 3], [0]*3)), 'ascending'),
    (dict(seen=([0, 1, 2], [0, -1])), 'rows of the 3'), (dict(item_counts=[1, 2]), 'item_counts'),
    (dict(users=['u', 'u']), "user 'u' appears twice"), (dict(items=list('aba')), "item 'a' app"),
    (dict(user_bias=[0, np.nan]), 'of the users hold NaN'), (dict(mean=np.inf), 'mean=inf'),
    (dict(item_factors=np.ones((3, 3))), 'users have 2 factors, items 3'),
    (dict(item_factors=np.ones((2, 2))), '3 items need'),
    (dict(item_bias=np.ones((3, 1))), '3 items need'),
    (dict(user_factors=np.full((2, 2), np.inf)), 'of the users hold')])
def test_factors_that_do_not_fit_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message): replace(SMALL, **wrong)


def test_factors_cannot_be_written_to():
    with pytest.raises(FrozenInstanceError): SMALL.mean = 1.
    assert SMALL == SMALL != replace(SMALL) and len({SMALL, replace(SMALL)}) == 2   # by identity
    for array in (SMALL.user_factors, SMALL.item_bias, SMALL.item_counts, *SMALL.seen):
        with pytest.raises(ValueError, match='read-only'): array[0] = 1
    mine = np.eye(2)
    held = replace(SMALL, user_factors=mine)
    mine[0] = 9
    assert held.user_factors.max() == 1 and held.user_factors.dtype == 'float32'


def test_the_nearest_and_how_near():
    assert similar_items(SMALL, 'a', min_ratings=0).item.tolist() == ['c', 'b']
    assert similar_items(SMALL, 'b').item.tolist() == ['c', 'a']            # b itself has too few
    assert similar_items(SMALL, 'c', 1).similarity.tolist() == pytest.approx([.5**.5])
    far = similar_items(SMALL, 'b', by='distance')
    assert far.similarity.tolist() == pytest.approx([-1, -2**.5])
    assert far.item.tolist() == ['c', 'a']
    with pytest.raises(ValueError, match='no other item has 5'):
        similar_items(SMALL, 'a', min_ratings=5)
    with pytest.raises(KeyError, match="there is no item 'd'"): similar_items(SMALL, 'd')
    assert len(similar_items(SMALL, 'a', 99, min_ratings=0)) == 2       # all that there are
    bare = replace(SMALL, item_counts=None, seen=None)
    assert list(similar_items(bare, 'a')) == ['item', 'similarity']
    with pytest.raises(ValueError, match='no item_counts to filter by'):
        similar_items(bare, 'a', min_ratings=2)
    with pytest.raises(ValueError, match="by='euclid' must"): similar_items(SMALL, 'a', by='euclid')
    with pytest.raises(TypeError): similar_items(SMALL, ['a', 'b'])
    with pytest.raises(KeyError, match="did you mean 'Fargo'"):
        similar_items(replace(SMALL, items=['Fargo', 'Alien', 'Heat']), 'fagro')
    assert rows_of([3, 'x', 5], np.array([5, 3])).tolist() == [2, 0]
    assert rows_of(['ab'], 'ab').tolist() == [0] == rows_of([7], 7).tolist()
    with pytest.raises(KeyError, match=r"there is no user 7 \(int\): there are 3, 'x', 5"):
        rows_of([3, 'x', 5], np.int64(7), 'user')


def test_together_they_say_the_mean():
    f = replace(SMALL, mean=1.)
    g = replace(rotate(f, 3), item_bias=[0, 0, 9], user_bias=[1, 2], mean=4.)
    both = combine([f, g])
    mean = (f.score_all(['u', 'v']) + g.score_all(['u', 'v']))/2
    assert np.allclose(both.score_all(['u', 'v']), mean, atol=1e-6)
    assert both.item_counts.tolist() == [5, 0, 2] and len(both.seen) == 2
    for other in (dict(item_counts=[5, 0, 3]), dict(seen=([0, 0, 3], [0, 0, 2])), dict(seen=None)):
        assert combine([f, replace(g, **other)]).seen is None
    dots = [m.item_factors @ m.item_factors[2] for m in (f, g)]
    assert np.allclose(both.item_factors @ both.item_factors[2], np.mean(dots, 0), atol=1e-6)
    assert both.item_factors.shape == (3, 4) and both.mean == 2.5
    assert np.allclose(combine([f]).score_all(['u', 'v']), f.score_all(['u', 'v']), atol=1e-6)
    for name, other in dict(y_range=(0, 5), items=list('cba'), users=['v', 'u']).items():
        with pytest.raises(ValueError, match=f'differ in {name}'):
            combine([f, replace(g, **{name: other})])
    with pytest.raises(ValueError, match='no models'): combine([])
