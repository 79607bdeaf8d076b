"Any frame is split into parts that share no row, or refused."
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.data import load_movielens
from collabdive.splits import (check_splits, cold_share, hold_out, last_out_split, official_fold,
                               per_user_split, random_split, temporal_split, user_split)

FEW = pd.DataFrame({'user': ['a', 'a', 'b'], 'timestamp': [2, 2, 9]})
users = st.lists(st.one_of(st.integers(0, 9), st.text('ab1', min_size=1, max_size=2)),
                 min_size=3, max_size=40)


def whole(split, n):
    "The split, once it is known that each of `n` rows is in one part."
    train, valid = check_splits(split, n)
    assert len(train) + len(valid) == n
    return train, valid


@settings(max_examples=60, deadline=None)
@given(users, st.integers(0, 99))
def test_a_user_is_in_one_part(ids, seed):
    frame = pd.DataFrame({'user': pd.Series(ids, dtype=object), 'timestamp': range(len(ids))})
    n = frame.user.nunique()
    for n_users in range(-1, n + 2):
        if 1 <= n_users <= n - 2:
            train, valid = whole(user_split(frame, n_users, seed), len(frame))
            assert frame.user.iloc[valid].nunique() == n_users
            assert frame.user.iloc[train].nunique() == n - n_users
        else:
            with pytest.raises(ValueError, match=f'n_users={n_users} of {n} users: a whole number'):
                user_split(frame, n_users, seed)


def test_the_same_users_whatever_the_order_of_the_rows():
    frame = pd.DataFrame({'who': np.arange(60) % 9})
    hidden = [set(f.who.iloc[user_split(f, 4, 3, 'who')[1]]) for f in (frame, frame[::-1])]
    assert hidden[0] == hidden[1] != set(frame.who.iloc[user_split(frame, 4, 4, 'who')[1]])
    with pytest.raises(KeyError, match="no column 'user'"): user_split(frame, 4)
    for n in (.2, 2.5, '2', None, np.nan):
        with pytest.raises(ValueError, match=f'n_users={n!r} of 9 users: a whole number'):
            user_split(frame, n, 0, 'who')
    cat = frame.assign(who=pd.Categorical(frame.who, categories=range(20)))
    assert set(cat.who.iloc[user_split(cat, 4, 3, 'who')[1]]) == hidden[0]


@settings(max_examples=60, deadline=None)
@given(users, st.floats(.01, .99), st.integers(0, 99))
def test_splits_leave_no_row_out(ids, share, seed):
    frame = pd.DataFrame({'user': pd.Series(ids, dtype=object), 'timestamp': [3]*len(ids)})
    if not 0 < int(share*len(ids)) < len(ids):
        for split in (random_split, temporal_split):
            with pytest.raises(ValueError, match='both parts need at least one'):
                split(frame, share)
        return
    random = whole(random_split(frame, share, seed), len(ids))
    train, valid = whole(temporal_split(frame, share), len(ids))
    assert len(random[1]) == len(valid) == int(share*len(ids))
    assert valid.tolist() == list(range(len(train), len(ids)))   # of equal times, the last rows


def test_a_fifth_and_the_seed_42_unless_told():
    frame = pd.DataFrame({'user': np.arange(50), 'timestamp': np.arange(50)})
    for split, same in ((random_split, (.2, 42)), (temporal_split, (.2,)), (user_split, (4, 42))):
        short = same[:1] if split is user_split else ()
        for a, b in zip(split(frame, *short), split(frame, *same)): assert np.array_equal(a, b)


@pytest.mark.parametrize('train, valid, message', [
    ([0, 1], [3], None), ([0, -1], [2], 'train part names row -1; rows are 0 to 3'),
    ([0, 1], [4], 'valid part names row 4'), ([0, 1], [2, 2], 'valid part names row 2 twice'),
    ([], [1], 'train part of the splits is empty'),
    ([0, 1, 3], [3, 2], '1 rows are in both parts of the splits, row 3 first'),
    ([0, 1, 2], [2, 1], '2 rows .* row 1 first')])
