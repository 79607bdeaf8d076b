"""Ten million ratings: from a frame to batches, and through one epoch of training.

Planted ratings of 70,000 users and 10,000 items, 10% hidden. Every measurement has a fresh process:
seconds and peak memory from the frame to the first batch, with ids as ints and as strings; and an
epoch of DotProductBias with 20 factors at several batch sizes, by part, beside the time that one
thread would need to copy as many bytes as the part has to move. (A step can beat it: the model and
AdamW's averages, 27 MB, may stay in a large cache.) Then `fit_quick` itself: for one epoch,
for five, and for five with less decay.
Writes results/big.json. Run: python benchmarks/big.py (--quick: a million ratings, nothing written)
"""
import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fastai.learner import Learner
from tqdm.auto import tqdm

from collabdive.batches import collab_dls
from collabdive.dot_product import DotProductBias, squared_error
from collabdive.learner import fit_quick
from collabdive.planted import planted_ratings
from collabdive.splits import random_split
from collabdive.training import Recipe, fit, history
from epoch_profile import clocks
from shared import save

SETTINGS = '10% hidden, split seed 0; DotProductBias, 20 factors, y_range (0, 5.5), one epoch'
N_FACTORS = 20
LR, WD = .02, (1.7, .02)   # those of fit_quick


def in_fresh_process(f, *args):
    "The result of `f(*args)`, computed in a process of its own that ends afterwards."
    with multiprocessing.get_context('spawn').Pool(1) as pool: return pool.apply(f, args)


def peak_mb() -> float:
    "The most memory that this process has held so far."
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/unit, 1)


def plant(n_users, n_items, n_ratings, path):
    "Plant ratings, store them at `path`, and give the RMSE of the signal itself, hidden rows."
    f = planted_ratings(n_users, n_items, N_FACTORS, n_ratings)
    columns = {name: f[name].to_numpy() for name in ('user', 'movie', 'rating')}
    np.savez(path, **columns)
    hidden = f.iloc[random_split(f, .1, 0)[1]]
    return float(((hidden.signal.clip(1, 5) - hidden.rating)**2).mean()**.5)


def load(path, ids) -> pd.DataFrame:
    "The planted frame, with ids as 'ints' or as 'strings'."
    with np.load(path) as stored: columns = {name: stored[name] for name in stored.files}
    if ids == 'strings':
        for name in ('user', 'movie'):
            names = pd.array([f'{name} {k}' for k in range(columns[name].max() + 1)], dtype='str')
            columns[name] = names.take(columns[name])
    return pd.DataFrame(columns, copy=False)


def to_batches(path, ids, threads) -> dict:   # seconds, and MB at three points
    "From a frame in memory to its first batch."
    torch.set_num_threads(threads)
    found = dict(imports_mb=peak_mb())
    ratings = load(path, ids)
    splits = random_split(ratings, .1, 0)
    found |= dict(dtype=str(ratings.user.dtype), frame_mb=peak_mb())
    wall, cpu = time.perf_counter(), time.process_time()
    dls = collab_dls(ratings, 'user', 'movie', splits=splits, bs=8192, device='cpu')
    found |= dict(loaders_cpu_s=round(time.process_time() - cpu, 2))
    next(iter(dls.train))
    return dict(found, cpu_s=round(time.process_time() - cpu, 2),
                wall_s=round(time.perf_counter() - wall, 2), peak_mb=peak_mb())


def bandwidth() -> float:   # GB/s, each byte copied counts twice: read and written
    "How fast one thread moves memory: the best of ten copies of 256 MB."
    source, times = torch.rand(2**26), []
    target = torch.empty_like(source)
    for _ in range(10):
        start = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - start)
    return round(2*4*2**26/min(times)/1e9, 2)


def epoch_gb(n_rows, n_batches, n_params) -> dict:   # gigabytes an epoch moves, by part
    "What each part has to read and write."
    row = 2*4*(N_FACTORS + 1)       # bytes of a user's and an item's factors and biases
    return {part: round(n_bytes/1e9, 2) for part, n_bytes in {
        'loader': n_rows*(8 + 2*(16 + 4)),               # order; x and y read and written
        'forward': n_rows*(16 + 2*row),                  # codes; rows read and written
        'backward': n_rows*3*row + n_batches*4*n_params, # rows added to; gradients from zero
        'step': n_batches*7*4*n_params}.items()}         # p, m, v read and written, g read


