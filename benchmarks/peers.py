"""Error, time and memory beside other libraries, on the official folds of MovieLens 100K.

Every contender (benchmarks/contenders.py) learns each fold's 80,000 ratings by movie id and
predicts the other 20,000, unknown users and movies too; predictions are clipped to 1..5. They run
with the same number of threads, on the CPU, one at a time or, with --cores, one on each of some
cores. Every fit has a fresh process of its own. The clock starts when the library is imported, what
compiles at its first call has had that call on a few rows (compile_s tells how long it took, with
no machine code from before), and the ratings are in a pandas frame, so building a library's own
tables or loaders from the frame counts as fitting, for all alike. fastai and collabdive's networks
also validate after every epoch, inside their fitting time, on ratings that are blank: no contender
sees those it is judged on. Predicting is timed apart. Peak memory is that of the whole process;
added memory is what fitting and predicting put on top of the peak before the clock started. One run
each: RMSE differs between seeds by about .001, for SVD++ up to .008. Settings of other libraries
that are not their defaults were chosen on the first fold's hidden ratings, which flatters them a
little. Those of collabdive were chosen on training rows, but of several folds, and what one learns
another hides, which flatters it too: `nested` in results/recipe.json is the strict figure of
fit_quick. How many draws a sampler makes was chosen by the seconds they take.

With --ml-1m, your own copy of MovieLens 1M instead: a random tenth hidden, three times.

Writes results/peers.json (million.json) after a complete run, or with --keep; any other is written
where --out says. Run: make bench, or make bench ARGS=--quick
"""
import argparse
import importlib
import json
import math
import os
import platform
import queue
import resource
import sys
import tempfile
import time
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from contenders import (AS_INSTALLED, CONTENDERS, IMPORTS, MILLION, QUICK, SEED, WITH_COLUMNS,
                        WITH_DAY)

# A process starts with its parent's peak memory as its own: nothing large is imported up here.
OUT, OUT_1M = (Path(__file__).parent/'results'/f'{name}.json' for name in ('peers', 'million'))
FOLDS, SPLITS = (1, 2, 3, 4, 5), (1, 2, 3)
ALL = {**CONTENDERS, **MILLION}
INSTALL = "pip install 'collabdive[bench]', or make bench-setup"
THREADS = ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'NUMEXPR_NUM_THREADS',
           'VECLIB_MAXIMUM_THREADS', 'NUMBA_NUM_THREADS', 'RAYON_NUM_THREADS', 'LK_NUM_THREADS',
           'LK_NUM_BACKEND_THREADS']
RATIOS = {'times_fit_quick': QUICK, 'times_fastai': AS_INSTALLED}
COLUMNS = {'rmse': ('RMSE', '.4f'), 'fit_s': ('fit s', '.2f'), 'fit_cpu_s': ('CPU s', '.2f'),
           'predict_s': ('predict s', '.2f'), 'compile_s': ('compile s', '.2f'),
           'peak_mb': ('peak MB', '.0f'),
           'added_mb': ('added MB', '.0f'), 'times_fit_quick': ('x fit_quick', '.2f'),
           'times_fastai': ('x fastai', '.3f')}