def test_rows_are_checked(train, valid, message):
    if message is None:
        train_, valid_ = check_splits((train, valid), 4)
        assert (train_.tolist(), valid_.tolist()) == (train, valid)
        return
    with pytest.raises(ValueError, match=message): check_splits((train, valid), 4)
    with pytest.raises(ValueError, match='not 3 parts'): check_splits((train, valid, [3]), 4)


def fold_and_rows(frame, fold):
    "What a fold hides, as a set of pairs."
    hidden = frame.iloc[whole(official_fold(frame, fold), 100_000)[1]]
    return set(zip(hidden.user, hidden.movie))


def test_official_folds_are_the_same_rows_in_any_order():
    rows = load_movielens('100k').ratings[['user', 'movie', 'rating']]
    shuffled = rows.sample(frac=1, random_state=0)
    for fold in (1, 2, 3, 4, 5):
        assert official_fold(rows, fold)[1].tolist() == [*range(20_000*(fold - 1), 20_000*fold)]
        pairs = set(zip(*rows.iloc[20_000*(fold - 1):20_000*fold][['user', 'movie']].T.to_numpy()))
        assert fold_and_rows(shuffled.reset_index(drop=True), fold) == pairs
    first = fold_and_rows(rows, 1)
    assert fold_and_rows(shuffled, 1) == fold_and_rows(rows.sort_values('movie'), 1) == first
    assert fold_and_rows(rows[::-1].astype('int32'), 1) == first
    asked = rows.astype({'user': str, 'movie': str}).set_axis(['who', 'film', 'stars'], axis=1)
    assert official_fold(asked, 1, 'who', 'film')[1].tolist() == list(range(20_000))


def test_other_rows_have_no_official_fold():
    rows = load_movielens('100k').ratings[['user', 'movie', 'rating']]
    for bad, why in [(rows[1:], 'not 99,999'), (rows[rows.rating > 1], 'not 93,890'),
                     (pd.concat([rows[:99_990], rows[:10]]), '10 rows .* row 99990 first'),
                     (rows.assign(movie=rows.movie.where(rows.index != 7, 0)), '1 rows .* row 7'),
                     (rows.assign(user=rows.user + .5), 'hold others'),
                     (rows.assign(user='Ann'), 'hold others'),
                     (rows.assign(user=rows.user.where(rows.index > 3)), 'hold others')]:
        with pytest.raises(ValueError, match=why): official_fold(bad, 1)
    with pytest.raises(ValueError, match='fold 6: the official folds are 1 to 5'):
        official_fold(rows, 6)
    with pytest.raises(KeyError, match="no column 'movie'"):
        official_fold(rows.rename(columns={'movie': 'film'}), 1)


@settings(max_examples=60, deadline=None)
@given(users, st.floats(.01, .99), st.integers(0, 99))
def test_a_share_of_each_user_is_hidden(ids, share, seed):
    frame = pd.DataFrame({'who': pd.Series(ids, dtype=object)})
    n = frame.who.value_counts()
    want = (share*n).astype(int)
    if not want.any():
        with pytest.raises(ValueError, match="of each user's rows hides none"):
            per_user_split(frame, share, seed, 'who')
        return
    train, valid = whole(per_user_split(frame, share, seed, 'who'), len(frame))
    hidden = frame.who.iloc[valid].value_counts().reindex(n.index, fill_value=0)
    assert hidden.tolist() == want.tolist() and set(frame.who.iloc[train]) == set(ids)
    again = per_user_split(frame.set_axis(frame.index[::-1]), share, seed, 'who')[1]
    assert again.tolist() == valid.tolist()             # by place, whatever the index says


def test_a_share_of_each_user_is_drawn():
    frame = pd.DataFrame({'user': np.arange(200) % 4})
    drawn = [per_user_split(frame, .1, seed)[1].tolist() for seed in range(40)]
    assert per_user_split(frame, .1)[1].tolist() == per_user_split(frame, .1, 42)[1].tolist()
    assert per_user_split(frame)[1].tolist() == per_user_split(frame, .2)[1].tolist()
    counts = np.bincount(np.concatenate(drawn), minlength=200)
    assert counts.sum() == 800 and (counts > 0).mean() > .9 and counts.max() < 14
    for share in (0, 1, -.1, 20, np.nan):
        with pytest.raises(ValueError, match=f'valid_pct={share} must be between 0 and 1'):
            per_user_split(frame, share)
    with pytest.raises(KeyError, match="no column 'who'"): per_user_split(frame, .1, 0, 'who')


