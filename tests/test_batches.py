"Codes of ids, known or not; frames and files with any columns; loaders that lose no row."
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.callback.progress import ProgressCallback
from fastai.learner import Learner, load_learner
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.batches import (CODED, CodedRatings, RatingsDL, code_ratings, collab_dls,
                                rating_levels)
from collabdive.compare import compare, contenders, shares_model
from collabdive.data import read_ratings
from collabdive.dot_product import DotProductBias, train
from collabdive.factors import to_factors
from collabdive.files import item_column
from collabdive.learner import collab_learner, fit_quick
from collabdive.planted import planted_ratings
from collabdive.splits import random_split
from collabdive.training import Recipe, history
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


MIXED = pd.DataFrame({'user': [7, 'ann', 7, 3], 'title': list('baab'), 'rating': [1., 2, 3, 4]})


def test_numbers_and_words_in_one_vocabulary():
    vocab, x, y = code_ratings(MIXED)
    assert list(vocab.classes['user']) == ['#na#', 3, 7, 'ann'] and x[:, 0].tolist() == [2, 3, 2, 1]
    assert torch.equal(vocab.encode(MIXED), x) and vocab.cat_names == ['user', 'title']
    assert x.dtype == torch.int64 and y.dtype == torch.float32 and y.shape == (4, 1)
    cat = MIXED.assign(title=pd.Categorical(MIXED.title, categories=['z', 'b', 'a']))
    assert sorted(code_ratings(cat)[0].classes['title']) == ['#na#', 'a', 'b']   # z is not rated


@pytest.mark.parametrize('change, message', [
    ({'user': 9999}, r"user 9999 \(int\) is not in the vocabulary: there are 1, 2, 3, \.\.\."),
    ({'user': '2'}, r"user '2' \(str\) is not in the vocabulary: there are 1, 2, 3, \.\.\."),
    ({'title': 'Koyla'}, r"title 'Koyla' \(str\) is not .* did you mean 'Kolya'\?"),
    ({'title': None}, 'title None')])
def test_a_question_that_cannot_be_coded(change, message):
    vocab = code_ratings(pd.DataFrame({'user': [1, 2, 3, 4], 'title': ['Kolya', 'Fargo']*2,
                                       'rating': [1., 2]*2}))[0]
    asked = pd.DataFrame({'user': [1], 'title': ['Kolya']})
    assert vocab.encode(asked.assign(**change), unknown='na').eq(0).sum() == 1
    with pytest.raises(KeyError, match=message): vocab.encode(asked.assign(**change))
    with pytest.raises(ValueError, match="must be 'error' or 'na'"): vocab.encode(asked, 'zero')
    with pytest.raises(KeyError, match="no column 'title'"): vocab.encode(asked[['user']])


@pytest.mark.parametrize('change, message', [
    ({'rating': [1, np.nan, 2, 3]}, 'row 1: the rating nan is missing'),
    ({'rating': [1, 2, np.inf, 3]}, 'row 2: the rating inf is not finite'),
    ({'rating': list('1234')}, 'holds numbers as text'),
    ({'user': 'ann'}, r"one id only \('ann'\)"),
    ({'title': ['a', 'b', 'c', None]}, 'row 3: the id is missing'),
    ({'user': [7, '7', 8, 9]}, r"column 'user' holds both 7 \(int\) and '7' \(str\)")])
def test_ratings_that_cannot_be_coded(change, message):
    with pytest.raises(ValueError, match=message): code_ratings(MIXED.assign(**change))


def test_frames_and_tasks_that_cannot_be_coded():
    double = MIXED.assign(more=1).set_axis(['user', 'title', 'rating', 'user'], axis=1)
    with pytest.raises(ValueError, match="column 'user' appears 2 times"): code_ratings(double)
    with pytest.raises(ValueError, match='no rows'): code_ratings(MIXED[:0])
    with pytest.raises(KeyError, match="did you mean 'rating'"):
        code_ratings(MIXED, rating_name='ratings')
    with pytest.raises(ValueError, match="task='rank' must be"): code_ratings(MIXED, task='rank')


