"Comparisons where no lesson looks: any levels, any users, models that misbehave."
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.compare import (
    compare, discretised_normal, evaluate, fit_cuts, fit_sigma, paired_bootstrap, row_losses,
    shares_model, with_cuts)
from collabdive.metrics import class_metrics, rmse
from collabdive.planted import planted_ratings
from collabdive.splits import hold_out, random_split


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
