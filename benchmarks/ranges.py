"""How much weight decay suits a model depends on the range of its predictions.

Model 4 at the fast setting of networks.py, on its split: eight amounts of decay, all weights alike,
for predictions without a range, from 1 to 5, and from 0 to 5.5. Writes results/ranges.json.
Run: python benchmarks/ranges.py
"""
import torch
from fastai.learner import Learner
from fastai.tabular.model import get_emb_sz
from tqdm import tqdm

from collabdive.batches import collab_dls
from collabdive.data import load_movielens
from collabdive.dot_product import DotProductBias, squared_error
from collabdive.training import Recipe, fit, history
from networks import FAST, GRID, SEEDS
from shared import options, save

RANGES = {'none': None, '1 to 5': (1, 5), '0 to 5.5': (0, 5.5)}


def last_losses(dls, y_range, wd: float, seed: int) -> dict:
    "Training and validation loss after the last epoch."
    torch.manual_seed(seed)
    sizes = [n for n, _ in get_emb_sz(dls)]
    learn = Learner(dls, DotProductBias(*sizes, FAST['n_factors'], y_range), squared_error)
    h = history(fit(learn, Recipe(FAST['n_epoch'], FAST['lr'], wd, wd))).iloc[-1]
    return dict(wd=wd, seed=seed, train=round(h.train, 4), valid=round(h.valid, 4))


if __name__ == '__main__':
    args = options(__doc__, 'ranges.json')
    dls = collab_dls(load_movielens('100k').ratings, bs=FAST['bs'])
    cases = [(name, wd, seed) for name in RANGES for wd in GRID for seed in SEEDS]
    runs = [dict(range=name, **last_losses(dls, RANGES[name], wd, seed))
            for name, wd, seed in tqdm(cases)]
    save(args, dict(FAST, ranges=RANGES), runs=runs)
