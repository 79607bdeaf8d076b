"""Two recipes of others, each judged on hidden ratings, beside the means that they should beat.

lab: the practice lab on collaborative filtering of a widely taken course on machine learning: 100
features, lambda 1, 200 full-batch steps of Adam at .1, ratings of films from 2000 on, each film's
mean taken off; on the edition of latest-small of 2016, with a fifth of the ratings hidden, and
predictions clipped to .5..5. A film without training ratings has the mean 0 there; known: without
these. chosen: the same with the best lambda on a tenth of the training ratings. means: the mean of
all, and damped means of films and users. lists: what the lab then recommends, trained on all
ratings as it is there: ten unseen films for each user, and of the 300 first those with more than
20 ratings, by mean rating, which is how the lab mends its list.
dot: the embedding dot bias of a public library's benchmark table on ML-100K, a quarter of each
film's ratings hidden: as its trainer runs it, as its settings read, and at 5 epochs.
Writes results/errata.json. Run: python benchmarks/errata.py --latest-small FOLDER
"""
import warnings

warnings.filterwarnings('ignore', message='The given NumPy array is not writable')

import numpy as np
import pandas as pd
import torch
from fastai.collab import EmbeddingDotBias, TabularCollab
from fastai.data.block import TransformBlock
from fastai.learner import Learner
from fastai.losses import MSELossFlat
from fastai.tabular.core import Categorify
from fastai.torch_core import set_seed

from collabdive.batches import collab_dls
from collabdive.data import load_movielens
from collabdive.learner import damped_rmse
from collabdive.metrics import rmse
from collabdive.splits import hold_out, per_user_split, random_split
from collabdive.training import Recipe, fit, history
from shared import options, save

SEEDS = 42, 43, 44
LAB = dict(n_factors=100, lam=1., lr=.1, steps=200, first_year=2000)
LAMBDAS = 1, 3, 10, 30
SCALE = .5, 5.     # stars of latest-small
DOT = dict(n_factors=40, y_range=(0, 5.5), bs=64)


def coded(ratings) -> tuple:  # rows of films and users, stars, sizes of the table
    "The lab's table, as its cells that are not blank."
    item, items = pd.factorize(ratings.movie, sort=True)
    user, users = pd.factorize(ratings.user, sort=True)
    stars = torch.from_numpy(ratings.rating.to_numpy('float32'))
    return torch.from_numpy(item), torch.from_numpy(user), stars, (len(items), len(users))


def lab(cells: tuple, rows, seed: int, lam: float) -> tuple:  # (films, users) stars; film counts
    "The lab's model after its training on some of the cells; a film without any has the mean 0."
    item, user, stars, (n_items, n_users) = cells
    item, user, stars = item[rows], user[rows], stars[rows]
    counts = torch.bincount(item, minlength=n_items)
    mean = torch.bincount(item, stars, n_items)/(counts + 1e-12)
    draw = torch.Generator().manual_seed(seed)
    W, X, b = (torch.randn(n, k, generator=draw).requires_grad_() for n, k in (
        (n_users, LAB['n_factors']), (n_items, LAB['n_factors']), (1, n_users)))
    adam = torch.optim.Adam((X, W, b), LAB['lr'], eps=1e-7)
    for _ in range(LAB['steps']):
        adam.zero_grad()
        error = (X[item]*W[user]).sum(1) + b[0, user] - (stars - mean[item])   # no blank counts
        (.5*(error**2).sum() + lam/2*((X**2).sum() + (W**2).sum())).backward()
        adam.step()
    return (X @ W.T + b + mean[:, None]).detach(), counts


def judged(cells, split, seed, lam) -> dict:
    "RMSE of the lab on the rows that it was trained on, on the hidden ones, and on those it knows."
    item, user, stars, _ = cells
    table, counts = lab(cells, split[0], seed, lam)
    def of(rows): return round(rmse(stars[rows], table[item[rows], user[rows]].clamp(*SCALE)), 4)
    hidden = torch.as_tensor(split[1])
    unknown = counts[item[hidden]] == 0
    return dict(train=of(split[0]), hidden=of(hidden), known=of(hidden[~unknown]),
                unknown_films=round(float(unknown.float().mean()), 4))


def known_films(ratings, split) -> tuple:
    "The split without the hidden ratings of films that have no others."
    seen = ratings.movie.isin(ratings.movie.iloc[split[0]]).to_numpy()
    return split[0], split[1][seen[split[1]]]


def means(ratings, split) -> dict:
    "RMSE of the two means on the hidden rows."
    known, hidden = (ratings.rating.to_numpy()[rows] for rows in split)
    dls = collab_dls(ratings, item_name='movie', splits=split, device='cpu')
    flat = np.full_like(hidden, known.mean())
    return dict(mean=round(rmse(hidden, flat), 4), damped=round(damped_rmse(dls), 4))


