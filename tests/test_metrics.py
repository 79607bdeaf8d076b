"Metrics where no lesson looks: any number of levels, hostile input."
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics as skm
from sklearn.calibration import calibration_curve

from collabdive.metrics import (STARS, brier, check_probs, class_metrics, class_shares, confusion,
                                ece, fit_temperature, level_codes, macro_f1, macro_mae, mae,
                                mean_rating, median_rating, nearest_level, nll, plot_reliability,
                                quadratic_kappa, rating_metrics, reliability, rmse, rps,
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


@settings(max_examples=40, deadline=None)
@given(judged(), st.integers(0, 1000))
def test_tables_of_predicted_stars_equal_scikit_learn(case, seed):
    y, _, levels = case
    pred, k = y + np.random.default_rng(seed).normal(.3, 1, len(y)), len(levels)
    codes, said = level_codes(y, levels), nearest_level(pred, levels)
    table = confusion(y, pred, levels)
    assert (said == np.abs(pred[:, None] - levels).argmin(1)).all()
    assert (table == skm.confusion_matrix(codes, said, labels=range(k))).all()
    assert mae(y, pred) == pytest.approx(skm.mean_absolute_error(y, pred))
    assert rmse(y, pred) == pytest.approx(skm.root_mean_squared_error(y, pred))
    assert macro_f1(table) == pytest.approx(skm.f1_score(codes, said, average='macro'))
    by_class = [np.abs(levels[said] - y)[y == v].mean() for v in np.unique(y)]
    assert macro_mae(table, levels) == pytest.approx(np.mean(by_class))
    with np.errstate(invalid='ignore'):
        theirs = skm.cohen_kappa_score(codes, said, labels=range(k), weights='quadratic')
    assert quadratic_kappa(table) == pytest.approx(theirs, nan_ok=True)
    clipped, raw = (rating_metrics(y, pred, levels, clip=c) for c in (True, False))
    assert raw['rmse'] == rmse(y, pred) and clipped['acc'] == raw['acc'] == np.trace(table)/len(y)
    assert clipped['rmse'] == rmse(y, pred.clip(levels[0], levels[-1])) <= raw['rmse']


def test_a_tie_between_levels_goes_up():
    for levels in (np.arange(1., 6), np.arange(1, 11)/2, np.array([1, 2, 10.])):
        halfway = (levels[1:] + levels[:-1])/2
        assert nearest_level(halfway, levels).tolist() == list(range(1, len(levels)))
    assert level_codes(np.float32([1.1, 3.3]), [1.1, 2.2, 3.3]).tolist() == [0, 2]


def test_classes_that_are_rare_or_missing():
    gap = confusion([1, 1, 5], [1, 2, 5], STARS)      # 2 is only predicted, 3 and 4 not even that
    assert macro_f1(gap) == pytest.approx((2/3 + 0 + 1)/3)
    assert macro_mae(gap, STARS) == pytest.approx(.25)
    absent = class_metrics([1, 3], [[.6, 0, .4], [.3, 0, .7]], (1, 2, 3))
    assert absent['acc'] == absent['macro_f1'] == 1 and np.isfinite(list(absent.values())).all()
    assert class_shares(torch.tensor([[2.], [2.]]), (1, 2, 3)).tolist() == [0, 1, 0]


def test_kappa_is_one_for_the_truth_zero_for_a_constant_and_none_for_a_single_class():
    y = np.random.default_rng(0).integers(1, 6, 500)
    assert quadratic_kappa(confusion(y, y, STARS)) == 1
    for v in STARS: assert abs(quadratic_kappa(confusion(y, np.full(500, v), STARS))) < 1e-12
    assert abs(quadratic_kappa(confusion(y, np.random.default_rng(1).permutation(y), STARS))) < .1
    assert np.isnan(quadratic_kappa(confusion([2, 2], [2, 2], (1, 2, 3))))
    used = quadratic_kappa(confusion([1, 3, 5, 5], [1, 5, 5, 3], STARS))  # unused levels keep apart
    theirs = skm.cohen_kappa_score([0, 2, 4, 4], [0, 4, 4, 2], labels=range(5), weights='quadratic')
    assert used == pytest.approx(theirs)


@settings(max_examples=40, deadline=None)
@given(judged())
def test_the_median_has_half_of_the_probability_on_either_side(case):
    _, probs, levels = case
    middle = median_rating(probs, levels)[:, None]
    assert (probs*(levels <= middle)).sum(1).min() >= .5 - 1e-9
    assert (probs*(levels >= middle)).sum(1).min() >= .5 - 1e-9
    assert mean_rating(probs, levels) == pytest.approx(probs @ levels)


def test_of_equal_medians_and_probabilities_the_lower_is_taken():
    assert median_rating([[.5, 0, .5], [.2, .3, .5]], (1, 2, 3)).tolist() == [1, 2]
    twelfths = np.array([[1, 4, 1, 6]])/12                     # the first three add up to half,
    assert twelfths[0, :3].sum() < .5 and median_rating(twelfths, (1, 2, 3, 4)) == 3   # nearly
    assert class_metrics([1], [[.4, .2, .4]], (1, 2, 3))['acc'] == 1


def test_scores_of_the_certain():
    for k in (2, 5):
        levels, right = np.arange(k), np.eye(k)
        assert max(score(levels, right, levels) for score in (nll, brier, rps)) == 0
        wrong = right[::-1]
        assert brier([0], wrong[:1], levels) == 2 and rps([0], wrong[:1], levels) == k - 1
        assert ece(levels, right, levels) == 0
    assert ece([1, 2], np.eye(2)[::-1], (1, 2)) == 1
    assert nll([1], [[0, 1]], (1, 2)) == pytest.approx(-np.log(np.finfo('float64').eps))   # not inf


def test_of_two_classes_rps_is_half_of_brier():
    rng = np.random.default_rng(0)
    y, probs = rng.integers(0, 2, 50), rng.dirichlet([1, 1], 50)
    assert rps(y, probs, (0, 1)) == pytest.approx(brier(y, probs, (0, 1))/2)


def test_reliability_equals_scikit_learn():
    rng = np.random.default_rng(0)
    y, probs = rng.choice(STARS, 2000), rng.dirichlet(np.ones(5), 2000)
    bins, hit = reliability(y, probs, STARS), probs.argmax(1) == level_codes(y, STARS)
    accuracy, confidence = calibration_curve(hit, probs.max(1), n_bins=15)
    assert np.allclose(bins.accuracy, accuracy) and np.allclose(bins.confidence, confidence)
    assert bins.n.sum() == 2000 and (bins.n > 0).all()
    gap = np.average(abs(accuracy - confidence), weights=bins.n)
    assert ece(y, probs, STARS) == pytest.approx(gap)
    fig, ax = plt.subplots()
    assert plot_reliability(bins, ax, label='model', marker='s') is ax
    assert len(ax.collections[0].get_sizes()) == len(bins) and ax.lines[1].get_marker() == 's'
    assert (ax.lines[1].get_ydata() == bins.accuracy).all()
    plt.close(fig)


@pytest.mark.parametrize('temperature', [.1, .5, 1, 3])
def test_temperature_is_a_softmax_of_divided_logits(temperature):
    probs = np.random.default_rng(0).dirichlet(np.ones(5), 200)
    theirs = (torch.tensor(probs).log()/temperature).softmax(1)
    assert np.allclose(with_temperature(probs, temperature), theirs)
    assert with_temperature([[0, .25, .75]], 1).tolist() == [[0, .25, .75]]    # 0 stays 0
    assert with_temperature([[0, .25, .75]], .001).tolist() == [[0, 0, 1]]


def test_no_other_temperature_has_less_log_loss():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(5), 2000)
    y = np.array(STARS)[(probs.cumsum(1) > rng.random((2000, 1))).argmax(1)]
    boast = with_temperature(probs, .5)
    best, grid = fit_temperature(y, boast, STARS), np.exp(np.linspace(np.log(.5), np.log(8), 200))
    loss = [nll(y, with_temperature(boast, t), STARS) for t in grid]
    assert abs(np.log(best/grid[np.argmin(loss)])) < .02
    assert fit_temperature(y, rng.permutation(boast), STARS) > 5       # no signal: hardly sure


