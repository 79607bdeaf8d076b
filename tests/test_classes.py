"Metrics and models of classes where no lesson looks: any number of levels, hostile input."
import numpy as np
import pandas as pd
import pytest
import torch
from fastai.learner import Learner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics as skm

from collabdive.batches import collab_dls
from collabdive.cross_entropy import CrossEntropy, DotProductBiasCE
from collabdive.learner import collab_learner
from collabdive.metrics import class_metrics, level_codes, rating_metrics, with_temperature
from collabdive.ordinal import CumulativeLink, cumulative_log_probs
from collabdive.planted import planted_ratings
from collabdive.splits import random_split
from collabdive.training import Recipe, fit

HALVES = np.arange(.5, 5.1, .5)


@st.composite
def judged(draw, least=2):
    "(ratings, probabilities, levels): 2 to 10 levels, 2 to 60 rows."
    k, n = draw(st.integers(least, 10)), draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = np.sort(rng.choice(np.arange(-8, 12)/2, k, replace=False))
    flatness = draw(st.sampled_from([.1, 1, 10]))
    return rng.choice(levels, n), rng.dirichlet(np.full(k, flatness), n), levels


@settings(max_examples=150, deadline=None)
@given(judged())
def test_class_metrics_equal_scikit_learn(case):
    y, probs, levels = case
    codes, found = level_codes(y, levels), class_metrics(y, probs, levels)
    k, guess = len(levels), probs.argmax(1)
    truth = np.eye(k)[codes]
    at_most = [skm.brier_score_loss(codes <= j, np.clip(probs[:, :j + 1].sum(1), 0, 1),
                                    labels=[False, True]) for j in range(k - 1)]
    want = dict(rmse=skm.root_mean_squared_error(y, probs @ levels),
                acc=skm.accuracy_score(codes, guess),
                macro_f1=skm.f1_score(codes, guess, average='macro'),
                nll=skm.log_loss(codes, probs, labels=range(k)),
                brier=skm.mean_squared_error(truth, probs)*k, rps=sum(at_most))
    for name, value in want.items(): assert found[name] == pytest.approx(value, abs=1e-6), name


@settings(max_examples=100, deadline=None)
@given(judged())
def test_the_order_of_rows_and_the_unit_of_levels_do_not_matter(case):
    y, probs, levels = case
    found, order = class_metrics(y, probs, levels), np.random.default_rng(0).permutation(len(y))
    shuffled = class_metrics(y[order], probs[order], levels)
    tenfold = class_metrics(10*y, probs, 10*levels)
    for name, value in found.items():
        assert shuffled[name] == pytest.approx(value, nan_ok=True), name
        scale = 10 if name in ('rmse', 'mae', 'macro_mae') else 1
        if name != 'qwk': assert tenfold[name] == pytest.approx(scale*value), name


@settings(max_examples=60, deadline=None)
@given(judged(), st.floats(.05, 20))
def test_temperature_keeps_the_order_of_classes(case, temperature):
    y, probs, levels = case
    scaled = with_temperature(probs, temperature)
    assert np.allclose(scaled.sum(1), 1)
    assert (scaled.argmax(1) == probs.argmax(1)).all() or (rankdata(probs, axis=1) % 1).any()


@pytest.mark.parametrize('wrong, message', [
    (dict(probs=[[.5, .6]]), 'sums to 1.1'), (dict(probs=[[np.nan, 1]]), 'holds nan'),
    (dict(probs=[[-.5, 1.5]]), 'holds -0.5'), (dict(probs=[[2.3, -1.2]]), 'holds -1.2'),
    (dict(probs=[.5, .5]), 'must be'), (dict(probs=[[.2, .3, .5]]), 'must be'),
    (dict(y=[3.5]), 'rating 3.5 in row 0 is not one of the levels 3, 4'),
    (dict(y=[np.nan]), 'not a finite number'), (dict(y=[]), 'no ratings'),
    (dict(y=[3, 4]), '2 ratings but 1 rows'), (dict(y=[[3, 4]]), 'must be'),
    (dict(levels=[4, 3]), 'ascending'), (dict(levels=[3]), 'two or more')])