def lists(cells, seed) -> dict:
    "Ratings of the recommended films, all ratings known: the first ten, and the mended lists."
    item, user, stars, (n_items, n_users) = cells
    table, counts = lab(cells, torch.arange(len(item)), seed, LAB['lam'])
    level = torch.bincount(item, stars)/counts
    table[item, user] = -torch.inf
    order = table.argsort(0, descending=True)
    first, often = order[:10], order[:300]
    def mended(rows):
        rows = rows[counts[rows] > 20]
        return rows[level[rows].argsort(descending=True)[:10]]
    kept = torch.cat([mended(rows) for rows in often.T])
    return dict(few=round(float((counts[first] <= 3).float().mean()), 4),
                films_with_few=round(float((counts <= 3).float().mean()), 4),
                median=int(counts[first].median()), mended_median=int(counts[kept].median()),
                mended_length=round(len(kept)/n_users, 2))


def course(ratings) -> dict:
    "All about the lab."
    cells, runs, choice = coded(ratings), [], []
    for seed in SEEDS:
        split = random_split(ratings, .2, seed)
        choice += [dict(seed=seed, lam=lam, **judged(cells, hold_out(split, seed), seed, lam))
                   for lam in LAMBDAS]
        tried = pd.DataFrame(choice).query('seed == @seed').set_index('lam').hidden
        runs.append(dict(seed=seed, lab=judged(cells, split, seed, LAB['lam']),
                         chosen=judged(cells, split, seed, best := int(tried.idxmin())), lam=best,
                         means=means(ratings, split), lists=lists(cells, seed),
                         known_means=means(ratings, known_films(ratings, split))))
    n_items, n_users = cells[3]
    return dict(runs=runs, choice=choice, ratings=len(ratings), films=n_items, users=n_users)


def constant(dls, seed, epochs, lr, wd) -> float:
    "Plain AdamW at one rate, on nine tenths of the rows, as the library's trainer has it."
    data, hidden = dls.train_ds, dls.valid_ds
    torch.manual_seed(seed)
    model = EmbeddingDotBias.from_classes(DOT['n_factors'], dls.classes, y_range=DOT['y_range'])
    adam = torch.optim.AdamW(model.parameters(), lr, (.9, .99), 1e-5, wd, fused=True)
    rows = torch.randperm(len(data))[len(data)//10:]
    for _ in range(epochs):
        for part in rows[torch.randperm(len(rows))].split(DOT['bs']):
            adam.zero_grad()
            torch.nn.functional.mse_loss(model(data.x[part]), data.y[part, 0]).backward()
            adam.step()
    with torch.no_grad(): return rmse(hidden.y[:, 0], model(hidden.x))


def one_cycle(dls, seed, epochs, lr, wd) -> float:
    "The same model by fastai's one cycle, with this course's optimiser."
    set_seed(seed, reproducible=True)
    model = EmbeddingDotBias.from_classes(DOT['n_factors'], dls.classes, y_range=DOT['y_range'])
    learn = fit(Learner(dls, model, MSELossFlat()), Recipe(epochs, lr, wd, None))
    return history(learn).valid.iloc[-1]**.5


def stock(ratings, split):
    "fastai's own loaders of a given split, as installed."
    table = TabularCollab(ratings[['user', 'movie', 'rating']], [Categorify], ['user', 'movie'],
                          y_names=['rating'], y_block=TransformBlock(),
                          splits=tuple(map(list, split)))
    return table.dataloaders(bs=DOT['bs'], device='cpu')


def dot(ratings) -> list:
    "A row a seed and a setting."
    rows = []
    for seed in SEEDS:
        split = per_user_split(ratings, .25, seed, user_name='movie')
        ours = collab_dls(ratings, item_name='movie', splits=split, bs=DOT['bs'], device='cpu')
        listed = dict(lr=5e-3, wd=.1)
        for name, run, dls, settings in (
                ('its trainer', constant, ours, dict(epochs=15, lr=1e-3, wd=.01)),
                ('its trainer, 5 epochs', constant, ours, dict(epochs=5, lr=1e-3, wd=.01)),
                ('its settings', one_cycle, ours, dict(epochs=15, **listed)),
                ('5 epochs', one_cycle, ours, dict(epochs=5, **listed)),
                ('fastai, 5 epochs', one_cycle, stock(ratings, split), dict(epochs=5, **listed))):
            rows.append(dict(seed=seed, run=name, **settings,
                             rmse=round(float(run(dls, seed, **settings)), 4)))
        rows += [dict(seed=seed, run=name, rmse=value)
                 for name, value in means(ratings, split).items()]
        print(pd.DataFrame(rows).tail(7)[['seed', 'run', 'rmse']].to_string(), flush=True)
    return rows


def main():
    "Measure, write, and print."
    args = options(__doc__, 'errata.json', paths=('latest-small',))
    small = load_movielens('latest-small', args.latest_small)
    years = small.movies.set_index('movie').year
    new = small.ratings[small.ratings.movie.map(years) >= LAB['first_year']].reset_index(drop=True)
    of_lab = course(new)
    print(pd.json_normalize(of_lab['runs']).T.to_string(), flush=True)
    save(args, dict(lab=LAB, dot=DOT, seeds=SEEDS), lab=of_lab,
         dot=dot(load_movielens('100k').ratings))


if __name__ == '__main__': main()