def test_new_users_and_items_are_counted_by_row():
    frame = pd.DataFrame({'user': list('aabbcc'), 'movie': list('xyxyxz')})
    cold = cold_share(frame, ([0, 1], [2, 3, 5]))
    assert cold.to_dict() == pytest.approx({'new user': 1, 'new item': 1/3, 'either': 1,
                                            'repeated': 0})
    assert cold_share(frame, ([0, 2, 4], [1, 3, 5]))['either'] == 1
    assert cold_share(frame, ([0, 2], [1, 3, 4]))['new user'] == pytest.approx(1/3)
    assert cold_share(frame, ([0, 1, 2], [3, 4]), item_name='user')['new item'] == .5


def test_some_training_rows_are_set_aside():
    split = np.arange(1, 41, 2), np.arange(0, 41, 2)
    kept, aside = hold_out(split, 3)
    assert len(aside) == 2 and set(kept) | set(aside) == set(split[0])        # a tenth
    assert not set(kept) & set(aside) and np.array_equal(hold_out(split, 3)[1], aside)
    assert not np.array_equal(hold_out(split, 4)[1], aside)


def test_rows_are_set_aside_of_masks_and_lists_too():
    train = np.arange(40) % 3 > 0
    learnt, hidden = np.flatnonzero(train), np.flatnonzero(~train)
    for split in [(train, ~train), (learnt.tolist(), hidden.tolist()), (learnt, [])]:
        kept, aside = hold_out(split, 1)
        assert sorted([*kept, *aside]) == learnt.tolist() and len(aside) == 2
    for bad, why in [(([0, 1], [1]), 'in both parts'), (([0, -1, 2], [3]), 'names row -1'),
                     (([0, .5], [3]), 'whole row numbers'), (([0, 0], [3]), 'row 0 twice'),
                     (([], [3]), 'train part .* is empty'), (([1, 2], [3]), 'hides none')]:
        with pytest.raises(ValueError, match=why): hold_out(bad, 1)


def test_nothing_is_hidden_if_asked():
    train, valid = random_split(FEW, 0)
    assert sorted(train) == [0, 1, 2] and not len(valid) and valid.dtype == train.dtype == 'int64'
    for empty in ([], np.array([]), np.zeros(3, bool)):
        train, valid = check_splits(([0, 1, 2], empty), 3, hide_none=True)
        assert train.tolist() == [0, 1, 2] and valid.shape == (0,) and valid.dtype == 'int64'
    with pytest.raises(ValueError, match='train part of the splits is empty'):
        check_splits(([], [0]), 3, hide_none=True)


def test_the_last_of_each():
    assert [x.tolist() for x in last_out_split(FEW)] == [[0, 2], [1]]
    with pytest.raises(ValueError, match='no user has two ratings'): last_out_split(FEW[1:])


def test_what_cannot_be_split_is_refused():
    rows = pd.DataFrame({'user': np.zeros(100)})
    for share, why in [(.001, 'hides none of them'), (-1, 'hides none'), (1, 'hides all'),
                       (20, 'valid_pct=20 of 100 rows hides all of them; it is a share'),
                       (np.nan, 'valid_pct=nan')]:
        for split in (random_split, temporal_split):
            with pytest.raises(ValueError, match=why): split(rows.assign(timestamp=1), share)
    with pytest.raises(ValueError, match='valid_pct=0 of 3 rows'): temporal_split(FEW, 0)
    with pytest.raises(ValueError, match='both parts need at least one'): temporal_split(FEW, .1)
    with pytest.raises(KeyError, match="no column 'timestamp'"): temporal_split(rows)


# what is not what it seems

def test_masks_are_row_numbers_in_another_dress():
    hidden = np.arange(10) % 3 == 0
    train, valid = check_splits((~hidden, hidden), 10)
    assert valid.tolist() == [0, 3, 6, 9] and len(train) == 6 and train.dtype == 'int64'
    series = pd.Series(hidden, index=np.arange(10)[::-1])
    for mask in (series, series.astype('boolean'), hidden.tolist()):
        assert check_splits(([1, 2], mask), 10)[1].tolist() == [0, 3, 6, 9]