def options(argv=None) -> argparse.Namespace:
    "Read the command line. Exits with a message if a name fits no contender."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true',
                        help='the first fold, without the slowest contenders: some minutes')
    parser.add_argument('--only', nargs='+', metavar='NAME',
                        help='contenders of that name, or with it in theirs, such as: surprise')
    parser.add_argument('--folds', nargs='+', type=int, choices=FOLDS, help='all five by default')
    parser.add_argument('--threads', type=int, default=1, help='that each may use (default: 1)')
    parser.add_argument('--cores', nargs='+', type=int, default=[None], metavar='N',
                        help='numbers of cores, on each of which one runs at a time')
    parser.add_argument('--keep', action='store_true',
                        help='what the file has and this run does not measure stays in it')
    parser.add_argument('--ml-1m', metavar='FILES', help='your own copy of MovieLens 1M, zip '
                        'archive or folder: its race instead, on three random splits')
    parser.add_argument('--out', type=Path, help='where to write; by default results/peers.json '
                        '(million.json) if the run is complete, else nowhere')
    args = parser.parse_args(argv)
    args.contenders, args.all_folds, args.default = (MILLION, SPLITS, OUT_1M) if args.ml_1m else (
        CONTENDERS, FOLDS, OUT)
    args.folds = sorted(set(args.folds or (FOLDS[:1] if args.quick else args.all_folds)))
    exact = set(args.only or ()) & set(args.contenders)
    args.names = [name for name in args.contenders if not args.only or name in exact or any(
        part.lower() in name.lower() for part in args.only if part not in exact)]
    if not args.names: parser.error(f"no contender has {' or '.join(map(repr, args.only))} in its "
                                    f"name; there are: {'; '.join(args.contenders)}")
    if args.threads < 1: parser.error(f'--threads {args.threads} must be at least 1')
    return args


def missing(library: str) -> str:  # '' if it is there
    "Why a library cannot be measured, and what to do about it."
    try: version(library)
    except PackageNotFoundError: return f'{library} is not installed: {INSTALL}'
    return ''


def line_up(args) -> tuple:  # names to run; name -> reason for those that are not
    "Who runs, and who does not, and why."
    left_out = {}
    for name in args.names:
        contender = ALL[name]
        slow = contender.slow and args.quick and not args.only
        reason = 'slow: left out by --quick' if slow else missing(contender.library)
        if reason: left_out[name] = reason
    return [name for name in args.names if name not in left_out], left_out


def save_folds(folder: str, folds: list, ml_1m: str|None = None):
    "Put each fold's arrays into a file, so that no contender has to import the reader."
    import numpy as np
    from collabdive.data import load_movielens
    from collabdive.splits import official_fold
    ml = load_movielens('1m', ml_1m) if ml_1m else load_movielens('100k')
    columns = {name: ml.ratings[name].to_numpy() for name in ('user', 'movie', 'rating')}
    columns['day'] = ml.ratings.timestamp.to_numpy()//86_400
    ml.users.set_index('user')[['age', 'gender', 'occupation']].to_pickle(Path(folder)/'users')
    ml.movies.set_index('movie')[['year', 'genres']].astype({'year': float}).to_pickle(
        Path(folder)/'movies')
    for fold in folds:
        train, hidden = tenth(len(ml.ratings), fold) if ml_1m else official_fold(ml.ratings, fold)
        np.savez(Path(folder)/f'u{fold}.npz', train=train, hidden=hidden, **columns)


