"Lists: what is on them, what is not, how they are graded, and every kind of bad input."
import math
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.collab import CollabDataLoaders, collab_learner
from fastai.learner import Learner
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.cross_entropy import CollabNNClassifier
from collabdive.dot_product import DotProductBias, squared_error
from collabdive.factors import Factors, to_factors
from collabdive.ordinal import CumulativeLink
from collabdive.planted import planted_ratings
from collabdive.recommend import Scorer, pure_svd, ranking_metrics, recommend, recommend_all

pytestmark = pytest.mark.filterwarnings('ignore:The given NumPy array')
TINY = Factors(['Ada', 'Ben', 'Cem'], list('abcd'), np.eye(3, 1), np.ones((4, 1)), [0, 0, 0],
               [4, 1, 3, 2], seen=([0, 1, 1, 5], [0, 0, 1, 2, 3]))      # Cem has seen everything
TABLE = np.random.default_rng(0).normal(size=(7, 9)).astype('float32')
PLAIN = SimpleNamespace(users=list(range(7)), items=[f'film {i}' for i in range(9)],
                        score_all=lambda users: TABLE[users])


@pytest.fixture(scope='module')
def club(): return planted_ratings(60, 40, 2, 1200, seed=1).astype({'title': str})


# what is on a list

@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=9), st.integers(1, 12),
       st.sets(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=1))
def test_lists_are_those_of_a_loop(users, k, seen):
    frame = pd.DataFrame(sorted(seen), columns=['user', 'row'])
    frame = frame.assign(title=[PLAIN.items[r] for r in frame.row])
    titles, scores = recommend_all(PLAIN, users, k, frame)
    assert titles.shape == scores.shape == (len(users), k)
    for user, got, of in zip(users, titles, scores):
        left = [r for r in np.argsort(-TABLE[user]) if (user, r) not in seen][:k]
        gap = k - len(left)
        assert got.tolist() == [PLAIN.items[r] for r in left] + [None]*gap
        assert of[:len(left)].tolist() == TABLE[user][left].tolist()
        assert np.isnan(of[len(left):]).all()


def test_what_was_seen_is_left_out_unless_something_else_is_said():
    assert recommend(TINY, 'Ada', 2).item.tolist() == ['c', 'd']
    assert recommend(TINY, 'Ben', 2).item.tolist() == ['a', 'c']
    assert recommend(TINY, 'Ada', 2, exclude=[]).item.tolist() == ['a', 'c']
    assert recommend(TINY, 'Ada', 2, exclude='c').item.tolist() == ['a', 'd']
    assert recommend(TINY, 'Ada', 2, exclude={'a': 5, 'd': 1}).item.tolist() == ['c', 'b']
    mine = pd.DataFrame({'user': ['Ada', 'Ben', 'Dan'], 'title': ['c', 'a', 'a'], 'rating': 1})
    assert recommend(TINY, 'Ada', 1, mine).item.tolist() == ['a']
    titles, _ = recommend_all(TINY, ['Ben', 'Ada', 'Cem'], 1, mine)
    assert titles.ravel().tolist() == ['c', 'a', 'a']
    assert recommend_all(TINY, 'Ben', 1)[0].tolist() == [['a']]
    score = recommend(TINY, 'Ada', 1).score
    assert score.dtype == 'float32' and score.item() == TINY.score('Ada', 'c').item()


def test_an_item_that_the_model_does_not_know_cannot_be_left_out_and_need_not():
    mine = pd.DataFrame({'user': ['Ada', 'Ada'], 'title': ['c', 'a film of next year']})
    assert recommend(TINY, 'Ada', 1, mine).item.tolist() == ['a']
    with pytest.raises(KeyError, match="there is no item 'C'"):
        recommend(TINY, 'Ada', exclude=['C'])
    with pytest.raises(KeyError, match="no title in `exclude` is .* model's, which has 'a'"):
        recommend(TINY, 'Ada', exclude=mine.iloc[1:])
    with pytest.raises(KeyError, match="no user in `exclude` .* has 'Ada'"):
        recommend(TINY, 'Ada', exclude=mine.assign(user=7))
    with pytest.raises(KeyError, match="no column 'user'"):
        recommend(TINY, 'Ada', exclude=mine.drop(columns='user'))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert recommend(TINY, 'Ada', 1, mine.iloc[:0]).item.tolist() == ['a']


