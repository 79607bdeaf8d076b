"""One machine beside two workers: `sgd` and `als`, and Spark's ALS on a cluster of two.

planted: planted ratings in half stars, 10% hidden; `sgd` with two threads, `als` with the decay of
`spark_als` and as it comes, and `spark_als` on Spark's own standalone cluster, a master and two
workers of one core each, all on this machine (needs pyspark and Java: run it by .venv-bench), each
in a fresh process. Seconds are those of the call. For Spark they hold the way of the ratings to the
workers and of the factors back, but not the start of Java, which stands apart. CPU and peak memory
(Linux only) are of the process and of all that it has started, Java too. lost: a million planted
ratings, and one of the two workers killed half way. 1m: MovieLens 1M, three random tenths hidden
(needs --1m, an .npz file of user, item and rating). ddp: `fit_quick` in two processes by
`ShareBatches`, and in one, on the same planted ratings; the bytes that go out in a step are those
of the loopback device, so nothing else should be talking.
Parts that are not run keep what results/distributed.json has; so do sizes and models.
Run: .venv-bench/bin/python benchmarks/distributed.py
"""
import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from peers import apart, machine, write

OUT = Path(__file__).parent/'results'/'distributed.json'
SIZES = {'1m': (20_000, 4_000, 1_000_000), '10m': (70_000, 10_000, 10_000_000),
         '32m': (200_000, 80_000, 32_000_000)}
PARTS = 'planted', 'lost', '1m', 'ddp'
ALS = dict(n_factors=20, iterations=8)
DDP = dict(n_factors=20, epochs=5)
SETTINGS = dict(sgd=dict(n_factors=20, lr=.04, epochs=12, threads=2), als_default=ALS,
                als=dict(ALS, damping=0), spark=ALS)
MEMORY = dict(worker=1536, driver=1536)     # in MB; the driver keeps what the workers are to read


def plant(file, size):
    "Planted ratings in half stars; the RMSE of the signal on the hidden ones."
    import numpy as np
    from collabdive.planted import planted_ratings
    n_users, n_items, n = SIZES[size]
    f, rng = planted_ratings(n_users, n_items, 20, n), np.random.default_rng(1)
    signal = f.signal.to_numpy()
    stars = (np.rint(2*(signal + rng.normal(0, .8, n)))/2).clip(.5, 5).astype('float32')
    hidden = rng.random(n) < .1
    np.savez(file, user=f.user.to_numpy('int32') - 1, item=f.movie.to_numpy('int32') - 1,
             rating=stars, hidden=hidden)
    return round(float(((signal.clip(.5, 5) - stars)[hidden]**2).mean()**.5), 4)


def tree() -> tuple:
    "CPU seconds, and peak memory in MB, of this process and all that it has started."
    import psutil
    me = psutil.Process()
    cpu = peak = 0
    for process in (me, *me.children(recursive=True)):
        if process.status() == psutil.STATUS_ZOMBIE: continue
        used, status = process.cpu_times(), Path(f'/proc/{process.pid}/status').read_text()
        cpu += used.user + used.system
        peak += int(status.partition('VmHWM:')[2].split()[0])/1024
    return cpu, peak


def cluster():
    """A session on two workers of one core each, processes of their own. The ratings go to them in
    32 parts, since each part is a piece of its task, and is copied with it."""
    from pyspark.sql import SparkSession
    worker, driver = (f'{MEMORY[name]}m' for name in ('worker', 'driver'))
    settings = {'spark.driver.memory': driver, 'spark.executor.memory': worker,
                'spark.default.parallelism': 32, 'spark.sql.shuffle.partitions': 8,
                'spark.ui.showConsoleProgress': False,
                'spark.driver.host': '127.0.0.1', 'spark.driver.bindAddress': '127.0.0.1',
                'spark.rpc.message.maxSize': 512, 'spark.network.timeout': '600s',
                'spark.sql.execution.arrow.maxRecordsPerBatch': 1_000_000}
    builder = SparkSession.builder.master(f'local-cluster[2,1,{MEMORY["worker"]}]')
    for name, value in settings.items(): builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel('ERROR')
    session.range(4).repartition(4).count()         # both workers are there
    return session


def ready(name):
    "The trainer, warm; seconds that its start took; what ends it."
    import os
    began = time.perf_counter()
    if name == 'spark':
        from collabdive.distributed import spark_als
        os.environ |= dict(SPARK_LOCAL_IP='127.0.0.1', SPARK_WORKER_DIR=tempfile.mkdtemp())
        session = cluster()
        return (lambda frame, **more: spark_als(frame, spark=session, blocks=8, **more),
                time.perf_counter() - began, session.stop)
    from collabdive import als, sgd
    from collabdive.planted import planted_ratings
    fit = sgd.sgd if name == 'sgd' else als.als
    fit(planted_ratings(20, 20, 1, 100))
    return fit, time.perf_counter() - began, lambda: None


