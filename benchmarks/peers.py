"""Error, time and memory beside other libraries, on the official folds of MovieLens 100K.

Every contender (benchmarks/contenders.py) learns each fold's 80,000 ratings by movie id and
predicts the other 20,000, unknown users and movies too; predictions are clipped to 1..5. They run
in turn, with the same number of threads, on the CPU. Every fit has a fresh process of its own. The
clock starts when the library is imported and the ratings are in a pandas frame, so building a
library's own tables or loaders from the frame counts as fitting, for all alike. fastai and
collabdive also validate after every epoch, inside their fitting time, on ratings that are blank: no
contender sees those it is judged on. Predicting is timed apart. Peak memory is that of the whole
process; added memory is what fitting and predicting put on top of the peak before the clock
started. One run each: RMSE differs between seeds by about .001, for SVD++ up to .008. Settings of
other libraries that are not their defaults were chosen on the first fold's hidden ratings, which
flatters them a little. Those of fit_quick were chosen on training rows, but of all folds, together
every row, which flatters it too: `nested` in results/recipe.json is the strict figure.

Writes results/peers.json after a complete run; a partial one is written where --out says.
Run: make bench, or make bench ARGS=--quick
"""
import argparse
import importlib
import json
import math
import os
import platform
import resource
import sys
import tempfile
import time
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from contenders import AS_INSTALLED, CONTENDERS, IMPORTS, QUICK, SEED

# A process starts with its parent's peak memory as its own: nothing large is imported up here.
OUT = Path(__file__).parent/'results'/'peers.json'
FOLDS = 1, 2, 3, 4, 5
INSTALL = "pip install 'collabdive[bench]', or make bench-setup"
THREADS = ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'NUMEXPR_NUM_THREADS',
           'VECLIB_MAXIMUM_THREADS', 'NUMBA_NUM_THREADS', 'RAYON_NUM_THREADS', 'LK_NUM_THREADS',
           'LK_NUM_BACKEND_THREADS']
RATIOS = {'times_fit_quick': QUICK, 'times_fastai': AS_INSTALLED}
COLUMNS = {'rmse': ('RMSE', '.4f'), 'fit_s': ('fit s', '.2f'), 'fit_cpu_s': ('CPU s', '.2f'),
           'predict_s': ('predict s', '.2f'), 'peak_mb': ('peak MB', '.0f'),
           'added_mb': ('added MB', '.0f'), 'times_fit_quick': ('x fit_quick', '.2f'),
           'times_fastai': ('x fastai', '.3f')}


def options(argv=None) -> argparse.Namespace:
    "Read the command line. Exits with a message if a name fits no contender."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true',
                        help='the first fold, without the slowest contenders: under 5 minutes')
    parser.add_argument('--only', nargs='+', metavar='NAME',
                        help='contenders whose name has one of these in it, such as: surprise')
    parser.add_argument('--folds', nargs='+', type=int, choices=FOLDS, help='all five by default')
    parser.add_argument('--threads', type=int, default=1, help='that each may use (default: 1)')
    parser.add_argument('--out', type=Path, help='where to write; by default results/peers.json '
                        'if the run is complete, else nowhere')
    args = parser.parse_args(argv)
    args.folds = sorted(set(args.folds or (FOLDS[:1] if args.quick else FOLDS)))
    args.names = [name for name in CONTENDERS
                  if not args.only or any(part.lower() in name.lower() for part in args.only)]
    if not args.names: parser.error(f"no contender has {' or '.join(map(repr, args.only))} in its "
                                    f"name; there are: {'; '.join(CONTENDERS)}")
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
        contender = CONTENDERS[name]
        slow = contender.slow and args.quick and not args.only
        reason = 'slow: left out by --quick' if slow else missing(contender.library)
        if reason: left_out[name] = reason
    return [name for name in args.names if name not in left_out], left_out


def save_folds(folder: str, folds: list):
    "Put each fold's arrays into a file, so that no contender has to import the reader."
    import numpy as np
    from collabdive.data import load_movielens
    from collabdive.splits import official_fold
    ratings = load_movielens('100k').ratings
    columns = {name: ratings[name].to_numpy() for name in ('user', 'movie', 'rating')}
    for fold in folds:
        train, hidden = official_fold(ratings, fold)
        np.savez(Path(folder)/f'u{fold}.npz', train=train, hidden=hidden, **columns)


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


