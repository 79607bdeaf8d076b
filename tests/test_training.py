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
from fastai.callback.core import Callback, CancelBatchException
from fastai.callback.progress import ProgressCallback
from fastai.callback.schedule import ParamScheduler, SchedCos, combined_cos
from fastai.callback.tracker import EarlyStoppingCallback, SaveModelCallback
from fastai.callback.training import GradientClip
from fastai.collab import CollabDataLoaders, EmbeddingDotBias, EmbeddingNN, TabularCollab
from fastai.data.block import TransformBlock
from fastai.learner import Learner
from fastai.losses import MSELossFlat
from fastai.metrics import mae
from fastai.optimizer import Adam, OptimWrapper
from fastai.tabular.core import Categorify
from fastai.torch_core import TensorBase, set_seed
from torch import nn

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.create_params import DotProductBiasParams
from collabdive.cross_entropy import CrossEntropy, DotProductBiasCE
from collabdive.dot_product import DotProduct, DotProductBias, squared_error, train
from collabdive.files import load_results
from collabdive.learner import OrdinalNN, collab_learner, fit_quick
from collabdive.ordinal import CumulativeLink
from collabdive.planted import planted_ratings
from collabdive.training import (Recipe, StepsBar, _cosines, _step, adam, average_unknown,
                                 factors_and_rest, fit, history)

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


@pytest.mark.parametrize('bad', [dict(epochs=0), dict(lr=0), dict(lr=9e-13),
                                 dict(lr=float('nan')), dict(wd=-.1),
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


# the steps, taken here and taken by fastai

CLUB = planted_ratings(60, 40, 2, 1200, seed=1)


class Tagged(nn.Module):
    "A model that wants plain tensors, as fastai gives them."
    def __init__(self, *sizes):
        super().__init__()
        self.model = DotProductBias(*sizes)

    def forward(self, x):
        assert type(x) is torch.Tensor
        return self.model(x)


def tagged(dls):
    "The loaders, with batches of a subclass of tensors."
    for dl in dls.loaders: dl.after_batch = lambda b: tuple(t.as_subclass(TensorBase) for t in b)
    return dls


def fastais(): return CollabDataLoaders.from_df(CLUB, seed=1, item_name='movie', bs=64)
def coded(): return collab_dls(CLUB, task='classify')


OURS = partial(collab_dls, CLUB)
KINDS = {   # loaders, model, loss, recipe, and what else the learner is given
    'DotProductBias': (OURS, lambda: DotProductBias(61, 41, 5), squared_error, Recipe(2), {}),
    'alike': (OURS, lambda: DotProductBias(61, 41, 5), squared_error,
              Recipe(2, wd=.1, rest_wd=None), {}),
    'CollabNN': (OURS, lambda: CollabNN((61, 5), (41, 4)), squared_error, Recipe(2), {}),
    'classes': (coded, lambda: DotProductBiasCE(61, 41, 5, 9), CrossEntropy(), Recipe(2), {}),
    'nothing hidden': (partial(OURS, valid_pct=0), lambda: DotProductBias(61, 41, 5),
                       squared_error, Recipe(2), {}),
    'metrics': (OURS, lambda: DotProductBias(61, 41, 5), squared_error, Recipe(2),
                dict(metrics=[mae], moms=(.9, .8, .95))),
    'tagged': (lambda: tagged(OURS()), lambda: Tagged(61, 41, 5), squared_error, Recipe(2), {}),
    'fastai': (fastais, lambda: EmbeddingDotBias(5, 61, 41, (0, 5.5)), MSELossFlat(), Recipe(2),
               {}),
    'EmbeddingNN': (fastais, lambda: EmbeddingNN([(61, 5), (41, 4)], [8]), MSELossFlat(),
                    Recipe(2), {})}


def new(kind):
    "A new learner and its recipe; the same weights and order of rows each time."
    loaders, model, loss_func, recipe, more = KINDS[kind]
    set_seed(1)
    learn = Learner(loaders(), model(), loss_func, **more)
    learn.recorder.train_metrics = kind == 'metrics'
    return learn, recipe


def by_fastai(learn, recipe, cbs=None):
    "What `fit` does, by fastai's own method."
    alike = recipe.rest_wd is None
    learn.opt_func, learn.splitter = adam, learn.splitter if alike else factors_and_rest
    learn.remove_cb(ProgressCallback)
    with learn.no_logging(): learn.fit_one_cycle(
        recipe.epochs, recipe.lr, wd=recipe.wd if alike else (recipe.wd, recipe.rest_wd), cbs=cbs)
    return average_unknown(learn)


@pytest.fixture
def steps(monkeypatch):
    "The batches that `fit` took itself."
    taken = []
    def counted(learn):
        taken.append(learn.training)
        _step(learn)
    monkeypatch.setattr('collabdive.training._step', counted)
    return taken


def same(a, b):
    "Two values of a learner, with the tensors in them."
    if isinstance(a, torch.Tensor): return torch.equal(a, b)
    if isinstance(a, dict): return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)): return len(a) == len(b) and all(map(same, a, b))
    return a == b or a != a and b != b


def all_of(learn):
    "All that a training leaves behind."
    rec = learn.recorder
    return dict(model=learn.model.state_dict(), opt=learn.opt.state_dict(), losses=rec.losses,
                values=[[*row] for row in rec.values], lrs=rec.lrs, hps=rec.hps, iters=rec.iters,
                smooth=learn.smooth_loss, counts=[learn.train_iter, learn.pct_train, learn.epoch,
                learn.iter, learn.n_iter, learn.training, learn.model.training],
                random=torch.get_rng_state())


