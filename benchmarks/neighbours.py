"""How many neighbours, how much damping, and what neighbours are worth: stars and lists.

search: settings of `item_neighbours` on held-out training rows of three official folds, RMSE of
predictions in stars and, for `zeros`, NDCG of lists of ten. folds: the chosen settings, other
similarities and damped biases on each official fold, by movie id, as benchmarks/lists.py grades
its models; LensKit's ItemKNN where it is installed (.venv-bench). ml_1m, with --1m: a random 90/10
split of MovieLens 1M, with the same settings.
Writes results/neighbours.json. Run: .venv-bench/bin/python benchmarks/neighbours.py
"""
import importlib.util
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from collabdive.data import load_movielens
from collabdive.metrics import rmse
from collabdive.neighbours import ItemModel, item_neighbours
from collabdive.recommend import Scorer  # noqa: F401  (torch before LensKit)
from collabdive.splits import hold_out, official_fold
from contenders import SEED, filled
from lists import of_lists, of_stars
from shared import options, save

KS, DAMPINGS, PRIORS = (20, 50, 100, 200), (0, 10, 50, 200), (.02, .05, .2, .5)
STARS = dict(k=100, damping=50., prior=.1)     # the defaults, which `search` supports


def fitted(rows: pd.DataFrame, **settings) -> ItemModel:
    return item_neighbours(rows, item_name='movie', **settings)


def search(ratings) -> list:
    "The settings, each on a tenth of the training rows of three folds."
    found = []
    for fold in range(1, 4):
        rest, judged = (ratings.iloc[part] for part in hold_out(official_fold(ratings, fold), 0))
        def graded(zeros, **settings):
            model = fitted(rest, zeros=zeros, **settings)
            error = None if zeros else round(of_stars(model, judged, rest.rating.mean()), 4)
            ndcg = round(of_lists(model, judged)['ndcg'], 4) if zeros else None
            found.append(dict(fold=fold, zeros=zeros, rmse=error, ndcg=ndcg, **settings))
        for k in KS:
            for damping in DAMPINGS: graded(False, k=k, damping=damping, prior=.1)
            for damping in (0, 50): graded(True, k=k, damping=damping, prior=.1)
        for prior in PRIORS: graded(False, **{**STARS, 'prior': prior})
    return found


def nearest(model: ItemModel, common_only: bool, damping: float) -> ItemModel:
    "The same model with cosines of whole columns or of the raters in common, by dense arrays."
    X = model.given.toarray()
    M = csr_matrix((np.ones_like(model.given.data), *model.seen[::-1]), X.shape).toarray()
    squares = (X**2).T @ (M if common_only else np.ones_like(M))
    below, common = np.sqrt(squares*squares.T), M.T @ M
    like = np.divide(X.T @ X, below, out=0*below, where=below > 1e-9)
    like *= common/np.maximum(common + damping, 1)
    np.fill_diagonal(like, 0)
    least = -np.partition(-like, STARS['k'], axis=0)[STARS['k'] - 1]
    return replace(model, weights=csr_matrix(np.where(like >= least, like, 0).clip(0)))


class Turned:
    "A model of the turned table, asked the right way round."
    def __init__(self, model): self.model, self.users, self.items = model, model.items, model.users
    def score_all(self, users): return self.model.score_all(self.items).T


def lenskit(train, pairs):
    "LensKit's explicit item neighbours, 20 of them, on user, item and rating; (n,) predictions."
    from lenskit.batch import predict
    from lenskit.data import ItemListCollection, from_interactions_df
    from lenskit.knn import ItemKNNScorer
    from lenskit.pipeline import predict_pipeline
    from lenskit.training import TrainingOptions
    names = {'user': 'user_id', 'movie': 'item_id'}
    model = predict_pipeline(ItemKNNScorer(feedback='explicit'))
    model.train(from_interactions_df(train.rename(columns=names)), TrainingOptions(rng=SEED))
    asked = pairs.rename(columns=names)
    scores = predict(model, ItemListCollection.from_df(asked, 'user_id'), n_jobs=1).to_df()
    return filled(asked.merge(scores, how='left').score.to_numpy(), train, pairs)


def on_fold(ratings, fold: int) -> list:
    "All models on one official fold."
    known, hidden = (ratings.iloc[rows] for rows in official_fold(ratings, fold))
    ours = fitted(known, **STARS)
    turned = Turned(item_neighbours(known, user_name='movie', item_name='user', **STARS))
    kinds = {'neighbours': ours, 'user neighbours': turned,
             'biases': replace(ours, weights=0*ours.weights),
             'common raters, undamped': nearest(ours, True, 0),
             'common raters, damped': nearest(ours, True, STARS['damping']),
             'whole columns, undamped': nearest(ours, False, 0)}
    rows = [dict(model=name, fold=fold, rmse=round(of_stars(m, hidden, known.rating.mean()), 4))
            for name, m in kinds.items()]
    rows[0]['ndcg'] = round(of_lists(ours, hidden)['ndcg'], 4)
    lists = of_lists(fitted(known, zeros=True, **STARS), hidden)
    rows.append(dict(model='neighbours, zeros', fold=fold, ndcg=round(lists['ndcg'], 4)))
    if importlib.util.find_spec('lenskit'):
        told = lenskit(known, hidden[['user', 'movie']]).clip(1, 5)
        error = round(rmse(hidden.rating, told), 4)
        rows.append(dict(model='LensKit ItemKNN', fold=fold, rmse=error))
    return rows


def million(path: str) -> dict:
    "Error and CPU seconds on MovieLens 1M."
    ratings = load_movielens('1m', path).ratings
    order = np.random.default_rng(0).permutation(len(ratings))
    hidden, known = np.split(ratings.index[order], [len(ratings)//10])
    known, hidden = ratings.loc[known], ratings.loc[hidden]
    start = time.process_time()
    model = fitted(known, **STARS)
    seconds = time.process_time() - start
    error = of_stars(model, hidden, known.rating.mean())
    return dict(rmse=round(error, 4), cpu_s=round(seconds, 1), n_ratings=len(known))


def main():
    "Search, fit, write, and print the means."
    args = options(__doc__, 'neighbours.json', paths=('1m',))
    ratings = load_movielens('100k').ratings
    runs = [row for fold in range(1, 6) for row in on_fold(ratings, fold)]
    print(pd.DataFrame(runs).groupby('model')[['rmse', 'ndcg']].mean().round(4).to_string())
    path = getattr(args, '1m')
    one_million = dict(ml_1m=million(path)) if path else {}
    save(args, STARS, search=search(ratings), runs=runs, **one_million)


if __name__ == '__main__': main()