def measure(name: str, file: str) -> dict:  # RMSE, seconds and MB
    "Fit one contender to one fold in this process, which should be fresh."
    import numpy as np
    import pandas as pd
    contender = CONTENDERS[name]
    for module in IMPORTS[contender.library]: importlib.import_module(module)
    with np.load(file) as data:
        rows = pd.DataFrame({c: data[c] for c in ('user', 'movie', 'rating')})
        train, hidden = (rows.iloc[data[part]].reset_index(drop=True)
                         for part in ('train', 'hidden'))
    y, pairs, before = hidden.rating.to_numpy('float64'), hidden[['user', 'movie']], peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    predict = contender.fit(train, pairs, **contender.settings)
    fitted, fit_cpu = time.perf_counter(), time.process_time() - cpu
    pred = predict()
    predict_s, peak = time.perf_counter() - fitted, peak_mb()
    return dict(rmse=round(judged(pred, y), 5), fit_s=round(fitted - wall, 3),
                fit_cpu_s=round(fit_cpu, 3), predict_s=round(predict_s, 3),
                peak_mb=round(peak, 1), added_mb=round(peak - before, 1))


def measure_or_tell(name: str, file: str) -> dict:  # from `measure`, or the error alone
    "`measure`; an error is printed and becomes a line of text."
    for text in ('pkg_resources is deprecated', 'The given NumPy array is not writable'):
        warnings.filterwarnings('ignore', message=text)
    try: return measure(name, file)
    except Exception as e:
        traceback.print_exc()
        return dict(error=f'{type(e).__name__}: {e}')


def apart(function, *args):  # what it returns
    "Call a function in a fresh process. Raises BrokenProcessPool if that dies."
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        return pool.submit(function, *args).result()


def run(names: list, folds: list) -> tuple:  # name -> fold -> figures; name -> reason for none
    "Every contender on every fold, in turn, with a progress bar."
    found, failed = {name: {} for name in names}, {}
    with tempfile.TemporaryDirectory() as folder, tqdm(total=len(names)*len(folds)) as bar:
        apart(save_folds, folder, folds)
        for fold in folds:
            for name in names:
                bar.set_description(f'u{fold} {name}')
                if name not in failed:
                    try: got = apart(measure_or_tell, name, str(Path(folder)/f'u{fold}.npz'))
                    except BrokenProcessPool: got = dict(error='its process was killed')
                    if 'error' in got: failed[name] = f"failed on u{fold}: {got['error']}"
                    found[name][f'u{fold}'] = got
                bar.update()
    return {name: of for name, of in found.items() if name not in failed}, failed


def mean(rows: list) -> dict: return {k: round(math.fsum(r[k] for r in rows)/len(rows), 5)
                                      for k in rows[0]}


def with_ratios(measured: dict) -> dict:  # name -> uses, settings, folds, mean, ratios
    "The figures of each contender, with their mean and its fitting time as a multiple of two."
    means = {name: mean(list(folds.values())) for name, folds in measured.items()}
    record = {}
    for name, folds in measured.items():
        it = CONTENDERS[name]
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
    measured, failed = run(names, args.folds) if names else ({}, {})
    for name, reason in failed.items(): print(f'{name}: {reason}')
    record = with_ratios(measured)
    if record: print(table(record))
    whole = len(record) == len(CONTENDERS) and args.folds == list(FOLDS)
    if out := args.out or (OUT if whole else None):
        write(out, dict(
            settings=dict(data='MovieLens 100K, official folds, by movie id', clip=[1, 5],
                          seed=SEED, folds=[f'u{k}' for k in args.folds]),
            threads=args.threads, machine=machine(), versions=versions(),
            contenders=record, not_run={**not_run, **failed}))
        print(f'written to {out}')
    else: print('a partial run: nothing is written (--out FILE would)')
    return int(bool(failed))


if __name__ == '__main__': sys.exit(main())
