"""The films of the explorer: a model of MovieLens latest-small, made ready for a page.

Trains on all ratings, keeps the 2,000 most rated films, and writes web/dist/data.js and the
conditions of the data. error: RMSE on a tenth that was hidden, of models with so many factors.
rounded: for 200 random sets of 5 to 15 ratings, the predictions of all films from factors in
float16 and in int8, against those from float32: the largest difference in stars, and the share of
lists of ten that hold the same films. Writes results/explorer.json.
Run: python benchmarks/explorer.py --latest-small FOLDER
"""
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from collabdive.batches import collab_dls
from collabdive.cold_start import fold_in
from collabdive.data import load_movielens
from collabdive.explorer import without_people, write_explorer
from collabdive.factors import Factors, to_factors
from collabdive.learner import fit_quick
from collabdive.splits import random_split
from collabdive.training import history
from shared import options, save

FACTORS, SEEDS, CHOSEN, N_FILMS = (20, 40, 80), (1, 2, 3), 40, 2000
DIST = Path(__file__).parent.parent/'web'/'dist'
ABOUT = [
    'The films are the 2,000 most rated of MovieLens latest-small (October 2016: 100,004 ratings '
    'by 671 people). What is in this page was computed from those ratings; no rating of anybody '
    'and nobody’s row of the model is in it.',
    'F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. '
    'ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19. '
    'https://doi.org/10.1145/2827872',
    'The data set and what is made of it, this page’s data.js, may be passed on under the same '
    'conditions: not for commercial purposes, with that citation, and without any suggestion that '
    'the University of Minnesota or GroupLens endorses it. They stand in data-conditions.txt.']


def int8(X: np.ndarray) -> np.ndarray:
    "Rounded to 255 steps a column."
    step = np.abs(X).max(0)/127
    return (X/step).round()*step


def compared(f: Factors, exact: Factors) -> dict:
    "How far f is from a model that it should equal."
    rng, off, same = np.random.default_rng(0), 0., 0
    for _ in range(200):
        films = rng.choice(500, rng.integers(5, 16), replace=False)
        rated = {f.items[i]: float(rng.integers(1, 6)) for i in films}
        a, b = (fold_in(model, rated).score(f.items) for model in (exact, f))
        off = max(off, float(np.abs(a - b).max()))
        a[films] = b[films] = -np.inf
        same += {*np.argsort(-a)[:10]} == {*np.argsort(-b)[:10]}
    return dict(largest=round(off, 5), same_lists=same/200)


def main():
    "Measure, train, write."
    args = options(__doc__, 'explorer.json', paths=('latest-small',))
    if not args.latest_small: sys.exit('explorer: --latest-small FOLDER, that of 2016, is wanted')
    data = load_movielens('latest-small', args.latest_small)
    error = {n: [round(float(history(fit_quick(
        collab_dls(data.ratings, splits=random_split(data.ratings, .1, seed)), n_factors=n,
        seed=seed, progress=False)).valid.iloc[-1])**.5, 4) for seed in SEEDS] for n in FACTORS}
    whole = to_factors(fit_quick(collab_dls(data.ratings, valid_pct=0), n_factors=CHOSEN,
                                 progress=False))
    f = without_people(whole, N_FILMS)
    place = {title: row for row, title in enumerate(whole.items)}
    X = whole.item_factors[[place[title] for title in f.items]]
    exact = replace(f, item_factors=X)
    rounded = {'float16': compared(f, exact),
               'int8': compared(replace(f, item_factors=int8(X)), exact)}
    said = (Path(args.latest_small)/'README.txt').read_text('utf-8').replace('\r', '')
    (DIST/'data-conditions.txt').write_text(said.partition('Further Information')[0], 'utf-8')
    with TemporaryDirectory() as tmp:
        write_explorer(f, tmp, 'films', ABOUT, facts=data.movies)
        shutil.copyfile(Path(tmp)/'data.js', DIST/'data.js')
    save(args, dict(n_factors=CHOSEN, seeds=SEEDS), films=N_FILMS, error=error, rounded=rounded)


if __name__ == '__main__': main()
