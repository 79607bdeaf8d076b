"""One rating at a time, and one row at a time: `sgd` and `als` beside each other, AdamW and cornac.

search: settings on a tenth held out of the training rows of three official folds of MovieLens 100K.
folds: the defaults on u1..u5, by movie id, three seeds, predictions clipped to 1..5; the mean for a
movie without training ratings. same_loss: the very loss of both on u1, by `sgd`, `als` and AdamW in
PyTorch. factors: CPU seconds against the number of factors. steps: how many a second, in plain
Python, compiled, and compiled in the order of the file. 1m: three random tenths of MovieLens 1M
hidden (needs --1m). planted: ten million planted ratings in half stars, 10% hidden, `sgd`, `als`
and cornac's SGD in turn, each in a fresh process (needs cornac: run it by .venv-bench). peers: the
same rows, one thread each, with other libraries beside them; who needs more than --limit CPU
seconds in all, predicting included, is listed as such. Parts that are not run keep what
results/sgd.json has. Run: .venv-bench/bin/python benchmarks/sgd.py
"""
import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from peers import THREADS, apart, machine, peak_mb, write

OUT = Path(__file__).parent/'results'/'sgd.json'
PARTS = 'search', 'folds', 'same_loss', 'factors', 'steps', '1m', 'planted', 'peers'
SEEDS = 1, 2, 3
LARGE = dict(n_factors=20, lr=.04, epochs=12)    # of sgd; cornac has 20 epochs, as it is best
CORNAC = dict(k=20, max_iter=20, learning_rate=.01, lambda_reg=.02)
PEERS = {            # as in contenders.py: its function, its library's module, settings
    'cmfrec ALS': ('cmfrec', 'cmfrec', dict(k=20)),
    'Surprise SVD': ('surprise', 'surprise', dict(
        algorithm='SVD', n_factors=20, lr_all=.01, reg_all=.02)),
    'myFM, 30 draws': ('myfm', 'myfm', dict(draws=30)),
    'collabdive bayes_mf, 30 draws': ('bayes', 'collabdive.bayes', dict(draws=30)),
    'LensKit BiasedMF ALS': ('lenskit', 'lenskit.als', dict(embedding_size=20))}


def trainers():
    "`sgd` and `als` by name, ready to go."
    from collabdive.als import als
    from collabdive.planted import planted_ratings
    from collabdive.sgd import sgd
    few = planted_ratings(20, 20, 1, 100)
    for fit in (sgd, als): fit(few)
    return dict(sgd=sgd, als=als)


def judged(f, hidden, item='movie', low=1, high=5) -> float:
    "RMSE on hidden rows; the mean for what the model does not know."
    import numpy as np
    import pandas as pd
    known = hidden.user.isin(f.users) & hidden[item].isin(f.items)
    pred = pd.Series(float(f.mean), hidden.index)
    pred[known] = f.score(hidden.user[known], hidden[item][known])
    return round(float(np.sqrt(((pred.clip(low, high) - hidden.rating)**2).mean())), 4)


def timed(fit, *args, **settings):
    "What it returns, CPU and wall seconds."
    cpu, wall = time.process_time(), time.perf_counter()
    out = fit(*args, **settings)
    return out, round(time.process_time() - cpu, 3), round(time.perf_counter() - wall, 3)


def ml100k():
    from collabdive.data import load_movielens
    return load_movielens('100k').ratings


def search() -> list:
    "A row a setting: the mean RMSE on rows held out of three folds' training rows."
    from collabdive.splits import hold_out, official_fold
    ratings, fits, rows = ml100k(), trainers(), []
    parts = [hold_out(official_fold(ratings, k), seed=1) for k in (1, 2, 3)]
    grid = [('sgd', dict(n_factors=n, lr=lr, decay=d)) for n, lr, d in (
        [(50, .05, d) for d in (.07, .08, .09, .1)] + [(50, lr, .08) for lr in (.035, .07)]
        + [(n, .05, .08) for n in (20, 100)])]
    grid += [('als', dict(n_factors=50, decay=d, damping=n)) for d, n in (
        (.12, 0), (.08, 40), (.07, 60), (.06, 80), (.05, 120))]
    grid += [('als', dict(n_factors=20, decay=.07, damping=60))]
    for name, setting in grid:
        errors, cpu = [], 0
        for rest, held in parts:
            f, s, _ = timed(fits[name], ratings.iloc[rest], item_name='movie', **setting)
            errors.append(judged(f, ratings.iloc[held]))
            cpu += s/len(parts)
        rows.append(dict(model=name, **setting, rmse=round(sum(errors)/3, 4), cpu=round(cpu, 2)))
        print(rows[-1], flush=True)
    return rows


