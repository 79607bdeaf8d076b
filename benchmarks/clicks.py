"""Lists from clicks: settings, a board of tuned models on two public splits, and times.

search: settings on a tenth held out of the training rows of three official folds of MovieLens
100K; a click is a rating of 4 or more. folds: the best of each kind on u1..u5, from training
ratings of 4 or more, relevant being hidden ratings of 4 or more, all films without a training
rating of the user ranked; NDCG of lists of ten. 1m: MovieLens 1M on the public split of Infinite
Recommendation Networks (0 train, 1 valid, 2 test; every rating a click): settings by NDCG on
valid, then trained anew on train and valid, whose items are left out at test (needs --1m and
--split, its index.npz). equal: ALS beside that of the library implicit on u1..u5, confidence 10,
decay 10 for each row alike, three seeds. planted: the same settings, CPU seconds and lists, ten
million planted pairs, one thread, in turn (both need implicit: run them by .venv-bench). Parts that
are not run keep what results/clicks.json has. Run: .venv-bench/bin/python benchmarks/clicks.py
"""
import argparse
import json
import os
import sys

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from collabdive.clicks import _clicked, bpr, ease, implicit_als, to_pairs
from collabdive.data import load_movielens
from collabdive.planted import planted_ratings
from collabdive.recommend import pure_svd, ranking_metrics, recommend_all
from collabdive.splits import hold_out, official_fold
from peers import machine, write

OUT = Path(__file__).parent/'results'/'clicks.json'
PARTS = 'search', 'folds', '1m', 'equal', 'planted'
NEEDS = {'1m': '--1m and --split', **dict.fromkeys(('equal', 'planted'), 'the library implicit')}
PUBLISHED = {'popularity': .1384, 'MF': .2565, 'LightGCN': .2885, 'EASE': .2988, 'Inf-AE': .3282}
PLAIN = dict(dropout=0., user_power=0.)       # EASE as it was published
GRID = [('EASE', dict(decay=d, **PLAIN)) for d in (100., 200., 400.)]
GRID += [('EASE, improved', dict(decay=d, dropout=s, user_power=.5, item_power=q))
         for d, s, q in ((100., .1, 0.), (200., .1, 0.), (200., .3, 0.), (200., .1, .1),
                         (100., .3, 0.), (100., .5, 0.))]
GRID += [('implicit ALS', dict(n_factors=n, decay=d, confidence=c)) for n, d, c in (
    (64, .02, 5.), (64, .03, 5.), (64, .05, 5.), (64, .03, 10.), (64, .05, 10.), (32, .03, 5.))]
GRID += [('BPR', dict(n_factors=n, epochs=e, decay=d)) for n, e, d in (
    (64, 60, .01), (64, 60, .02), (64, 120, .02), (64, 120, .03), (32, 120, .02))]
GRID += [('PureSVD', dict(n_factors=n)) for n in (10, 15, 20)]
GRID_1M = [('EASE', dict(decay=d, **PLAIN)) for d in (1000., 2000.)]
GRID_1M += [('EASE, improved', dict(decay=d, dropout=s, user_power=.5, item_power=q))
            for d, s, q in ((800., .1, 0.), (800., .1, .05), (800., .1, .1))]
GRID_1M += [('implicit ALS', dict(n_factors=64, iterations=n, decay=d, confidence=5.))
            for n, d in ((10, .005), (10, .01), (20, .01))]
GRID_1M += [('BPR', dict(epochs=20, decay=d)) for d in (.01,)]
SHARES = .3, .4, .5        # of implicit ALS in the blend
CUT = 'EASE, no weight below 0'


class Blend:
    "Two models' scores, each in its own standard deviations, as one model."
    def __init__(self, one, other, share):
        self.users, self.items, self.seen = one.users, one.items, one.seen
        spreads = [m.score_all(m.users[:500]).std() for m in (one, other)]
        self.parts = (one, (1 - share)/spreads[0]), (other, share/spreads[1])
    def score_all(self, users): return sum(w*m.score_all(users) for m, w in self.parts)


def popular(pairs: pd.DataFrame):
    "The most clicked, for everybody."
    model = implicit_als(pairs, 1, 1)
    return replace(model, user_factors=0*model.user_factors, item_bias=model.item_counts)


