"Comparisons where no lesson looks: any levels, any users, models that misbehave."
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from collabdive.compare import (
    Comparison, compare, contenders, discretised_normal, evaluate, fit_cuts, fit_sigma,
    paired_bootstrap, row_losses, shares_model, with_cuts)
from collabdive.metrics import class_metrics, class_shares, nll, rmse
from collabdive.planted import planted_ratings
from collabdive.splits import hold_out, random_split
from collabdive.training import Recipe


@st.composite
def judged(draw):
    "(ratings, probabilities, levels, users): 2 to 10 levels, unevenly apart; 2 to 80 rows."
    k, n = draw(st.integers(2, 10)), draw(st.integers(2, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = np.sort(rng.choice(np.arange(-8, 12)/2, k, replace=False))
    probs = rng.dirichlet(np.full(k, draw(st.sampled_from([.1, 1, 10]))), n)
    users = np.r_[0, 1, rng.integers(0, draw(st.integers(2, 30)), n - 2)]
    return rng.choice(levels, n), probs, levels, users


def summed(losses, users):
    "The losses added up by user, as `paired_bootstrap` wants them."
    by_user = losses.groupby(users)
    return by_user.sum().assign(n=by_user.size())


@settings(max_examples=60, deadline=None)
@given(judged())
def test_row_losses_average_to_the_metrics(case):
    y, probs, levels, _ = case
    means, want = row_losses(y, probs, levels).mean(), class_metrics(y, probs, levels)
    means['rmse'] **= .5
    for metric, value in means.items(): assert np.isclose(value, want[metric]), metric


@settings(max_examples=60, deadline=None)
@given(judged(), st.floats(.01, 100), st.floats(-50, 50))
def test_a_normal_gives_probabilities(case, sigma, shift):
    y, _, levels, _ = case
    probs = discretised_normal(y + shift, sigma, levels)
    assert probs.shape == (len(y), len(levels)) and np.allclose(probs.sum(1), 1)
    higher = discretised_normal(y + shift + 1, sigma, levels)
    assert (higher.cumsum(1) <= probs.cumsum(1) + 1e-9).all()     # more stars, higher classes


@settings(max_examples=40, deadline=None)
@given(judged())
def test_sigma_and_cuts_beat_their_neighbours(case):
    y, _, levels, _ = case
    pred = y + np.random.default_rng(0).normal(0, 1, len(y))
    best, widest = fit_sigma(y, pred, levels), 5*(levels[-1] - levels[0])
    loss = [row_losses(y, discretised_normal(pred, s, levels), levels).nll.mean()
            for s in (best, max(.9*best, .05), min(best/.9, widest))]
    assert loss[0] <= min(loss) + 1e-4
    probs = fit_cuts(y, pred, levels)(pred).exp().numpy()
    assert np.isfinite(probs).all() and np.allclose(probs.sum(1), 1)


@settings(max_examples=40, deadline=None)
@given(judged(), st.integers(0, 1000))
def test_bootstrap_is_antisymmetric_and_blind_to_order(case, seed):
    y, probs, levels, users = case
    a = summed(row_losses(y, probs, levels), users)
    b = summed(row_losses(y, np.roll(probs, 1, axis=1), levels), users)
    one = paired_bootstrap(a, b, n_boot=30, seed=seed)
    assert (one.low <= one.high).all()
    other = paired_bootstrap(b[::-1], a.sample(frac=1, random_state=0), n_boot=30, seed=seed)
    assert np.allclose(one[['difference', 'low', 'high']], -other[['difference', 'high', 'low']])
    assert (paired_bootstrap(a, a, n_boot=5) == 0).all(axis=None)


@pytest.fixture(scope='module')
def ratings(): return planted_ratings(60, 40, 2, 1500, seed=3)


def noisy(ratings, split, seed):
    "The planted signal and some noise, by seed."
    signal = ratings.signal.to_numpy()[split[1]]
    return signal + np.random.default_rng(seed).normal(0, .3, len(signal))


def test_every_shape_of_stars_means_the_same(ratings):
    split = random_split(ratings)
    shapes = {'flat': noisy, 'column': lambda *a: noisy(*a)[:, None],
              'list': lambda *a: list(noisy(*a)),
              'series': lambda r, s, seed: pd.Series(noisy(r, s, seed), r.index[s[1]]),
              'single': lambda *a: noisy(*a).astype('float32')}
    scores = compare(shapes, ratings, split, (1, 2)).xs('mean', axis=1, level=1)
    assert np.allclose(scores, scores.loc['flat'], atol=1e-5)


def test_ids_and_columns_may_be_anything(ratings):
    renamed = ratings.rename(columns={'user': 'who', 'rating': 'stars'})
    renamed['who'] = 'u' + renamed.who.astype(str)
    renamed.index = renamed.index[::-1]*7
    split = random_split(ratings)
    plain = compare({'noisy': noisy, 'cut': with_cuts(noisy)}, ratings, split, (1,))
    other = compare({'noisy': noisy, 'cut': with_cuts(noisy, rating_name='stars')}, renamed, split,
                    (1,), user_name='who', rating_name='stars')
    means = plain.columns.get_level_values(1) == 'mean'
    assert np.allclose(plain.loc[:, means], other.loc[:, means])


def test_the_judged_rows_stay_unseen(ratings):
    "No model, sigma or cut may change with the ratings that it is judged on."
    seen = []
    def spy(ratings, split, seed):
        seen.append(split)
        return noisy(ratings, split, seed)
    split = random_split(ratings)
    own = with_cuts(spy, user_name='user')
    evaluate({'stars': spy, 'cut': with_cuts(spy), 'own': own}, ratings, split, (1, 2))
    assert len(seen) == 3 + 4 + 12     # stars: two seeds and one sigma; cuts: twice, six times each
    for train, asked in seen: assert not np.isin(train, split[1]).any()
    inner = [asked for _, asked in seen if not np.isin(asked, split[1]).any()]
    assert len(inner) == 3 + 10
    other = ratings.copy()
    other.loc[other.index[split[1]], 'rating'] = 1.
    for model in (with_cuts(noisy), with_cuts(noisy, user_name='user'), shares_model):
        levels = dict(levels=(1., 2, 3, 4, 5)) if model is shares_model else {}
        assert np.allclose(model(ratings, split, 1, **levels), model(other, split, 1, **levels))


@settings(max_examples=20, deadline=None)
@given(judged())
def test_cuts_by_user_give_probabilities_and_strangers_those_of_everybody(case):
    y, _, levels, users = case
    pred, users = y + np.random.default_rng(0).normal(0, 1, len(y)), users.astype('int64') + 1
    own, stiff = (fit_cuts(y, pred, levels, users, ridge) for ridge in (1, 200))
    probs, stranger = own(pred, users).exp().numpy(), own(pred, 0*users).exp().numpy()
    assert np.isfinite(probs).all() and np.allclose(probs.sum(1), 1)
    assert np.allclose(stranger.sum(1), 1)
    size = [max(table.abs().max() for table in cuts.own) for cuts in (own, stiff)]
    assert size[1] <= size[0] + .01                                # a strong ridge, like cuts


def test_cuts_by_user_find_who_keeps_the_ends_for_miracles():
    "Half the users say 1 or 5 often, half never; cuts of shuffled users do not find it."
    rng, users = np.random.default_rng(0), np.arange(1, 101).repeat(60)
    pred = rng.uniform(1, 5, len(users))
    felt = (pred - 3)*np.where(users % 2, 2.5, .6) + rng.normal(0, .5, len(users)) + 3
    y = felt.round().clip(1, 5)
    train, other = rng.random(len(users)) < .7, rng.permutation(users)
    def loss(who):
        cuts = fit_cuts(y[train], pred[train], np.arange(1., 6), who and who[0][train])
        probs = cuts(pred[~train], who and who[0][~train]).exp().numpy()
        return row_losses(y[~train], probs, np.arange(1., 6)).nll.mean()
    assert loss([users]) < loss(None) - .1 < loss([other]) - .1 + .02


def test_cuts_by_user_take_any_ids(ratings):
    split = random_split(ratings)
    split = split[0][(ratings.user.iloc[split[0]] != ratings.user.iloc[split[1][0]])], split[1]
    named = ratings.assign(user='u' + ratings.user.astype(str))
    one, two = (with_cuts(noisy, user_name='user')(r, split, 1) for r in (ratings, named))
    assert np.allclose(one, two) and np.allclose(one.sum(1), 1)


def test_hold_out_takes_training_rows_only(ratings):
    split = random_split(ratings)
    kept, held = hold_out(split, 5, .25)
    assert sorted([*kept, *held]) == sorted(split[0]) and len(held) == len(split[0])//4


def test_repeated_rows_and_users_weigh_by_their_number(ratings):
    "Two splits that share rows: each is judged as often as it is hidden."
    splits = [random_split(ratings, seed=s) for s in (1, 2)]
    found = evaluate({'noisy': noisy}, ratings, splits, (1, 2, 3))
    sums = found.sums.loc['noisy']
    assert np.isclose(sums.n.sum(), sum(len(valid) for _, valid in splits))
    y = ratings.rating.to_numpy('float64')
    squares = [(noisy(ratings, s, seed).clip(1, 5) - y[s[1]])**2
               for s in splits for seed in (1, 2, 3)]
    assert np.isclose(sums.rmse.sum(), sum(s.sum() for s in squares)/3)
    each = [rmse(y[s[1]], noisy(ratings, s, seed).clip(1, 5)) for s in splits for seed in (1, 2, 3)]
    assert np.isclose(found.table().loc['noisy', ('rmse', 'mean')], np.mean(each))


def test_an_error_inside_a_model_is_its_own(ratings):
    def broken(ratings, split, seed): raise ZeroDivisionError('in the model')
    with pytest.raises(ZeroDivisionError, match='in the model'):
        compare({'broken': broken}, ratings, random_split(ratings))


STARS = np.arange(1., 6)


@pytest.mark.parametrize('sigma, pred, message', [
    (0, [3], 'sigma=0 must be above 0'), (np.nan, [3], 'sigma=nan must be'),
    (1, [3, np.nan], 'row 1 of the probabilities holds nan')])
def test_a_normal_of_no_width_or_no_place_is_refused(sigma, pred, message):
    with pytest.raises(ValueError, match=message): discretised_normal(pred, sigma, STARS)


def test_a_normal_is_what_its_draws_give():
    draws = np.random.default_rng(0).normal(4.3, .9, 200_000).round().clip(1, 5)
    said = discretised_normal([4.3], .9, STARS)[0]
    assert np.allclose(said, [(draws == v).mean() for v in STARS], atol=.004)


def test_a_planted_width_and_planted_cuts_are_found():
    pred = np.random.default_rng(0).uniform(1, 5, 20_000)
    y = (pred + np.random.default_rng(1).normal(0, .7, 20_000)).round().clip(1, 5)
    assert abs(fit_sigma(y, pred, STARS) - .7) < .02
    score = pred[:, None]*2 + np.random.default_rng(2).logistic(size=(20_000, 1))
    cuts = fit_cuts(1 + (score > np.array([3., 5, 7, 9])).sum(1), pred, STARS)
    found = cuts.cuts(pred)/cuts.slope + cuts.middle
    assert np.allclose(found, [[1.5, 2.5, 3.5, 4.5]], atol=.06)
    assert abs(cuts.slope.item() - 2) < .06
    at_most = 1/(1 + np.exp((4. - cuts.middle)*cuts.slope.item() - cuts.cuts(pred).numpy()[0]))
    assert np.allclose(cuts(np.array([4.])).exp(), np.diff(np.r_[0, at_most, 1]), atol=1e-9)


def test_a_level_that_nobody_gave_keeps_its_place():
    pred = np.random.default_rng(0).uniform(2, 5, 500)
    assert fit_cuts(pred.round(), pred, STARS)(pred).isfinite().all()
    assert fit_cuts([0, 0, 1, 1], [.1, .6, .4, .9], [0, 1])([.5]).exp().shape == (1, 2)


def test_with_cuts_fits_them_on_training_rows_set_aside(ratings):
    split, y = random_split(ratings), ratings.rating.to_numpy('float64')
    def same(ratings, split, seed): return ratings.signal.to_numpy()[split[1]]
    _, aside = hold_out(split, seed=1)
    want = fit_cuts(y[aside], ratings.signal.iloc[aside], STARS)(ratings.signal.iloc[split[1]])
    assert np.allclose(with_cuts(same)(ratings, split, seed=1), want.exp())
    assert not np.allclose(with_cuts(same)(ratings, split, seed=2), want.exp(), atol=1e-4)


def test_the_floor_is_the_shares_of_the_training_ratings(ratings):
    split, y = random_split(ratings), ratings.rating.to_numpy('float64')
    said = shares_model(ratings, split)
    assert np.allclose(said, class_shares(y[split[0]], STARS)) and len(said) == len(split[1])
    assert not np.allclose(said[0], class_shares(y[split[1]], STARS), atol=1e-4)


def test_losses_of_a_row_by_hand():
    row = row_losses([3], [[.2, .2, .6]], [1, 2, 3]).iloc[0]
    assert np.allclose(row, [.6**2, 0, 1, -np.log(.6), .2**2 + .2**2 + .4**2, .2**2 + .4**2])


def test_the_bootstrap_agrees_with_scipys():
    rng = np.random.default_rng(0)
    y, users = rng.choice(STARS, 3000), rng.integers(0, 150, 3000)
    a, b = (summed(row_losses(y, rng.dirichlet(np.ones(5), 3000), STARS), users) for _ in 'ab')
    ours = paired_bootstrap(a, b)
    assert not paired_bootstrap(a, b, seed=1).equals(ours)
    for metric in ours.index:
        power = .5 if metric == 'rmse' else 1
        def mean(s, n): return (s.sum(-1)/n.sum(-1))**power
        def change(s, t, n, axis): return mean(s, n) - mean(t, n)
        low, high = stats.bootstrap(
            (a[metric], b[metric], a.n), change, paired=True, vectorized=True, n_resamples=1000,
            method='percentile', random_state=0).confidence_interval
        assert abs(low - ours.low[metric]) < .15*(high - low)
        assert abs(high - ours.high[metric]) < .15*(high - low)


def test_an_interval_by_row_is_too_narrow_where_a_user_is_misunderstood():
    rng, user = np.random.default_rng(0), np.arange(100).repeat(30)
    advantage = rng.normal(0, .7, 100)[user] + rng.normal(size=3000)
    def width(group):
        a, b = (summed(pd.DataFrame({'nll': v}), group) for v in (3 + advantage, 3 + 0*advantage))
        return np.ptp(paired_bootstrap(a, b, 200).loc['nll', ['low', 'high']])
    assert width(user) > 2*width(np.arange(3000))


def test_several_splits_are_averaged(ratings):
    two = random_split(ratings, seed=1), random_split(ratings, seed=2)
    alone = [compare({'n': noisy}, ratings, s, (1,))['rmse', 'mean'].iloc[0] for s in two]
    for several in (list(two), dict(zip('ab', two))):
        both = compare({'n': noisy}, ratings, several, (1,))
        assert np.isclose(both['rmse', 'mean'].iloc[0], np.mean(alone))


def test_the_columns_of_a_table_and_a_later_difference(ratings):
    split, models = random_split(ratings), {'noisy': noisy, 'floor': shares_model}
    table = compare(models, ratings, split, (1, 2), baseline='floor')
    assert list(table.columns.unique(0)) == list(class_metrics([1], [[1, 0]], [1, 2]))
    assert list(table['rmse']) == ['mean', 'spread', 'difference', 'low', 'high']
    assert list(table['ece']) == ['mean', 'spread'] and (table.loc['floor', 'rmse'][2:] == 0).all()
    judged = evaluate(models, ratings, split, (1, 2))
    assert isinstance(judged, Comparison) and len(judged.scores) == 4
    later = judged.difference('noisy', 'floor')
    for what in later: assert np.allclose(later[what],
                                          table.loc['noisy'].xs(what, level=1)[later.index])
    with pytest.raises(KeyError, match='nobody'): judged.difference('noisy', 'nobody')


def test_each_metric_is_judged_on_a_guess_of_its_own(ratings):
    "RMSE on the stars as they are, the others on what the normal around them says."
    split, y = random_split(ratings), ratings.rating.to_numpy('float64')
    stars, inner = noisy(ratings, split, 1).clip(1, 5), hold_out(split, 1)
    sigma = fit_sigma(y[inner[1]], noisy(ratings, inner, 1).clip(1, 5), STARS)
    probs = discretised_normal(stars, sigma, STARS)
    row = compare({'n': noisy}, ratings, split, (1,)).loc['n'].xs('mean', level=1)
    want = class_metrics(y[split[1]], probs, STARS) | dict(rmse=rmse(y[split[1]], stars))
    assert np.allclose(row, pd.Series(want)[row.index])
    assert np.isclose(row.nll, nll(y[split[1]], probs, STARS))


def test_half_stars_of_which_the_training_rows_lack_one(ratings):
    halves = ratings.assign(rating=np.clip(ratings.rating - (ratings.user % 2)/2, .5, 5))
    ten, split = np.arange(.5, 5.1, .5), random_split(ratings)
    split = split[0][(halves.rating.iloc[split[0]] > .5).to_numpy()], split[1]
    decays = {'dot product': .6, 'dot product, classes': 1., 'ordinal by user': .2}
    some = contenders(decays, Recipe(1), item_name='movie', levels=ten)
    those = some | {'cuts': with_cuts(noisy, levels=ten), 'floor': shares_model}
    table = compare(those, halves, split, (1,), levels=ten)
    assert table.drop(columns='qwk', level=0).notna().all(axis=None)


def half(ratings, split, seed): return shares_model(ratings, split)/2
def too_many(ratings, split, seed): return ratings.rating.iloc[split[0]]
def seven(ratings, split, seed): return np.full((len(split[1]), 7), 1/7)
def one_number(ratings, split, seed): return 3.
def not_a_number(ratings, split, seed): return noisy(ratings, split, seed)*np.nan


@pytest.mark.parametrize('model, message', [
    (too_many, r"model 'theirs': predictions of shape \(1200,\) for 300 rows"),
    (half, "model 'theirs': row 0 of the probabilities sums to 0.5"),
    (seven, r"model 'theirs': .*\(n, 5\), not \(300, 7\)"),
    (one_number, r"model 'theirs': predictions of shape \(\)"),
    (not_a_number, "model 'theirs': the prediction for row [0-9]+ of the ratings is nan")])
def test_a_model_that_says_nonsense_is_named(ratings, model, message):
    with pytest.raises(ValueError, match=message):
        compare({'floor': shares_model, 'theirs': model}, ratings, random_split(ratings))


def test_three_seeds_unless_told(ratings):
    for told, seeds in (({}, {1, 2, 3}), (dict(seeds=(5,)), {5})):
        asked = set()
        def model(ratings, split, seed):
            asked.add(seed)
            return np.full(len(split[1]), 3.)
        compare({'m': model}, ratings, random_split(ratings), **told)
        assert asked == seeds


@pytest.mark.parametrize('wrong, message', [
    (dict(splits=[]), 'nothing to compare: no split'),
    (dict(seeds=()), 'nothing to compare: no seed'),
    (dict(models={}), 'nothing to compare: no model'),
    (dict(baseline='mean'), "baseline 'mean' is not one of the models 'm'"),
    (dict(levels=(1, 2, 3)), 'is not one of the levels 1, 2, 3')])
def test_what_cannot_be_compared_is_refused(ratings, wrong, message):
    asked = dict(models={'m': noisy}, splits=random_split(ratings), seeds=(1,)) | wrong
    with pytest.raises(ValueError, match=message):
        compare(asked.pop('models'), ratings, asked.pop('splits'), **asked)


def test_rows_in_both_parts_a_single_user_and_other_rows_are_refused(ratings):
    train, valid = random_split(ratings)
    with pytest.raises(ValueError, match='1 rows are in both parts'):
        compare({'m': noisy}, ratings, (np.r_[train, valid[0]], valid), (1,))
    alone = valid[(ratings.user.iloc[valid] == ratings.user.iloc[valid[0]]).to_numpy()]
    with pytest.raises(ValueError, match='there is only 1'):
        compare({'m': noisy}, ratings, (train, alone), (1,))
    a = pd.DataFrame({'n': [1, 2], 'acc': [1, 1]})
    with pytest.raises(ValueError, match='did not judge the same rows'):
        paired_bootstrap(a, a.assign(n=[2, 1]))


def test_mean_and_spread_by_hand():
    scores = pd.DataFrame({'model': ['a']*6 + ['b'], 'split': [1]*3 + [2]*3 + [1],
                           'seed': [1, 2, 3]*2 + [1], 'rmse': [1, 2, 6, 3, 2, 8, 4]})
    table = Comparison(scores, None).table()['rmse']           # 2, 2 and 7 by seed
    assert table.loc['a'].to_dict() == pytest.approx({'mean': 11/3, 'spread': 5})
    assert table.loc['b'].to_dict() == {'mean': 4, 'spread': 0}
