"""Networks beside dot products, and what weight decay should leave alone.

book: fastai's two models and CollabNN at the reference's settings, on three random splits.
sweep: weight decay of the factors, with everything else decayed as much or by 0.02 only.
widths: of CollabNN's factors. starts: CollabNN from small and from wide first factors.
folds: RMSE on the five official folds, by movie id, predictions clipped to 1..5.
All but the first with batches of 512, 5 epochs, 1e-2. Writes results/networks.json.
Run: python benchmarks/networks.py
"""
import time

import numpy as np
import pandas as pd
import torch
from fastai.collab import collab_learner
from fastai.learner import Learner
from fastai.tabular.model import get_emb_sz
from torch import nn
from tqdm import tqdm

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.data import load_movielens
from collabdive.dot_product import DotProductBias, squared_error
from collabdive.splits import official_fold
from collabdive.training import Recipe, fit, history
from shared import options, save

BOOK = dict(bs=64, n_epoch=5, lr=5e-3, n_factors=50, y_range=(0, 5.5), layers=[100, 50])
FAST = dict(bs=512, n_epoch=5, lr=1e-2, n_factors=50)
REFERENCE = {'fastai EmbeddingDotBias': .8126, 'fastai EmbeddingNN': .8536, 'CollabNN': None}
GRID = .1, .2, .4, .6, .8, 1., 1.5, 2.
REST = .02
WIDTHS = 5, 10, 25, 50, None, 200
SEEDS = 1, 2, 3


def dot_product(sizes): return DotProductBias(*(n for n, _ in sizes), FAST['n_factors'])


def network(sizes): return CollabNN(*sizes)


def wide_network(sizes):
    "CollabNN whose factors start as PyTorch's own embeddings do: with standard deviation 1."
    model = CollabNN(*sizes)
    for table in (model.user_factors, model.item_factors): nn.init.normal_(table.weight)
    return model


def book_learner(name: str, dls) -> Learner:
    "One of the three models, with fastai's own optimiser and the reference's weight decay."
    if name == 'CollabNN':
        return Learner(dls, CollabNN(*get_emb_sz(dls), BOOK['y_range']), squared_error, wd=.01)
    return collab_learner(dls, BOOK['n_factors'], use_nn=name.endswith('NN'), wd=.1,
                          layers=BOOK['layers'], y_range=BOOK['y_range'])


def at_the_books_settings(ratings) -> list:
    "Each model on each split: losses by epoch and CPU seconds."
    runs = []
    for seed in tqdm((42, 43, 44), desc='book'):
        dls = collab_dls(ratings, seed=seed, bs=BOOK['bs'])
        for name in REFERENCE:
            torch.manual_seed(seed)
            learn, start = book_learner(name, dls), time.process_time()
            with learn.no_bar(), learn.no_logging():
                learn.fit_one_cycle(BOOK['n_epoch'], BOOK['lr'])
            losses = [[round(v, 4) for v in row[:2]] for row in learn.recorder.values]
            runs.append(dict(model=name, split_seed=seed, wd=learn.wd, losses=losses,
                             cpu_seconds=round(time.process_time() - start, 2)))
    return runs


def trained(make, dls, wd: tuple, seed: int, sizes=None) -> Learner:
    "A model after the fast setting; `wd` is the decay of the factors and of the rest."
    torch.manual_seed(seed)
    model = make(sizes or get_emb_sz(dls))
    return fit(Learner(dls, model, squared_error), Recipe(FAST['n_epoch'], FAST['lr'], *wd))


def named(make, wd: tuple) -> dict: return dict(model=make.__name__, factor_wd=wd[0], rest_wd=wd[1])


def last_losses(make, dls, wd: tuple, sizes=None) -> list:
    "A row a seed: train and valid loss after the last epoch."
    last = {s: history(trained(make, dls, wd, s, sizes)).iloc[-1] for s in SEEDS}
    return [dict(named(make, wd), seed=s, train=round(h.train, 4), valid=round(h.valid, 4))
            for s, h in last.items()]


