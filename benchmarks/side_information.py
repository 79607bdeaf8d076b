"""What do columns about users and films buy, beside the ratings?

folds, sets: Gibbs sampling with sets of columns, and with twenty columns of random numbers for both
sides; the main sets from one seed on all official folds, each set from three seeds on u1.
Predictions are clipped to 1..5. The number of factors was chosen on held-out training rows of two
folds (search). Who rated what: the training ratings only. The day is that of the rating to be
predicted, which only somebody who replays the past knows.
new: every rating of 200 films hidden, three draws of such films.
network: fastai's tabular network with embeddings of ids, with and without the columns, on u1 and
on such films. Decay chosen on held-out training rows of u1, each of the two for itself.
Writes results/side_information.json. Run: python benchmarks/side_information.py
"""
import json
import time

import numpy as np
import pandas as pd
import torch
from fastai.learner import Learner
from fastai.tabular.model import TabularModel, get_emb_sz

from collabdive.batches import collab_dls
from collabdive.bayes import bayes_mf
from collabdive.data import load_movielens
from collabdive.dot_product import squared_error
from collabdive.metrics import rmse
from collabdive.side_information import OrderedStars, columns_of
from collabdive.splits import hold_out, official_fold
from collabdive.training import Recipe, fit, seeded
from shared import options, save

SEEDS = 1, 2, 3
FOLDS = 1, 2, 3, 4, 5
N_NEW = 200
NETWORK = dict(layers=[100, 50], y_range=(0, 5.5), bs=512)
DECAYS = .4, 1., 2.
DRAWS, SEARCH_DRAWS, N_NOISE = 250, 100, 20
N_FACTORS = 10, 16
EVERYTHING = dict(users=True, films=True, implicit=True)
SETS = {'ratings only': {}, 'age, gender, occupation': dict(users=True),
        'year, genres': dict(films=True), 'who rated what': dict(implicit=True),
        'who rated what, and all of these': EVERYTHING, 'random numbers': dict(noise=True),
        'ordered stars': EVERYTHING | dict(ordered=True),
        'ordered stars, and the day': EVERYTHING | dict(ordered=True, day=True)}
ON_ALL_FOLDS = ('who rated what, and all of these', 'ordered stars, and the day', 'who rated what',
                'ratings only', 'year, genres', 'age, gender, occupation')
NEW = 'ratings only', 'year, genres', 'random numbers', 'all columns, and random numbers'
SETS[NEW[-1]] = dict(users=True, films=True, noise=True)


class ColumnsNN(TabularModel):
    "fastai's tabular network on ids, and on the columns of both sides; (bs, 2) codes in."
    def __init__(self, emb_szs, tables):
        super().__init__(emb_szs, sum(t.shape[1] for t in tables), 1, NETWORK['layers'],
                         y_range=NETWORK['y_range'])
        for name, table in zip(('of_users', 'of_items'), tables): self.register_buffer(name, table)

    def forward(self, x):
        return super().forward(x, torch.cat((self.of_users[x[:, 0]], self.of_items[x[:, 1]]), 1))


def aligned(dls, columns: tuple) -> list:
    "A row of columns for each code of the loaders, zeros for '#na#'."
    return [torch.from_numpy(frame.reindex(list(dls.classes[name]), fill_value=0.)
                             .to_numpy('float32')) for name, frame in zip(dls.cat_names, columns)]


def network(ratings, split, columns, wd, seed):  # (n_hidden,) predictions
    "The network after five epochs, on loaders that visit every row once."
    dls = collab_dls(ratings, item_name='movie', splits=split, bs=NETWORK['bs'], device='cpu')
    with seeded(seed):
        model = ColumnsNN(get_emb_sz(dls), aligned(dls, columns))
        learn = fit(Learner(dls, model, squared_error), Recipe(wd=wd))
    return learn.get_preds()[0].flatten().numpy()


def columns(ml) -> tuple:  # of users, of films
    "The columns of ML-100K. One film has no year, and gets the median."
    films = ml.movies.fillna({'year': ml.movies.year.median()})
    return (columns_of(ml.users, 'user', ['age'], ['gender', 'occupation']),
            columns_of(films, 'movie', ['year'], many_of=['genres']))


def none_of(known: tuple) -> tuple:
    "The same ids without any column."
    return tuple(frame[[]] for frame in known)


def new_films(ratings, seed) -> tuple:  # (train_idx, valid_idx)
    "Every rating of some films hidden."
    ids = np.random.default_rng(seed).choice(ratings.movie.unique(), N_NEW, replace=False)
    hidden = ratings.movie.isin(ids).to_numpy()
    return np.flatnonzero(~hidden), np.flatnonzero(hidden)


def error(ratings, split, pred) -> float:
    "RMSE of predictions clipped to 1..5."
    return round(rmse(ratings.rating.to_numpy()[split[1]], np.clip(pred, 1, 5)), 4)


