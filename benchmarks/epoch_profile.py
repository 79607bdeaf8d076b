"""Where does an epoch of training go: into loader, model, optimiser, or fastai's Learner?

DotProductBias on ML-100K, one epoch, the parts of every training batch timed one by one: fastai as
installed, then with collab_dls, squared_error and a fused AdamW, then with `fit` and
`adam`, at batch 64 and 512; and a loop without a Learner, which no Learner can beat.
Writes results/epoch_profile.json. Run: python benchmarks/epoch_profile.py
"""
import warnings
from functools import partial
from time import process_time

warnings.filterwarnings('ignore', message='The given NumPy array is not writable')

import pandas as pd
import torch
from fastai.collab import CollabDataLoaders
from fastai.learner import Learner
from fastai.losses import MSELossFlat
from fastai.optimizer import Adam, OptimWrapper
from tqdm.auto import tqdm

from collabdive.batches import collab_dls
from collabdive.data import load_movielens
from collabdive.dot_product import DotProductBias, squared_error
from collabdive.training import Recipe, adam, fit
from shared import options, save

SETTINGS = 'ML-100K by title, split seed 42, 80,000 training rows, one epoch, 50 factors'
ADAM = dict(betas=(.9, .99), eps=1e-5, fused=True)


class ProfiledLearner(Learner):
    "A Learner that adds up the CPU seconds of the parts of its training batches."
    def timed(self, part, f):
        "`f`, with the time it takes added to that part while the model trains."
        def run(*args, **kwargs):
            start = process_time()
            out = f(*args, **kwargs)
            if self.training: self.seconds[part] += process_time() - start
            return out
        return run

    def create_opt(self):
        super().create_opt()
        self.seconds = dict.fromkeys(('loader', 'forward', 'backward', 'step', 'epoch'), 0.)
        self.model.forward = self.timed('forward', self.model.forward)
        self.loss_func = self.timed('forward', self.loss_func)
        self.opt.zero_grad = self.timed('step', self.opt.zero_grad)

    def all_batches(self):
        self.n_iter, batches = len(self.dl), iter(self.dl)
        take = self.timed('loader', lambda: next(batches, None))
        for i, b in enumerate(iter(take, None)): self.one_batch(i, b)

    def _backward(self): self.timed('backward', super()._backward)()
    def _step(self): self.timed('step', super()._step)()
    def _do_epoch_train(self): self.timed('epoch', super()._do_epoch_train)()


def fit_as_in_the_book(learn):
    "fastai's own one-cycle training, silent."
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1, 5e-3, wd=.1)


def setups(ratings) -> dict:
    "Name -> loaders, loss, optimiser, and the function that trains."
    stock = CollabDataLoaders.from_df(ratings, .2, 'user', 'title', 'rating', seed=42, bs=64,
                                      device='cpu')
    ours, large = (collab_dls(ratings, bs=bs, device='cpu') for bs in (64, 512))
    fused = partial(OptimWrapper, opt=torch.optim.AdamW, **ADAM)
    def fit_ours(learn): fit(learn, Recipe(1, 5e-3, .1, None))
    return {'fastai as installed': (stock, MSELossFlat(), Adam, fit_as_in_the_book),
            'collabdive loader': (ours, MSELossFlat(), Adam, fit_as_in_the_book),
            '+ plain loss, fused AdamW': (ours, squared_error, fused, fit_as_in_the_book),
            'collabdive': (ours, squared_error, adam, fit_ours),
            'collabdive, batch 512': (large, squared_error, adam, fit_ours)}


def profile(dls, loss_func, opt_func, fit) -> dict:   # milliseconds of CPU a batch, by part
    "Train one epoch; `learner` is what is left when the parts are taken off the whole."
    torch.manual_seed(1)
    learn = ProfiledLearner(dls, DotProductBias(944, 1665, 50), loss_func, opt_func=opt_func)
    fit(learn)
    n = len(dls.train)
    ms = {part: 1000*seconds/n for part, seconds in learn.seconds.items()}
    whole = ms.pop('epoch')
    return dict(batches=n, bs=dls.train.bs, **ms, learner=whole - sum(ms.values()), batch=whole)


def bare_loop(dls) -> float:   # milliseconds of CPU a batch
    "The same steps without a Learner."
    torch.manual_seed(1)
    model = DotProductBias(944, 1665, 50)
    opt = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=.1, **ADAM)
    start = process_time()
    for x, y in dls.train:
        squared_error(model(x), y).backward()
        opt.step()
        opt.zero_grad()
    return 1000*(process_time() - start)/len(dls.train)


def main():
    "Measure, write, and print a table."
    args = options(__doc__, 'epoch_profile.json',
                   rounds=(5, 'epochs timed of each, in turn; the fastest counts'))
    todo = setups(load_movielens('100k').ratings)
    runs, bare = {name: [] for name in todo}, []
    for _ in tqdm(range(args.rounds), desc='rounds'):
        for name, setup in todo.items(): runs[name].append(profile(*setup))
        bare.append(bare_loop(todo['collabdive'][0]))
    fastest = {name: min(of, key=lambda run: run['batch']) for name, of in runs.items()}
    fastest = {name: {k: round(v, 4) for k, v in of.items()} for name, of in fastest.items()}
    save(args, SETTINGS, rounds=args.rounds, setups=fastest, bare_loop=round(min(bare), 4))
    print(pd.DataFrame(fastest).T.to_string())
    print(f'a loop without a Learner: {min(bare):.4f} ms a batch; written to {args.out}')


if __name__ == '__main__': main()
