"""Five straight lines on one score: what the reference saw, and what decides it.

DotProductBiasCE at the reference's three settings (batch 64, 5 epochs, wd 0.1, 50 factors), from
several first weights, on one split, with three loaders: `collab_dls`, the same drawing with
replacement, and fastai's own, which does so too; then with slopes that start in order. Batch 512:
learning rates, from random and from ordered slopes. Last, a search for the settings of one score,
of a linear layer on the products of the factors, and of the network, on the training rows alone.
Writes results/cross_entropy.json. Run: python benchmarks/cross_entropy.py
"""
import warnings

warnings.filterwarnings('ignore', message='The given NumPy array is not writable')

import pandas as pd
import torch
from fastai.data.block import CategoryBlock
from fastai.layers import Embedding
from fastai.learner import Learner
from fastai.tabular.core import Categorify
from fastai.tabular.data import TabularDataLoaders
from fastai.tabular.model import get_emb_sz
from fastai.torch_core import Module, set_seed
from torch import nn
from tqdm.auto import tqdm

from collabdive.batches import RatingsDataLoaders, RatingsDL, collab_dls
from collabdive.cross_entropy import CollabNNClassifier, CrossEntropy, DotProductBiasCE
from collabdive.data import load_movielens
from collabdive.metrics import class_metrics, confusion, likeliest_rating
from collabdive.splits import random_split
from collabdive.training import Recipe, fit, history
from shared import options, save

STARS = 1, 2, 3, 4, 5
VARIANTS = {'with range, 5e-3': dict(y_range=(0, 5.5), lr=5e-3),
            'no range, 5e-3': dict(y_range=None, lr=5e-3),
            'no range, 0.1': dict(y_range=None, lr=.1)}
RATES = 3e-3, 1e-2, 3e-2, 1e-1, 3e-1
SEARCH = {'network': ((5, 8, 12), (1., 2., 4.)),      # epochs and decays
          'one score': ((5, 8), (.4, 1., 2.)), 'K-way': ((5, 8), (.4, 1., 2.))}


class DrawingDL(RatingsDL):
    "Draws the rows of an epoch with replacement, as fastai's TabWeightedDL does."
    def get_idxs(self):
        return torch.randint(self.n, (self.n,)) if self.shuffle else super().get_idxs()


class OnColumns(Module):
    "A model of (bs, 2) codes behind fastai's table loader, which passes two arguments."
    def __init__(self, model): self.model = model
    def forward(self, x_cat, x_cont): return self.model(x_cat)


class KWay(Module):
    "The lesson's: a linear layer on the products of the factors, and biases for each class."
    def __init__(self, n_users, n_items, n_factors, n_classes=5):
        self.user_factors = Embedding(n_users, n_factors)
        self.item_factors = Embedding(n_items, n_factors)
        self.user_bias = Embedding(n_users, n_classes)
        self.item_bias = Embedding(n_items, n_classes)
        self.head = nn.Linear(n_factors, n_classes)

    def forward(self, x):
        users, items = x[:, 0], x[:, 1]
        products = self.user_factors(users)*self.item_factors(items)
        return self.head(products) + self.user_bias(users) + self.item_bias(items)


def drawing_dls(ratings):
    "`collab_dls` of classes, drawing with replacement."
    dls = collab_dls(ratings, task='classify', device='cpu')
    return RatingsDataLoaders(DrawingDL(dls.train_ds, 64, shuffle=True), dls.valid, device='cpu')


def fastai_dls(ratings):
    "fastai's loader with a CategoryBlock target, on the same split."
    rows = random_split(ratings, .2, 42)[1]
    return TabularDataLoaders.from_df(
        ratings[['user', 'title', 'rating']], procs=[Categorify], cat_names=['user', 'title'],
        y_names='rating', y_block=CategoryBlock(), valid_idx=list(rows), bs=64, device='cpu')


def judged(learn, losses, **what) -> dict:  # JSON
    "What is kept of a training: losses, accuracy, confusion table, and the head's lines."
    probs, y = learn.get_preds()
    y, probs = y.flatten().numpy() + 1, probs.numpy()
    scores = class_metrics(y, probs)
    head = getattr(learn.model, 'model', learn.model).head
    return dict(what, losses=[[round(v, 4) for v in row] for row in losses],
                accuracy=round(scores['acc'], 4), rmse=round(scores['rmse'], 4),
                confusion=confusion(y, likeliest_rating(probs, STARS), STARS).tolist(),
                slopes=[round(v, 3) for v in head.weight.flatten().tolist()],
                intercepts=[round(v, 3) for v in head.bias.tolist()])


