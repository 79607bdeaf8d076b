"""From 100 thousand ratings to 32 million: the road to lists, and which settings suit.

Sets: MovieLens 100K; latest-small and 1M (--latest-small, --1m: your own copies); planted ratings
in half stars of the size of 1M, 10M and 32M.
road: a CSV of whole numbers read by `read_ratings`, trained on by `sgd` with 20 factors for 12
epochs, and lists of ten for 10,000 users by `recommend_all`; seconds of each step and peak memory
of a fresh process. To plant and to write the file is outside the clock.
grid: RMSE of `sgd` on a tenth of the training rows, for some numbers of factors and some multiples
of its usual decay; three splits, of the largest sets one. best: the best of those on all training
rows, judged on the hidden tenth, beside the defaults; 32 million take the settings of 10 million.
real: your own copy of any MovieLens set, by the protocol of Rendle, Zhang and Koren (2019): ten
times a random tenth hidden; settings chosen on training rows of the first split (needs PATH, the
zip archive or the folder). --bayes: bayes_mf with who rated what too, about a minute a million.
Parts that are not run keep what results/full.json has.
Run: python benchmarks/full.py, or make bench-full PATH=ml-10m.zip
"""
import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from peers import THREADS, apart, machine, peak_mb
from sgd import LARGE, judged, plant, timed, trainers

OUT = Path(__file__).parent/'results'/'full.json'
PARTS = 'road', 'grid', 'best', 'real'
PLANTED = {'planted 1m': (6_040, 3_706, 1_000_000), 'planted 10m': (70_000, 10_000, 10_000_000),
           'planted 32m': (200_000, 80_000, 32_000_000)}
FACTORS, TIMES = (5, 10, 20, 50, 100, 200), (.5, .7, 1., 1.4, 2.)
FEW = (20, 50, 100, 200), (.7, 1.)    # of a real set that may have 32 million rows
LISTS, K = 10_000, 10                 # users who get a list, and its length
USUAL = 50, 1.                        # what `sgd` takes when nothing is said


def options() -> argparse.Namespace:
    "Read the command line. Exits with a message where a path is missing or says no name."
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('path', nargs='?', help='your own copy of a MovieLens set: runs `real`')
    parser.add_argument('--name', help='of that set, such as 10m; else as its path says')
    parser.add_argument('--bayes', action='store_true', help='bayes_mf on that set too')
    parser.add_argument('--splits', type=int, default=10, help='of that set')
    parser.add_argument('--parts', nargs='+', choices=PARTS[:3], default=PARTS[:3])
    parser.add_argument('--sets', nargs='+', help='only these: 100k, planted 10m, ...')
    parser.add_argument('--latest-small', help='your own copy')
    parser.add_argument('--1m', dest='million', help='your own copy')
    parser.add_argument('--threads', type=int, default=2, help='of road and real')
    parser.add_argument('--quick', action='store_true',
                        help='100K and a tenth of a million, one split, nothing written')
    parser.add_argument('--out', type=Path, default=OUT, help='where to write')
    args = parser.parse_args()
    if args.path and not Path(args.path).exists(): parser.error(
        f'there is no file or folder {args.path}')
    if args.path and not args.name:
        found = re.search(r'ml-(\d+[km]|latest-small)', str(Path(args.path).resolve()).lower())
        if not found: parser.error(f'{args.path}: which MovieLens set is it? Say --name 10m')
        args.name = found[1]
    return args


def store(file, name, path):
    "A MovieLens set as arrays."
    import numpy as np
    from collabdive.data import load_movielens
    r = load_movielens(name, path).ratings
    np.savez(file, user=r.user.to_numpy('int32'), item=r.movie.to_numpy('int32'),
             rating=r.rating.to_numpy('float32'))


def frame(file):
    "Those arrays as ratings."
    import numpy as np
    import pandas as pd
    with np.load(file) as d: return pd.DataFrame({
        name: d[name] for name in ('user', 'item', 'rating')}, copy=False)