def test_fewer_come_back_where_no_more_are_left():
    with pytest.warns(UserWarning, match='only 3 of 10 items are left'):
        assert recommend(TINY, 'Ada').item.tolist() == ['c', 'd', 'b']
    with pytest.warns(UserWarning, match='only 0 of 2 items are left'):
        empty = recommend(TINY, 'Cem', 2)
    assert list(empty) == ['item', 'score'] and empty.score.dtype == 'float32'
    titles, scores = recommend_all(TINY, ['Cem', 'Ada'], 5)
    assert titles.tolist() == [[None]*5, ['c', 'd', 'b', None, None]]
    assert np.isnan(scores).sum(1).tolist() == [5, 2]


def test_a_model_that_does_not_know_what_was_seen_says_so():
    with pytest.warns(UserWarning, match='nothing is left out: pass exclude='):
        assert recommend(replace(TINY, seen=None), 'Ada', 1).item.tolist() == ['a']
    with pytest.warns(UserWarning, match='nothing is left out'): recommend_all(PLAIN, [1], 1)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        recommend(replace(TINY, seen=None), 'Ada', 1, exclude=[])


def test_bad_input_is_refused():
    with pytest.raises(KeyError, match="there is no user 'Adam'"): recommend(TINY, 'Adam')
    with pytest.raises(KeyError, match=r'there is no user 7 \(int\)'): recommend_all(TINY, [7], 2)
    for k in (0, -3):
        with pytest.raises(ValueError, match=f'k={k}: a list has at least 1 item'):
            recommend(TINY, 'Ada', k)
    with pytest.raises(TypeError, match=r'recommend\(model, fold_in\(model, ratings\)\)'):
        recommend(TINY, {'a': 5})
    for bad in (np.nan, np.inf):
        odd = SimpleNamespace(users=[0], items=list('abc'), seen=None,
                              score_all=lambda users: np.array([[1, bad, 0]]))
        with pytest.raises(ValueError, match='NaN or infinite'): recommend(odd, 0, 1, exclude=[])
        assert recommend(odd, 0, 1, exclude='b').item.tolist() == ['a']


def test_the_table_is_cut_into_blocks_and_not_written_to():
    sizes, row = [], np.arange(2**20, dtype='float32')
    def score_all(users):
        sizes.append(len(users))
        return np.broadcast_to(row, (len(users), len(row)))
    model = SimpleNamespace(users=range(40), items=range(2**20), score_all=score_all)
    titles, _ = recommend_all(model, range(40), 2, exclude=[2**20 - 1])
    assert sizes == [16, 16, 8] and (titles == [2**20 - 2, 2**20 - 3]).all()
    assert recommend_all(model, [], 2, exclude=[])[0].shape == (0, 2) and row[-1] == 2**20 - 1


class Folded:      # somebody who is no user, as cold_start makes them
    ratings = {'a': 5., 'd': 2.}
    def score(self, titles): return np.array([float('bdca'.index(t)) for t in titles])


def test_somebody_folded_in_gets_a_list_too():
    assert recommend(TINY, Folded(), 2).item.tolist() == ['c', 'b']
    assert recommend(TINY, Folded(), 2, exclude=[]).item.tolist() == ['a', 'c']
    assert recommend(TINY, Folded(), 1, exclude=['a', 'c']).score.tolist() == [1]
    with pytest.warns(UserWarning, match='only 2 of 10'): assert len(recommend(TINY, Folded())) == 2
    with pytest.raises(TypeError, match='no id in a frame of ratings'):
        recommend(TINY, Folded(), exclude=pd.DataFrame({'user': ['Ada'], 'title': ['a']}))


# any learner

def rows_and_widths(dls, width=4): return [(len(dls.classes[n]), width) for n in dls.cat_names]


