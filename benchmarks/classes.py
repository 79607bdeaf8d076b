"""Ratings as numbers, as classes, and as ordered classes: which model is better, and by how much?

Part 1, search: the weight decay of each model's factors, chosen on the first official fold's
training rows alone (a tenth of them held out). Part 2, folds: every model on the five official
folds, by movie id, predictions inside 1..5. Part 3, time: the same on the last fifth of the
ratings by date. Differences come with a paired bootstrap over users.
Writes results/classes.json. Run: python benchmarks/classes.py
"""
import time

from collabdive.compare import DECAY, contenders, evaluate, shares_model, with_cuts
from collabdive.data import load_movielens
from collabdive.splits import hold_out, official_fold, temporal_split
from shared import options, save

GRID = .1, .2, .4, .6, 1., 2., 4.
BASELINE = 'dot product'
MORE_PAIRS = {'network + cuts': ['network'],   # with the baseline, what else is compared with what
              'dot product, classes': ['dot product + cuts'], 'ordinal': ['dot product + cuts'],
              'ordinal by user': ['dot product + cuts', 'ordinal'],
              'ordinal by user and item': ['dot product + cuts', 'ordinal by user'],
              'network, classes': ['network', 'network + cuts'],
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


def timed(models: dict) -> tuple:
    "The models, and a dict that will hold the lowest CPU seconds of any call of each."
    seconds = {}
    def clock(name, model):
        def run(*args):
            start = time.process_time()
            out = model(*args)
            took = round(time.process_time() - start, 2)
            seconds[name] = min(took, seconds.get(name, took))
            return out
        return run
    return {name: clock(name, model) for name, model in models.items()}, seconds


def entrants(decay: dict) -> dict:
    "The floor, the models of the course, and those of stars once more with cuts."
    models = contenders(decay, item_name='movie')
    cut = {f'{name} + cuts': with_cuts(models[name]) for name in ('dot product', 'network')}
    return {'class shares': shares_model, **models, **cut}


def measured(found, seconds: dict) -> dict:
    "Scores, table and differences of a comparison, for the result file."
    table = found.table()
    flat = {name: {f'{m} {what}': round(float(v), 4) for (m, what), v in row.items()}
            for name, row in table.iterrows()}
    others = table.index.drop(BASELINE)
    pairs = [(a, b) for a in others for b in [BASELINE, *MORE_PAIRS.get(a, [])]]
    differences = [dict(a=a, b=b, metric=metric, **row.round(5))
                   for a, b in pairs for metric, row in found.difference(a, b).iterrows()]
    return dict(table=flat, differences=differences,
                scores=found.scores.round(5).to_dict('records'), cpu_seconds=seconds)


def main():
    "Search, train, write, and print the tables."
    args = options(__doc__, 'classes.json', seeds=(3, 'trainings of each model on each fold'))
    ratings, seeds = load_movielens('100k').ratings, tuple(range(1, args.seeds + 1))
    searched = search(ratings)
    chosen = best(searched)
    print('decay:', chosen, flush=True)
    models, seconds = timed(entrants(chosen))
    folds = {f'u{k}': official_fold(ratings, k) for k in range(1, 6)}
    parts = {'folds': evaluate(models, ratings, folds, seeds),
             'time': evaluate(models, ratings, {'time': temporal_split(ratings)}, seeds)}
    save(args, dict(n_epoch=5, lr=1e-2, bs=512, n_factors=50, rest_wd=.02, grid=GRID, decay=chosen,
                    seeds=seeds), search=searched,
         **{name: measured(found, seconds) for name, found in parts.items()})
    for found in parts.values():
        print(found.table().xs('mean', axis=1, level=1).round(4).to_string())


if __name__ == '__main__': main()
