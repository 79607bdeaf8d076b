"""Ratings as numbers, as classes, and as ordered classes: which model is better, and by how much?

Part 1, search, on the first official fold's training rows alone: the weight decay of each model's
factors, how many epochs suit three of them, and the ridge of cuts by user. Part 2, folds: every
model on the five official folds, by movie id, predictions inside 1..5. Part 3, time: the same on
the last fifth of the ratings by date. Part 4, u1: a network of stars with cuts by user beside one
with common cuts. Differences come with a paired bootstrap over users. What costs many trainings,
COSTLY and part 4, is trained from one seed, and compared with that seed of the others.
Writes results/classes.json. Run: python benchmarks/classes.py
"""
import time

import numpy as np

from collabdive.compare import (
    DECAY, contenders, evaluate, fit_cuts, shares_model, with_cuts)
from collabdive.data import load_movielens
from collabdive.metrics import STARS, nll
from collabdive.splits import hold_out, official_fold, temporal_split
from collabdive.training import Recipe
from shared import options, save

GRID = .1, .2, .4, .6, 1., 2., 4.
EPOCHS = 5, 8, 12
RIDGES = .5, 1., 2., 4.
BASELINE = 'dot product'
LONG = 'network, classes, 12 epochs'
COSTLY = LONG, 'dot product + cuts by user'
MORE_PAIRS = {'network + cuts': ['network'],   # with the baseline, what else is compared with what
              'dot product, classes': ['dot product + cuts'], 'ordinal': ['dot product + cuts'],
              'dot product + cuts by user': ['dot product + cuts'],
              'ordinal by user': ['dot product + cuts', 'dot product + cuts by user', 'ordinal'],
              'ordinal by user and item': ['dot product + cuts', 'dot product + cuts by user',
                                           'ordinal by user'],
              'network, classes': ['network', 'network + cuts'],
              LONG: ['dot product + cuts by user', 'ordinal by user', 'network, classes'],
              'ordinal network': ['network + cuts', 'network, classes']}


def search(ratings) -> list:
    "RMSE and log-loss of each model at each decay, on held-out training rows of one fold."
    inner, rows = hold_out(official_fold(ratings, 1), seed=0), []
    for wd in GRID:
        models = contenders(dict.fromkeys(DECAY, wd), item_name='movie')
        scores = evaluate(models, ratings, {'search': inner}, seeds=(1, 2)).scores
        means = scores.groupby('model', sort=False)[['rmse', 'nll']].mean().round(4)
        rows += [dict(model=name, wd=wd, **row) for name, row in means.iterrows()]
    return rows


def best(rows: list) -> dict:
    "The decay of each model with the lowest log-loss, for regressors with the lowest RMSE."
    chosen = {}
    for name in DECAY:
        metric = 'rmse' if name in ('dot product', 'network') else 'nll'
        chosen[name] = min((r for r in rows if r['model'] == name), key=lambda r: r[metric])['wd']
    return chosen


def search_epochs(ratings, decay: dict) -> list:
    "RMSE and log-loss of three models after more epochs, on the rows of `search`, one seed."
    inner, rows = hold_out(official_fold(ratings, 1), seed=0), []
    for name in ('dot product', 'ordinal by user', 'network, classes'):
        for epochs in EPOCHS:
            model = contenders({name: decay[name]}, Recipe(epochs), item_name='movie')
            found = evaluate(model, ratings, {'search': inner}, seeds=(1,)).scores.iloc[0]
            rows.append(dict(model=name, epochs=epochs,
                             **{m: round(float(found[m]), 4) for m in ('rmse', 'nll', 'acc')}))
    return rows


def search_ridge(ratings, model) -> list:
    "Log-loss of cuts by user at each ridge: five parts, fitted on four, judged on the first."
    rows, y = official_fold(ratings, 1)[0], ratings.rating.to_numpy('float64')
    users, part = ratings.user.to_numpy(), np.random.default_rng(1).permutation(len(rows)) % 5
    pred = np.empty(len(rows))
    for k in range(5):
        pred[part == k] = model(ratings, (rows[part != k], rows[part == k]), 1).ravel()
    pred, found, judged = pred.clip(1, 5), [], part == 0
    for ridge in RIDGES:
        cuts = fit_cuts(y[rows][~judged], pred[~judged], STARS, users[rows][~judged], ridge)
        probs = cuts(pred[judged], users[rows][judged]).exp().numpy()
        found.append(dict(ridge=ridge, nll=round(nll(y[rows][judged], probs, STARS), 4)))
    return found


