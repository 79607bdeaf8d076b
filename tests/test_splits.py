"Any frame is split into parts that share no row, or refused."
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.splits import (check_splits, cold_share, hold_out, last_out_split, official_fold,
                               random_split, temporal_split, user_split)

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
            with pytest.raises(ValueError, match=f'n_users={n_users} of {n} users: hide at least'):
                user_split(frame, n_users, seed)


def test_the_same_users_whatever_the_order_of_the_rows():
    frame = pd.DataFrame({'who': np.arange(60) % 9})
    hidden = [set(f.who.iloc[user_split(f, 4, 3, 'who')[1]]) for f in (frame, frame[::-1])]
    assert hidden[0] == hidden[1] != set(frame.who.iloc[user_split(frame, 4, 4, 'who')[1]])
    with pytest.raises(KeyError, match="no column 'user'"): user_split(frame, 4)
    with pytest.raises(ValueError, match=r'n_users=0\.2 of 9'): user_split(frame, .2, 0, 'who')
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


def test_official_folds_are_blocks_of_the_file():
    rows = pd.DataFrame({'user': np.zeros(100_000)})
    for fold in range(1, 6):
        train, valid = whole(official_fold(rows, fold), 100_000)
        assert valid.tolist() == list(range(20_000*(fold - 1), 20_000*fold))


def test_new_users_and_items_are_counted_by_row():
    frame = pd.DataFrame({'user': list('aabbcc'), 'movie': list('xyxyxz')})
    cold = cold_share(frame, ([0, 1], [2, 3, 5]))
    assert cold.to_dict() == pytest.approx({'new user': 1, 'new item': 1/3, 'either': 1,
                                            'repeated': 0})
    assert cold_share(frame, ([0, 2, 4], [1, 3, 5]))['either'] == 1
    assert cold_share(frame, ([0, 1, 2], [3, 4]), item_name='user')['new item'] == .5


def test_some_training_rows_are_set_aside():
    split = np.arange(1, 41, 2), np.arange(0, 41, 2)
    kept, aside = hold_out(split, 3)
    assert len(aside) == 2 and set(kept) | set(aside) == set(split[0])        # a tenth
    assert not set(kept) & set(aside) and np.array_equal(hold_out(split, 3)[1], aside)
    assert not np.array_equal(hold_out(split, 4)[1], aside)


def test_the_last_of_each():
    assert [x.tolist() for x in last_out_split(FEW)] == [[0, 2], [1]]
    with pytest.raises(ValueError, match='no user has two ratings'): last_out_split(FEW[1:])


def test_what_cannot_be_split_is_refused():
    rows = pd.DataFrame({'user': np.zeros(100_000)})
    with pytest.raises(ValueError, match='fold 6: the official folds are 1 to 5'):
        official_fold(rows, 6)
    with pytest.raises(ValueError, match='not 99,999'): official_fold(rows[1:], 1)
    with pytest.raises(ValueError, match='of 100000 rows hides 0 of them; both parts need'):
        random_split(rows, 0)
    with pytest.raises(ValueError, match='both parts need at least one'): temporal_split(FEW, .1)
    with pytest.raises(KeyError, match="no column 'timestamp'"): temporal_split(rows)


# what is not what it seems

def test_masks_are_row_numbers_in_another_dress():
    hidden = np.arange(10) % 3 == 0
    train, valid = check_splits((~hidden, hidden), 10)
    assert valid.tolist() == [0, 3, 6, 9] and len(train) == 6 and train.dtype == 'int64'
    for bad, why in [((~hidden, hidden[:5]), r'a mask of \(5,\) booleans does not fit 10 rows'),
                     (([.5, 1], [2]), 'whole row numbers or masks'), ((['a'], [1]), 'whole row')]:
        with pytest.raises(ValueError, match=why): check_splits(bad, 10)


@pytest.mark.parametrize('split', [temporal_split, last_out_split])
def test_times_are_read_or_refused(split):
    rows = pd.DataFrame({'user': [1, 1, 2, 2, 1]})
    right = split(rows.assign(timestamp=[5, 4, 3, 10, 9]))
    texts = ['2005-01-05', '2005-01-04', '2005-01-03', '2005-01-10', '2005-01-09']
    for times in (texts, pd.to_datetime(texts)):
        for part, same in zip(split(rows.assign(timestamp=times)), right):
            assert part.tolist() == same.tolist()
    for times, why in [(['5/1/2005']*5, "texts such as '5/1/2005'"), (list('edcba'), 'texts such'),
                       ([1, np.nan, 3, np.nan, 5], '2 of 5 times .* are missing'),
                       ([None, *texts[1:]], '1 of 5 times')]:
        with pytest.raises(ValueError, match=why): split(rows.assign(timestamp=times))


@pytest.mark.parametrize('split', [last_out_split, lambda rows: user_split(rows, 1)])
def test_nobody_is_no_user(split):
    rows = pd.DataFrame({'user': [1, 2, None, None, 3, 1], 'timestamp': range(6)})
    with pytest.raises(ValueError, match="2 ids in column 'user' are missing"): split(rows)


def test_pairs_on_both_sides_are_counted():
    rows = pd.DataFrame({'user': [1, 1, 2, 2], 'item': ['a', 'b', 'a', 'a'], 'rating': 1.})
    assert cold_share(rows, ([0, 1, 2], [3]))['repeated'] == 1
    assert cold_share(rows, ([0, 2], [1, 3]))['repeated'] == .5
    assert cold_share(rows, ([2, 3], [0, 1]))['repeated'] == 0       # other people's pairs
