"The hinge between models and what reads them: every class of model, and what it refuses."
import numpy as np
import pytest
import torch
from fastai.collab import CollabDataLoaders, EmbeddingDotBias, collab_learner
from fastai.learner import load_learner
from torch import nn

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.create_params import DotProductBiasParams
from collabdive.cross_entropy import CollabNNClassifier, DotProductBiasCE
from collabdive.dot_product import DotProduct, DotProductBias
from collabdive.factors import to_factors
from collabdive.ordinal import CumulativeLink
from collabdive.planted import planted_ratings

pytestmark = pytest.mark.filterwarnings('ignore:The given NumPy array', 'ignore:load_learner')
MODELS = {
    'DotProduct': lambda u, i: DotProduct(u, i, 3), 'range': lambda u, i: DotProduct(u, i, 3, (0, 5.5)),
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


def test_a_learner_that_was_exported_has_no_counts(club, tmp_path):
    dls = CollabDataLoaders.from_df(club, 0.2, 'user', 'title', 'rating', seed=1)
    learn = collab_learner(dls, y_range=(0, 5.5))
    before, learn.path = to_factors(learn), tmp_path
    learn.export('m.pkl')
    back = to_factors(load_learner(tmp_path/'m.pkl'))
    assert np.array_equal(back.item_factors, before.item_factors) and back.users == before.users
    assert back.item_counts is None and before.item_counts.sum() == 960
