"Training beside fastai's own loop and optimiser; the splitter on every kind of model."
import io
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from fastai.callback.progress import ProgressCallback
from fastai.collab import EmbeddingDotBias, EmbeddingNN
from fastai.learner import Learner
from fastai.optimizer import Adam, OptimWrapper
from torch import nn

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.create_params import DotProductBiasParams
from collabdive.dot_product import DotProduct, DotProductBias, squared_error, train
from collabdive.planted import planted_ratings
from collabdive.training import Recipe, StepsBar, adam, factors_and_rest, fit, history

PLAIN = partial(OptimWrapper, opt=torch.optim.AdamW, betas=(.9, .99), eps=1e-5, fused=True)
MODELS = [DotProduct(5, 6, 2), DotProductBias(5, 6, 2), DotProductBiasParams(5, 6, 2),
          CollabNN((5, 3), (6, 2)), EmbeddingDotBias(2, 5, 6),
          EmbeddingNN([(5, 3), (6, 2)], [4, 3])]


@pytest.fixture(scope='module')
def dls(): return collab_dls(planted_ratings(60, 40, 2, 1200, seed=1))


def learner(dls, opt_func=adam):
    "A new Learner; the same first weights and order of rows each time."
    torch.manual_seed(1)
    return Learner(dls, DotProduct(61, 41, 5), squared_error, opt_func=opt_func)


def fastai_fit(learn, wd=None):
    "fastai's own loop, for an epoch."
    learn.remove_cb(ProgressCallback)
    with learn.no_logging(): learn.fit_one_cycle(1, 1e-2, wd=wd)
    return learn


ALIKE = Recipe(1, wd=.4, rest_wd=None)


def test_the_same_losses_as_fastais_loop(dls):
    ours, theirs = fit(learner(dls), ALIKE), fastai_fit(learner(dls, PLAIN), wd=.4)
    assert ours.recorder.values == theirs.recorder.values
    assert ours.recorder.losses == theirs.recorder.losses
    assert ours.recorder.hps == theirs.recorder.hps


def test_the_same_losses_as_fastais_adam(dls):
    ours = history(fit(learner(dls), ALIKE)).iloc[-1]
    theirs = fastai_fit(learner(dls, Adam), wd=.4).recorder.values[-1][:2]
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    harder = history(fit(learner(dls), replace(ALIKE, wd=40.))).iloc[-1]
    assert not np.allclose(harder, theirs, atol=1e-3)


def test_factors_and_the_rest_get_decays_of_their_own(dls):
    torch.manual_seed(1)
    learn = fit(Learner(dls, DotProductBias(61, 41, 5), squared_error), Recipe(1, wd=.4))
    assert [h['wd'] for h in learn.opt.hypers] == [.4, .02]
    alike = fit(Learner(dls, nn.Sequential(nn.Flatten(), Floats(), nn.Linear(2, 1)),
                        squared_error), ALIKE)
    assert [h['wd'] for h in alike.opt.hypers] == [.4]        # no tables, and none needed
    with pytest.raises(ValueError, match='no parameter is named like a table'):
        fit(Learner(dls, nn.Sequential(Floats(), nn.Linear(2, 1)), squared_error), Recipe(1))


class Floats(nn.Module):
    def forward(self, x): return x.float()


@pytest.mark.parametrize('bad', [dict(epochs=0), dict(lr=0), dict(lr=float('nan')), dict(wd=-.1),
                                 dict(rest_wd=-1), dict(batches=0), dict(n_factors=0)])
def test_a_recipe_refuses_what_is_too_low(bad):
    with pytest.raises(ValueError, match=f'{next(iter(bad))}=.* is too low'): Recipe(**bad)


def test_what_is_kept_survives_a_prediction(dls):
    learn = fit(learner(dls), replace(ALIKE, epochs=2))
    before = history(learn)
    learn.get_preds()
    assert len(before) == 2 and history(learn).equals(before)


def test_a_seed_settles_the_losses(dls):
    one, same, other = (history(train(DotProduct, dls, Recipe(1), seed=s)) for s in (1, 1, 2))
    assert one.equals(same) and not one.equals(other)


def test_the_bar_counts_training_batches(dls, monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, 'stderr', screen)
    with StepsBar(2*len(dls.train), 'two trainings') as bar:
        for _ in range(2): fit(learner(dls), ALIKE, [bar])
        assert bar.bar.n == bar.bar.total
    assert 'two trainings' in screen.getvalue()


def test_the_bar_is_silent_where_nobody_watches(monkeypatch):
    monkeypatch.setattr(sys, 'stderr', io.StringIO())
    with StepsBar(1, 'one') as bar: assert bar.bar.disable


@pytest.mark.parametrize('model', MODELS, ids=lambda m: type(m).__name__)
def test_tables_of_factors_are_told_from_the_rest(model):
    factors, rest = factors_and_rest(model)
    assert [len(p) for p in factors] == [5, 6] and all(p.shape[1] > 1 for p in factors)
    assert {*map(id, factors + rest)} == {*map(id, model.parameters())}
    assert len(factors + rest) == len(list(model.parameters()))


def test_a_model_without_factors_is_refused():
    with pytest.raises(ValueError, match='the names are weight, bias'):
        factors_and_rest(nn.Linear(2, 1))
