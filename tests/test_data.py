"Hostile frames and files that somebody else made."
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.batches import code_ratings, collab_dls
from collabdive.data import (
    _codes,
    EXAMPLE_RATINGS,
    check_ratings,
    crosstab,
    load_movielens,
    read_ratings,
    with_user,
)


def test_a_set_that_does_not_exist():
    with pytest.raises(ValueError, match="no MovieLens data set '2m'; choose one of 100k, 1m, 10m"):
        load_movielens('2m')
    with pytest.raises(FileNotFoundError, match='there is no file or folder'):
        load_movielens('100k', path='/no/such/place')


def test_what_the_lessons_start_from():
    ml = load_movielens()
    assert ml.ratings.equals(load_movielens('100k').ratings) and len(ml.ratings) == 100_000
    assert list(ml.ratings) == ['user', 'movie', 'rating', 'timestamp', 'title']
    assert ml.ratings[['user', 'movie']].sum().tolist() == [46_248_475, 42_553_013]
    assert (ml.ratings.user.min(), ml.ratings.user.max(), ml.ratings.movie.max()) == (1, 943, 1682)
    assert ml.ratings.rating.dtype == 'float32'
    assert list(ml.movies) == ['movie', 'title', 'year', 'genres'] and len(ml.movies) == 1682
    assert ml.movies.year[0] == ml.movies.year[1411] == 1995 and ml.movies.year.isna().sum() == 1
    assert ml.movies.genres[0] == "Animation|Children's|Comedy"
    assert list(ml.users) == ['user', 'age', 'gender', 'occupation', 'zip_code']
    assert len(ml.users) == 943 and ml.users.zip_code.map(type).eq(str).all()


# the table of users by items

TOY = pd.DataFrame({'user': [1, 1, 2, 3], 'movie': [8, 9, 9, 8], 'rating': [5., 3, 4, 1]})


def test_the_table_has_the_rows_and_columns_asked_for():
    table = crosstab(TOY, [3, 2, 1], [9, 8])
    assert table.index.tolist() == [3, 2, 1] and table.columns.tolist() == [9, 8]
    assert table.loc[1].tolist() == [3, 5] and np.isnan(table.loc[2, 8])
    twice = pd.concat([TOY, TOY.assign(rating=1.)])
    assert crosstab(twice, [1], [8]).iloc[0, 0] == 3                   # rated twice: the mean


@pytest.mark.parametrize('asked, message', [
    (([1], [10]), 'movie 10 has no ratings'), (([4], [8]), 'user 4 has no ratings'),
    (([1], [8], 'user', 'movies'), "did you mean 'movie'"),
    (([1], [8], 'reader'), "no column 'reader'")])
def test_what_the_table_does_not_have_is_named(asked, message):
    with pytest.raises(KeyError, match=message): crosstab(TOY, *asked)


# anyone's ratings

def test_a_frame_is_handed_back_or_refused():
    joined = pd.DataFrame({'user': [7, '7', 8], 'title': list('xyy'), 'rating': [5., 3, 4.5]})
    as_text = joined.astype({'user': str})
    assert check_ratings(as_text) is as_text and as_text.user.tolist() == ['7', '7', '8']
    with pytest.raises(ValueError, match=r"column 'user' holds both 7 \(int\) and '7' \(str\)"):
        check_ratings(joined)
    with pytest.raises(TypeError, match='must be a DataFrame, not list'): check_ratings([1, 2])


GOOD = 'user,item,rating,when\nann,x,5,1\nann,y,3.5,2\nbob,x,1,3\n'


@pytest.mark.parametrize('text, message', [
    ('', 'is empty'),
    ('user,item,rating\n', 'no rows'),
    (GOOD.replace('3.5', 'good'), "column 'rating', row 1: the rating 'good' is not a number"),
    (GOOD.replace('3.5', 'four'), "column 'rating', row 1: the rating 'four' is not a number"),
    (GOOD.replace('3.5', ''), "column 'rating', row 1: .* is missing"),
    (GOOD.replace('3.5', 'inf'), "column 'rating', row 1: .* is not finite"),
    (GOOD.replace('bob', ''), "column 'user', row 2: the id is missing"),
    (GOOD.replace('bob', 'ann'), "column 'user' holds one id only"),
    (GOOD.replace('when', 'rating'), "column 'rating' appears 2 times"),
    (GOOD[:-3], 'line 4 has 3 fields, the first line 4: .* was the file cut'),
    (GOOD.replace('rating', 'stars'), "there is no column 'rating'"),
    (GOOD.replace('rating', 'Rating'), r"did you mean 'Rating'\?"),
])
def test_bad_files_are_named(tmp_path, text, message):
    file = tmp_path/'mine.csv'
    file.write_text(text)
    with pytest.raises((ValueError, KeyError), match=message) as e: read_ratings(file)
    assert 'mine.csv' in str(e.value)