@pytest.mark.parametrize('kind', KINDS)
def test_all_that_a_training_leaves_is_as_by_fastais_method(kind, steps):
    theirs = all_of(by_fastai(*new(kind)))
    assert not steps
    learn, recipe = new(kind)
    ours = all_of(fit(learn, recipe))
    n_valid = 0 if kind == 'nothing hidden' else len(learn.dls.valid)
    assert steps == ([True]*len(learn.dls.train) + [False]*n_valid)*2
    assert [k for k in theirs if not same(ours[k], theirs[k])] == []


def test_another_rate_leaves_something_else():
    ours, other = (all_of(fit(new('alike')[0], Recipe(1, lr))) for lr in (.01, .02))
    assert [k for k in ours if same(ours[k], other[k])] == ['iters', 'counts', 'random']


class Looks(Callback):
    "Sees every batch, and lets fastai skip one."
    def before_fit(self): self.seen = 0
    def after_loss(self): self.seen += 1
    def before_step(self): pass
    def before_batch(self):
        if self.iter == 3: raise CancelBatchException


class OneBatch(Learner):
    def one_batch(self, i, b):
        self.counted = getattr(self, 'counted', 0) + 1
        super().one_batch(i, b)


@pytest.mark.parametrize('looks', [Looks, partial(GradientClip, .1),
                                   partial(Callback, after_backward=lambda self: None),
                                   lambda: ParamScheduler({'wd': SchedCos(.1, .2)})])
def test_whoever_looks_at_batches_gets_fastais_loop(looks, steps):
    theirs, cb = by_fastai(*new('DotProductBias'), looks()), looks()
    learn, recipe = new('DotProductBias')
    assert same(all_of(fit(learn, recipe, cb)), all_of(theirs)) and not steps
    if looks is Looks: assert cb.seen == 2*len(learn.dls.train) - 2 + 2*len(learn.dls.valid)
    fit(*new('DotProductBias'))
    assert steps                                      # without it they are taken here again


def test_a_learner_with_a_loop_of_its_own_keeps_it(dls, steps):
    learn = fit(OneBatch(dls, DotProduct(61, 41, 5), squared_error), Recipe(1))
    assert learn.counted == len(dls.train) + len(dls.valid) and not steps


def test_callbacks_of_epochs_work_beside_it(tmp_path, steps):
    def cbs(): return [EarlyStoppingCallback(min_delta=9., patience=2),
                       SaveModelCallback(fname='best')]
    found = []
    for train_it in (by_fastai, fit):
        learn, recipe = new('DotProductBias')
        learn.path = tmp_path
        train_it(learn, replace(recipe, epochs=5), cbs())
        found.append(all_of(learn))
    assert same(*found) and len(found[0]['values']) == 3
    assert len(steps) == 3*(len(learn.dls.train) + len(learn.dls.valid))
    assert (tmp_path/'models'/'best.pth').is_file()


def test_a_callback_may_ask_for_predictions_in_between(steps):
    class Ask(Callback):
        def after_epoch(self): self.preds = self.learn.get_preds(inner=True)[0]
    learn, recipe = new('DotProductBias')
    fit(learn, recipe, ask := Ask())
    assert len(ask.preds) == len(learn.dls.valid_ds) and len(steps) == 2*(
        len(learn.dls.train) + len(learn.dls.valid))


def test_an_interrupt_stops_it_and_the_learner_trains_again(dls):
    class Stops(DotProduct):
        def forward(self, x):
            self.n = getattr(self, 'n', 0) + 1
            if self.n == 5: raise KeyboardInterrupt
            return super().forward(x)
    learn = Learner(dls, Stops(61, 41, 5), squared_error)
    with pytest.raises(KeyboardInterrupt): fit(learn, ALIKE)
    assert learn.dl is dls.train and learn.iter == 4 and len(learn.recorder.losses) == 4
    assert not hasattr(learn, 'own_steps')
    assert len(history(fit(learn, ALIKE))) == 1


@pytest.mark.parametrize('low, high, last', [(4e-4, 1e-2, 1e-7), (.95, .85, .95)])
def test_the_schedule_is_fastais(low, high, last):
    ours, theirs = _cosines(low, high, last), combined_cos(.25, low, high, last)
    shares = np.concatenate([np.random.default_rng(1).random(2000), np.arange(53)/52,
                             np.cumsum(np.full(785, 1/785)), np.nextafter(.25, [0, 1])])
    assert [ours(s) for s in shares] == [theirs(s) for s in shares]


@pytest.mark.parametrize('more', [{}, dict(amsgrad=True), dict(maximize=True)])
def test_a_step_is_pytorchs(more):
    def trained(opt_func, wd=.1):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 2))  # one goes unused
        opt = opt_func([{'params': [*layer.parameters()]} for layer in model], betas=(.9, .99),
                       eps=1e-5, weight_decay=wd, **more)
        for k in range(6):
            used = model[0], model[1 + k//3]              # which layer has gradients changes
            x = torch.randn(5, 3)
            used[1](used[0](x)).square().sum().backward()
            opt.step()
            opt.zero_grad()
            assert all(p.grad is None for p in model.parameters())
        return torch.cat([p.detach().flatten() for p in model.parameters()])
    def ours(*args, **kwargs): return adam(*args, convert_groups=False, **kwargs)
    plain = trained(partial(torch.optim.AdamW, fused=True))
    assert torch.equal(trained(ours), plain)
    assert not torch.equal(trained(ours, wd=.2), plain)


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


def test_the_steps_taken_here_cost_less_than_fastais():
    found = load_results('steps')
    cpu = found['cpu_s']
    assert cpu['steps alone'] < cpu['fit'] < .5*cpu['fastai']
    assert found['ratio'] == pytest.approx(cpu['fit']/cpu['fastai'], abs=.001)
