"""Does a lower error make a better list? RMSE beside ranking metrics, for the models of the course.

search: factors of PureSVD, on held-out training rows of three official folds. folds: each model on
each of the five official folds, by movie id; its RMSE on the hidden ratings, predictions clipped
to 1..5, and the metrics of the ten best of all films without a training rating of the user,
relevant being hidden ratings of 4 stars or more. luck: the dot product on u1, from more seeds.
Writes results/lists.json. Run: python benchmarks/lists.py
"""
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from fastai.learner import Learner
from fastai.tabular.model import get_emb_sz

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.data import load_movielens
from collabdive.dot_product import DotProduct, DotProductBias, squared_error, train
from collabdive.factors import to_factors
from collabdive.learner import fit_quick
from collabdive.metrics import rmse
from collabdive.recommend import Scorer, pure_svd, ranking_metrics, recommend_all
from collabdive.splits import hold_out, official_fold
from collabdive.training import Recipe, fit
from shared import options, save

FACTORS = 5, 10, 15, 20, 30
DECAYS = .1, .6, 2.
VOTES = 5      # imaginary ones of the damped mean
N_FILMS = 1682
BASELINE = 'dot product, decay 0.6'


def same_for_all(f, numbers):
    "A list that is the same for everybody, but for what each has seen."
    return replace(f, user_factors=0*f.user_factors, item_bias=numbers)


def fixed(train_rows: pd.DataFrame, n_factors: int) -> dict:
    "The models without luck; None for those that say nothing about stars."
    svd = pure_svd(train_rows, n_factors, item_name='movie')
    total = train_rows.groupby('movie').rating.sum().reindex(svd.items).to_numpy()
    mean = train_rows.rating.mean()
    damped = (total + VOTES*mean)/(svd.item_counts + VOTES)
    return {'most rated': same_for_all(svd, svd.item_counts),
            'film mean': same_for_all(svd, total/svd.item_counts),
            'damped film mean': same_for_all(svd, damped), 'PureSVD': svd}


def network(dls, seed: int) -> Learner:
    "CollabNN with the decay that benchmarks/classes.py found for it."
    torch.manual_seed(seed)
    return fit(Learner(dls, CollabNN(*get_emb_sz(dls)), squared_error), Recipe(wd=2.))


def lucky() -> dict:
    "The models that start from random numbers: name -> model of (ratings, split, seed)."
    def dot(model_class, recipe, ratings, split, seed, **kwargs):
        dls = collab_dls(ratings, item_name='movie', splits=split, bs=512)
        return to_factors(train(model_class, dls, recipe, seed, **kwargs))

    def quick(task, ratings, split, seed):
        dls = collab_dls(ratings, item_name='movie', splits=split, task=task)
        return Scorer(fit_quick(dls, seed=seed))

    def net(ratings, split, seed):
        return Scorer(network(collab_dls(ratings, item_name='movie', splits=split, bs=512), seed))

    return {f'dot product, decay {wd:g}': partial(dot, DotProductBias, Recipe(wd=wd))
            for wd in DECAYS} | {
        'no biases': partial(dot, DotProduct, Recipe(wd=.4, rest_wd=None), y_range=(0, 5.5)),
        'quick recipe': partial(quick, 'regress'), 'classes': partial(quick, 'classify'),
        'ordinal': partial(quick, 'ordinal'), 'network': net}


def of_lists(model, hidden: pd.DataFrame) -> dict:
    "The metrics of lists of ten."
    liked = hidden[hidden.rating >= 4].groupby('user').movie.agg(set)
    return ranking_metrics(recommend_all(model, liked.index)[0], liked, 10, N_FILMS)


def of_stars(model, hidden: pd.DataFrame, mean: float) -> float:
    "RMSE on the hidden ratings; the mean for a film that the model does not know."
    scores = pd.DataFrame(model.score_all(model.users), model.users, model.items)
    scores = scores.reindex(columns=np.unique(hidden.movie)).fillna(mean)
    u, i = scores.index.get_indexer(hidden.user), scores.columns.get_indexer(hidden.movie)
    return rmse(hidden.rating, scores.to_numpy()[u, i].clip(1, 5))


def search(ratings) -> list:
    "NDCG of PureSVD for each number of factors, on a tenth of the training rows of three folds."
    rows = []
    for fold in range(1, 4):
        rest, judged = (ratings.iloc[part] for part in hold_out(official_fold(ratings, fold), 0))
        rows += [dict(fold=fold, n_factors=n, ndcg=round(of_lists(
            pure_svd(rest, n, item_name='movie'), judged)['ndcg'], 4)) for n in FACTORS]
    return rows


def main():
    "Search, train, write, and print the means."
    args = options(__doc__, 'lists.json')
    ratings, runs, luck = load_movielens('100k').ratings, [], []
    searched = search(ratings)
    chosen = int(pd.DataFrame(searched).groupby('n_factors').ndcg.mean().idxmax())

    def judged(name, fold, model, hidden, mean):
        error = None if name == 'most rated' else round(of_stars(model, hidden, mean), 4)
        return dict(model=name, fold=fold, rmse=error, **{
            metric: round(value, 4) for metric, value in of_lists(model, hidden).items()})

    for fold in range(1, 6):
        split = official_fold(ratings, fold)
        known, hidden = (ratings.iloc[rows] for rows in split)
        rows = dict(hidden=hidden, mean=known.rating.mean())
        runs += [judged(name, fold, model, **rows) for name, model in fixed(known, chosen).items()]
        runs += [judged(name, fold, make(ratings, split, 1), **rows)
                 for name, make in lucky().items()]
        if fold == 1:
            luck = [judged(BASELINE, fold, lucky()[BASELINE](ratings, split, seed), **rows)
                    for seed in (1, 2, 3)]
        save(args, dict(k=10, n_factors=chosen, votes=VOTES, decays=DECAYS), search=searched,
             luck=luck, runs=runs)       # after each fold: it takes minutes
    means = pd.DataFrame(runs).groupby('model', sort=False)[['rmse', 'ndcg', 'coverage']].mean()
    print(means.round(3).to_string())


if __name__ == '__main__': main()
