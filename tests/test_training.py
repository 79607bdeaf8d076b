"Training beside fastai's own loop and optimiser; the splitter on every kind of model."
import io
import re
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.callback.progress import ProgressCallback
from fastai.collab import EmbeddingDotBias, EmbeddingNN, TabularCollab
from fastai.data.block import TransformBlock
from fastai.learner import Learner
from fastai.losses import MSELossFlat
from fastai.optimizer import Adam, OptimWrapper
from fastai.tabular.core import Categorify
from torch import nn

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.create_params import DotProductBiasParams
from collabdive.cross_entropy import CrossEntropy
from collabdive.dot_product import DotProduct, DotProductBias, squared_error, train
from collabdive.learner import OrdinalNN, collab_learner, fit_quick
from collabdive.ordinal import CumulativeLink
from collabdive.planted import planted_ratings
from collabdive.training import (Recipe, StepsBar, adam, average_unknown, factors_and_rest, fit,
                                 history)

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


def test_a_table_is_printed_where_it_is_asked_for(dls, capsys):
    said = []
    for progress in (False, True):
        fit(learner(dls), ALIKE, progress=progress)
        said.append('epoch' in capsys.readouterr().out)
    assert said == [False, True]


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


# the unknown

N = 13                                                     # of users and of items, '#na#' included
HIDDEN = {0: [0, 5], 1: [0, 7, 9]}                         # rows without a training rating
TABLES = {
    'DotProduct': (lambda: DotProduct(N, N, 3), 1),
    'DotProductBias': (lambda: DotProductBias(N, N, 3), 2),
    'params': (lambda: DotProductBiasParams(N, N, 3), 2),
    'CollabNN': (lambda: CollabNN((N, 3), (N, 2)), 1),
    'fastai': (lambda: EmbeddingDotBias(3, N, N), 2),
    'EmbeddingNN': (lambda: EmbeddingNN([(N, 3), (N, 2)], [N]), 1),
    'ordinal': (lambda: CumulativeLink(N, N, 3, N), 2),
    'ordinal by both': (lambda: CumulativeLink(N, N, 3, 5, True, True), 3),
    'OrdinalNN': (lambda: OrdinalNN([(N, 3), (N, 2)], [4], 5), 2)}


@pytest.fixture(scope='module')
def square():
    "As many users as items; all ratings of user 5 and of items 7 and 9 are hidden."
    full = pd.DataFrame([(u, i, (u*i) % 5 + 1.) for u in range(1, N) for i in range(1, N)
                         if (u*i) % 5 != 1], columns=['user', 'item', 'rating'])
    hidden = ((full.user == 5) | full['item'].isin([7, 9])).to_numpy()
    dls = collab_dls(full, splits=(np.flatnonzero(~hidden), np.flatnonzero(hidden)), bs=32)
    assert [len(ids) for ids in dls.classes.values()] == [N, N]
    return dls


def side_of(name): return int(bool(re.search(r'item_|i_weight|i_bias|embeds.1', name)))


@pytest.mark.parametrize('kind', TABLES)
def test_rows_without_ratings_become_the_weighted_mean(square, kind):
    make, n_tables = TABLES[kind]
    learn = Learner(square, make(), CrossEntropy() if 'rdinal' in kind else squared_error)
    before = {name: p.detach().clone() for name, p in learn.model.named_parameters()}
    assert average_unknown(learn) is learn
    changed = []
    for name, p in learn.model.named_parameters():
        side, old, new = side_of(name), before[name], p.detach()
        if torch.equal(old, new): continue
        changed.append(name)
        n = np.bincount(square.train_ds.x[:, side], minlength=N)
        assert np.flatnonzero(n == 0).tolist() == HIDDEN[side] and len(new) == N
        mean = np.average(old, axis=0, weights=n)
        assert np.allclose(new[n == 0], mean, atol=1e-6) and torch.equal(new[n > 0], old[n > 0])
    assert len(changed) == 2*n_tables and sum(map(side_of, changed)) == n_tables
    again = {name: p.detach().clone() for name, p in learn.model.named_parameters()}
    average_unknown(learn)
    for name, p in learn.model.named_parameters(): assert torch.allclose(p, again[name], atol=1e-6)