def folds() -> list:
    "A row a run of the defaults on u1 to u5."
    from collabdive.splits import official_fold
    ratings, rows = ml100k(), []
    for name, fit in trainers().items():
        for k in range(1, 6):
            known, hidden = (ratings.iloc[part] for part in official_fold(ratings, k))
            for seed in SEEDS:
                f, cpu, _ = timed(fit, known, item_name='movie', seed=seed)
                rows.append(dict(model=name, fold=k, seed=seed, cpu=cpu, rmse=judged(f, hidden)))
    return rows


def adam_on_loss(known, decay, n_factors, epochs=15, lr=.02, seed=1):
    "AdamW without decay of its own on the loss of `sgd`, as Factors."
    import pandas as pd
    import torch
    from collabdive.factors import Factors
    torch.manual_seed(seed)
    (u, users), (i, items) = (pd.factorize(known[c], sort=True) for c in ('user', 'movie'))
    u, i = map(torch.from_numpy, (u, i))
    r = torch.tensor(known.rating.to_numpy('float32'))
    mean, spread = r.mean(), r.std(unbiased=False)
    r = (r - mean)/spread
    tables = [torch.nn.Parameter(.03*torch.randn(len(x), n_factors + 1)) for x in (users, items)]
    steps = epochs*-(-len(r)//1024)
    opt = torch.optim.AdamW(tables, lr, betas=(.9, .99), eps=1e-5, weight_decay=0)
    fall = torch.optim.lr_scheduler.OneCycleLR(opt, lr, total_steps=steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(r)).split(1024):
            p, q = tables[0][u[rows]], tables[1][i[rows]]
            pred = (p[:, :-1]*q[:, :-1]).sum(1) + p[:, -1] + q[:, -1]
            loss = (r[rows] - pred)**2 + decay*((p**2).sum(1) + (q**2).sum(1))
            opt.zero_grad()
            loss.mean().backward()
            opt.step()
            fall.step()
    p, q = (t.detach().numpy() for t in tables)
    spread = float(spread)
    return Factors(users, items, p[:, :-1]*spread**.5, q[:, :-1]*spread**.5, p[:, -1]*spread,
                   q[:, -1]*spread, float(mean))


def loss_of(f, known, decay) -> float:
    "Mean loss of a row, in spreads squared."
    from collabdive.factors import rows_of
    spread = known.rating.std(ddof=0)
    u, i = rows_of(f.users, known.user, 'user'), rows_of(f.items, known.movie)
    size = ((f.user_factors**2).sum(1)*spread + f.user_bias**2)[u]
    size = size + ((f.item_factors**2).sum(1)*spread + f.item_bias**2)[i]
    error = known.rating - f.score(known.user, known.movie)
    return round(float((error**2 + decay*size).mean()/spread**2), 4)


def same_loss() -> list:
    "A row a method: loss, RMSE on training and on hidden rows, CPU seconds. Three seeds."
    from collabdive.splits import official_fold
    ratings, decay, rows = ml100k(), .08, []
    known, hidden = (ratings.iloc[part] for part in official_fold(ratings, 1))
    fits = trainers()
    one = dict(item_name='movie', n_factors=50, decay=decay)
    runs = {'SGD': lambda seed: fits['sgd'](known, seed=seed, **one),
            'SGD, 100 epochs': lambda seed: fits['sgd'](known, seed=seed, epochs=100, **one),
            'AdamW': lambda seed: adam_on_loss(known, decay, 50, seed=seed),
            'ALS': lambda seed: fits['als'](known, seed=seed, damping=0, **one)}
    for name, run in runs.items():
        for seed in SEEDS:
            f, cpu, _ = timed(run, seed)
            rows.append(dict(how=name, seed=seed, loss=loss_of(f, known, decay),
                             train=judged(f, known), rmse=judged(f, hidden), cpu=cpu))
        print(rows[-1], flush=True)
    return rows


def factors() -> list:
    "CPU seconds of ten passes over ML-100K, the best of two."
    ratings, rows = ml100k(), []
    for name, fit in trainers().items():
        passes = {'epochs' if name == 'sgd' else 'iterations': 10}
        for n in (10, 20, 40, 80):
            cpu = min(timed(fit, ratings, item_name='movie', n_factors=n, **passes)[1]
                      for _ in range(2))
            rows.append(dict(model=name, n_factors=n, cpu=cpu))
    return rows


def as_they_come(u, i, stars, P, Q, b_user, b_item, lr, decay):
    "The steps of `sgd` in the order of the arrays."
    for n in range(len(u)):
        p, q = P[u[n]], Q[i[n]]
        error = stars[n] - b_user[u[n]] - b_item[i[n]]
        for f in range(len(p)): error -= p[f]*q[f]
        b_user[u[n]] += lr*(error - decay*b_user[u[n]])
        b_item[i[n]] += lr*(error - decay*b_item[i[n]])
        for f in range(len(p)):
            old = p[f]
            p[f] += lr*(error*q[f] - decay*old)
            q[f] += lr*(error*old - decay*q[f])


def steps(file) -> dict:
    "Steps a second with 20 factors on planted ratings, one thread."
    import numpy as np
    from collabdive.sgd import _BLOCKS, _compiled, _layout, _random_tables, _steps
    with np.load(file) as d: u, i, stars = (d[c][~d['hidden']] for c in ('user', 'item', 'rating'))
    stars, n, rng = stars - stars.mean(), (u.max() + 1, i.max() + 1), np.random.default_rng(0)
    tables, rates = _random_tables(rng, *n, 20, .03), (np.float32(.01), np.float32(.04))
    _, firsts, starts, rows = _layout(u, i, *n, rng)
    items, by_user = i[rows], stars[rows]
    def walk(step, users, blocks):
        for block in range(blocks):
            for who in range(blocks):
                last = users or firsts[who + 1]
                step(starts, items, by_user, firsts[who], last, block*n[0], *tables, *rates)
    few = 40
    plain = starts[few] - starts[0]
    _, slow, _ = timed(walk, _steps, few, 1)
    fast, any_order = _compiled(_steps), _compiled(as_they_come)
    walk(fast, few, 1)
    any_order(u[:9], i[:9], stars[:9], *tables, *rates)
    by_block = min(timed(walk, fast, None, _BLOCKS)[1] for _ in range(3))
    loose = min(timed(any_order, u, i, stars, *tables, *rates)[1] for _ in range(3))
    return dict(plain=round(float(plain)/slow), compiled=round(len(u)/by_block),
                any_order=round(len(u)/loose))


def million(path) -> list:
    "MovieLens 1M, three random splits."
    import numpy as np
    from collabdive.data import load_movielens
    ratings, rows = load_movielens('1m', path=path).ratings, []
    for name, fit in trainers().items():
        for split in range(3):
            order = np.random.default_rng(split).permutation(len(ratings))
            hidden, known = (ratings.iloc[part] for part in np.split(order, [len(order)//10]))
            f, cpu, _ = timed(fit, known, item_name='movie', seed=1)
            rows.append(dict(model=name, split=split, rmse=judged(f, hidden), cpu=cpu))
            print(rows[-1], flush=True)
    return rows


def plant(file, n_users=70_000, n_items=10_000, n_ratings=10_000_000) -> float:
    "Ratings in half stars, stored; the RMSE of the signal on the hidden ones."
    import numpy as np
    from collabdive.planted import planted_ratings
    f, rng = planted_ratings(n_users, n_items, 20, n_ratings), np.random.default_rng(1)
    signal = f.signal.to_numpy()
    noisy = signal + rng.normal(0, .8, len(f))
    stars, hidden = (np.rint(2*noisy)/2).clip(.5, 5).astype('float32'), rng.random(len(f)) < .1
    np.savez(file, user=f.user.to_numpy('int32') - 1, item=f.movie.to_numpy('int32') - 1,
             rating=stars, hidden=hidden)
    return round(float(((signal.clip(.5, 5) - stars)[hidden]**2).mean()**.5), 4)


def on_planted(file, name, threads, settings) -> dict:
    "Seconds in all and of the loop, peak MB, RMSE."
    import numpy as np
    import pandas as pd
    with np.load(file) as d:
        frame = pd.DataFrame({c: d[c] for c in ('user', 'item', 'rating')}, copy=False)
        known, hidden = (frame[d['hidden'] == part] for part in (False, True))
    del frame
    if name == 'cornac': return with_cornac(known, hidden, threads)
    from collabdive import als, sgd
    trainers()
    module, part, loop = *((sgd, '_epoch') if name == 'sgd' else (als, '_best_rows')), [0, 0]
    inner = getattr(module, part)
    def clocked(*args):
        out, cpu, wall = timed(inner, *args)
        loop[:] = loop[0] + cpu, loop[1] + wall
        return out
    setattr(module, part, clocked)
    if name == 'sgd': settings = dict(settings, threads=threads)
    f, cpu, wall = timed(getattr(module, name), known, **settings)
    return dict(model=name, **{'threads': threads, **settings}, cpu=cpu, wall=wall,
                loop_cpu=round(loop[0], 2), loop_wall=round(loop[1], 2), peak_mb=round(peak_mb()),
                rmse=judged(f, hidden, 'item', .5, 5))


def with_cornac(known, hidden, threads) -> dict:
    "cornac's MF, from arrays that are coded already: its own reader takes minutes."
    import numpy as np
    from cornac.data import Dataset
    from cornac.models import MF
    n, m = (int(known[c].max()) + 1 for c in ('user', 'item'))
    data = Dataset(n, m, {k: k for k in range(n)}, {k: k for k in range(m)},
                   (known.user.to_numpy('int64'), known.item.to_numpy('int64'),
                    known.rating.to_numpy('float32')), seed=None)
    model = MF(**CORNAC, num_threads=threads, seed=0 if threads == 1 else None)
    _, cpu, wall = timed(model.fit, data)
    u, i, peak = hidden.user.to_numpy(), hidden.item.to_numpy(), peak_mb()
    pred = model.global_mean + model.u_biases[u] + model.i_biases[i]
    pred += np.einsum('nf,nf->n', model.u_factors[u], model.i_factors[i])
    error = np.sqrt(((pred.clip(.5, 5) - hidden.rating)**2).mean())
    return dict(model='cornac', threads=threads, **CORNAC, cpu=cpu, loop_cpu=cpu, wall=wall,
                loop_wall=wall, peak_mb=round(peak), rmse=round(float(error), 4))


def planted(file, rounds) -> list:
    "All three in turn, `rounds` times, in two threads; once more in one."
    runs = [('sgd', 2, LARGE), ('cornac', 2, {})]*rounds + [('sgd', 1, LARGE), ('cornac', 1, {})]
    rows = []
    for name, threads, settings in [*runs, ('als', 1, dict(n_factors=20, iterations=8))]:
        rows.append(apart(on_planted, file, name, threads, settings))
        print(rows[-1], flush=True)
    return rows


def as_contender(file, name) -> dict:
    "The same of a contender."
    from importlib import import_module
    import numpy as np
    import pandas as pd
    import contenders
    function, module, settings = PEERS[name]
    import_module(module)
    with np.load(file) as d:
        frame = pd.DataFrame(dict(user=d['user'], movie=d['item'], rating=d['rating']), copy=False)
        known, hidden = (frame[d['hidden'] == part].reset_index(drop=True)
                         for part in (False, True))
    del frame
    fit = getattr(contenders, function)
    if function == 'bayes': fit(known[:2000], hidden[:1], draws=4)()      # compile
    predict, cpu, wall = timed(fit, known, hidden.drop(columns='rating'), **settings)
    error = np.clip(np.asarray(predict()).reshape(-1), .5, 5) - hidden.rating
    return dict(model=name, **settings, cpu=cpu, wall=wall, peak_mb=round(peak_mb()),
                rmse=round(float((error**2).mean()**.5), 4))


def limited(seconds, function, *args):
    "The process ends when it has used up so many CPU seconds."
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    return function(*args)


def peers(file, seconds, kept) -> Iterator:   # of the rows so far
    "A row a model in one thread, or the reason why there is none; what is kept is not run again."
    rows = [dict(model='implicit', reason='it ranks clicks, and predicts no stars')]
    ours = dict(sgd=LARGE, cornac={}, als=dict(n_factors=20, iterations=8))
    jobs = {name: (on_planted, file, name, 1, settings) for name, settings in ours.items()}
    jobs |= {name: (as_contender, file, name) for name in PEERS}
    done = {row['model']: row for row in kept}
    for name, job in jobs.items():
        try: row = done.get(name) or apart(limited, seconds, *job)
        except BrokenProcessPool: row = dict(
            model=name, reason=f'not done after {seconds} CPU seconds, or out of memory')
        rows.append(row)
        print(row, flush=True)
        yield rows


def main():
    "Measure what was asked for, and write it beside what there is."
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=PARTS)
    parser.add_argument('--rounds', type=int, default=2, help='of the planted ratings')
    parser.add_argument('--limit', type=int, default=600, help='CPU seconds of each of the peers')
    parser.add_argument('--keep', action='store_true', help='the peers that are measured already')
    parser.add_argument('--1m', dest='million', help='your own copy of MovieLens 1M')
    parser.add_argument('--out', type=Path, default=OUT, help='where to write')
    args = parser.parse_args()
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    jobs = dict(search=(search,), folds=(folds,), same_loss=(same_loss,), factors=(factors,))
    if args.million: jobs['1m'] = million, args.million
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder)/'planted.npz')
        if {'planted', 'steps', 'peers'} & {*args.parts}: found['signal_rmse'] = apart(plant, file)
        jobs |= dict(steps=(steps, file))
        for part in args.parts:
            if part == 'planted': found[part] = planted(file, args.rounds)
            elif part == 'peers':
                os.environ.update(dict.fromkeys(THREADS, '1'))
                kept = [row for row in found.get(part, []) if args.keep and 'rmse' in row]
                for found[part] in peers(file, args.limit, kept): write(args.out, found)
            elif part in jobs: found[part] = apart(*jobs[part])
            else: print(f'{part}: needs --{part} with your own copy')
            write(args.out, {**found, 'machine': machine()})


if __name__ == '__main__': sys.exit(main())