def test_a_network_recommends_what_it_says_of_each_pair(club):
    dls = collab_dls(club, bs=64)
    torch.manual_seed(0)
    learn = Learner(dls, CollabNN(*rows_and_widths(dls)), squared_error)
    for p in learn.model.parameters(): torch.nn.init.normal_(p, std=.3)
    box, hidden = Scorer(learn), dls.vocab.decode(dls.valid_ds.x)
    scores = pd.DataFrame(box.score_all(box.users), box.users, box.items)
    own = [scores.loc[u, t] for u, t in zip(hidden.user, hidden.title)]
    with torch.no_grad(): assert np.allclose(own, learn.model(dls.valid_ds.x).ravel(), atol=1e-5)
    assert np.std(own) > .05
    seen = set(dls.vocab.decode(dls.train_ds.x).query('user == 3').title)
    titles = recommend(box, 3, 40 - len(seen)).item
    assert {*titles} | seen == {*box.items} and not {*titles} & seen


@pytest.mark.parametrize('task, make', [
    ('regress', lambda d: DotProductBias(*(n for n, _ in rows_and_widths(d)), 4)),
    ('classify', lambda d: CollabNNClassifier(*rows_and_widths(d))),
    ('ordinal', lambda d: CumulativeLink(*(n for n, _ in rows_and_widths(d)), 4))])
def test_every_task_scores_in_stars(club, task, make):
    dls = collab_dls(club.assign(rating=club.rating.round().clip(1, 5)), task=task)
    torch.manual_seed(1)
    learn = Learner(dls, make(dls), squared_error)
    for p in learn.model.parameters(): torch.nn.init.normal_(p, std=.5)
    box = Scorer(learn)
    scores = box.score_all(5)[0]
    x = torch.tensor([[box.users.index(5) + 1, i + 1] for i in range(40)])
    with torch.no_grad(): out = learn.model(x).numpy()
    if task != 'regress':
        probs = np.exp(out)/np.exp(out).sum(1, keepdims=True)
        out = probs @ np.array(dls.vocab.levels)
    assert np.allclose(scores, out.ravel(), atol=1e-4) and scores.std() > .05
    assert scores.min() > 0 and scores.max() < 5.5


def test_fastais_learner_recommends_as_its_factors_do(club):
    dls = CollabDataLoaders.from_df(club, 0.2, 'user', 'title', 'rating', seed=1)
    learn = collab_learner(dls, y_range=(0, 5.5))
    box, f = Scorer(learn), to_factors(learn)
    assert recommend_all(box, f.users, 3)[0].tolist() == recommend_all(f, f.users, 3)[0].tolist()
    net = collab_learner(dls, use_nn=True, y_range=(0, 5.5), layers=[10])
    net.model.train()
    assert Scorer(net).score_all([1, 2]).shape == (2, 40) and not net.model.training


def test_a_learner_that_gives_something_else_is_refused(club):
    dls = collab_dls(club)
    class Odd(torch.nn.Module):
        def forward(self, x): return torch.zeros(len(x), 7)
    with pytest.raises(ValueError, match=r'gives \(7,\) numbers for a pair'):
        Scorer(Learner(dls, Odd(), squared_error)).score_all(1)


# grades

def naive(recommended, relevant, k, n_items):
    "The textbook's formulas, one list after the other."
    found = {m: [] for m in 'precision recall ndcg map mrr hit'.split()}
    for row, right in zip(recommended, relevant):
        if not right: continue
        row = [item for item in row[:k] if item is not None]
        places = [p for p, item in enumerate(row, 1) if item in right]
        most = min(k, len(right))
        found['precision'].append(len(places)/k)
        found['recall'].append(len(places)/len(right))
        found['ndcg'].append(sum(1/math.log2(p + 1) for p in places)
                             / sum(1/math.log2(p + 1) for p in range(1, most + 1)))
        found['map'].append(sum(n/p for n, p in enumerate(places, 1))/most)
        found['mrr'].append(1/places[0] if places else 0)
        found['hit'].append(bool(places))
    shown = {item for row in recommended for item in row[:k] if item is not None}
    return {m: sum(v)/len(v) for m, v in found.items()} | {'coverage': len(shown)/n_items}