def one_epoch(path, bs, threads) -> dict:   # seconds by part, bytes it moves, RMSE
    "Train one epoch on int ids."
    torch.set_num_threads(threads)
    ratings = load(path, 'ints')
    dls = collab_dls(ratings, 'user', 'movie', splits=random_split(ratings, .1, 0), bs=bs,
                     device='cpu')
    torch.manual_seed(0)
    n_users, n_items = (len(dls.classes[name]) for name in dls.cat_names)
    learn = Learner(dls, DotProductBias(n_users, n_items, N_FACTORS), squared_error)
    with clocks(learn) as seconds: fit(learn, Recipe(1, LR, *WD))
    seconds = {part: round(s, 2) for part, s in seconds.items()}
    n_params = sum(p.numel() for p in learn.model.parameters())
    return dict(bs=bs, batches=len(dls.train), n_params=n_params, cpu_s=seconds,
                gb=epoch_gb(len(dls.train_ds), len(dls.train), n_params),
                rmse=round(history(learn).valid.iloc[-1]**.5, 4), peak_mb=peak_mb())


def quick(path, epochs, wd, threads) -> dict:   # seconds, RMSE, batch size, MB
    "`fit_quick` with its own batch size, validation included."
    torch.set_num_threads(threads)
    ratings = load(path, 'ints')
    dls = collab_dls(ratings, 'user', 'movie', splits=random_split(ratings, .1, 0), device='cpu')
    wall, cpu = time.perf_counter(), time.process_time()
    learn = fit_quick(dls, epochs=epochs, wd=wd, n_factors=N_FACTORS, progress=False)
    return dict(epochs=epochs, wd=learn.opt.hypers[0]['wd'], bs=learn.dls.train.bs,
                cpu_s=round(time.process_time() - cpu, 2),
                wall_s=round(time.perf_counter() - wall, 2), peak_mb=peak_mb(),
                rmse=round(history(learn).valid.iloc[-1]**.5, 4))


def measure(args, path) -> dict:
    "All of it, every part in a fresh process."
    shape = (7_000, 3_000, 1_000_000) if args.quick else (70_000, 10_000, 10_000_000)
    bar = tqdm(total=2*args.rounds + 5 + len(args.bs)*args.rounds, desc='planting')
    def step(what, *job):
        bar.set_description(what)
        out = in_fresh_process(*job)
        bar.update()
        return out

    planted = dict(zip(('users', 'items', 'ratings'), shape))
    planted['signal_rmse'] = round(step('planting', plant, *shape, path), 4)
    ways = {ids: [step(f'{ids} to batches', to_batches, path, ids, args.threads)
                  for _ in range(args.rounds)] for ids in ('ints', 'strings')}
    batches = {ids: min(runs, key=lambda r: r['cpu_s']) for ids, runs in ways.items()}
    speed = step('bandwidth', bandwidth)
    epochs = []
    for bs in args.bs:
        runs = [step(f'epoch at {bs}', one_epoch, path, bs, args.threads)
                for _ in range(args.rounds)]
        epochs.append(min(runs, key=lambda r: r['cpu_s']['epoch']))
    for run in epochs: run['copy_s'] = {k: round(v/speed, 2) for k, v in run['gb'].items()}
    fits = [step(f'fit_quick, {n} epochs', quick, path, n, wd, args.threads)
            for n, wd in ((1, WD[0]), (5, WD[0]), (5, .4))]
    return dict(planted=planted, to_batches=batches, bandwidth_gb_s=speed, epochs=epochs,
                fit_quick=fits)


def main():
    "Measure, write, and print."
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='a million ratings')
    parser.add_argument('--out', type=Path, help='where to write')
    parser.add_argument('--threads', type=int, default=1, help='threads PyTorch may use')
    parser.add_argument('--rounds', type=int, default=2, help='times each is measured')
    parser.add_argument('--bs', type=int, nargs='+', default=[8192, 32_768, 131_072],
                        help='batch sizes of the epochs')
    args = parser.parse_args()
    if not (args.out or args.quick): args.out = Path(__file__).parent/'results'/'big.json'
    with tempfile.TemporaryDirectory() as tmp: found = measure(args, Path(tmp)/'ratings.npz')
    if args.out: save(args, SETTINGS, rounds=args.rounds, **found)
    print(json.dumps(found, indent=1))


if __name__ == '__main__': main()