def test_good_files(tmp_path):
    for name, sep in [('a.csv', ','), ('a.tsv', '\t'), ('semi.csv', ';'), ('a.txt', '|')]:
        (tmp_path/name).write_text(GOOD.replace(',', sep))
        frame = read_ratings(tmp_path/name)
        assert frame.columns.tolist() == ['user', 'item', 'rating', 'when']
        assert frame.rating.tolist() == [5, 3.5, 1]
    frame.to_parquet(tmp_path/'a.parquet')
    pd.testing.assert_frame_equal(read_ratings(tmp_path/'a.parquet'), frame, check_dtype=False)
    (tmp_path/'cut.parquet').write_bytes((tmp_path/'a.parquet').read_bytes()[:99])
    with pytest.raises(ValueError, match='cut.parquet'): read_ratings(tmp_path/'cut.parquet')
    with pytest.raises(FileNotFoundError, match='there is no file'):
        read_ratings(tmp_path/'none.csv')


# any ids

ids = st.one_of(st.integers(-9, 9), st.text('ab1', min_size=1, max_size=2))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ids, ids, st.sampled_from([.5, 1, 4.5])), min_size=1, max_size=30))
def test_any_ids_come_back_or_are_refused(rows):
    frame = pd.DataFrame(rows, columns=['user', 'title', 'rating'])
    frame = frame.astype({'user': object, 'title': object})
    try: check_ratings(frame)
    except ValueError as e:
        clash = any(len({str(v) for v in frame[c].unique()}) < frame[c].nunique()
                    for c in ('user', 'title'))
        assert clash or min(frame.user.nunique(), frame.title.nunique()) < 2, e
        return
    if frame.rating.nunique() < 2:
        with pytest.raises(ValueError, match='nothing to predict'): code_ratings(frame)
        return
    vocab, x, y = code_ratings(frame)
    back = vocab.decode(x, y)
    assert back.user.tolist() == frame.user.tolist() and back.title.tolist() == frame.title.tolist()
    assert [type(v) for v in back.user] == [type(v) for v in frame.user]
    assert np.array_equal(vocab.encode(frame), x)


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 200), st.integers(1, 70), st.integers(0, 99))
def test_every_row_once(n, bs, seed):
    frame = pd.DataFrame({'user': np.arange(n) % 7, 'title': np.arange(n) % 5,
                          'rating': np.arange(n, dtype='float32')})
    dls = collab_dls(frame, bs=bs, valid_pct=.3, seed=seed)
    got = [int(v) for dl in (dls.train, dls.valid) for _, y in dl for v in y.flatten()]
    assert sorted(got) == list(range(n)) and max(len(y) for _, y in dls.train) <= bs


# one more user

FILMS = pd.DataFrame({'user': [1, 1, 2], 'movie': [8, 9, 7],
                      'rating': np.array([5, 3, 1], 'float32'),
                      'timestamp': [30, 10, 20], 'title': ['Alien (1979)', 'Heat', 'Heat'],
                      'mood': ['glad', 'glad', 'sad']})


def test_one_more_user():
    more = with_user(FILMS, {'Heat': 4.5, 'Alien (1979)': 1})
    assert more.iloc[:3].equals(FILMS) and list(more) == list(FILMS)
    you = more.iloc[3:]
    assert you[['user', 'movie', 'rating', 'timestamp']].values.tolist() == [[0, 9, 4.5, 30],
                                                                             [0, 8, 1, 30]]
    assert you.mood.isna().all() and more.index.tolist() == [0, 1, 2, 3, 4]      # nothing invented
    assert more.dtypes.equals(FILMS.dtypes)
    bare = FILMS.drop(columns=['title', 'timestamp', 'mood'])
    assert with_user(bare, {7: 2}, id='you').iloc[-1].tolist() == ['you', 7, 2]


