"Lists besides accuracy: the profile by loops, lists picked by loops, and what is refused."
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.diversity import list_profile, novelty, rerank
from collabdive.factors import Factors
from collabdive.recommend import recommend_all

RNG = np.random.default_rng(0)
FILMS = [f'film {i}' for i in range(12)]
SEEN = RNG.random((20, 12)) < np.linspace(.1, .9, 12)
SEEN[0] = True
RATINGS = pd.DataFrame([(f'u{u}', FILMS[i], 3.) for u, i in np.argwhere(SEEN)],
                       columns=['user', 'item', 'rating'])
VECTORS = pd.DataFrame(RNG.integers(0, 2, (12, 4)), FILMS)
VECTORS.iloc[3] = 0                               # a film without a genre
BITS = novelty(RATINGS)


def cosine(a, b):
    a, b = VECTORS.loc[a], VECTORS.loc[b]
    return a @ b/math.sqrt((a @ a)*(b @ b)) if a.any() and b.any() else 0.


def picked(items, scores, k, diverse, novel):
    "One list, by the words of the docstring."
    left = [(item, s) for item, s in zip(items, scores) if item is not None]
    low, high = (f(s for _, s in left) for f in (min, max)) if left else (0, 0)
    out = []
    for _ in range(k):
        def worth(pair):
            item, s = pair
            return ((s - low)/(high - low) if high > low else 0) + novel*BITS[item]/BITS.max() - (
                diverse*max([0, *(cosine(item, there) for there, _ in out)]))
        if not left: break
        out.append(max(left, key=worth))
        left.remove(out[-1])
    return [item for item, _ in out] + [None]*(k - len(out))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.permutations(range(12)), st.integers(0, 8)), min_size=1, max_size=4),
       st.integers(1, 8), st.sampled_from([0, .3, 1.1, 4]), st.sampled_from([0, .7, 2.3]))
def test_lists_are_picked_as_by_a_loop(people, k, diverse, novel):
    items = [[FILMS[i] for i in row[:n]] + [None]*(8 - n) for row, n in people]
    rng = np.random.default_rng(k)
    scores = -np.sort(-rng.normal(size=(len(people), 8)), axis=1)
    scores[np.equal(items, None)] = np.nan
    got, of = rerank(items, scores, VECTORS, k, diverse, novel, BITS)
    assert got.shape == of.shape == (len(people), k)
    for row, mine, own, told in zip(got, items, scores, of):
        assert row.tolist() == picked(mine, own, k, diverse, novel)
        said = dict(zip(mine, own))
        assert all(said[item] == s if item is not None else np.isnan(s)
                   for item, s in zip(row, told))


def test_without_weights_the_list_stays_and_nothing_is_written_to():
    f = Factors([*range(20)], FILMS, RNG.normal(size=(20, 3)), RNG.normal(size=(12, 3)),
                np.zeros(20), np.zeros(12))
    items, scores = recommend_all(f, f.users, 8, exclude=[])
    before = items.copy(), scores.copy()
    got, of = rerank(items, scores, VECTORS, 5, diverse=0)
    assert (got == items[:, :5]).all() and np.allclose(of, scores[:, :5])
    rerank(items, scores, VECTORS, 5, diverse=2, novel=3, bits=BITS)
    assert (items == before[0]).all() and (scores == before[1]).all()


def test_one_knob_buys_variety_and_the_other_novelty():
    items = np.array([RNG.permutation(FILMS) for _ in range(200)], object)
    scores = -np.sort(-RNG.random((200, 12)), axis=1)
    def of(**how):
        shown, _ = rerank(items, scores, VECTORS, 4, **how)
        return list_profile(shown, RATINGS, VECTORS).loc['all']
    plain, varied, novel = of(diverse=0), of(diverse=2), of(diverse=0, novel=3, bits=BITS)
    assert varied.variety > plain.variety + .1 and novel.novelty > plain.novelty + .3
    assert novel.popularity < plain.popularity


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.permutations(range(12)), st.integers(0, 5), st.sampled_from('xyz')),
                min_size=1, max_size=6))