MODELS = {'popularity': popular, 'EASE': ease, 'EASE, improved': ease,
          'implicit ALS': implicit_als, 'BPR': bpr}


def graded(model, known, wanted: pd.Series) -> dict:
    "Lists of ten without what is known, or, if None, trained on; an unknown user gets none."
    here = wanted.index.isin(model.users)
    lists = np.full((len(wanted), 10), None, object)
    lists[here] = recommend_all(model, wanted.index[here], 10, known)[0]
    metrics = ranking_metrics(lists, wanted, 10, len(model.items))
    return {name: round(metrics[name], 4) for name in ('ndcg', 'recall', 'coverage')}


def fitted(name, settings, known):
    "A model, and the CPU seconds that it took; PureSVD takes the stars."
    start = time.process_time()
    if name == 'PureSVD': model = pure_svd(known, item_name='movie', **settings)
    else: model = MODELS[name](to_pairs(known, 4, item_name='movie'), **settings)
    return model, round(time.process_time() - start, 2)


def parts(ratings, fold, inner):
    "Known rows, and for each user what is wanted."
    split = official_fold(ratings, fold)
    known, hidden = (ratings.iloc[rows] for rows in (hold_out(split, 0) if inner else split))
    return known, hidden[hidden.rating >= 4].groupby('user').movie.agg(set)


def ml100k() -> pd.DataFrame: return load_movielens('100k').ratings[['user', 'movie', 'rating']]


def search() -> list:
    "A row a setting: the mean NDCG on rows held out of three folds' training rows."
    ratings, rows = ml100k(), []
    inner = [parts(ratings, fold, True) for fold in (1, 2, 3)]
    for name, settings in GRID:
        ndcg = [graded(fitted(name, settings, known)[0], known, wanted)['ndcg']
                for known, wanted in inner]
        rows.append(dict(model=name, **settings, ndcg=round(float(np.mean(ndcg)), 4)))
        print(rows[-1], flush=True)
    return rows


def best(rows) -> list:
    "Of each kind of model the settings with the highest NDCG."
    kinds = {}
    for row in sorted(rows, key=lambda row: row['ndcg']):
        kinds[row['model']] = {k: v for k, v in row.items() if k not in ('model', 'ndcg')}
    return [('popularity', {}), *kinds.items()]


def folds(searched) -> list:
    "A row a model and fold."
    ratings, rows = ml100k(), []
    for fold in range(1, 6):
        known, wanted = parts(ratings, fold, False)
        for name, settings in best(searched):
            model, cpu = fitted(name, settings, known)
            rows.append(dict(model=name, fold=fold, cpu=cpu, **graded(model, known, wanted)))
            if name == 'EASE':
                cut = replace(model, weights=model.weights.clip(0))
                rows.append(dict(model=CUT, fold=fold, cpu=cpu, **graded(cut, known, wanted)))
    means = pd.DataFrame(rows).groupby('model', sort=False)[['ndcg', 'coverage', 'cpu']].mean()
    print(means.round(4).to_string(), flush=True)
    return rows


def million(path, split) -> dict:
    "Searched on valid, trained anew on train and valid, judged on test."
    ratings = load_movielens('1m', path).ratings[['user', 'movie']]
    part = np.load(split)['data'].ravel()
    train, valid, test = (ratings[part == k] for k in (0, 1, 2))
    both = ratings[part < 2]
    wanted, last = (rows.groupby('user').movie.agg(set) for rows in (valid, test))
    rows, kept = [], {}
    def told(made, **row):
        rows.append(dict(**row, ndcg=graded(made, None, wanted)['ndcg']))
        if rows[-1]['ndcg'] >= max(r['ndcg'] for r in rows if r['model'] == row['model']):
            kept[row['model']] = made
        print(rows[-1], flush=True)
    for name, settings in GRID_1M: told(MODELS[name](train, **settings), model=name, **settings)
    pair = 'EASE, improved', 'implicit ALS'
    for share in SHARES: told(Blend(*(kept[n] for n in pair), share), model='blend', share=share)
    board, models = [], {}
    for name, settings in sorted(best(rows), key=lambda item: item[0] == 'blend'):
        start = time.process_time()
        if name == 'blend': model = Blend(*(models[n] for n in pair), **settings)
        else: model = models[name] = MODELS[name](both, **settings)
        cpu = round(time.process_time() - start, 1)
        board.append(dict(model=name, **settings, cpu=cpu, **graded(model, None, last)))
        if name in kept: board[-1]['train_only'] = graded(kept[name], both, last)['ndcg']
        print(board[-1], flush=True)
    return dict(search=rows, board=board, published=PUBLISHED,
                rows=[len(train), len(valid), len(test)])