class Memo:
    "A model that trains once for each split and seed; `saved` adds up the CPU it did not spend."
    saved = 0.

    def __init__(self, model): self.model, self.known = model, {}

    def __call__(self, ratings, split, seed):
        key = tuple(hash(rows.tobytes()) for rows in split), seed
        if key in self.known: Memo.saved += self.known[key][1]
        else:
            start = time.process_time()
            out = self.model(ratings, split, seed)
            self.known[key] = out, time.process_time() - start
        return self.known[key][0]


def timed(models: dict) -> tuple:
    "The models, and a dict that will hold the lowest CPU seconds of any call of each."
    seconds = {}
    def clock(name, model):
        def run(*args):
            start, Memo.saved = time.process_time(), 0.
            out = model(*args)
            took = round(time.process_time() - start + Memo.saved, 2)
            seconds[name] = min(took, seconds.get(name, took))
            return out
        return run
    return {name: clock(name, model) for name, model in models.items()}, seconds


def entrants(decay: dict) -> dict:
    "The floor, the models of the course, and those of stars once more with cuts."
    models = contenders(decay, item_name='movie')
    longer = contenders({'network, classes': decay['network, classes']}, Recipe(12),
                        item_name='movie')
    models = {name: Memo(model)
              for name, model in {**models, LONG: longer['network, classes']}.items()}
    cut = {f'{name} + cuts': with_cuts(models[name]) for name in ('dot product', 'network')}
    own = with_cuts(models['dot product'], user_name='user')
    return {'class shares': shares_model, **models, **cut, 'dot product + cuts by user': own}


def measured(found, seconds: dict, baseline=BASELINE, pairs=MORE_PAIRS) -> dict:
    "Scores, table and differences of a comparison, for the result file."
    table = found.table()
    flat = {name: {f'{m} {what}': round(float(v), 4) for (m, what), v in row.items()}
            for name, row in table.iterrows()}
    others = table.index.drop(baseline)
    pairs = [(a, b) for a in others for b in [baseline, *pairs.get(a, [])] if b in table.index]
    differences = [dict(a=a, b=b, metric=metric, **row.round(5))
                   for a, b in pairs for metric, row in found.difference(a, b).iterrows()]
    return dict(table=flat, differences=differences,
                scores=found.scores.round(5).to_dict('records'), cpu_seconds=seconds)


def joined(part: dict, costly: dict) -> dict:
    "A part, with what another has to say of the COSTLY models."
    known = {(d['a'], d['b']) for d in part['differences']}
    new = [d for d in costly['differences'] if (d['a'], d['b']) not in known]
    return part | dict(table=part['table'] | {name: costly['table'][name] for name in COSTLY},
                       differences=part['differences'] + new,
                       scores=part['scores'] + [s for s in costly['scores']
                                                if s['model'] in COSTLY])


def main():
    "Search, train, write, and print the tables."
    args = options(__doc__, 'classes.json', seeds=(3, 'trainings of each model on each fold'))
    ratings, seeds = load_movielens('100k').ratings, tuple(range(1, args.seeds + 1))
    searched = search(ratings)
    chosen = best(searched)
    print('decay:', chosen, flush=True)
    models, seconds = timed(entrants(chosen))
    epochs = search_epochs(ratings, chosen)
    ridges = search_ridge(ratings, models[BASELINE])
    folds = {f'u{k}': official_fold(ratings, k) for k in range(1, 6)}
    beside = 'dot product', 'dot product + cuts', 'ordinal by user', *COSTLY
    cheap = {name: model for name, model in models.items() if name not in COSTLY}
    nets = {'network + cuts by user': with_cuts(models['network'], user_name='user'),
            'network + cuts': models['network + cuts']}
    parts = {'folds': evaluate(cheap, ratings, folds, seeds),
             'costly': evaluate({name: models[name] for name in beside}, ratings, folds, (1,)),
             'time': evaluate(models, ratings, {'time': temporal_split(ratings)}, seeds)}
    on_u1 = evaluate(nets, ratings, {'u1': folds['u1']}, (1,))
    results = {name: measured(found, seconds) for name, found in parts.items()}
    results['folds'] = joined(results['folds'], results.pop('costly'))
    save(args, dict(n_epoch=5, lr=1e-2, bs=512, n_factors=50, rest_wd=.02, grid=GRID, decay=chosen,
                    seeds=seeds), search=searched, epochs=epochs, ridges=ridges,
         u1=measured(on_u1, {}, 'network + cuts by user', {}), **results)
    for found in parts.values():
        print(found.table().xs('mean', axis=1, level=1).round(4).to_string())


if __name__ == '__main__': main()
