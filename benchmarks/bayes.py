"""The Gibbs sampler on MovieLens: error, CPU seconds, and whether its doubt is right.

folds: each official fold, by movie id, with three kinds of input, 300 draws from one seed and 100
from two more; RMSE on the hidden ratings, of all draws and of the first 100, of the `factors` made
from them, and the share of hidden ratings inside intervals that should hold 50, 80 and 95 % of
them; the CPU seconds are of fitting, after compiling. lists: NDCG of the ten best unseen films by
the mean less some of the doubt, on each fold. peers: myFM and ours on u1 in the same process, with
one thread. ml1m: a random tenth of MovieLens 1M hidden. Settings were chosen on rows held out of
the training part of the first two folds.
Writes results/bayes.json, a part at a time.
Run: .venv-bench/bin/python benchmarks/bayes.py; then with --ml-1m FILES
"""
import json
import os

os.environ.setdefault('OMP_NUM_THREADS', '1')

import time
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from collabdive.bayes import bayes_mf
from collabdive.data import load_movielens
from collabdive.metrics import rmse
from collabdive.splits import official_fold
from lists import of_lists
from shared import options, save

DRAWS, FEWER, SEEDS, LEVELS = 300, 100, (1, 2, 3), (.5, .8, .95)
CAUTION = 0, .5, 1, 1.5, 2
PEER_DRAWS = 100, 512
MILLION = (32, False), (20, True)     # factors, who rated what


def columns(ml) -> dict:
    "What MovieLens knows of users and films, as numbers."
    films = ml.movies.set_index('movie')
    year = films.year.astype('float64')
    return dict(
        user_columns=pd.get_dummies(ml.users.set_index('user')[['age', 'gender', 'occupation']]),
        item_columns=films.genres.str.get_dummies().assign(year=year.fillna(year.mean())))


def measured(model, hidden) -> dict:
    "Error and coverage on hidden ratings."
    mean, std = model.predict(hidden)
    off = np.abs(hidden.rating.to_numpy() - mean)
    inside = {f'{level:g}': round(float((off < norm.ppf(.5 + level/2)*std).mean()), 4)
              for level in LEVELS}
    return dict(rmse=round(rmse(hidden.rating, mean), 4), inside=inside)


def first(model, n: int):
    "The model with the first n of its draws."
    return replace(model, noise=model.noise[:n], draws=[d[:n] for d in model.draws])


def timed(make) -> tuple:
    start = time.process_time()
    return make(), round(time.process_time() - start, 1)


def one(ratings, fold, seed, name, inputs) -> tuple:
    "A model, and a row of results."
    known, hidden = (ratings.iloc[rows] for rows in official_fold(ratings, fold))
    model, cpu = timed(lambda: bayes_mf(known, item_name='movie', seed=seed, **inputs,
                                            draws=DRAWS if seed == SEEDS[0] else FEWER))
    f = model.factors
    seen = hidden[hidden.movie.isin(f.items)]
    return model, dict(
        fold=fold, seed=seed, inputs=name, draws=len(model.noise), cpu=cpu,
        **measured(model, hidden),
        fewer=measured(first(model, FEWER), hidden)['rmse'],
        factors=round(rmse(seen.rating, f.score(seen.user, seen.movie).clip(1, 5)), 4),
        same_rows=round(rmse(seen.rating, model.predict(seen)[0]), 4),
        rhat=model.mixing.round(3).to_dict())


class Cautious:
    "A model that ranks by the mean less some of its doubt."
    def __init__(self, model, caution):
        self.users, self.items, self.seen = model.users, model.items, model.seen
        self.scores = model.score_all(self.users)
        self.doubt, self.caution = model.doubt_all(self.users), caution

    def score_all(self, users):
        rows = pd.Index(self.users).get_indexer(users)
        return self.scores[rows] - self.caution*self.doubt[rows]


