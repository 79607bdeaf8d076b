"Training beside fastai's own loop and optimiser; the splitter on every kind of model."
import io
import sys
from functools import partial

import numpy as np
import pytest
import torch
from fastai.callback.core import Callback
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
from collabdive.training import StepsBar, adam, factors_and_rest, fit_quietly, history

PLAIN = partial(OptimWrapper, opt=torch.optim.AdamW, betas=(.9, .99), eps=1e-5, fused=True)
MODELS = [DotProduct(5, 6, 2), DotProductBias(5, 6, 2), DotProductBiasParams(5, 6, 2),
          CollabNN((5, 3), (6, 2)), EmbeddingDotBias(2, 5, 6),
          EmbeddingNN([(5, 3), (6, 2)], [4, 3])]


class Spy(Callback):
    "Notes what it hears, and the learning rates."
    order, run_valid = 55, False  # after the recorder, before the schedule

    def before_fit(self): self.heard = []

    def after_batch(self): self.heard.append(self.opt.hypers[0]['lr'])

    def before_step(self): self.heard.append('step')

    def after_fit(self): self.heard.append('end')


class Eager(Callback):
    "Hears every event, not by a method of its name."
    def __call__(self, event): self.learn.overheard = event


@pytest.fixture(scope='module')
def dls(): return collab_dls(planted_ratings(60, 40, 2, 1200, seed=1))


def learner(dls, opt_func=adam):
    "A new Learner; the same first weights and order of rows each time."
    torch.manual_seed(1)
    return Learner(dls, DotProduct(61, 41, 5), squared_error, opt_func=opt_func, cbs=Spy())


def fastai_fit(learn, wd=None):
    "fastai's own loop, for an epoch."
    learn.remove_cb(ProgressCallback)
    with learn.no_logging(): learn.fit_one_cycle(1, 1e-2, wd=wd)
    return learn


def test_listeners_hear_what_fastai_would_tell_them(dls):
    ours, theirs = fit_quietly(learner(dls), 1, 1e-2), fastai_fit(learner(dls, PLAIN))
    assert ours.spy.heard == theirs.spy.heard and len(ours.spy.heard) == 2*len(dls.train) + 1
    assert ours.recorder.values == theirs.recorder.values
    assert ours.recorder.losses == theirs.recorder.losses
    assert ours.recorder.hps == theirs.recorder.hps


def test_a_callback_that_hears_all_is_told_all(dls):
    assert fit_quietly(learner(dls), 1, cbs=Eager()).overheard == 'after_fit'


def test_the_learner_is_left_as_it_was(dls):
    class Stop(Callback):
        def after_batch(self): raise ValueError('enough')
    learn = learner(dls)
    with pytest.raises(ValueError, match='enough'): fit_quietly(learn, 1, cbs=Stop())
    assert '_call_one' not in vars(learn)
    assert '_call_one' not in vars(fit_quietly(learn, 1))


def test_the_same_losses_as_fastais_adam(dls):
    ours = history(fit_quietly(learner(dls), 1, 1e-2, wd=.4)).iloc[-1]
    theirs = fastai_fit(learner(dls, Adam), wd=.4).recorder.values[-1][:2]
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    harder = history(fit_quietly(learner(dls), 1, 1e-2, wd=40.)).iloc[-1]
    assert not np.allclose(harder, theirs, atol=1e-3)


def test_a_seed_settles_the_losses(dls):
    one, same, other = (history(train(DotProduct, dls, n_epoch=1, seed=s)) for s in (1, 1, 2))
    assert one.equals(same) and not one.equals(other)


def test_the_bar_counts_training_batches(dls, monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, 'stderr', screen)
    with StepsBar(2*len(dls.train), 'two trainings') as bar:
        for _ in range(2): fit_quietly(learner(dls), 1, cbs=[bar])
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