def tenth(n: int, split: int) -> tuple:  # (train_idx, hidden_idx)
    "A random tenth hidden, as results/sgd.json and bayes.json have it."
    import numpy as np
    order = np.random.default_rng(split - 1).permutation(n)
    return order[n//10:], order[:n//10]


def peak_mb() -> float:
    "The most memory that this process has had, in MB of 2**20 bytes."
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/unit


def judged(pred, y) -> float:  # RMSE in stars
    "The error of predictions clipped to 1..5. Raises ValueError unless there is one for each."
    import numpy as np
    pred = np.asarray(pred, dtype='float64').reshape(-1)
    if len(pred) != len(y): raise ValueError(f'{len(pred):,} predictions for {len(y):,} ratings')
    if bad := int((~np.isfinite(pred)).sum()):
        raise ValueError(f'{bad:,} of {len(y):,} predictions are not finite numbers')
    return float(np.sqrt(np.mean((pred.clip(1, 5) - y)**2)))


def material(contender, file: str) -> tuple:  # train, pairs, stars of those, tables
    "What a contender may use of a fold, as frames, and what it is judged on."
    import numpy as np
    import pandas as pd
    names = ['user', 'movie', 'rating'] + ['day']*(contender.uses == WITH_DAY)
    with np.load(file) as data:
        rows = pd.DataFrame({name: data[name] for name in names})
        train, hidden = (rows.iloc[data[part]].reset_index(drop=True)
                         for part in ('train', 'hidden'))
    more = dict(tables=[pd.read_pickle(Path(file).parent/name) for name in ('users', 'movies')]
                ) if contender.uses in (WITH_COLUMNS, WITH_DAY) else {}
    return train, hidden.drop(columns='rating'), hidden.rating.to_numpy('float64'), more


def compile_s(contender, train, pairs, more) -> float:  # CPU seconds
    "Fit a few rows, where a first call compiles."
    cpu, few = time.process_time(), train.sample(min(len(train), 2000), random_state=0)
    settings = {**contender.settings, **more}
    if 'draws' in settings: settings['draws'] = 4
    if contender.compiles: contender.fit(few, pairs[:1], **settings)()
    return time.process_time() - cpu


def measure(name: str, file: str, core: int|None = None) -> dict:  # RMSE, seconds and MB
    "Fit one contender to one fold in this process, which should be fresh."
    if core is not None: os.sched_setaffinity(0, [core])
    contender = ALL[name]
    for module in contender.imports or IMPORTS[contender.library]: importlib.import_module(module)
    train, pairs, y, more = material(contender, file)
    compiled, before = compile_s(contender, train, pairs, more), peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    predict = contender.fit(train, pairs, **contender.settings, **more)
    fitted, fit_cpu = time.perf_counter(), time.process_time() - cpu
    pred = predict()
    predict_s, peak = time.perf_counter() - fitted, peak_mb()
    return dict(rmse=round(judged(pred, y), 5), fit_s=round(fitted - wall, 3),
                fit_cpu_s=round(fit_cpu, 3), predict_s=round(predict_s, 3),
                compile_s=round(compiled, 3),
                peak_mb=round(peak, 1), added_mb=round(peak - before, 1))


def measure_or_tell(*args) -> dict:  # from `measure`, or the error alone
    "`measure` with nothing compiled before; an error is printed and becomes a line of text."
    for text in ('pkg_resources is deprecated', 'The given NumPy array is not writable',
                 'the draws have not settled'):
        warnings.filterwarnings('ignore', message=text)
    try:
        with tempfile.TemporaryDirectory() as empty:
            os.environ['NUMBA_CACHE_DIR'] = empty
            return measure(*args)
    except Exception as e:
        traceback.print_exc()
        return dict(error=f'{type(e).__name__}: {e}')


def apart(function, *args):  # what it returns
    "Call a function in a fresh process. Raises BrokenProcessPool if that dies."
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        return pool.submit(function, *args).result()


def run(names: list, folds: list, cores=(None,), ml_1m=None) -> tuple:
    """Every contender on every fold, with a progress bar, one at a time on each of the cores.
    Returns name -> fold -> figures, and name -> reason for those that failed."""
    found, failed, free = {name: {} for name in names}, {}, queue.Queue()
    for core in cores: free.put(core)
    with (tempfile.TemporaryDirectory() as folder, tqdm(total=len(names)*len(folds)) as bar,
          ThreadPoolExecutor(len(cores)) as pool):
        apart(save_folds, folder, folds, ml_1m)

        def one(job):
            (fold, name), core = job, free.get()
            bar.set_description(f'u{fold} {name}')
            if name not in failed:
                file = str(Path(folder)/f'u{fold}.npz')
                try: got = apart(measure_or_tell, name, file, core)
                except BrokenProcessPool: got = dict(error='its process was killed')
                if 'error' in got: failed[name] = f"failed on u{fold}: {got['error']}"
                found[name][f'u{fold}'] = got
            free.put(core)
            bar.update()
        list(pool.map(one, [(fold, name) for fold in folds for name in names]))
    return {name: of for name, of in found.items() if name not in failed}, failed


def with_kept(measured: dict, out: Path) -> dict:  # name -> fold -> figures
    "The new figures, and those of a file where there are no new ones; in order."
    old = json.loads(out.read_text())['contenders'] if out.exists() else {}
    old = {name: of['folds'] for name, of in old.items()
           if name in ALL and of['settings'] == ALL[name].settings}
    both = {name: {**old.get(name, {}), **measured.get(name, {})} for name in ALL}
    return {name: dict(sorted(folds.items())) for name, folds in both.items() if folds}


def mean(rows: list) -> dict: return {k: round(math.fsum(r[k] for r in rows)/len(rows), 5)
                                      for k in rows[0]}


def with_ratios(measured: dict) -> dict:  # name -> uses, settings, folds, mean, ratios
    "The figures of each contender, with their mean and its fitting time as a multiple of two."
    means = {name: mean(list(folds.values())) for name, folds in measured.items()}
    record = {}
    for name, folds in measured.items():
        it = ALL[name]
        ratios = {key: round(means[name]['fit_s']/means[to]['fit_s'], 4)
                  for key, to in RATIOS.items() if to in means}
        record[name] = dict(library=it.library, uses=it.uses, sampling=it.sampling,
                            settings=it.settings, folds=folds, mean=means[name], **ratios)
    return record


def machine() -> dict:
    "The processor and the software that the figures depend on."
    info = Path('/proc/cpuinfo')
    models = [line.partition(':')[2].strip() for line in
              (info.read_text().splitlines() if info.exists() else []) if 'model name' in line]
    return dict(cpu=models[0] if models else platform.processor() or platform.machine(),
                cores=os.cpu_count(), python=platform.python_version(), system=platform.system())


def versions() -> dict:  # name -> version, or None where it is not installed
    "The contenders' libraries, and those they stand on."
    return {name: None if missing(name) else version(name)
            for name in sorted({*IMPORTS, 'torch', 'numpy', 'scipy', 'pandas'})}


def table(record: dict) -> str:
    "The contenders by error, as text."
    rows = [['', *(title for title, _ in COLUMNS.values()), 'uses']]
    for name, of in sorted(record.items(), key=lambda item: item[1]['mean']['rmse']):
        figures = {**of['mean'], **of}
        cells = [f'{figures[k]:{form}}' if k in figures else '-'
                 for k, (_, form) in COLUMNS.items()]
        rows.append([name, *cells, of['uses'] + ', sampling'*of['sampling']])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = (cell.ljust(w) if k in (0, len(widths) - 1) else cell.rjust(w)
             for row in rows for k, (cell, w) in enumerate(zip(row, widths)))
    return '\n'.join('  '.join(line).rstrip() for line in zip(*[lines]*len(widths)))


def write(out: Path, record: dict):
    "Write beside the place, then rename: never half a file."
    part = out.with_name(out.name + '.part')
    part.write_text(json.dumps(record, indent=1) + '\n')
    part.replace(out)


def main(argv=None) -> int:  # exit status: 1 if a contender failed
    "Measure, write, and print a table."
    args = options(argv)
    os.environ.update(dict.fromkeys(THREADS, str(args.threads)), TQDM_DISABLE='1')
    names, not_run = line_up(args)
    for name, reason in not_run.items(): print(f'{name}: {reason}')
    measured, failed = run(names, args.folds, args.cores, args.ml_1m) if names else ({}, {})
    for name, reason in failed.items(): print(f'{name}: {reason}')
    if args.keep: measured = with_kept(measured, args.out or args.default)
    record = with_ratios(measured)
    if record: print(table(record))
    folds = [f'u{k}' for k in args.all_folds]
    whole = list(record) == list(args.contenders) and all(
        list(of['folds']) == folds for of in record.values())
    if out := args.out or (args.default if whole or args.keep else None):
        write(out, dict(
            settings=dict(data='MovieLens 1M, random tenths hidden, by movie id' if args.ml_1m else
                          'MovieLens 100K, official folds, by movie id', clip=[1, 5],
                          seed=SEED, folds=sorted({f for of in record.values()
                                                   for f in of['folds']})),
            threads=args.threads, cores=args.cores, machine=machine(), versions=versions(),
            contenders=record, not_run={**not_run, **failed}))
        print(f'written to {out}')
    else: print('a partial run: nothing is written (--out FILE would)')
    return int(bool(failed))


if __name__ == '__main__': sys.exit(main())