def judged(f, hidden, low, high) -> float:
    "RMSE on hidden rows; the mean for what the model does not know."
    import numpy as np
    import pandas as pd
    known = hidden.user.isin(f.users) & hidden.item.isin(f.items)
    pred = pd.Series(float(f.mean), hidden.index)
    pred[known] = f.score(hidden.user[known], hidden.item[known])
    return round(float(np.sqrt(((pred.clip(low, high) - hidden.rating)**2).mean())), 4)


def halves(file) -> tuple:
    "The planted ratings that are known, and those that are hidden."
    import numpy as np
    import pandas as pd
    with np.load(file) as d:
        frame = pd.DataFrame({c: d[c] for c in ('user', 'item', 'rating')}, copy=False)
        return tuple(frame[d['hidden'] == part].reset_index(drop=True) for part in (False, True))


def on_planted(file, name) -> dict:
    "Seconds, CPU seconds, peak MB, RMSE."
    fit, start, stop = ready(name)
    known, hidden = halves(file)
    same = dict(decay=.1*(80_000/len(known))**(1/6)) if name in ('als', 'spark') else {}
    (before, _), began = tree(), time.perf_counter()
    f = fit(known, **SETTINGS[name], **same)
    wall, (cpu, peak) = time.perf_counter() - began, tree()
    stop()
    heap = dict(heap_mb=MEMORY) if name == 'spark' else {}
    return dict(model=name, rows=len(known), **SETTINGS[name], **same, **heap, wall=round(wall, 1),
                cpu=round(cpu - before, 1), start=round(start, 1), peak_mb=round(peak),
                rmse=judged(f, hidden, .5, 5))


def planted(file, sizes, names, done) -> list:
    "Each model on each size; what was done before and is not done again stays."
    for size in sizes:
        signal = apart(plant, file, size)
        for name in names:
            row = dict(size=size, signal_rmse=signal, **apart(on_planted, file, name))
            done = [r for r in done if (r['size'], r['model']) != (size, name)] + [row]
            print(row, flush=True)
    return done


def lost(file) -> dict:
    "The same training twice, and in the second a worker is killed half way: `kill -9`."
    import threading
    import warnings
    import numpy as np
    import pandas as pd
    import psutil
    fit, _, stop = ready('spark')
    with np.load(file) as d: frame = pd.DataFrame({c: d[c] for c in ('user', 'item', 'rating')})
    def timed():
        began = time.perf_counter()
        return fit(frame, **ALS), round(time.perf_counter() - began, 1)
    def kill():
        next(p for p in psutil.Process().children(recursive=True)
             if p.status() != psutil.STATUS_ZOMBIE
             and 'CoarseGrainedExecutorBackend' in ' '.join(p.cmdline())).kill()
    timed()                                          # now Java is warm
    whole, seconds = timed()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        threading.Timer(seconds/2, kill).start()
        again, longer = timed()
    stop()
    some = frame.iloc[:10_000]
    apart_by = np.abs(whole.score(some.user, some.item) - again.score(some.user, some.item)).max()
    return dict(rows=len(frame), seconds=seconds, seconds_killed=longer,
                difference=float(apart_by), warnings=[str(w.message) for w in told
                                                      if w.category is RuntimeWarning])