def scalar(dls, seed, lr, wd, y_range=None, ordered=False, **what):
    "Train DotProductBiasCE on a loader of this course."
    torch.manual_seed(seed)
    model = DotProductBiasCE(944, 1665, 50, y_range=y_range, ordered=ordered)
    recipe = Recipe(5, lr, *(wd if isinstance(wd, tuple) else (wd, None)))
    learn = fit(Learner(dls, model, CrossEntropy()), recipe)
    return judged(learn, history(learn).values.tolist(), ordered=ordered, seed=seed, lr=lr, **what)


def scalar_fastai(dls, seed, lr, y_range, **what):
    "The same as the reference trained it: fastai's loader, loss, Adam and Learner."
    set_seed(seed, reproducible=True)
    learn = Learner(dls, OnColumns(DotProductBiasCE(944, 1665, 50, y_range=y_range, ordered=False)))
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(5, lr, wd=.1)
        losses = [list(row[:2]) for row in learn.recorder.values]
        return judged(learn, losses, ordered=False, seed=seed, lr=lr, **what)


def variants(ratings, n_seeds: int) -> list:
    "The reference's three settings on three loaders, and once more from ordered slopes."
    ours, drawing = collab_dls(ratings, task='classify', device='cpu'), drawing_dls(ratings)
    theirs, runs = fastai_dls(ratings), []
    for name, of in tqdm(VARIANTS.items(), desc='variants'):
        for seed in range(1, n_seeds + 1):
            runs.append(scalar(ours, seed, wd=.1, variant=name, loader='collabdive', **of))
        for seed in range(1, 4):
            runs.append(scalar(drawing, seed, wd=.1, variant=name, loader='with replacement', **of))
            runs.append(scalar(ours, seed, wd=.1, variant=name, loader='collabdive', **of,
                               ordered=True))
        for seed in (1, 2):
            runs.append(scalar_fastai(theirs, seed, variant=name, loader='fastai', **of))
    return runs


def rates(ratings, n_seeds: int) -> list:
    "Learning rates at batch 512, from random and from ordered slopes."
    dls = collab_dls(ratings, bs=512, task='classify', device='cpu')
    return [scalar(dls, seed, lr, wd=(.4, .02), ordered=ordered)
            for lr in tqdm(RATES, desc='rates') for ordered in (False, True)
            for seed in range(1, n_seeds + 1)]


def search(ratings) -> list:
    "Epochs and decay of three models, judged on a tenth of the training rows."
    train = random_split(ratings, .2, 42)[0]
    inner = tuple(train[rows] for rows in random_split(train, .1, seed=0))
    dls = collab_dls(ratings, bs=512, task='classify', splits=inner, device='cpu')
    sizes = [len(ids) for ids in dls.classes.values()]
    make = {'network': lambda: CollabNNClassifier(*get_emb_sz(dls)),
            'one score': lambda: DotProductBiasCE(*sizes, 50), 'K-way': lambda: KWay(*sizes, 50)}
    settings = [(model, n_epoch, wd, seed) for model, (epochs, decays) in SEARCH.items()
                for n_epoch in epochs for wd in decays for seed in (1, 2)]
    rows = []
    for model, n_epoch, wd, seed in tqdm(settings, desc='search'):
        torch.manual_seed(seed)
        learn = fit(Learner(dls, make[model](), CrossEntropy()), Recipe(n_epoch, wd=wd))
        probs, y = (t.numpy() for t in learn.get_preds())
        scores = {k: round(v, 4) for k, v in class_metrics(y + 1, probs).items()}
        rows.append(dict(model=model, n_epoch=n_epoch, wd=wd, seed=seed, **scores))
    return rows


def main():
    "Measure, write, and print the tables."
    args = options(__doc__, 'cross_entropy.json', seeds=(6, 'first weights of each model'))
    ratings = load_movielens('100k').ratings
    runs = variants(ratings, args.seeds)
    found = dict(runs=runs, rates=rates(ratings, args.seeds), search=search(ratings))
    save(args, dict(bs=64, n_epoch=5, wd=.1, n_factors=50, split_seed=42,
                    rates=dict(bs=512, wd=(.4, .02)), search=dict(bs=512, lr=1e-2)), **found)
    table = pd.DataFrame(runs).assign(valid=[r['losses'][-1][1] for r in runs])
    print(table.groupby(['variant', 'loader', 'ordered'], sort=False)[['valid', 'accuracy', 'rmse']]
          .agg(['mean', 'min', 'max']).round(4).to_string())
    by_rate = pd.DataFrame(found['rates'])
    print(by_rate.groupby(['lr', 'ordered']).accuracy.agg(['mean', 'min', 'max']).to_string())
    searched = pd.DataFrame(found['search']).groupby(['model', 'n_epoch', 'wd'])
    print(searched[['nll', 'acc', 'rmse', 'ece']].mean().to_string())


if __name__ == '__main__': main()