def of_caution(model, hidden, fold) -> list:
    "Metrics of lists of ten for each caution."
    ranks, rows = Cautious(first(model, FEWER), 0), []
    for ranks.caution in CAUTION:
        rows.append(dict(fold=fold, caution=ranks.caution, **{
            name: round(value, 4) for name, value in of_lists(ranks, hidden).items()}))
    return rows


def peers(ratings, fold) -> list:
    "myFM with ids alone, beside 100 draws of ours."
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')     # about its own imports
        from contenders import myfm
    known, hidden = (ratings.iloc[part] for part in official_fold(ratings, fold))
    rows = []
    for draws in PEER_DRAWS:
        predict, cpu = timed(lambda: myfm(known, hidden, draws))
        error = round(rmse(hidden.rating, predict().clip(1, 5)), 4)
        rows.append(dict(fold=fold, model='myFM', draws=draws, cpu=cpu, rmse=error))
    model, cpu = timed(lambda: bayes_mf(known, item_name='movie', draws=FEWER, seed=1))
    return rows + [dict(fold=fold, model='bayes_mf', draws=FEWER, cpu=cpu,
                        rmse=measured(model, hidden)['rmse'])]


def million(path) -> list:
    "A random tenth of MovieLens 1M hidden."
    ratings = load_movielens('1m', path=path).ratings
    order = np.random.default_rng(0).permutation(len(ratings))
    hidden, known = (ratings.iloc[part] for part in np.split(order, [len(ratings)//10]))
    rows = []
    for n, implicit in MILLION:
        model, cpu = timed(lambda: bayes_mf(
            known, n, 100, item_name='movie', implicit=implicit, memory=512))
        rows.append(dict(n_factors=n, implicit=implicit, draws=100, cpu=cpu,
                         **measured(model, hidden)))
    return rows


def measure(ml, fold, seed, store):
    "All kinds of input on one fold; with the first seed, lists too."
    kinds = {'ratings alone': {}, 'who rated what': dict(implicit=True),
             'and columns': dict(implicit=True, **columns(ml))}
    for name, inputs in kinds.items():
        model, row = one(ml.ratings, fold, seed, name, inputs)
        store('folds', [row])
        if name == 'ratings alone' and seed == SEEDS[0]:
            hidden = ml.ratings.iloc[official_fold(ml.ratings, fold)[1]]
            store('lists', of_caution(model, hidden, fold))


def which(row):
    "What tells a row from others of its part."
    return [row.get(k) for k in ('fold', 'seed', 'inputs', 'caution', 'model', 'n_factors')] + [
        row['draws'] if 'model' in row else 0]


def main():
    "Measure, keeping what else the file has, and print the means."
    args = options(__doc__, 'bayes.json', ('ml-1m',), seed=(0, 'only this one; 0: all'),
                   part=(0, '1: folds and lists, 2: peers; 0: both, unless --ml-1m is given'))
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    found = {part: found.get(part, []) for part in ('folds', 'lists', 'peers', 'ml1m')}

    def store(part, rows):
        new = [which(row) for row in rows]
        found[part] = [row for row in found[part] if which(row) not in new] + rows
        save(args, dict(draws=DRAWS, fewer=FEWER, n_factors=10, seeds=SEEDS), **found)

    ml = load_movielens('100k')
    bayes_mf(ml.ratings[:2000], draws=9, item_name='movie')     # compile
    if args.ml_1m: store('ml1m', million(args.ml_1m))
    else:
        for seed in (args.seed,) if args.seed else SEEDS:
            for fold in range(1, 6):
                if args.part != 2: measure(ml, fold, seed, store)
        if args.part != 1: store('peers', peers(ml.ratings, 1))
    for part, by in (('folds', 'inputs'), ('lists', 'caution'), ('peers', ['model', 'draws'])):
        if found[part]: print(pd.DataFrame(found[part]).groupby(by).mean(True).round(4).to_string())
    print(found['ml1m'])


if __name__ == '__main__': main()