def test_classes_are_places_among_the_levels():
    vocab, _, y = code_ratings(MIXED, task='classify')
    assert vocab.levels == (1., 2., 3., 4.) and y.dtype == torch.int64
    assert torch.equal(code_ratings(MIXED, task='ordinal')[2], y)
    assert y.flatten().tolist() == [0, 1, 2, 3] and vocab.stars(y) == [1., 2., 3., 4.]
    vocab, _, y = code_ratings(MIXED, task='ordinal', levels=(5, 4, 3, 2, 1, .5))
    assert vocab.levels == (.5, 1, 2, 3, 4, 5) and y.flatten().tolist() == [1, 2, 3, 4]
    assert [task for task, coded in CODED.items() if coded] == ['classify', 'ordinal']


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
    if len(set(ratings)) < 2:
        with pytest.raises(ValueError, match='nothing to predict'): rating_levels(np.array(ratings))
        return
    assert rating_levels(np.array(ratings)) == tuple(sorted(set(ratings)))
    assert rating_levels(pd.Series(ratings), (5, 1, 3)) == (1, 3, 5)
    frame = CLUB.iloc[np.arange(len(ratings) + 1) % 5].assign(rating=[5., *ratings])
    if frame.user.nunique() < 2 or frame.title.nunique() < 2: return
    vocab, _, codes = code_ratings(frame, task='classify', levels=(5, 3.5, 2, 1, .5))
    assert codes.shape == (len(frame),) and vocab.stars(codes) == frame.rating.tolist()


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


@pytest.mark.parametrize('splits, message', [
    (([1, 2, 3], [3, 4]), '1 rows are in both parts of the splits, row 3 first'),
    (([], [3]), 'the train part of the splits is empty'),
    (([1, 4000], [3]), 'names row 4000; rows are 0 to 3999'),
    (([1, 1], [3]), 'train part names row 1 twice'), (([1], [3], [4]), 'not 3 parts')])
def test_splits_are_looked_at(splits, message):
    with pytest.raises(ValueError, match=message):
        collab_dls(halves(), item_name='movie', splits=splits)


def test_loaders_of_classes():
    dls = collab_dls(halves(), item_name='movie', task='classify')
    levels = dls.train_ds.vocab.levels
    assert dls.one_batch()[1].dtype == torch.int64 and levels == tuple(np.arange(1, 11)/2)
    assert set(dls.show_batch(show=False).rating) <= set(levels)
    out = torch.tensor([4, 0])
    frame = dls.valid.show_results(dls.valid.one_batch(), out, max_n=2, show=False)
    assert list(frame) == ['user', 'movie', 'rating', 'rating_pred']
    assert frame.rating_pred.tolist() == [2.5, .5]
    rows = halves()[:3]
    coded = dls.test_dl(rows, with_labels=True).dataset.y.flatten().tolist()
    assert [levels[c] for c in coded] == rows.rating.tolist()
    for odd, said in ((2.25, '2.25'), (np.nan, 'nan')):
        with pytest.raises(ValueError, match=f'rating {said} is not one of the levels'):
            dls.test_dl(rows.assign(rating=odd), with_labels=True)


def test_what_a_test_loader_asks():
    dls = collab_dls(CLUB, bs=2)
    asked = pd.DataFrame({'user': list('ca'), 'title': list('zw')})
    with pytest.raises(KeyError, match="title 'w'"): dls.test_dl(asked)
    assert dls.test_dl(asked, unknown='na').dataset.x.tolist() == [[3, 3], [1, 0]]
    labelled = dls.test_dl(CLUB, with_labels=True)
    assert labelled.dataset.y.flatten().tolist() == CLUB.rating.tolist()
    assert dls.cat_names == ['user', 'title'] and dls.n_inp == 1 and len(dls.classes['title']) == 4
    assert dls.train_ds.items.shape == (4, 3)
    assert dls.show_batch(max_n=1, show=False).shape == (1, 3)


class SumOfCodes(torch.nn.Linear):
    def forward(self, x): return x.sum(1, keepdim=True).float()


def test_predictions_come_in_the_order_of_the_file():
    dls = collab_dls(halves(), item_name='movie', bs=64, device='cpu')
    learn = Learner(dls, SumOfCodes(1, 1), loss_func=torch.nn.functional.mse_loss)
    preds, targets = learn.get_preds(dl=dls.train)             # asked of a loader that shuffles
    assert torch.equal(targets, dls.train_ds.y)
    assert torch.equal(preds.flatten(), dls.train_ds.x.sum(1).float())
    assert torch.equal(learn.get_preds(ds_idx=0)[0], preds)
    assert torch.equal(learn.get_preds()[1], dls.valid_ds.y)


def test_a_pair_on_both_sides_is_warned_of(recwarn):
    rows = planted_ratings(60, 50, 2, 1000)
    with pytest.warns(UserWarning, match='of 400 hidden ratings are of a pair of user and item'):
        collab_dls(pd.concat([rows, rows]))
    recwarn.clear()
    collab_dls(pd.concat([rows, rows[:5]]))               # under one in a hundred
    grid = pd.DataFrame({'user': np.repeat(range(5), 6), 'item': [*range(6)]*5,
                         'rating': [1, 2]*15})
    last = (grid['item'] == 5).to_numpy()
    for hidden in (last, grid['item'] == 0, grid.user == 4):
        collab_dls(grid, splits=(~hidden, hidden))
    assert not recwarn.list                               # no pair is another's, whatever its codes