def test_fastais_loaders_and_every_way_to_train_end_with_it(square):
    rows = square.train_ds.vocab.decode(square.train_ds.x, square.train_ds.y)
    extra = pd.DataFrame({'user': [99]*3, 'item': [1, 2, 98], 'rating': [1., 2, 3]})
    club = pd.concat([rows, extra], ignore_index=True)
    parts = list(range(len(rows))), list(range(len(rows), len(club)))
    theirs = TabularCollab(club, [Categorify], ['user', 'item'], y_names=['rating'],
                           y_block=TransformBlock(), splits=parts).dataloaders(bs=32)
    ours = collab_dls(club, splits=parts, bs=32)
    for dls in (theirs, ours):
        learn = collab_learner(dls, 3, loss_func=MSELossFlat())
        with learn.no_bar(), learn.no_logging(): learn.fit(1)      # fastai's own method
        for learn in (learn, fit(collab_learner(dls, 3), Recipe(1))):
            bias = learn.model.u_bias.weight.detach()[:, 0].numpy()
            codes = dls.train_ds.xs.user if dls is theirs else dls.train_ds.x[:, 0]
            n = np.bincount(codes, minlength=len(bias))
            assert (n == 0).sum() == 1 + (dls is ours)      # fastai knows ids of training only
            assert np.allclose(bias[n == 0], np.average(bias, weights=n), atol=1e-6)
            assert len(np.unique(bias[n > 0])) == (n > 0).sum()
    quick = fit_quick(ours, epochs=1, n_factors=3).model.i_weight.weight
    assert torch.equal(quick[0], quick[-1]) and not torch.equal(quick[0], quick[1])


def test_a_table_of_another_size_is_left_alone(square):
    learn = Learner(square, DotProduct(N + 1, N, 3), squared_error)
    before = learn.model.user_factors.weight.detach().clone()
    average_unknown(learn)
    assert torch.equal(learn.model.user_factors.weight, before)
    assert torch.equal(*learn.model.item_factors.weight[[7, 9]])


# recipes

def test_a_batch_is_a_share_of_the_rows():
    assert [Recipe(batches=10).bs(n) for n in (1, 320, 321, 2**20, 2**21)] == [
        32, 32, 33, 104858, 131072]
    lowest = Recipe(1, 1e-12, 0, 0, 1, 1)
    assert lowest.bs(50) == 50 and Recipe(rest_wd=None).bs(50) is None


@pytest.mark.parametrize('lr', [100., 1e6])
def test_a_loss_that_is_not_finite_is_no_result(lr):
    from collabdive.learner import collab_learner, fit_quick
    from collabdive.planted import planted_ratings
    dls = collab_dls(planted_ratings(60, 50, 2, 1000))
    message = 'loss was not finite from batch .* a lower learning rate may help'
    with pytest.raises(ValueError, match=message): fit_quick(dls, lr=lr)
    learn = collab_learner(dls)
    with learn.no_bar(), learn.no_logging(), pytest.raises(ValueError, match=message):
        learn.fit(1, 1e18)


def test_a_search_for_the_rate_may_go_too_far():
    from collabdive.learner import collab_learner
    from collabdive.planted import planted_ratings
    learn = collab_learner(collab_dls(planted_ratings(60, 50, 2, 1000)))
    with learn.no_bar(): learn.lr_find(end_lr=1e20, show_plot=False)
    assert all(p.isfinite().all() for p in learn.model.parameters())


@pytest.mark.parametrize('name', ['lr', 'wd', 'rest_wd', 'epochs'])
@pytest.mark.parametrize('value', [float('inf'), float('nan'), -1])
def test_a_recipe_is_made_of_finite_numbers(name, value):
    with pytest.raises(ValueError, match=f'{name}='): Recipe(**{name: value})


def test_a_learner_without_its_recorder_trains():
    from fastai.learner import Recorder
    learn = collab_learner(collab_dls(planted_ratings(60, 50, 2, 1000)))
    learn.remove_cbs([cb for cb in learn.cbs if isinstance(cb, (Recorder, ProgressCallback))])
    learn.fit(1, 1e-2)
    with pytest.raises(ValueError, match='not finite, so'): learn.fit(1, 1e18)
