"Dot products beside the sum written out, losses of any shape, trainings that are told apart."
import inspect
from functools import partial

import pytest
import torch
from fastai.callback.core import Callback
from fastai.interpret import Interpretation
from fastai.learner import Learner
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.batches import collab_dls
from collabdive.dot_product import DotProduct, DotProductBias, squared_error, train
from collabdive.planted import planted_ratings
from collabdive.training import Recipe, adam, history

ranges = st.sampled_from([None, (0, 5.5), (1., 5.), (-3., -1.)])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 8), ranges, st.booleans(), st.integers(0, 10**6))
def test_the_score_is_the_sum_written_out(n_factors, n, y_range, bias, seed):
    torch.manual_seed(seed)
    model = (DotProductBias if bias else DotProduct)(5, 7, n_factors, y_range)
    for p in model.parameters(): p.data.normal_()
    x = torch.stack([torch.randint(5, (n,)), torch.randint(7, (n,))], 1)
    P, Q, b_user, b_item, found_range = model.tables()
    for row, said in zip(x.tolist(), model(x).tolist()):
        score = sum((P[row[0], k]*Q[row[1], k]).item() for k in range(n_factors))
        if bias: score += b_user[row[0]].item() + b_item[row[1]].item()
        if y_range: score = y_range[0] + (y_range[1] - y_range[0])*torch.tensor(score).sigmoid()
        assert said == [pytest.approx(float(score), abs=1e-4)]
    assert found_range == y_range and model(x).shape == (n, 1) and (b_user is None) != bias


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 10**6))
def test_the_error_in_its_three_forms(n, seed):
    torch.manual_seed(seed)
    pred, y = torch.randn(n, 1), torch.randn(n, 1)
    each = squared_error(pred, y, 'none')
    assert each.shape == (n,) and torch.allclose(each, ((pred - y)**2)[:, 0])
    assert torch.allclose(squared_error(pred, y, 'sum'), each.sum())
    assert torch.allclose(squared_error(pred, y), each.mean())
    for bad in (y[:, 0], y.T, torch.cat([y, y])):
        if bad.shape == pred.shape: continue
        with pytest.raises(ValueError, match='differ in shape; sum with keepdim=True'):
            squared_error(pred, bad)


class Counter(Callback):
    epochs = 0
    def after_epoch(self): self.epochs += 1


def test_stars_are_the_range_unless_told():
    assert DotProductBias(2, 2, 1).y_range == (0, 5.5) and DotProduct(2, 2, 1).y_range is None


def test_train_hands_everything_on():
    dls = collab_dls(planted_ratings(30, 40, 2, 600, seed=1))
    counter = Counter()
    learn = train(DotProductBias, dls, Recipe(2, n_factors=3), 7, cbs=[counter], y_range=(1, 5),
                  loss_func=lambda pred, y: squared_error(pred, y, 'sum'))
    P, Q, *_, y_range = learn.model.tables()
    assert P.shape == (31, 3) and Q.shape == (41, 3) and y_range == (1, 5)
    assert len(history(learn)) == 2 == counter.epochs
    assert history(learn).valid.min() > 20                                # sums, not means
    mean = train(DotProductBias, dls, Recipe(2, n_factors=3), 7, y_range=(1, 5))
    assert history(mean).valid.max() < 20
    default, same = (train(DotProduct, dls, Recipe(1), **seed) for seed in ({}, {'seed': 42}))
    assert default.model.y_range is None and history(default).equals(history(same))


def test_fastai_finds_the_largest_errors():
    dls = collab_dls(planted_ratings(30, 40, 2, 600, seed=1))
    learn = train(DotProductBias, dls, Recipe(1, n_factors=3))
    said = learn.get_preds()[0]
    worst, rows, *_ = Interpretation.from_learner(learn).top_losses(3)
    errors = (said - dls.valid_ds.y).flatten()**2
    assert torch.allclose(worst, errors[rows], atol=1e-4)
    assert torch.allclose(worst, errors.topk(3).values, atol=1e-4)


def test_the_cycle_sets_the_momentum_whatever_adam_names():
    def one_epoch(first_beta):
        torch.manual_seed(1)
        dls = collab_dls(planted_ratings(30, 40, 2, 600, seed=1), bs=16)
        model = DotProduct(*(len(dls.classes[name]) for name in dls.cat_names), 3)
        opt = partial(adam, betas=(first_beta, .99))
        learn = Learner(dls, model, squared_error, opt_func=opt)
        with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1, 1e-2)
        return learn.recorder.values, learn.recorder.hps['mom']
    losses, moms = one_epoch(.9)
    assert (losses, moms) == one_epoch(.1)
    assert inspect.signature(adam).parameters['betas'].default[0] == .9
    assert [round(m, 2) for m in (moms[0], min(moms), moms[-1])] == [.95, .85, .95]