def million(file) -> list:
    "MovieLens 1M, three random tenths hidden, the defaults with 20 factors."
    import numpy as np
    import pandas as pd
    with np.load(file) as d: ratings = pd.DataFrame({c: d[c] for c in ('user', 'item', 'rating')})
    rows = []
    for name in ('als', 'spark'):
        fit, _, stop = ready(name)
        for split in range(3):
            order = np.random.default_rng(split).permutation(len(ratings))
            hidden, known = (ratings.iloc[p] for p in np.split(order, [len(order)//10]))
            error = judged(fit(known, n_factors=20, seed=1), hidden, 1, 5)
            rows.append(dict(model=name, split=split, rmse=error))
            print(rows[-1], flush=True)
        stop()
    return rows


def in_shares(folder, dls, hidden, shared):
    "Train on all rows of the loaders; write the factors, what they cost, and what went out."
    import numpy as np
    from collabdive.distributed import ShareBatches
    from collabdive.factors import to_factors
    from collabdive.learner import fit_quick
    share, wire, cpu, began = ShareBatches(cpu=True), sent(), time.process_time(), time.time()
    learn = fit_quick(dls, **DDP, progress=False, cbs=[share]*shared)
    wall, cpu, wire = time.time() - began, time.process_time() - cpu, sent() - wire
    f, place = to_factors(learn), share.all.process_index if shared else 'one'
    np.savez(f'{folder}/{place}.npz', users=f.user_factors, items=f.item_factors, wire=wire,
             wall=wall, cpu=cpu, rmse=judged(f, hidden, .5, 5), bs=learn.dls.train.bs,
             steps=len(learn.dls.train)*learn.n_epoch,
             size=sum(p.numel()*p.element_size() for p in learn.model.parameters()))


def loaders(known):
    "As of `collab_dls`, with less memory: that splits, shuffles, and looks for repeats."
    import torch
    from fastai.data.transforms import CategoryMap
    from collabdive.batches import CodedRatings, RatingsDataLoaders, RatingsDL, RatingsVocab
    from collabdive.data import _coded
    users, items, *codes, stars = _coded(known, 'user', 'item', 'rating', 'float32')
    x, y = torch.empty(len(stars), 2, dtype=torch.int64), torch.tensor(stars)[:, None]
    for k, code in enumerate(codes): x[:, k] = torch.from_numpy(code) + 1
    classes = {name: CategoryMap(ids.tolist(), sort=False, add_na=True)
               for name, ids in (('user', users), ('item', items))}
    levels = tuple(known.rating.drop_duplicates().sort_values().tolist())
    vocab = RatingsVocab('user', 'item', 'rating', classes, levels, 'regress')
    train = RatingsDL(CodedRatings(x, y, vocab), shuffle=True)
    return RatingsDataLoaders(train, train.new(CodedRatings(x[:0], y[:0], vocab), shuffle=False))


def sent() -> int:
    "Bytes that have gone out over the loopback device, of all processes (Linux only)."
    return int(Path('/sys/class/net/lo/statistics/tx_bytes').read_text())


def one_and_two(file) -> dict:
    "One process and two, on the same rows in the same batches. The rows are there once for all."
    import numpy as np
    import torch
    from accelerate import debug_launcher
    torch.set_num_threads(1)
    known, hidden = halves(file)
    dls, rows = loaders(known), len(known)
    del known
    with tempfile.TemporaryDirectory() as folder:
        debug_launcher(in_shares, (folder, dls, hidden, True))
        in_shares(folder, dls, hidden, False)
        one, *two = (dict(np.load(f'{folder}/{name}.npz')) for name in ('one', '0', '1'))
    apart_by = max(float(np.abs(one[k] - t[k]).max()) for t in two for k in ('users', 'items'))
    two[0]['cpu'] = two[0]['cpu'] + two[1]['cpu']
    figures = {k: dict(one=round(float(one[k]), digits), two=round(float(two[0][k]), digits))
               for k, digits in dict(wall=1, cpu=1, rmse=4).items()}
    bs, steps, size = (int(one[k]) for k in ('bs', 'steps', 'size'))
    return dict(rows=rows, **DDP, bs=bs, steps=steps, **figures, difference=apart_by,
                gradient_bytes=size, wire_bytes=int(two[0]['wire'])//steps)


def ddp(file, sizes, done) -> list:
    "One process and two on each size; sizes that were done before and are not done again stay."
    for size in sizes:
        row = dict(size=size, signal_rmse=apart(plant, file, size), **apart(one_and_two, file))
        done = [r for r in done if r['size'] != size] + [row]
        print(row, flush=True)
    return done


def main():
    "Measure what was asked for, and write it beside what there is."
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=PARTS)
    parser.add_argument('--sizes', nargs='+', choices=SIZES, default=[*SIZES])
    parser.add_argument('--models', nargs='+', choices=SETTINGS, default=[*SETTINGS])
    parser.add_argument('--quick', action='store_true', help='a million planted ratings only')
    parser.add_argument('--1m', dest='million', help='your own MovieLens 1M, as .npz')
    parser.add_argument('--out', type=Path, default=OUT, help='where to write')
    args = parser.parse_args()
    if args.quick: args.parts, args.sizes = ('planted', 'lost', 'ddp'), ['1m']
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for part in args.parts:
            if part == '1m' and not args.million: print('1m: needs --1m with your own copy')
            elif part == '1m': found[part] = apart(million, args.million)
            elif part == 'lost':
                apart(plant, f'{folder}/planted.npz', '1m')
                found[part] = apart(lost, f'{folder}/planted.npz')
            elif part == 'ddp':
                found[part] = ddp(f'{folder}/planted.npz', args.sizes, found.get(part, []))
            else: found[part] = planted(f'{folder}/planted.npz', args.sizes, args.models,
                                        found.get(part, []))
            write(args.out, {**found, 'machine': machine()})


if __name__ == '__main__': sys.exit(main())
