"Biases, means and lists of any shape: what must hold, and what is refused."
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.biases import centre, item_means, overlap, top_items
from collabdive.factors import Factors

seeds = st.integers(0, 10**6)
RATED = pd.DataFrame({'movie': list('aab'), 'rating': [1., 3, 5]})


def some_factors(seed, n=7, mean=.5):
    rng = np.random.default_rng(seed)
    return Factors(list(range(4)), list('abcdefghij'[:n]), rng.normal(1, 1, (4, 3)),
                   rng.normal(-1, 1, (n, 3)), rng.normal(2, 1, 4), rng.normal(3, 1, n), mean,
                   (0, 5.5), np.arange(n))


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 12), st.booleans(), st.integers(0, 6))
def test_the_top_is_a_part_of_the_whole_order(seed, n, lowest, least):
    f = some_factors(seed)
    top = top_items(f, n, lowest, least)
    sign = -1 if lowest else 1
    want = sorted(range(least, 7), key=lambda k: -sign*f.item_bias[k])[:n]
    assert top.item.tolist() == [f.items[k] for k in want] and top.n_ratings.tolist() == want
    assert top.index.tolist() == list(range(len(top)))
    for none in (0, -1):
        with pytest.raises(ValueError, match=f'n={none} must be 1 or more'): top_items(f, none)


def test_items_of_equal_bias_keep_their_order_at_both_ends():
    tie = Factors(['u'], list('cab'), np.ones((1, 1)), np.ones((3, 1)), np.zeros(1), np.zeros(3))
    assert top_items(tie).item.tolist() == list('cab') == top_items(tie, lowest=True).item.tolist()
    assert top_items(tie, 2).item.tolist() == list('ca')


def test_items_with_too_few_ratings_are_left_out_or_cannot_be():
    f = some_factors(0)
    assert top_items(f).bias[0] == f.item_bias[1:].max() and len(top_items(f)) == 5
    assert set(top_items(f, 99).n_ratings) == set(range(1, 7))            # 1 or more, by default
    with pytest.raises(ValueError, match='no item has 7 ratings or more; .* one has is 6'):
        top_items(f, min_ratings=7)
    bare = replace(f, item_counts=None)
    assert len(top_items(bare, 99)) == 7 and list(top_items(bare)) == ['item', 'bias']
    with pytest.raises(ValueError, match='no item_counts to'): top_items(bare, min_ratings=2)


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_centring_keeps_scores_and_leaves_nothing_to_centre(seed):
    f = some_factors(seed)
    c, raw = centre(f), replace(f, y_range=None)
    assert np.allclose(c.score_all(c.users), f.score_all(f.users), atol=1e-5)
    for part in (c.user_factors, c.item_factors, c.user_bias, c.item_bias):
        assert np.abs(part.mean(0)).max() < 1e-5
    scores = raw.score_all(f.users)
    assert c.mean == pytest.approx(scores.mean(), abs=1e-4)
    assert np.allclose(c.item_bias, scores.mean(0) - scores.mean(), atol=1e-4)
    assert np.allclose(c.user_bias, scores.mean(1) - scores.mean(), atol=1e-4)
    assert np.allclose(centre(c).item_bias, c.item_bias, atol=1e-5) and c.y_range == f.y_range


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from('abc'), st.integers(1, 5)), min_size=1, max_size=20),
       st.floats(0, 1e6))
def test_damped_means_lie_between_the_plain_mean_and_that_of_all(rows, damping):
    frame = pd.DataFrame(rows, columns=['title', 'rating'])
    found, plain, mu = item_means(frame, damping), item_means(frame), frame.rating.mean()
    for title, stars in frame.groupby('title').rating:
        by_hand = (stars.sum() + damping*mu)/(len(stars) + damping)
        assert found['mean'][title] == pytest.approx(by_hand)
    assert ((found['mean'] - mu).abs() <= (plain['mean'] - mu).abs() + 1e-9).all()
    assert found.n_ratings.sum() == len(frame)


@pytest.mark.parametrize('damping', [-1, -1e-9, np.inf, np.nan])
def test_votes_that_cannot_be_are_refused(damping):
    with pytest.raises(ValueError, match='must be 0 or more votes'): item_means(RATED, damping)


def test_columns_with_gaps_and_without_ratings():
    categories = RATED.assign(movie=pd.Categorical(RATED.movie, categories=list('abc')))
    assert item_means(categories)['mean'].to_dict() == {'a': 2, 'b': 5}
    assert item_means(RATED, 2)['mean'].to_dict() == {'a': 2.5, 'b': 11/3}        # by hand
    with pytest.raises(ValueError, match="column 'rating' misses 1 of 3 values"):
        item_means(RATED.assign(rating=[1, np.nan, 5]))
    with pytest.raises(ValueError, match="column 'movie' misses 2 of 3 values"):
        item_means(RATED.assign(movie=[None, 'a', None]))
    with pytest.raises(KeyError, match="no column 'title', 'item' or 'movie'"):
        item_means(RATED.rename(columns={'movie': 'film'}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=6), min_size=2, max_size=4))
def test_overlap_is_a_mean_over_pairs(lists):
    pairs = [(set(a), set(b)) for k, a in enumerate(lists) for b in lists[:k]]
    want = np.mean([len(a & b)/max(len(a), len(b)) for a, b in pairs])
    assert overlap(lists) == pytest.approx(want) and overlap(lists[::-1]) == pytest.approx(want)
    assert overlap([lists[0], lists[0][::-1]*2]) == 1 and overlap([[7], [8]]) == 0


@pytest.mark.parametrize('lists, error, message', [
    (['ab', 'cd'], TypeError, 'one list, of names'), ([], ValueError, 'not 0'),
    ([['a']], ValueError, 'two lists or more, not 1'),
    ([['a'], [], ['b']], ValueError, 'list 1 is empty')])
def test_lists_that_cannot_be_compared(lists, error, message):
    with pytest.raises(error, match=message): overlap(lists)