@pytest.mark.parametrize('bad, why', [
    (([1], [True]*5), r'a mask of \(5,\) booleans does not fit 10 rows'),
    (([True]*10, [False]*9 + [True]), '1 rows are in both parts of the splits, row 9 first'),
    (([.5, 1], [2]), r'whole row numbers, or masks, not 0\.5 \(float64'),
    (([0., 1.], [2]), r'not 0\.0 \(float64'), (([0, np.nan], [2]), 'whole row'),
    ((['a'], [1]), "not 'a'"), (([0, None], [1]), 'whole row'), (([[0, 1], [2, 3]], [4]), 'shape'),
    (({0, 1}, [2]), 'lists of whole row'), ((None, [2]), 'not None'), (([0], 3), 'lists of whole'),
    (([0], [-1]), 'valid part names row -1'), (([0], [10]), 'row 10; rows are 0 to 9'),
    (None, 'splits must be .* not None'), (5, 'splits must be .* not 5'),
    ({'train': [0], 'valid': [1]}, 'splits must be')])
def test_what_is_no_split_is_refused(bad, why):
    with pytest.raises(ValueError, match=why): check_splits(bad, 10)
    if isinstance(bad, tuple):
        frame = pd.DataFrame({'user': range(10), 'item': range(10)})
        with pytest.raises(ValueError, match=why): cold_share(frame, bad)


@pytest.mark.parametrize('split', [temporal_split, last_out_split])
def test_times_are_read_or_refused(split):
    rows = pd.DataFrame({'user': [1, 1, 2, 2, 1]})
    right = split(rows.assign(timestamp=[5, 4, 3, 10, 9]))
    texts = ['2005-01-05', '2005-01-04', '2005-01-03', '2005-01-10', '2005-01-09']
    dates, zones = pd.to_datetime(texts), ['+01:00', '+02:00']*2 + ['+01:00']
    for times in (texts, dates, dates.date, dates.tz_localize('UTC'), dates.to_period('D'),
                  pd.Categorical(texts), [f'{t}T12:00{z}' for t, z in zip(texts, zones)],
                  ['50', '40', '7', '100', '90'], np.array([50, 40, 7, 100, 90], dtype=object),
                  pd.array([5, 4, 3, 10, 9], dtype='Int64')):
        for part, same in zip(split(rows.assign(timestamp=times)), right):
            assert part.tolist() == same.tolist()
    for times, why in [(['5/1/2005']*5, "texts such as '5/1/2005'"), (list('edcba'), 'texts such'),
                       ([1, np.nan, 3, np.nan, 5], '2 of 5 times .* are missing'),
                       ([None, *texts[1:]], '1 of 5 times'), (['', *texts[1:]], '1 of 5 times'),
                       (['NaT', '', *texts[2:]], '2 of 5'), (['5', '', '1', '2', '3'], '1 of'),
                       (pd.array([1, None, 3, 4, 5], dtype='Int64'), '1 of 5 times'),
                       ([1, *texts[1:]], 'texts such as 1,'), (['5.1.2005']*5, 'texts such')]:
        with pytest.raises(ValueError, match=why): split(rows.assign(timestamp=times))


@pytest.mark.parametrize('split', [last_out_split, lambda rows: user_split(rows, 1),
                                   lambda rows: per_user_split(rows, .5)])
def test_nobody_is_no_user(split):
    rows = pd.DataFrame({'user': [1, 2, None, None, 3, 1], 'timestamp': range(6)})
    with pytest.raises(ValueError, match="2 of 6 ids in column 'user' are"): split(rows)


def test_pairs_on_both_sides_are_counted():
    rows = pd.DataFrame({'user': [1, 1, 2, 2], 'item': ['a', 'b', 'a', 'a'], 'rating': 1.})
    assert cold_share(rows, ([0, 1, 2], [3]))['repeated'] == 1
    assert cold_share(rows, ([0, 2], [1, 3]))['repeated'] == .5
    assert cold_share(rows, ([2, 3], [0, 1]))['repeated'] == 0       # other people's pairs
    assert cold_share(rows, ([True]*3 + [False], [False]*3 + [True]))['repeated'] == 1
    with pytest.raises(ValueError, match='valid part .* is empty'): cold_share(rows, ([0, 1], []))
