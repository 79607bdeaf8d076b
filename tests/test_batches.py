"Codes of ids, known or not; frames and files with any columns; loaders that lose no row."
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.batches import CodedRatings, RatingsDL, code_ratings, collab_dls, rating_levels
from collabdive.data import read_ratings
from collabdive.files import item_column
from helpers import halves

CLUB = pd.DataFrame({'user': list('aabbc'), 'title': list('xyxzy'), 'rating': [5., 2, 4, 3, 1]})
known = st.tuples(st.sampled_from('abc'), st.sampled_from('xyz'))
any_ids = st.tuples(st.sampled_from('abcq'), st.sampled_from('xyzw'))


@settings(max_examples=50, deadline=None)
@given(st.lists(any_ids, min_size=1, max_size=12))
def test_one_unknown_id_among_many_is_refused_or_gets_row_0(pairs):
    vocab, frame = code_ratings(CLUB)[0], pd.DataFrame(pairs, columns=['user', 'title'])
    codes = vocab.encode(frame, unknown='na')
    new = ~frame.isin({'user': list('abc'), 'title': list('xyz')}).to_numpy()
    assert np.array_equal(codes.numpy() == 0, new)
    back = vocab.decode(codes).to_numpy()
    assert (back[new] == '#na#').all() and (back[~new] == frame.to_numpy()[~new]).all()
    if not new.any(): assert torch.equal(vocab.encode(frame), codes)
    else:
        column = 'user' if new[:, 0].any() else 'title'
        first = 'q' if column == 'user' else 'w'
        with pytest.raises(KeyError, match=f"{column} '{first}' .str. is not in the vocabulary"):
            vocab.encode(frame)


def test_the_first_unknown_id_is_named():
    frame = pd.DataFrame({'user': list('abqr'), 'title': list('xxxx')})
    vocab = code_ratings(CLUB)[0]
    with pytest.raises(KeyError, match="user 'q'"): vocab.encode(frame)
    with pytest.raises(KeyError, match="title 'w'"):
        vocab.encode(frame.assign(user='a', title=['x', 'w', 'v', 'x']))


@pytest.mark.parametrize('columns', ['user,item,rating', 'user,movie,rating', 'user,title,rating'])
def test_a_file_goes_into_loaders_as_it_stands(tmp_path, columns):
    (tmp_path/'a.csv').write_text(columns + '\nann,x,5\nann,y,3\nbob,x,1\nbob,z,2\ncy,x,4\n')
    dls = collab_dls(read_ratings(tmp_path/'a.csv'))
    item = columns.split(',')[1]
    assert dls.cat_names == ['user', item] and list(dls.classes[item]) == ['#na#', 'x', 'y', 'z']


def test_the_column_of_items_is_title_then_item_then_movie():
    assert item_column(['movie', 'item', 'title']) == 'title'
    assert item_column(['movie', 'item']) == 'item' and item_column(['user', 'movie']) == 'movie'
    assert item_column(['title'], 'film') == 'film'               # what was asked for
    with pytest.raises(KeyError, match="say which one holds the items; there are 'user', 'film'"):
        item_column(['user', 'film'])
    with pytest.raises(KeyError, match="no column 'film'"): collab_dls(CLUB, item_name='film')


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([.5, 1, 2, 3.5, 5]), min_size=1, max_size=20))
def test_levels_are_what_occurs_or_what_is_given(ratings):
    assert rating_levels(np.array(ratings)) == tuple(sorted(set(ratings)))
    assert rating_levels(pd.Series(ratings), (5, 1, 3)) == (1, 3, 5)
    frame = CLUB.iloc[np.arange(len(ratings) + 1) % 5].assign(rating=[5., *ratings])
    if frame.user.nunique() < 2 or frame.title.nunique() < 2: return
    vocab, _, codes = code_ratings(frame, task='classify', levels=(5, 3.5, 2, 1, .5))
    assert codes.shape == (len(frame), 1) and vocab.stars(codes) == frame.rating.tolist()


def test_a_rating_that_is_no_level_is_refused_before_training():
    with pytest.raises(ValueError, match='rating 0.5 is not one of the levels'):
        collab_dls(halves(), item_name='movie', task='classify', levels=(1, 2, 3, 4, 5))


def test_predictions_are_shown_in_stars_to_the_cent():
    vocab = code_ratings(CLUB)[0]
    with pytest.raises(FrozenInstanceError): vocab.task = 'classify'
    assert vocab.stars(torch.tensor([[3.14159], [2.]])) == [3.14, 2.]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.booleans(), st.booleans())
def test_batches_are_full_but_the_last(n, bs, shuffle, drop_last):
    vocab, x = code_ratings(CLUB)[0], torch.ones(n, 2, dtype=torch.int64)
    data = CodedRatings(x, torch.arange(n)[:, None], vocab)
    loader = RatingsDL(data, bs, shuffle, drop_last)
    sizes = [len(y) for _, y in loader]
    assert sizes == [bs]*(n//bs) + [n % bs]*(n % bs > 0 and not drop_last)
    assert len(loader) == len(sizes)
    rows = [r for _, y in loader for r in y.flatten().tolist()]
    assert len(set(rows)) == len(rows) and (shuffle or rows == list(range(len(rows))))
    asked = list(RatingsDL(CodedRatings(x, None, vocab), bs))
    assert [len(b) for b in asked] == [1]*len(asked) and sum(len(b[0]) for b in asked) == n


def test_batch_sizes_of_validation_and_of_questions():
    dls = collab_dls(halves(), item_name='movie', bs=64)
    assert (dls.train.bs, dls.valid.bs) == (64, 2048)
    assert collab_dls(halves(), item_name='movie', bs=4096).valid.bs == 4096
    assert collab_dls(halves(), item_name='movie', val_bs=7).valid.bs == 7
    asked = dls.test_dl(halves().iloc[::-1], bs=300)
    assert asked.bs == 300 and not asked.shuffle and asked.dataset.y is None
    assert torch.equal(torch.cat([b[0] for b in asked]), asked.dataset.x)
    assert asked.dataset.items.movie.tolist() == halves().movie[::-1].tolist()
    shown = dls.valid.show_batch(show=False)
    assert shown.equals(dls.valid_ds.vocab.decode(dls.valid_ds.x[:9], dls.valid_ds.y[:9]))
    assert dls.train.show_batch(dls.valid.one_batch(), 9, show=False).equals(shown)
    empty = dls.train_ds.new_empty()
    assert len(empty) == 0 and empty.y.shape == (0, 1) and empty.classes is dls.classes
    with pytest.raises(ValueError, match='bs=-1 must be at least 1'): collab_dls(CLUB, bs=-1)
    assert len(collab_dls(CLUB, bs=1).train) == 4