@pytest.mark.parametrize('options, why', [
    (dict(task='ordinal'), 'holds 1000 different ratings, and classes want 2 to 20'),
    (dict(task='classify', levels=(1, 2, 2, 3)), 'finite and different'),
    (dict(task='classify', levels=(1, np.nan)), 'finite and'), (dict(val_bs=0), 'val_bs=0'),
    (dict(bs=float('nan')), 'bs=nan')])
def test_numbers_that_make_no_loaders(options, why):
    rows = planted_ratings(60, 50, 2, 1000)
    if 'task' in options and 'levels' not in options: rows = rows.assign(rating=rows.signal)
    with pytest.raises(ValueError, match=why): collab_dls(rows, **options)


def test_a_constant_rating_makes_no_classes():
    rows = planted_ratings(60, 50, 2, 1000).assign(rating=3.)
    for task in CODED:
        with pytest.raises(ValueError, match=r'nothing to predict: of ratings there is \[3\.0\]'):
            collab_dls(rows, task=task)
    with pytest.raises(ValueError, match=r'there is \[2\]'): collab_dls(rows, levels=(2,))
    for judge in (shares_model, contenders()['dot product'], contenders()['ordinal']):
        with pytest.raises(ValueError, match='nothing to predict'):
            compare({'m': judge}, rows, random_split(rows), progress=False)
    dls = collab_dls(rows, task='ordinal', levels=(1, 2, 3, 4, 5))     # others could be given
    assert dls.train_ds.vocab.levels == (1, 2, 3, 4, 5)


# training on everything

ALL = planted_ratings(60, 50, 2, 1000)
ROWS = np.arange(1000)


@pytest.mark.parametrize('options', [dict(valid_pct=0), dict(splits=(ROWS, [])),
                                     dict(splits=(ROWS >= 0, ROWS < 0))],
                         ids=['0', 'rows', 'masks'])
@pytest.mark.parametrize('task', list(CODED))
def test_every_row_is_trained_on(options, task):
    dls = collab_dls(ALL, **options, task=task, bs=64, device='cpu')
    assert len(dls.valid_ds) == len(dls.valid) == len(list(dls.valid)) == 0
    assert dls.valid.bs == 2048 and not dls.valid.shuffle and dls.train.shuffle
    pairs = torch.cat([b[0] for b in dls.train]).tolist()
    whole = code_ratings(ALL)[1].tolist()
    assert sorted(pairs) == sorted(whole) and pairs != whole
    learn = fit_quick(dls, epochs=2)
    losses = history(learn)
    assert losses.train.notna().all() and losses.valid.isna().all() and len(losses) == 2
    assert losses.dtypes.tolist() == ['float64']*2
    f = to_factors(learn)
    assert f.item_counts.sum() == 1000 == len(f.seen[1]) and len(f.users) == ALL.user.nunique()
    for ask in (learn.validate, learn.get_preds, learn.show_results, dls.valid.show_batch):
        with pytest.raises(ValueError, match=r'none were hidden \(valid_pct=0\)'): ask()
    assert len(learn.get_preds(dl=learn.dls.train)[0]) == 1000 and learn.validate(0)[0] > 0
    assert len(learn.get_preds(dl=dls.test_dl(ALL[:3]))[0]) == 3 == len(learn.predict(ALL[:3]))


def test_all_trainers_train_on_everything(tmp_path):
    dls = collab_dls(ALL, valid_pct=0, device='cpu')
    learn = train(DotProductBias, dls, Recipe(epochs=2, n_factors=3))
    assert history(learn).valid.isna().all() and to_factors(learn).item_counts.sum() == 1000
    learn = collab_learner(dls, 3, y_range=(0, 5.5), path=tmp_path)
    learn.remove_cb(ProgressCallback)
    with learn.no_logging(): learn.fit_one_cycle(2, 1e-2)
    assert [row[1:] for row in learn.recorder.values] == [[None]*3]*2
    learn.export('m.pkl')
    back = load_learner(tmp_path/'m.pkl')
    assert back.predict(ALL[:3]).equals(learn.predict(ALL[:3]))
    with pytest.raises(ValueError, match='of 1000 rows hides none'): collab_dls(ALL, valid_pct=1e-4)
