"""How fast are three loaders, alone and under training?

The same DotProductBias, split, batch size, learning rate and decay on ML-100K. The loaders: fastai
as installed (TabWeightedDL), fastai with dl_type=TabDataLoader, and collab_dls; the last one also
with `train`, which takes the same steps with PyTorch's own loss and fused AdamW.
Writes results/loader.json. Run: python benchmarks/loader.py
"""
import time
import warnings

warnings.filterwarnings('ignore', message='The given NumPy array is not writable')

import pandas as pd
from fastai.collab import CollabDataLoaders
from fastai.learner import Learner
from fastai.losses import MSELossFlat
from fastai.tabular.core import TabDataLoader
from fastai.torch_core import set_seed
from tqdm.auto import tqdm

from collabdive.batches import collab_dls
from collabdive.data import load_movielens
from collabdive.dot_product import DotProductBias, train
from collabdive.training import Recipe
from shared import options, save

SETTINGS = 'ML-100K by title, split seed 42, batch 64, 5 epochs, 5e-3, wd 0.1, 50 factors'


def clocks(): return time.perf_counter(), time.process_time()


def time_epochs(
    dls,                # DataLoaders whose training loader is walked through, without a model
    n: int = 5,         # epochs; the fastest counts
) -> tuple:             # wall and CPU milliseconds of the fastest epoch
    "Time of an epoch of batches alone."
    best = []
    for _ in range(n):
        wall, cpu = clocks()
        for _ in dls.train: pass
        best.append((1000*(clocks()[0] - wall), 1000*(clocks()[1] - cpu)))
    return min(best)


def time_training(
    dls,                # DataLoaders
    ours: bool,         # train with collabdive's `train`, else with a Learner as the book does
    n_epoch: int = 5,   # one-cycle epochs at 5e-3, weight decay 0.1
    seed: int = 1,      # of weights and order
) -> tuple:             # wall and CPU seconds, validation loss
    "Time of training model 4 at the book's settings."
    set_seed(seed, reproducible=True)
    wall, cpu = clocks()
    if ours: learn = train(DotProductBias, dls, Recipe(n_epoch, 5e-3, .1, None), seed)
    else:
        learn = Learner(dls, DotProductBias(944, 1665, 50), loss_func=MSELossFlat())
        with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(n_epoch, 5e-3, wd=.1)
    return clocks()[0] - wall, clocks()[1] - cpu, float(learn.recorder.values[-1][1])


def makers(ratings) -> dict:  # name -> function that makes DataLoaders
    "The loaders to compare."
    def stock(**kwargs):
        return CollabDataLoaders.from_df(ratings, .2, 'user', 'title', 'rating', seed=42, bs=64,
                                         device='cpu', **kwargs)

    def ours(): return collab_dls(ratings, bs=64, device='cpu')

    return {'fastai as installed': stock,
            'fastai, dl_type=TabDataLoader': lambda: stock(dl_type=TabDataLoader),
            'collabdive loader': ours,
            'collabdive loader and train': ours}


def measure(
    make: dict,   # from `makers`
    rounds: int,  # times each training is repeated, in turn; the fastest counts
) -> dict:        # name -> milliseconds an epoch alone; seconds and loss of a training
    "Time the loaders alone, then under training."
    loaders, runs = {}, {name: [] for name in make}
    for name in tqdm(make, desc='loaders alone'):
        loaders[name] = dict(zip(['epoch_ms', 'epoch_cpu_ms'], time_epochs(make[name]())))
    for _ in tqdm(range(rounds), desc='training rounds'):
        for name in make:
            runs[name].append(time_training(make[name](), ours=name.endswith('and train')))
    for name, times in runs.items():
        loaders[name].update(zip(['train_s', 'train_cpu_s', 'valid_loss'], min(times)))
    return loaders


def main():
    "Measure, write, and print a table."
    args = options(__doc__, 'loader.json',
                   rounds=(2, 'times each training is repeated, in turn; the fastest counts'))
    loaders = measure(makers(load_movielens('100k').ratings), args.rounds)
    first, middle, last = (loaders[name] for name in (
        'fastai as installed', 'collabdive loader', 'collabdive loader and train'))
    ratios = dict(epoch_ratio=round(first['epoch_ms']/last['epoch_ms'], 1),
                  train_ratio=round(first['train_s']/last['train_s'], 2),
                  loader_only_train_ratio=round(first['train_s']/middle['train_s'], 2))
    loaders = {name: {k: round(v, 4) for k, v in of.items()} for name, of in loaders.items()}
    save(args, SETTINGS, loaders=loaders, **ratios)
    print(pd.DataFrame(loaders).T.to_string())
    print(f"one epoch: {ratios['epoch_ratio']} times faster; training: {ratios['train_ratio']} "
          f'times faster; written to {args.out}')


if __name__ == '__main__': main()