LISTS = st.lists(st.tuples(st.permutations(range(12)), st.integers(0, 12),
                           st.sets(st.integers(0, 14))), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(LISTS, st.integers(1, 14))
def test_metrics_are_the_textbooks(people, k):
    recommended = [[*row[:n], *[None]*(12 - n)] for row, n, _ in people]
    relevant = [right for *_, right in people]
    if not any(relevant): return
    got, want = ranking_metrics(recommended, relevant, k, 20), naive(recommended, relevant, k, 20)
    assert list(got) == list(want) and all(got[m] == pytest.approx(want[m]) for m in want)
    assert all(0 <= v <= 1 for v in got.values())


def test_ndcg_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, right = rng.normal(size=(30, 50)), rng.random((30, 50)) < .2
    model = SimpleNamespace(users=list(range(30)), items=list(range(50)),
                            score_all=lambda users: scores[users])
    lists, _ = recommend_all(model, model.users, 10, exclude=[])
    got = ranking_metrics(lists, [set(np.flatnonzero(row)) for row in right], 10)
    assert got['ndcg'] == pytest.approx(ndcg_score(right, scores, k=10), abs=1e-9)
    assert got['ndcg'] != pytest.approx(ndcg_score(right, -scores, k=10), abs=.01)


@settings(max_examples=60, deadline=None)
@given(LISTS, st.integers(1, 14), st.integers(0, 2))
def test_the_other_definitions_are_those_of_a_loop(people, k, offset):
    "Any of the four capped or not; another discount; a row for each user, with NaN for 0 of 0."
    recommended = [[*row[:n], *[None]*(12 - n)] for row, n, _ in people]
    relevant = [right for *_, right in people]
    if not any(relevant): return
    def each(**how): return ranking_metrics(recommended, relevant, k, 20, each=True, **how)
    capped, full = each(capped=['precision', 'recall', 'map', 'ndcg']), each(capped=())
    assert len(capped) == len(people) and list(capped) == list(full)
    def pay(place): return 1/max(math.log2(place + offset), 1)
    for (_, a), (_, b), (_, c), row, right in zip(
            capped.iterrows(), full.iterrows(), each(offset=offset).iterrows(),
            recommended, relevant):
        places, n = [p for p, item in enumerate(row[:k], 1) if item in right], len(right)
        assert b.precision == pytest.approx(len(places)/k) and b.hit == bool(places)
        if n == 0:
            assert a[['precision', 'recall', 'map', 'ndcg']].isna().all() and b.mrr == 0
            continue
        most, good = min(n, k), sum(i/p for i, p in enumerate(places, 1))
        assert a.precision == a.recall == pytest.approx(len(places)/most)
        assert b.recall == pytest.approx(len(places)/n) and b['map'] == pytest.approx(good/n)
        assert a['map'] == pytest.approx(good/most)
        assert b.ndcg == pytest.approx(sum(1/math.log2(p + 1) for p in places)
                                       / sum(1/math.log2(p + 1) for p in range(1, n + 1)))
        assert c.ndcg == pytest.approx(sum(map(pay, places))/sum(map(pay, range(1, most + 1))))


def test_the_rows_of_users_have_their_ids_and_the_means_are_theirs():
    liked = pd.Series([{'a'}, set(), {'b', 'x'}], ['Ada', 'Ben', 'Cem'])
    args = [['a'], ['a'], ['b']], liked, 2
    rows, means = ranking_metrics(*args, each=True), ranking_metrics(*args)
    assert list(rows.index) == ['Ada', 'Ben', 'Cem'] and 'coverage' not in rows
    assert all(rows.loc[['Ada', 'Cem'], m].mean() == pytest.approx(means[m], abs=1e-12)
               for m in rows)
    assert list(ranking_metrics([['a'], ['b']], [{'a'}, set()], 1, each=True).index) == [0, 1]
    for odd in ('map', ['maps'], ['hit']):
        with pytest.raises(ValueError, match='should be of precision, recall, map, ndcg'):
            ranking_metrics(*args, capped=odd)
    with pytest.raises(ValueError, match='offset=-1 must be 0 or more'):
        ranking_metrics(*args, offset=-1)


def test_the_best_the_worst_and_the_undecided():
    perfect = ranking_metrics([['a', 'b', 'x']], [{'a', 'b'}], 3)
    assert perfect['recall'] == perfect['ndcg'] == perfect['map'] == perfect['mrr'] == 1
    assert perfect['precision'] == pytest.approx(2/3) and perfect['coverage'] == 1
    wrong = ranking_metrics([['x'], ['a']], [{'a'}, {'b'}], 1)
    assert [*wrong.values()] == [0]*6 + [2/3]
    nobody = ranking_metrics([['a'], ['b']], [{'a'}, set()], 1, 4)      # no favourites: no grade
    assert nobody['precision'] == 1 and nobody['coverage'] == .5
    short = np.array([['a', None]], object)
    assert ranking_metrics(short, pd.Series([{'a'}]), 2)['precision'] == .5


@pytest.mark.parametrize('args, message', [
    (([['a']], [{'a'}, {'b'}]), '1 lists need as many sets of relevant items, not 2'),
    (([['a', 'b', 'a']], [{'a'}]), 'names an item twice'), (([['a']], [set()]), 'nobody has'),
    (([], []), 'nobody has'), (([['a']], [{'a'}], 0), 'k=0'),
    (([['a']], ['a']), "relevant 'a' should be a set of items")])
def test_what_cannot_be_graded_is_refused(args, message):
    with pytest.raises((ValueError, TypeError), match=message): ranking_metrics(*args)


# zeros for the unrated

def test_pure_svd_is_the_best_table_of_its_rank(club):
    table = club.pivot_table('rating', 'user', 'title', fill_value=0)
    left, size, right = np.linalg.svd(table.to_numpy(), full_matrices=False)
    f = pure_svd(club, 5)
    assert f.users == table.index.tolist() and f.items == table.columns.tolist()
    assert np.allclose(f.score_all(f.users), (left[:, :5]*size[:5]) @ right[:5], atol=1e-3)
    assert np.array_equal(f.score_all(f.users), pure_svd(club, 5).score_all(f.users))
    shuffled = pure_svd(club.sample(frac=1, random_state=0), 5)
    assert np.allclose(shuffled.score_all(f.users), f.score_all(f.users), atol=1e-3)
    assert f.item_counts.tolist() == club.title.value_counts().reindex(f.items).tolist()
    starts, rows = f.seen
    for k, user in enumerate(f.users):
        mine = {f.items[r] for r in rows[starts[k]:starts[k + 1]]}
        assert mine == {*club.title[club.user == user]}


def test_a_pair_rated_twice_has_its_mean(club):
    more = pd.concat([club, club.iloc[:30].assign(rating=1.)], ignore_index=True)
    once = more.groupby(['user', 'title'], as_index=False).rating.mean()
    f, g = pure_svd(more, 4), pure_svd(once, 4)
    assert np.allclose(f.score_all(f.users), g.score_all(f.users), atol=1e-4)
    assert np.array_equal(f.seen[1], g.seen[1]) and f.item_counts.sum() == len(more)


def test_pure_svd_refuses_what_it_cannot_do(club):
    for n in (0, 40):
        with pytest.raises(ValueError, match=f'n_factors={n}: 60 users and 40 items allow 1 to 39'):
            pure_svd(club, n)
    with pytest.raises(KeyError, match="no column 'stars'"): pure_svd(club, rating_name='stars')
    with pytest.raises(ValueError, match='row 0: the rating'):
        pure_svd(club.assign(rating=[np.nan, *club.rating[1:]]))
    named = club.rename(columns={'user': 'u', 'title': 'book', 'rating': 'r'})
    f = pure_svd(named, 3, 'u', 'book', 'r')
    assert np.array_equal(f.item_factors, pure_svd(club, 3).item_factors)