def networks(ml, parts) -> dict:
    "Choose the decay of each network, then judge it on u1 and on new films."
    ratings, known, searched, runs = ml.ratings, columns(ml), [], []
    for name, side in (('ids', none_of(known)), ('ids and columns', known)):
        for fold in FOLDS[:1]:
            split = hold_out(official_fold(ratings, fold), fold)
            searched += [dict(model=name, fold=fold, wd=wd, rmse=error(
                ratings, split, network(ratings, split, side, wd, 1))) for wd in DECAYS]
        tried = pd.DataFrame(searched).query('model == @name').groupby('wd').rmse.mean()
        wd = float(tried.idxmin())
        for seed in SEEDS:
            splits = {'u1': official_fold(ratings, 1), 'new films': new_films(ratings, seed)}
            for where, split in splits.items():
                start = time.process_time()
                pred = network(ratings, split, side, wd, seed)
                runs.append(dict(model=name, wd=wd, where=where, seed=seed,
                                 rmse=error(ratings, split, pred),
                                 cpu_seconds=round(time.process_time() - start, 1)))
            print(pd.DataFrame(runs).tail(2).to_string(), flush=True)
    return dict(search=searched, runs=runs)


def with_noise(frame, seed) -> pd.DataFrame:
    "More columns, of random numbers."
    noise = np.random.default_rng(seed).normal(size=(len(frame), N_NOISE))
    noise = pd.DataFrame(noise, frame.index).add_prefix('random ')
    return noise if frame.empty else frame.join(noise)


def sampled(ml, known, split, seed, n_factors, draws=DRAWS, users=False, films=False,
            implicit=False, noise=False, ordered=False, day=False) -> tuple:
    "RMSE of Gibbs sampling with some of the columns, and its CPU seconds."
    start, ratings = time.process_time(), ml.ratings
    side = [frame if wanted else frame[[]] for frame, wanted in zip(known, (users, films))]
    if noise: side = [with_noise(frame, seed) for frame in side]
    user_columns, item_columns = (None if frame.empty else frame for frame in side)
    likelihood = dict(likelihood=OrderedStars) if ordered else {}
    rows = ratings.assign(day=ratings.timestamp//86400)
    model = bayes_mf(rows.iloc[split[0]], n_factors, draws, seed=seed, item_name='movie',
                     user_columns=user_columns, item_columns=item_columns, implicit=implicit,
                     day_name='day' if day else None, **likelihood)
    pred, _ = model.predict(rows.iloc[split[1]])
    return error(ratings, split, pred), round(time.process_time() - start, 1)


def search(ml, parts) -> list:
    "Errors by the number of factors, on held-out training rows."
    known, rows = columns(ml), []
    for fold in FOLDS[:2]:
        split = hold_out(official_fold(ml.ratings, fold), fold)
        for n in N_FACTORS:
            found, _ = sampled(ml, known, split, 1, n, SEARCH_DRAWS, **EVERYTHING)
            rows.append(dict(fold=fold, n_factors=n, rmse=found))
            print(rows[-1], flush=True)
    return rows


def chosen(parts) -> int: return int(
    pd.DataFrame(parts['search']).groupby('n_factors').rmse.mean().idxmin())


def measured(ml, parts, cases) -> list:
    "A row a fold, a seed and a set of columns."
    known, rows = columns(ml), []
    for fold, seed, name in cases:
        split = official_fold(ml.ratings, fold)
        found, seconds = sampled(ml, known, split, seed, chosen(parts), **SETS[name])
        rows.append(dict(columns=name, fold=fold, seed=seed, rmse=found, cpu_seconds=seconds))
        print(rows[-1], flush=True)
    return rows


def folds(ml, parts): return measured(ml, parts, [(f, 1, n) for n in ON_ALL_FOLDS for f in FOLDS])


def sets(ml, parts): return measured(ml, parts, [
    (1, seed, name) for seed in SEEDS for name in SETS if (seed, name) not in
    [(1, n) for n in ON_ALL_FOLDS]])


def new(ml, parts) -> list:
    "RMSE on films whose ratings are all hidden; the user's damped mean first."
    known, rows = columns(ml), []
    for seed in SEEDS:
        split = new_films(ml.ratings, seed)
        train, hidden = (ml.ratings.iloc[part] for part in split)
        of, mean = train.groupby('user').rating.agg(['sum', 'size']), train.rating.mean()
        damped = ((of['sum'] + 5*mean)/(of['size'] + 5)).reindex(hidden.user).fillna(mean)
        rows.append(dict(columns='mean of the user', seed=seed,
                         rmse=error(ml.ratings, split, damped.to_numpy())))
        for name in NEW:
            found, _ = sampled(ml, known, split, seed, chosen(parts), **SETS[name])
            rows.append(dict(columns=name, seed=seed, rmse=found))
        print(pd.DataFrame(rows).tail(len(NEW) + 1).to_string(), flush=True)
    return rows


PARTS = dict(search=search, folds=folds, new=new, sets=sets, network=networks)


def main():
    "Measure the parts, and write after each of them."
    args = options(__doc__, 'side_information.json', part=(
        0, f"only this one of {', '.join(PARTS)}: 1 to {len(PARTS)}; the others stay; 0: all"))
    found = json.loads(args.out.read_text()) if args.part else {}
    parts, ml = {name: found[name] for name in PARTS if name in found}, load_movielens('100k')
    for name in [list(PARTS)[args.part - 1]] if args.part else PARTS:
        parts[name] = PARTS[name](ml, parts)
        save(args, dict(seeds=SEEDS, n_new=N_NEW, network=NETWORK, decays=DECAYS, draws=DRAWS,
                        n_noise=N_NOISE), **parts)


if __name__ == '__main__': main()
