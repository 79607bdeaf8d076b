"""Does the decay of `fit_quick` suit five thousand ratings and a million?

A tenth of MovieLens 1M are test rows. The other rows give the training ratings, 5,000 to 850,000
of them, and 50,000 hidden ratings that choose the best of seven decays: that of MovieLens 100K, and
six around one that falls with the cube root of the number of ratings. MovieLens 100K and
latest-small are cut into tenths: eight to train on, one to choose by, one to test. Every fit writes
its row to results/sizes.json; a second run of the script goes on where the first has stopped.
Run: python benchmarks/sizes.py [--1m PATH] [--latest-small PATH]
"""
import json
from itertools import product

import numpy as np
from collabdive.batches import collab_dls
from collabdive.data import load_movielens
from collabdive.learner import TASKS, fit_quick
from tqdm import tqdm

from shared import options, save

SIZES = 5_000, 20_000, 80_000, 300_000, 850_000   # training ratings out of ML-1M
TIMES = .35, .5, .7, 1., 1.4, 2.                  # tried, in units of 1.7 (80,000/rows)^(1/3)
RECIPE = TASKS['regress'].recipe


def cut(n_rows: int, n_train: int|None) -> tuple:   # training, hidden and test rows
    "Row numbers at random; the test rows are the same for every size."
    rows = np.random.default_rng(0).permutation(n_rows)
    tenth = n_rows//10
    test, rest = rows[:tenth], rows[tenth:]
    n_hidden = 50_000 if n_train else tenth
    return rest[n_hidden:][:n_train], rest[:n_hidden], test


def used(ratings, parts: tuple) -> tuple:   # loaders, and how many of their hidden rows choose
    "Loaders that hide the rows to choose by and those to test on, in this order."
    train, hidden, test = parts
    rows = np.arange(sum(map(len, parts)))
    dls = collab_dls(ratings.iloc[np.concatenate(parts)], item_name='movie',
                     splits=(rows[:len(train)], rows[len(train):]))
    return dls, len(hidden)


def judged(dls, n_hidden: int, wd: float, seed: int) -> dict:
    "RMSE on hidden rows and on test rows after `fit_quick`."
    learn = fit_quick(dls, wd=wd, seed=seed, progress=False)
    with learn.no_bar(): pred, y = learn.get_preds()
    levels = dls.vocab.levels
    errors = (pred.clip(min(levels), max(levels)) - y).square().flatten()
    return {name: round(float(part.mean().sqrt()), 5) for name, part in
            (('hidden', errors[:n_hidden]), ('test', errors[n_hidden:]))}


def main():
    "Fit whatever is not yet in the file, and write it there."
    args = options(__doc__, 'sizes.json', paths=('1m', 'latest-small'))
    runs = json.loads(args.out.read_text())['runs'] if args.out.exists() else []
    done = {(r['data'], r['n'], r['wd'], r['seed']) for r in runs}
    for name, n in [('1m', n) for n in SIZES] + [('latest-small', None), ('100k', None)]:
        ratings = load_movielens(name, getattr(args, name.replace('-', '_'), None)).ratings
        dls, n_hidden = used(ratings, cut(len(ratings), n))
        rows = len(dls.train_ds)
        around = RECIPE.wd*(RECIPE.rows/(n or RECIPE.rows))**(1/3)
        decays = sorted({round(around*k, 4) for k in TIMES} | {RECIPE.wd})
        seeds = range(3 if rows <= 20_000 else 1)
        for seed, wd in tqdm([*product(seeds, decays)], f'{name}, {rows:,}'):
            if (name, n, wd, seed) not in done: runs.append(dict(
                data=name, n=n, rows=rows, wd=wd, seed=seed, **judged(dls, n_hidden, wd, seed)))
            save(args, dict(wd=RECIPE.wd, rows=RECIPE.rows), runs=runs)


if __name__ == '__main__': main()