def test_bad_input_is_named(wrong, message):
    good = dict(y=[4], probs=[[.3, .7]], levels=[3, 4])
    class_metrics(**good)
    with pytest.raises(ValueError, match=message): class_metrics(**{**good, **wrong})


@pytest.mark.parametrize('pred', [[3, np.nan], [3, np.inf], [3]])
def test_bad_predictions_are_named(pred):
    with pytest.raises(ValueError): rating_metrics([3, 4], pred)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 10), st.floats(-200, 200), st.integers(0, 10**6))
def test_ordinal_probabilities_sum_to_one_at_any_score(n_classes, score, seed):
    torch.manual_seed(seed)
    cuts = torch.randn(1, n_classes - 1).mul(3).sort().values + torch.arange(n_classes - 1)/100
    logs = cumulative_log_probs(torch.tensor([[score]]), cuts)
    assert logs.isfinite().all() and logs.exp().sum().item() == pytest.approx(1, abs=1e-5)


def halves(n_ratings=4000):
    "Planted ratings in half stars, each level a tenth of them."
    frame = planted_ratings(60, 80, n_ratings=n_ratings, seed=3)
    liking = frame.signal + np.random.default_rng(0).normal(0, .5, len(frame))
    return frame.assign(rating=np.ceil(liking.rank(pct=True)*10)/2)


@pytest.mark.parametrize('task', ['regress', 'classify', 'ordinal'])
@pytest.mark.parametrize('use_nn', [False, True])
def test_ten_levels_from_frame_to_metrics(task, use_nn):
    ratings = halves()
    dls = collab_dls(ratings, item_name='movie', task=task, bs=256)
    assert len(dls.vocab.levels) == 10
    torch.manual_seed(0)
    learn = fit(collab_learner(dls, 8, use_nn=use_nn), Recipe(6, 2e-2, .01, None))
    valid = ratings.iloc[random_split(ratings)[1]]
    out = learn.get_preds()[0]
    if task == 'regress': found = rating_metrics(valid.rating, out, HALVES)
    else: found = class_metrics(valid.rating, out, dls.vocab.levels)
    assert found['rmse'] < .95*valid.rating.std()
    asked = learn.predict(valid[['user', 'movie']])
    assert len(asked) == len(valid) and asked.rating_pred.notna().all()


@pytest.mark.parametrize('model', [DotProductBiasCE, CumulativeLink])
def test_a_level_that_training_never_saw_gets_a_small_probability(model):
    ratings = halves().assign(rating=lambda f: f.rating.clip(lower=1))
    unseen = np.flatnonzero(ratings.rating == 2)
    seen = np.flatnonzero(ratings.rating != 2)
    dls = collab_dls(ratings, item_name='movie', task='ordinal', bs=256, levels=tuple(HALVES),
                     splits=(seen, unseen))
    assert dls.vocab.levels == tuple(HALVES)
    torch.manual_seed(0)
    sizes = [len(dls.classes[name]) for name in dls.cat_names]
    learn = Learner(dls, model(*sizes, 8, 10), CrossEntropy())
    probs = fit(learn, Recipe(20, 2e-2, .2)).get_preds()[0]
    share = probs.mean(0)
    assert share[3] < .5*min(share[2], share[4]) and share[0] < .5*share[1]
    found = class_metrics(ratings.rating.iloc[unseen], probs, HALVES)
    assert found['acc'] == 0 and 2 < found['nll'] < 12


def test_a_rating_that_is_no_level_is_refused_before_training():
    with pytest.raises(ValueError, match='rating 0.5 is not one of the levels'):
        collab_dls(halves(), item_name='movie', task='classify', levels=(1, 2, 3, 4, 5))


def test_metrics_take_tensors_and_columns():
    y, probs = torch.tensor([[4.], [3.]]), torch.tensor([[.3, .7], [.6, .4]])
    assert class_metrics(y, probs, (3, 4)) == class_metrics([4, 3], probs.numpy(), (3, 4))
    assert rating_metrics(y, torch.tensor([[3.5], [2.]])) == rating_metrics([4, 3], [3.5, 2])
    frame = pd.Series([4., 3])
    assert rating_metrics(frame, frame)['rmse'] == 0
