"""What do fastai's events cost, and what does `fit` save of that?

DotProductBias on ML-100K, trained by fastai's own `fit_one_cycle` and by `fit`, with the same
optimiser, groups of parameters and weights, so that all losses are equal; and the steps alone,
without schedule, record and validation.
Writes results/steps.json. Run: python benchmarks/steps.py
"""
import warnings
from time import process_time

warnings.filterwarnings('ignore', message='The given NumPy array is not writable')

import torch
from fastai.learner import Learner
from tqdm.auto import tqdm

from collabdive.batches import collab_dls
from collabdive.data import load_movielens
from collabdive.dot_product import DotProductBias, squared_error
from collabdive.training import Recipe, adam, factors_and_rest, fit
from shared import options, save

SETTINGS = 'ML-100K by title, split seed 42, batch 512, 5 epochs of Recipe(), 50 factors'


def by_fastai(learn):
    "What `fit` does, by fastai's own method, silent."
    recipe = Recipe()
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(recipe.epochs, recipe.lr, wd=(recipe.wd, recipe.rest_wd))


def steps_alone(learn):
    "The same steps, at one learning rate, and nothing else."
    learn.create_opt()
    learn.opt.set_hypers(wd=(Recipe().wd, Recipe().rest_wd))
    for _ in range(Recipe().epochs):
        for x, y in learn.dls.train:
            squared_error(learn.model(x), y).backward()
            learn.opt.step()
            learn.opt.zero_grad()


def seconds(dls, train) -> tuple:   # of CPU; the losses of all batches
    "Train once."
    torch.manual_seed(1)
    learn = Learner(dls, DotProductBias(944, 1665, 50), squared_error, opt_func=adam,
                    splitter=factors_and_rest)
    start = process_time()
    train(learn)
    return process_time() - start, [float(v) for v in getattr(learn.recorder, 'losses', [])]


def main():
    "Measure, write, and print."
    args = options(__doc__, 'steps.json',
                   rounds=(5, 'trainings of each, in turn; the fastest counts'))
    dls = collab_dls(load_movielens('100k').ratings, bs=512, device='cpu')
    todo = {'fastai': by_fastai, 'fit': fit, 'steps alone': steps_alone}
    runs = {name: [] for name in todo}
    for _ in tqdm(range(args.rounds), desc='rounds'):
        for name, train in todo.items(): runs[name].append(seconds(dls, train))
    losses = {name: of[0][1] for name, of in runs.items()}
    assert losses['fastai'] == losses['fit'] and len(losses['fit']) == 5*len(dls.train)
    cpu_s = {name: round(min(s for s, _ in of), 3) for name, of in runs.items()}
    save(args, SETTINGS, rounds=args.rounds, cpu_s=cpu_s,
         ratio=round(cpu_s['fit']/cpu_s['fastai'], 3))
    print(cpu_s, f'written to {args.out}')


if __name__ == '__main__': main()