def test_the_profile_is_that_of_a_loop(people):
    lists = [[FILMS[i] for i in row[:n]] + [None]*(5 - n) for row, n, _ in people]
    groups = [name for *_, name in people]
    got = list_profile(lists, RATINGS, VECTORS, groups)
    assert list(got.index) == ['all', *sorted({*groups})]
    n_users = RATINGS.user.nunique()
    for name, row in got.iterrows():
        mine = [[i for i in items if i is not None] for items, g in zip(lists, groups)
                if name in ('all', g)]
        def mean(of): return np.nanmean([*map(of, mine)]) if any(
            not np.isnan(of(x)) for x in mine) else np.nan
        def average(values): return np.mean(values) if len(values) else np.nan
        want = dict(
            users=len(mine), popularity=mean(lambda x: average([SEEN[:, FILMS.index(i)].sum()
                                                                for i in x])),
            novelty=mean(lambda x: average([-math.log2(SEEN[:, FILMS.index(i)].sum()/n_users)
                                            for i in x])),
            variety=mean(lambda x: average([1 - cosine(a, b) for p, a in enumerate(x)
                                            for b in x[:p]])),
            coverage=len({i for x in mine for i in x})/len(BITS))
        for key, value in want.items(): assert row[key] == pytest.approx(value, nan_ok=True), key
        shown = np.array([sum(i in x for x in mine) for i in BITS.index])
        gap = np.abs(np.subtract.outer(shown, shown)).mean()
        assert row.gini == pytest.approx(gap/(2*shown.mean()) if shown.any() else 0)


def test_novelty_counts_people_and_not_ratings():
    twice = pd.concat([RATINGS, RATINGS[RATINGS.user == 'u0']])
    assert novelty(twice).equals(BITS) and (BITS >= 0).all() and BITS.name == 'bits'
    named = RATINGS.rename(columns={'user': 'who', 'item': 'what'})
    assert novelty(named, 'who', 'what').tolist() == BITS.tolist()
    lists = [['film 1', 'film 2']]
    assert list_profile(lists, named, VECTORS, None, 'who', 'what').equals(
        list_profile(lists, RATINGS, VECTORS))
    with pytest.raises(KeyError, match="no column 'user'"): novelty(named, item_name='what')


def test_groups_keep_the_order_of_their_categories():
    groups = pd.Categorical(['much', 'little'], ['little', 'much'], ordered=True)
    lists = [['film 1', 'film 2'], ['film 4', None]]
    assert list(list_profile(lists, RATINGS, VECTORS, groups).index) == ['all', 'little', 'much']
    with pytest.raises(ValueError, match='2 lists need as many groups, not 3'):
        list_profile(lists, RATINGS, VECTORS, [*'abc'])


@pytest.mark.parametrize('how, message', [
    (dict(k=0), 'k=0: of 3 items a list, 1 to 3'), (dict(k=4), 'k=4: of 3 items a list'),
    (dict(diverse=-1), 'diverse=-1 must be 0 or more'), (dict(novel=np.nan), 'novel=nan must be'),
    (dict(novel=1), r'novel=1 needs bits=novelty\('),
    (dict(scores=[[3., 2.]]), r'items \(1, 3\) and scores \(1, 2\) should be alike'),
    (dict(scores=[[3., np.nan, 1]]), 'the score of an item is not finite'),
    (dict(vectors=VECTORS*np.inf), 'vectors hold NaN or infinity')])
def test_odd_settings_are_refused(how, message):
    args = dict(recommended=[FILMS[:3]], scores=[[3., 2, 1]], vectors=VECTORS, k=2)
    with pytest.raises(ValueError, match=message): rerank(**{**args, **how})


def test_unknown_items_and_flat_lists_are_refused():
    with pytest.raises(KeyError, match="there is no item 'film 77'"):
        rerank([['film 77']], [[1.]], VECTORS, 1)
    for item, vectors in (('film 77', VECTORS), ('film 5', VECTORS.iloc[:2])):
        with pytest.raises(KeyError, match=f'there is no item {item!r}'):
            list_profile([['film 1', item]], RATINGS, vectors)
    with pytest.raises(ValueError, match=r'lists of shape \(2,\) should be \(n, k\) items'):
        list_profile(FILMS[:2], RATINGS, VECTORS)