@pytest.mark.parametrize('column', ['user', 'item'])
@pytest.mark.parametrize('ids', [['1.0', '2.50'], ['True', 'False']])
def test_an_id_that_could_be_a_number_or_a_truth_stays_as_it_is_spelled(tmp_path, column, ids):
    rows = pd.DataFrame({'user': [1, 2], 'item': [3, 4], 'rating': [5, 4]}).assign(**{column: ids})
    rows.to_csv(tmp_path/'m.csv', index=False)
    assert read_ratings(tmp_path/'m.csv')[column].tolist() == ids


def test_the_example_is_a_dozen_films_that_many_know():
    more = with_user(load_movielens('100k').ratings, EXAMPLE_RATINGS)
    assert len(EXAMPLE_RATINGS) == 12 and len(more) == 100_012 and not more.isna().any(axis=None)
    assert sorted(EXAMPLE_RATINGS.values()) == [1, 1, 1, 2, 4, 4, 4, 5, 5, 5, 5, 5]
    assert more.title.value_counts()[list(EXAMPLE_RATINGS)].min() > 50


@pytest.mark.parametrize('mine, error, message', [
    ({}, ValueError, 'you have rated nothing'), (['Heat'], TypeError, 'a dict .* not list'),
    ({'alien': 3}, KeyError, "title 'alien': did you mean 'Alien \\(1979\\)'"),
    ({'Heat': 6}, ValueError, "'Heat' has 6 stars, and here they go from 1 to 5"),
    ({'Heat': .5}, ValueError, 'has 0.5 stars'), ({'Heat': np.nan}, ValueError, 'has nan stars'),
    ({'Heat': '5'}, ValueError, "has '5' stars"), ({'Heat': True}, ValueError, 'has True stars'),
    ({'Heat': None}, ValueError, 'has None stars'),
    ({'Heat': 5, ' heat': 5}, ValueError, "'Heat' and ' heat' are one title in two spellings"),
    ({'heat': 5, 'Heat': 5}, KeyError, "title 'heat': did you mean 'Heat'")])
def test_a_user_who_cannot_be_added(mine, error, message):
    with pytest.raises(error, match=message): with_user(FILMS, mine)


def test_a_user_who_is_there_already():
    with pytest.raises(ValueError, match='there is a user 2 already: pass another id='):
        with_user(FILMS, {'Heat': 5}, id=2)
    with pytest.raises(KeyError, match="no column 'rating'"):
        with_user(FILMS.drop(columns='rating'), {'Heat': 5})


@pytest.mark.parametrize('ids', [
    [3, 1, 3, 7], [0, 2, 1, 0], [-1, 4, 4], [10**12, 5, 5], [2.5, 1., 2.5], ['b', 'a', 'b'],
    ['b', 2, 1, 'b'], [True, False], pd.array([2, 1, 2], 'Int64'), np.array([255, 0, 255], 'uint8'),
    np.array([127, 3, 127], 'int8'), np.array([2**63, 1], 'uint64'),
    pd.Categorical([3, 1, 3], [3, 1]), pd.to_datetime(['2001-02-03', '2000-01-01'])], ids=str)
def test_codes_are_those_of_pandas(ids):
    codes, names = _codes(pd.Series(ids))
    want, known = pd.factorize(pd.Series(ids), sort=True)
    assert codes.dtype == 'int32' and codes.tolist() == want.tolist()
    assert names.tolist() == known.tolist() and [*map(type, names.tolist())] == [
        *map(type, known.tolist())]

def test_a_missing_rating_is_named_in_columns_of_any_kind():
    for values in ([3., np.nan], pd.array([3, None], 'Int64'), pd.array([3, None], 'Float32')):
        frame = pd.DataFrame({'user': [1, 2], 'title': ['a', 'b'], 'rating': values})
        with pytest.raises(ValueError, match="'rating', row 1: .*is missing"): check_ratings(frame)
    for value in (np.inf, -np.inf, 1e39):
        frame = pd.DataFrame({'user': [1, 2], 'title': ['a', 'b'], 'rating': [3., value]})
        with pytest.raises(ValueError, match="'rating', row 1: "): check_ratings(frame)