def sweep(dls) -> list:
    "Decay of the factors, with the rest decayed as much or spared."
    cases = [(make, wds) for make in (dot_product, network) for wd in GRID
             for wds in ((wd, wd), (wd, REST))]
    return [row for make, wds in tqdm(cases, desc='sweep') for row in last_losses(make, dls, wds)]


def widths(dls) -> list:
    "CollabNN of several widths, everything decayed by 0.4; width None is fastai's rule."
    sizes = {w: [(n, w or rule) for n, rule in get_emb_sz(dls)] for w in WIDTHS}
    return [dict(row, widths=[n for _, n in size]) for w, size in tqdm(sizes.items(), desc='widths')
            for row in last_losses(network, dls, (.4, .4), size)]


def starts(dls) -> list:
    "Small or wide first factors, with everything decayed alike or with the rest spared."
    cases = [(make, wd) for make in (network, wide_network) for wd in ((.4, .4), (1., REST))]
    return [row for make, wd in tqdm(cases, desc='starts') for row in last_losses(make, dls, wd)]


def folds(ratings) -> list:
    "RMSE of each model on each fold from each seed."
    cases = [(dot_product, (.4, .4)), (dot_product, (.6, REST)), (network, (.4, .4)),
             (network, (1., REST)), (wide_network, (1., REST))]
    rows = []
    for fold in tqdm(range(1, 6), desc='folds'):
        dls = collab_dls(ratings, item_name='movie', splits=official_fold(ratings, fold),
                         bs=FAST['bs'])
        for make, wd in cases:
            for seed in SEEDS:
                start = time.process_time()
                pred, y = trained(make, dls, wd, seed).get_preds()
                rows.append(dict(named(make, wd), fold=fold, seed=seed,
                                 rmse=round(((pred.clamp(1, 5) - y)**2).mean().sqrt().item(), 5),
                                 cpu_seconds=round(time.process_time() - start, 2)))
    return rows


def book_table(runs: list) -> list:
    "A row a model: last losses' mean, spread (highest minus lowest), reference, seconds."
    runs = pd.DataFrame(runs)
    runs[['train', 'valid']] = runs.losses.str[-1].tolist()
    table = runs.groupby('model', sort=False).agg(
        train=('train', 'mean'), valid=('valid', 'mean'), spread=('valid', np.ptp),
        cpu_seconds=('cpu_seconds', 'mean')).round(4)
    table['reference'] = pd.Series(REFERENCE, dtype=object)
    return table.reset_index().to_dict('records')


def fold_table(rows: list) -> list:
    "A row a model: RMSE over the folds, mean and spread over the seeds, and u1 alone."
    rows, key = pd.DataFrame(rows), ['model', 'factor_wd', 'rest_wd']
    by_seed = rows.groupby([*key, 'seed'], sort=False).rmse.mean().groupby(key, sort=False)
    table = pd.DataFrame({'rmse': by_seed.mean(), 'spread': by_seed.agg(np.ptp),
                          'u1': rows[rows.fold == 1].groupby(key, sort=False).rmse.mean()})
    return table.round(4).reset_index().to_dict('records')


def main():
    "Train, write, and print the tables."
    args = options(__doc__, 'networks.json')
    ratings = load_movielens('100k').ratings
    dls = collab_dls(ratings, bs=FAST['bs'])
    runs = dict(widths=widths(dls), starts=starts(dls), folds=folds(ratings),
                book=at_the_books_settings(ratings), sweep=sweep(dls))
    tables = dict(book=book_table(runs['book']), folds=fold_table(runs['folds']))
    save(args, dict(book=BOOK, fast=FAST, seeds=SEEDS, rest_wd=REST), tables=tables, **runs)
    for table in tables.values(): print(pd.DataFrame(table).to_string(index=False))


if __name__ == '__main__': main()