def beside(known, n_factors, iterations, seed):
    "By name, ours and implicit's ALS at equal settings and threads, each with CPU seconds."
    from implicit.cpu.als import AlternatingLeastSquares
    start = time.process_time()
    ours = implicit_als(known, n_factors, iterations, confidence=10., decay=1e-7, damping=1e8,
                        seed=seed, threads=1)
    yield 'ours', ours, round(time.process_time() - start, 2)
    start = time.process_time()
    *_, X = _clicked(known, 'user', 'movie')           # as ours does it, and in its time too
    theirs = AlternatingLeastSquares(n_factors, regularization=10., alpha=10., num_threads=1,
                                     iterations=iterations, random_state=seed)
    theirs.fit(X, show_progress=False)
    cpu = round(time.process_time() - start, 2)
    yield 'implicit', replace(ours, user_factors=theirs.user_factors,
                              item_factors=theirs.item_factors), cpu


def equal() -> list:
    "A row a model, number of factors, fold and seed: `beside` on u1..u5, ten iterations."
    ratings, rows = ml100k(), []
    for n_factors in (64, 32):
        for fold in range(1, 6):
            known, wanted = parts(ratings, fold, False)
            pairs = to_pairs(known, 4, item_name='movie')
            for seed in range(3):
                for name, model, cpu in beside(pairs, n_factors, 10, seed):
                    rows.append(dict(model=name, n_factors=n_factors, fold=fold, seed=seed, cpu=cpu,
                                     ndcg=graded(model, known, wanted)['ndcg']))
    found = pd.DataFrame(rows).groupby(['n_factors', 'model', 'seed']).ndcg.mean()
    print(found.unstack().round(4).to_string(), flush=True)
    return rows


def planted() -> list:
    "`beside` on ten million pairs, two iterations, in turn; NDCG on a hidden thirtieth."
    frame = planted_ratings(70_000, 10_000, 20, 10_000_000, seed=1)[['user', 'movie']]
    at, rows = np.random.default_rng(0).random(len(frame)) < 1/30, []
    known, wanted = frame[~at], frame[at].groupby('user').movie.agg(set).iloc[:5000]
    few = known[known.user.isin(wanted.index)]
    implicit_als(few[:9], 2, 1)                        # compiled before the clock starts
    for n_factors in (64, 32):
        for seed in range(2):
            for name, model, cpu in beside(known, n_factors, 2, seed):
                rows.append(dict(model=name, n_factors=n_factors, seed=seed, cpu=cpu,
                                 ndcg=graded(model, few, wanted)['ndcg']))
                print(rows[-1], flush=True)
    return rows


def main():
    "Measure what was asked for, and write it beside what there is."
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=PARTS)
    parser.add_argument('--1m', dest='million', help='your own copy of MovieLens 1M')
    parser.add_argument('--split', help='index.npz of Infinite Recommendation Networks')
    parser.add_argument('--out', type=Path, default=OUT, help='where to write')
    args = parser.parse_args()
    jobs = dict(search=search, folds=lambda: folds(found()['search']))
    if find_spec('implicit'): jobs |= dict(equal=equal, planted=planted)
    if args.million and args.split: jobs['1m'] = lambda: million(args.million, args.split)
    def found(): return json.loads(args.out.read_text()) if args.out.exists() else {}
    for part in args.parts:
        if part not in jobs: print(f"{part}: needs {NEEDS[part]}; not run")
        else:
            result = jobs[part]()
            write(args.out, {**found(), part: result, 'machine': machine()})


if __name__ == '__main__': sys.exit(main())
