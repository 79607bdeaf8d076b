"Metrics where no lesson looks: any number of levels, hostile input."
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics as skm

from collabdive.metrics import (brier, check_probs, class_metrics, ece, fit_temperature,
                                level_codes, nearest_level, nll, rating_metrics, reliability, rps,
                                with_temperature)


@st.composite
def judged(draw, least=2):
    "(ratings, probabilities, levels): 2 to 10 levels, 2 to 60 rows."
    k, n = draw(st.integers(least, 10)), draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = np.sort(rng.choice(np.arange(-8, 12)/2, k, replace=False))
    flatness = draw(st.sampled_from([.1, 1, 10]))
    return rng.choice(levels, n), rng.dirichlet(np.full(k, flatness), n), levels


@settings(max_examples=60, deadline=None)
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
    with np.errstate(invalid='ignore'):
        want['qwk'] = skm.cohen_kappa_score(codes, nearest_level(probs @ levels, levels),
                                            labels=range(k), weights='quadratic')
    for name, value in want.items():
        assert found[name] == pytest.approx(value, abs=1e-6, nan_ok=True), name


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


@settings(max_examples=25, deadline=None)
@given(judged())
def test_a_score_is_the_mean_of_the_scores_of_the_rows(case):
    y, probs, levels = case
    for score in (nll, brier, rps):
        rows = score(y, probs, levels, reduction='none')
        alone = [score(y[k:k + 1], probs[k:k + 1], levels) for k in range(len(y))]
        assert rows.shape == y.shape and np.allclose(rows, alone)
        assert score(y, probs, levels) == pytest.approx(rows.mean())
        with pytest.raises(ValueError, match="reduction='sum' must be 'mean' or 'none'"):
            score(y, probs, levels, reduction='sum')


@settings(max_examples=60, deadline=None)
@given(judged(), st.floats(.05, 20))
def test_temperature_keeps_the_order_of_classes(case, temperature):
    y, probs, levels = case
    scaled = with_temperature(probs, temperature)
    assert np.allclose(scaled.sum(1), 1)
    assert (scaled.argmax(1) == probs.argmax(1)).all() or (rankdata(probs, axis=1) % 1).any()
    for bad in (0, -1, np.nan):
        with pytest.raises(ValueError, match='must be above 0'): with_temperature(probs, bad)


def test_a_temperature_lies_between_a_twentieth_and_twenty():
    shy, loud = np.array([[.51, .49]]*9), np.array([[1 - 1e-12, 1e-12]]*9)
    for limit, y, probs in ((.05, [1]*9, shy), (20, [1, 2, 2]*3, loud)):
        assert fit_temperature(y, probs, (1, 2)) == pytest.approx(limit, rel=1e-3)


@pytest.mark.parametrize('total, fine', [(.9995, True), (1.0005, True),
                                         (.998, False), (1.002, False)])
def test_probabilities_sum_to_one_within_a_thousandth(total, fine):
    probs = [[.4, .6], [.5*total, .5*total]]
    if fine: assert np.allclose(check_probs(probs), [[.4, .6], [.5, .5]], atol=1e-9)
    else:
        with pytest.raises(ValueError, match='row 1 of the probabilities sums to'):
            check_probs(probs)


def test_bins_end_where_they_should():
    sure = np.array([[.5, .5], [.59, .41], [.61, .39], [.99, .01], [1, 0]])
    bins = reliability([1, 1, 2, 1, 1], sure, (1, 2), n_bins=10)
    assert bins.index.tolist() == [5, 6, 9] and bins.n.tolist() == [2, 1, 2]
    assert bins.accuracy.tolist() == [1, 0, 1]
    assert reliability([1]*5, sure, (1, 2)).index.tolist() == [7, 8, 9, 14]    # 15 of them
    gaps = [2*(1 - .545), .61, 2*(1 - .995)]
    assert ece([1, 1, 2, 1, 1], sure, (1, 2), 10) == pytest.approx(sum(gaps)/5)
    with pytest.raises(ValueError, match='n_bins=0'): reliability([1]*5, sure, (1, 2), 0)
    assert len(reliability([1]*5, sure, (1, 2), 1)) == 1


@pytest.mark.parametrize('wrong, message', [
    (dict(probs=[[.5, .6]]), 'sums to 1.1'), (dict(probs=[[np.nan, 1]]), 'holds nan'),
    (dict(probs=[[-.5, 1.5]]), 'holds -0.5'), (dict(probs=[[2.3, -1.2]]), 'holds -1.2'),
    (dict(probs=[.5, .5]), 'must be'), (dict(probs=[[.2, .3, .5]]), 'must be'),
    (dict(y=[3.5]), 'rating 3.5 in row 0 is not one of the levels 3, 4'),
    (dict(y=[np.nan]), 'not a finite number'), (dict(y=[]), 'no ratings'),
    (dict(y=[3, 4]), '2 ratings but 1 rows'), (dict(y=[[3, 4]]), 'must be'),
    (dict(levels=[4, 3]), 'ascending'), (dict(levels=[3, 3]), 'ascending'),
    (dict(levels=[3]), 'two or more'), (dict(levels=[3, np.inf]), 'two or more')])
def test_bad_input_is_named(wrong, message):
    good = dict(y=[4], probs=[[.3, .7]], levels=[3, 4])
    class_metrics(**good)
    with pytest.raises(ValueError, match=message): class_metrics(**{**good, **wrong})


@pytest.mark.parametrize('pred', [[3, np.nan], [3, np.inf], [3]])
def test_bad_predictions_are_named(pred):
    with pytest.raises(ValueError): rating_metrics([3, 4], pred)


def test_a_rating_may_be_off_its_level_by_a_millionth():
    assert level_codes([3 + 1e-7], (3, 4)).tolist() == [0]
    with pytest.raises(ValueError, match='rating 3.0001 in row 1'): level_codes([3, 3.0001], (3, 4))


def test_metrics_take_tensors_and_columns():
    y, probs = torch.tensor([[4.], [3.]]), torch.tensor([[.3, .7], [.6, .4]])
    assert class_metrics(y, probs, (3, 4)) == class_metrics([4, 3], probs.numpy(), (3, 4))
    assert rating_metrics(y, torch.tensor([[3.5], [2.]])) == rating_metrics([4, 3], [3.5, 2])
    frame = pd.Series([4., 3])
    assert rating_metrics(frame, frame)['rmse'] == 0