def to_csv(file, csv):
    "Four columns, as MovieLens has them."
    import numpy as np
    ratings = frame(file)
    ratings['timestamp'] = np.arange(800_000_000, 800_000_000 + len(ratings))
    ratings.to_csv(csv, index=False)


def road(csv, threads) -> dict:
    "From a CSV to lists: CPU and wall seconds of each step, and peak memory."
    import numpy as np
    from collabdive.data import read_ratings
    from collabdive.recommend import recommend_all
    sgd = trainers()['sgd']
    found = dict(file_mb=round(os.path.getsize(csv)/2**20), threads=threads)
    ratings, *found['read'] = timed(read_ratings, csv)
    found['read_peak_mb'] = round(peak_mb())
    f, *found['fit'] = timed(sgd, ratings, **LARGE, threads=threads)
    users = np.random.default_rng(0).permutation(f.users)[:LISTS]
    (lists, _), *found['lists'] = timed(recommend_all, f, users, K)
    cpu, wall = (round(sum(found[step][k] for step in ('read', 'fit', 'lists')), 2) for k in (0, 1))
    return dict(found, rows=len(ratings), users=len(f.users), items=len(f.items),
                n_lists=len(lists), cpu=cpu, wall=wall, peak_mb=round(peak_mb()))


def parts_of(file, split) -> tuple:   # known, held, hidden
    "Of the rows a random tenth hidden, and of the others a tenth held out to choose by."
    import numpy as np
    ratings = frame(file)
    order = np.random.default_rng(split).permutation(len(ratings))
    hidden, rest = np.split(order, [len(order)//10])
    held, known = np.split(rest, [len(rest)//10])
    return tuple(ratings.iloc[rows].reset_index(drop=True) for rows in (known, held, hidden))


def trained(known, hidden, n_factors, times, seed=1, threads=1) -> tuple:   # RMSE, CPU, decay
    "`sgd` with a multiple of its usual decay."
    from collabdive.sgd import _decay
    decay = times*_decay(None, len(known), .08)
    f, cpu, _ = timed(trainers()['sgd'], known, n_factors, decay=decay, seed=seed, threads=threads)
    low, high = float(known.rating.min()), float(known.rating.max())
    return judged(f, hidden, 'item', low, high), cpu, round(decay, 4)


def grid(file, name, splits, factors=FACTORS, times=TIMES, threads=1) -> list:
    "A row a split, number of factors and multiple of the usual decay."
    rows = []
    for split in splits:
        known, held, _ = parts_of(file, split)
        for n in factors:
            for t in times:
                rmse, cpu, decay = trained(known, held, n, t, threads=threads)
                rows.append(dict(data=name, rows=len(known), split=split, n_factors=n, times=t,
                                 decay=decay, rmse=rmse, cpu=cpu))
                print(rows[-1], flush=True)
    return rows


def choice(rows) -> tuple:   # n_factors, multiple of the usual decay
    "The best setting of a grid, the mean over its splits."
    import pandas as pd
    return pd.DataFrame(rows).groupby(['n_factors', 'times']).rmse.mean().idxmin()


def best(file, name, chosen, runs, threads=1) -> list:
    "The chosen setting and the usual one, on all training rows; a row a split and seed."
    import pandas as pd
    rows = []
    for split, seed in runs:
        known, held, hidden = parts_of(file, split)
        known = pd.concat([known, held], ignore_index=True)
        for what, (n, t) in (('chosen', chosen), ('usual', USUAL)):
            rmse, cpu, decay = trained(known, hidden, int(n), float(t), seed, threads)
            rows.append(dict(data=name, rows=len(known), split=split, seed=seed, setting=what,
                             n_factors=int(n), times=float(t), decay=decay, rmse=rmse, cpu=cpu))
            print(rows[-1], flush=True)
    return rows


def with_bayes(file, splits) -> list:
    "bayes_mf with who rated what, on the same splits."
    import pandas as pd
    from collabdive.bayes import bayes_mf
    rows = []
    for split in splits:
        known, held, hidden = parts_of(file, split)
        known = pd.concat([known, held], ignore_index=True)
        model, cpu, _ = timed(bayes_mf, known, 20, 50, implicit=True)
        error = model.predict(hidden)[0] - hidden.rating
        rows.append(dict(split=split, rmse=round(float((error**2).mean()**.5), 4), cpu=cpu))
        print(rows[-1], flush=True)
    return rows


def real(args, folder) -> dict:
    "A set of your own, all of it."
    file, csv, splits = folder/'real.npz', folder/'real.csv', range(args.splits)
    apart(store, file, args.name, args.path)
    apart(to_csv, file, csv)
    found = dict(road=apart(road, csv, args.threads))
    found['grid'] = apart(grid, file, args.name, [0], *FEW, args.threads)
    found['best'] = apart(best, file, args.name, apart(choice, found['grid']),
                          [(split, 1) for split in splits], args.threads)
    if args.bayes: found['bayes'] = apart(with_bayes, file, splits)
    return found


def of_set(name, args, folder, store_part):
    "All parts that were asked for, of one set."
    file, csv = folder/f'{name}.npz', folder/f'{name}.csv'
    print(name, flush=True)
    if name in PLANTED: store_part('signal', name, apart(plant, file, *PLANTED[name]))
    else: apart(store, file, name, dict(zip(('1m', 'latest-small'), (
        args.million, args.latest_small))).get(name))
    if 'road' in args.parts:
        apart(to_csv, file, csv)
        print(store_part('road', name, apart(road, csv, args.threads)), flush=True)
        csv.unlink()
    large = name in ('planted 10m', 'planted 32m')
    splits = [0] if large or args.quick else [0, 1, 2]
    if 'grid' in args.parts and name != 'planted 32m':
        factors = FACTORS[:-1] if large else FACTORS[1:4] if args.quick else FACTORS
        store_part('grid', name, apart(grid, file, name, splits, factors))
    if 'best' in args.parts:
        runs = [(0, seed) for seed in (1, 2, 3)] if large else [(split, 1) for split in splits]
        rows = store_part('grid', 'planted 10m' if name == 'planted 32m' else name)
        if rows: store_part('best', name, apart(best, file, name, apart(choice, rows),
                                                runs[:1] if name == 'planted 32m' else runs))
    file.unlink()


def main():
    "Measure what was asked for, and write it beside what there is."
    args = options()
    os.environ.update(dict.fromkeys(THREADS, str(args.threads)))
    found = {}

    def store_part(part, name, value=None):
        "Keep a value beside what the file has by now, or give the one that there is."
        if args.out.exists() and not args.quick: found.update(json.loads(args.out.read_text()))
        for one in (*PARTS, 'signal'): found.setdefault(one, {})
        if value is None: return found[part].get(name)
        found[part][name] = value
        if not args.quick: save(args.out, dict(found, machine=machine()))
        return value

    if args.quick: PLANTED['planted 1m'] = 2000, 1000, 100_000
    names = ['100k', *['latest-small']*bool(args.latest_small), *['1m']*bool(args.million)]
    names += ['planted 1m'] if args.quick else PLANTED
    with tempfile.TemporaryDirectory() as tmp:
        if args.path: store_part('real', args.name, real(args, Path(tmp)))
        else:
            for name in args.sets or names: of_set(name, args, Path(tmp), store_part)
    print(json.dumps({k: found.get(k) for k in ('road', 'best', 'real')}, indent=1))


def save(out, record):
    "The whole file, or what was there."
    from collabdive.files import write_whole
    write_whole(out, lambda part: part.write_text(json.dumps(record, indent=1) + '\n'))


if __name__ == '__main__': sys.exit(main())
