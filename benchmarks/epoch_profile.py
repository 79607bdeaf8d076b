"""Where does an epoch of training go: into loader, model, optimiser, or what stands around them?

DotProductBias on ML-100K, one epoch, the parts of every training batch timed one by one: fastai as
installed, then with collab_dls, then with squared_error and `adam` too, then trained by `fit`, at
batch 64 and 512; and a loop with nothing around it, which no training can beat.
Writes results/epoch_profile.json. Run: python benchmarks/epoch_profile.py
"""
import warnings
from contextlib import contextmanager
from time import process_time
from unittest.mock import patch

warnings.filterwarnings('ignore', message='The given NumPy array is not writable')

import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.collab import CollabDataLoaders
from fastai.learner import Learner
from fastai.losses import MSELossFlat
from fastai.optimizer import Adam
from tqdm.auto import tqdm

from collabdive.batches import collab_dls
from collabdive.data import load_movielens
from collabdive.dot_product import DotProductBias, squared_error
from collabdive.training import Recipe, adam, fit
from shared import options, save

SETTINGS = 'ML-100K by title, split seed 42, 80,000 training rows, one epoch, 50 factors'
PARTS = 'loader', 'forward', 'backward', 'step'


class Clock(Callback):
    "Times the steps of the optimiser and whole epochs; looks at no batch, so that `fit` is itself."
    order = -100
    def __init__(self, seconds, timed):
        super().__init__()
        self.seconds, self.timed = seconds, timed
    def before_fit(self):
        for name in ('step', 'zero_grad'):
            setattr(self.opt, name, self.timed('step', getattr(self.opt, name)))
    def before_train(self): self.start = process_time()
    def after_train(self): self.seconds['epoch'] += process_time() - self.start


@contextmanager
def clocks(learn):
    "Yields the CPU seconds of the parts of a learner's training batches, which grow in the block."
    seconds, loader = dict.fromkeys((*PARTS, 'epoch'), 0.), type(learn.dls.train)
    within = []               # the part being timed: `backward` of fastai's tensors calls itself
    def timed(part, f):
        def run(*args, **kwargs):
            if within or not learn.model.training: return f(*args, **kwargs)
            within.append(part)
            start = process_time()
            try: return f(*args, **kwargs)
            finally: seconds[within.pop()] += process_time() - start
        return run

    batches_of = loader.__iter__
    def batches(self):
        of = batches_of(self)
        yield from iter(timed('loader', lambda: next(of, None)), None)
    with (patch.object(loader, '__iter__', batches),
          patch.object(torch.Tensor, 'backward', timed('backward', torch.Tensor.backward)),
          patch.object(learn.model, 'forward', timed('forward', learn.model.forward)),
          patch.object(learn, 'loss_func', timed('forward', learn.loss_func)),
          learn.added_cbs([Clock(seconds, timed)])): yield seconds


def fit_as_in_the_book(learn):
    "fastai's own one-cycle training, silent."
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(1, 5e-3, wd=.1)


def setups(ratings) -> dict:
    "Name -> loaders, loss, optimiser, and the function that trains."
    stock = CollabDataLoaders.from_df(ratings, .2, 'user', 'title', 'rating', seed=42, bs=64,
                                      device='cpu')
    ours, large = (collab_dls(ratings, bs=bs, device='cpu') for bs in (64, 512))
    def fit_ours(learn): fit(learn, Recipe(1, 5e-3, .1, None))
    return {'fastai as installed': (stock, MSELossFlat(), Adam, fit_as_in_the_book),
            'collabdive loader': (ours, MSELossFlat(), Adam, fit_as_in_the_book),
            '+ loss and optimiser': (ours, squared_error, adam, fit_as_in_the_book),
            '+ fit': (ours, squared_error, adam, fit_ours),
            'batch 512': (large, squared_error, adam, fit_ours),
            'batch 512 without fit': (large, squared_error, adam, fit_as_in_the_book)}


def profile(dls, loss_func, opt_func, fit) -> dict:   # milliseconds of CPU a batch, by part
    "Train one epoch; `around` is what is left when the parts are taken off the whole."
    torch.manual_seed(1)
    learn = Learner(dls, DotProductBias(944, 1665, 50), loss_func, opt_func=opt_func)
    with clocks(learn) as seconds: fit(learn)
    n = len(dls.train)
    ms = {part: 1000*s/n for part, s in seconds.items()}
    whole = ms.pop('epoch')
    return dict(batches=n, bs=dls.train.bs, **ms, around=whole - sum(ms.values()), batch=whole)


def bare_loop(dls) -> float:   # milliseconds of CPU a batch
    "The same steps with nothing around them."
    torch.manual_seed(1)
    model = DotProductBias(944, 1665, 50)
    opt = adam(model.parameters(), lr=5e-3, weight_decay=.1)
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
        bare.append(bare_loop(todo['+ fit'][0]))
    fastest = {name: min(of, key=lambda run: run['batch']) for name, of in runs.items()}
    fastest = {name: {k: round(v, 4) for k, v in of.items()} for name, of in fastest.items()}
    save(args, SETTINGS, rounds=args.rounds, setups=fastest, bare_loop=round(min(bare), 4))
    print(pd.DataFrame(fastest).T.to_string())
    print(f'a loop with nothing around it: {min(bare):.4f} ms a batch; written to {args.out}')


if __name__ == '__main__': main()