nan, ok = float('nan'), [[.5, .25, .25]]


@pytest.mark.parametrize('call, message', [
    (lambda: nll([1], [[2., -1, .5]], (1, 2, 3)), 'holds -1; are these logits. Then take their'),
    (lambda: nll([1], [[2., 1, 4]], (1, 2, 3)), 'sums to 7, not 1; are these logits'),
    (lambda: rps([1], [[np.inf, .5, .5]], (1, 2, 3)), 'sums to inf, not 1'),
    (lambda: rating_metrics([4, 3.5], [4, 3.4]), 'rating 3.5 in row 1 is not one of'),
    (lambda: rmse([1, 2], [1, nan]), 'prediction nan in row 1 is not a finite number'),
    (lambda: mae([1, 2, 3], [2]), '3 ratings but 1 predictions'),
    (lambda: mae([1], []), 'there are no predictions to judge'),
    (lambda: rmse([], []), 'there are no ratings to judge'),
    (lambda: confusion([4], [3], (1, 2, 3)), 'rating 4 in row 0 is not one of the levels'),
    (lambda: class_shares([2.5], (1, 2, 3)), 'rating 2.5 in row 0'),
    (lambda: mean_rating(ok, (1, 2, nan)), 'two or more ratings'),
    (lambda: with_temperature(ok[0], 1), r'must be \(n, K\), not \(3,\)'),
    (lambda: ece([1], ok, (1, 2, 3), 0), 'n_bins=0 must be 1 or more')])
def test_what_is_refused_is_named(call, message):
    with pytest.raises(ValueError, match=message): call()


def test_no_hint_at_logits_where_a_number_is_missing():
    with pytest.raises(ValueError) as caught: check_probs([[nan, .5, .5]])
    assert 'logits' not in str(caught.value)
