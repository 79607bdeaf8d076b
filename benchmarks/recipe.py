"""The search behind `fit_quick`, on training rows only.

From the training rows of each official fold of MovieLens 100K a tenth is held out; every setting is
judged there, and no test row is looked at. First settings are drawn at random, then each number of
the recipe is moved on its own, then the tasks with classes get their factors and decay. Last, and
once, the recipe meets the test rows of u1 to u5; and because a fold's training rows are test rows
of the other folds, so does, on each fold, the drawn setting that is best on that fold's own held
out rows within a second. Writes results/recipe.json.
Run: python benchmarks/recipe.py
"""
import random
import time
from itertools import product

import numpy as np
import torch
from collabdive.batches import collab_dls
from collabdive.cross_entropy import DotProductBiasCE
from collabdive.data import load_movielens
from collabdive.dot_product import DotProductBias
from collabdive.learner import TASKS, fit_quick
from collabdive.metrics import class_metrics, rmse
from collabdive.ordinal import CumulativeLink
from collabdive.splits import hold_out, official_fold
from tqdm import tqdm

from shared import options, save

FOLDS = 1, 2, 3, 4, 5
QUICK = {task: (of.recipe.n_factors, of.recipe.wd) for task, of in TASKS.items()}
RECIPE = dict(bs=1536, epochs=5, n_factors=QUICK['regress'][0], lr=.02, wd=QUICK['regress'][1])
DECAYS = .3, .4, .6, .85, 1.2, 1.7, 2.4   # tried for the tasks with classes
MOVES = dict(bs=(512, 1024, 2048, 3072), epochs=(4, 6, 8), n_factors=(20, 40, 160),
             lr=(.01, .014, .028, .04), wd=(.85, 1.2, 2.4, 3.4))


def drawn(n: int, seed: int = 0) -> list:
    "Settings at random; rates and decays are spread evenly over their logarithms."
    rng = random.Random(seed)
    def between(low, high): return round(low*(high/low)**rng.random(), 4)
    return [dict(bs=rng.choice((512, 1024, 1536, 2048)), epochs=rng.randint(3, 8),
                 n_factors=rng.choice((25, 50, 100, 200)), lr=between(.005, .04), wd=between(.3, 3))
            for _ in range(n)]


def moved() -> list:
    "The recipe, and the recipe with one number changed."
    return [RECIPE, *({**RECIPE, name: v} for name, values in MOVES.items() for v in values)]


def model_of(task: str, dls, n_factors: int) -> torch.nn.Module:
    "The dot product of a task, untrained."
    rows = [len(dls.classes[name]) for name in dls.cat_names]
    if task == 'regress': return DotProductBias(*rows, n_factors)
    if task == 'classify': return DotProductBiasCE(*rows, n_factors)
    return CumulativeLink(*rows, n_factors, per_user=True, per_item=True)


def judged(dls, setting: dict, seed: int) -> dict:
    "One run: RMSE (and log-loss of classes) on the validation rows, CPU and wall seconds."
    n_factors, rest = setting['n_factors'], {k: v for k, v in setting.items() if k != 'n_factors'}
    torch.manual_seed(seed)
    model = model_of(dls.vocab.task, dls, n_factors)
    cpu, wall = time.process_time(), time.perf_counter()
    learn = fit_quick(dls, model, seed=seed, **rest)
    took = dict(cpu=time.process_time() - cpu, wall=time.perf_counter() - wall)
    with learn.no_bar(): pred, y = (t.numpy() for t in learn.get_preds())
    if dls.vocab.task == 'regress': return dict(rmse=float(rmse(y, pred.clip(1, 5))), **took)
    levels = np.array(dls.vocab.levels)
    both = class_metrics(levels[y.ravel()], pred, levels)
    return dict(rmse=float(both['rmse']), nll=float(both['nll']), **took)


def tried(loaders: dict, settings: list, seeds: tuple, title: str) -> list:
    "Every setting on every fold from every seed: a row each, a value for each fold."
    rows = []
    for setting in tqdm(settings, title):
        runs = {k: [judged(dls, setting, seed) for seed in seeds] for k, dls in loaders.items()}
        means = {key: [round(float(np.mean([r[key] for r in runs[k]])), 5) for k in runs]
                 for key in runs[1][0]}
        means['cpu'] = [round(min(r['cpu'] for r in runs[k]), 3) for k in runs]
        rows.append({**setting, **means})
    return rows


def own_choice(search: list, k: int, most: float = 1.) -> dict:
    "The drawn setting that is best on the held out rows of fold k, in `most` CPU seconds."
    fast = [row for row in search if np.mean(row['cpu']) <= most]
    best = min(fast, key=lambda row: row['rmse'][k - 1])
    return {name: best[name] for name in RECIPE}


def nested(loaders: dict, search: list, seeds: tuple) -> list:
    "Each fold's test rows, with a setting that was chosen without the other folds."
    settings = {k: own_choice(search, k) for k in loaders}
    return [dict(fold=k, **setting, rmse=round(float(np.mean(
        [judged(loaders[k], setting, seed)['rmse'] for seed in seeds])), 5))
            for k, setting in tqdm(settings.items(), 'each fold on its own')]


def main():
    "Search, then test the recipe, and print what was found."
    args = options(__doc__, 'recipe.json', settings=(80, 'settings drawn at random'),
                   seeds=(3, 'seeds of each setting in the second stage'))
    ratings = load_movielens('100k').ratings
    folds = {k: official_fold(ratings, k) for k in FOLDS}
    inner = {k: hold_out(fold, seed=1) for k, fold in folds.items()}
    def loaders(splits, task='regress'):
        return {k: collab_dls(ratings, item_name='movie', splits=s, task=task)
                for k, s in splits.items()}
    seeds = tuple(range(args.seeds))
    search = tried(loaders(inner), drawn(args.settings), (0,), 'at random')
    moves = tried(loaders(inner), moved(), seeds, 'one at a time')
    grid = [dict(n_factors=n, wd=wd) for n, wd in product((50, 100), DECAYS)]
    tasks = {task: tried(loaders(inner, task), grid, (0,), task)
             for task in ('classify', 'ordinal')}
    test = {task: tried(loaders(folds, task), [dict(n_factors=n, wd=wd)], seeds,
                        f'{task}, u1 to u5') for task, (n, wd) in QUICK.items()}
    save(args, dict(recipe=RECIPE, quick=QUICK, seeds=list(seeds), held_out=.1),
         search=search, moves=moves, tasks=tasks, test=test,
         nested=nested(loaders(folds), search, seeds))
    for row in sorted(search, key=lambda r: np.mean(r['rmse']))[:5] + moves + [*tasks.values()]:
        print(row)
    print(test)


if __name__ == '__main__': main()
