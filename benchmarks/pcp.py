"""Principal component pursuit: how fast, and is it the minimum?

`pcp` beside the loop as textbooks print it, in plain NumPy: a full SVD each time, and mu half as
large again after every iteration. Three planted matrices, low rank + 5% gross errors, of which both
parts are known, and one of pure noise, of which only the cost L* + lam |S| can be compared.
Writes results/pcp.json. Run: python benchmarks/pcp.py
"""
import time

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from collabdive.robust_pca import pcp, split_cost
from shared import options, save

SETTINGS = 'errors uniform in -10..10 on 5% of the entries, lam 1/sqrt(max(n, d)), tol 1e-7'
CASES = {'rank 3': (1665, 50, 3), 'rank 5': (1665, 50, 5), 'rank 10': (2000, 1000, 10),
         'noise': (1665, 50, 0)}


def planted(
    n: int,           # rows
    d: int,           # columns
    rank: int,        # of the low-rank part; 0: a matrix of noise, and nothing known
    share: float = .05,  # of the entries, that get a gross error
    seed: int = 0,    # of both
) -> tuple:           # (X, its low-rank part or None)
    "A matrix with a known answer."
    rng = np.random.default_rng(seed)
    if not rank: return rng.normal(size=(n, d)), None
    low = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, d))
    return low + np.where(rng.random((n, d)) < share, rng.uniform(-10, 10, (n, d)), 0), low


def textbook(
    X: np.ndarray,        # (n, d)
    tol: float = 1e-7,    # on the gap, relative to X
) -> tuple:               # L, S and the iterations
    "The inexact augmented Lagrangian loop with a full SVD and a growing mu."
    lam, mu = 1/np.sqrt(max(X.shape)), 1.25/np.linalg.norm(X, 2)
    Y, S = np.zeros_like(X), np.zeros_like(X)
    for n_iter in range(1, 501):
        U, s, Vt = np.linalg.svd(X - S + Y/mu, full_matrices=False)
        L = (U*np.maximum(s - 1/mu, 0)) @ Vt
        rest = X - L + Y/mu
        S = np.sign(rest)*np.maximum(np.abs(rest) - lam/mu, 0)
        gap = X - L - S
        if np.linalg.norm(gap) < tol*np.linalg.norm(X): break
        Y, mu = Y + mu*gap, 1.5*mu
    return L, S, n_iter


def ours(X: np.ndarray) -> tuple:  # L, S and the iterations
    "`pcp`, as it comes."
    split = pcp(X)
    return split.L, split.S, split.n_iter


METHODS = {'textbook': textbook, 'pcp': ours}


def timed(
    method,       # one of METHODS
    X,            # (n, d)
    rounds: int,  # times it is repeated; the fastest counts
) -> tuple:       # wall and CPU seconds, and its answer
    "Run it, and look at the clock."
    best = np.inf, np.inf
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = method(X)
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return *best, answer


def judge(
    X,            # (n, d)
    low,          # its true low-rank part, or None
    rounds: int,  # times each method is repeated
) -> dict:        # method -> seconds, iterations, error of L, cost
    "Both methods on one matrix."
    found = {}
    for name, method in METHODS.items():
        wall, cpu, (L, S, n_iter) = timed(method, X, rounds)
        found[name] = dict(
            seconds=round(wall, 4), cpu_seconds=round(cpu, 4), iterations=n_iter,
            error=None if low is None else float(np.linalg.norm(L - low)/np.linalg.norm(low)),
            cost=float(split_cost(L, S, 1/np.sqrt(max(X.shape)))))
    return found


def main():
    "Measure, write, and print a table."
    args = options(__doc__, 'pcp.json',
                   rounds=(2, 'times each method is repeated; the fastest counts'))
    with threadpool_limits(args.threads):
        cases = {name: judge(*planted(*size), args.rounds) for name, size in tqdm(CASES.items())}
    for name, of in cases.items():
        of['size'] = list(CASES[name][:2])
        of['times_faster'] = round(of['textbook']['seconds']/of['pcp']['seconds'], 2)
    save(args, SETTINGS, cases=cases)
    table = {(name, m): of[m] for name, of in cases.items() for m in METHODS}
    print(pd.DataFrame(table).T.to_string())
    print(f'written to {args.out}')


if __name__ == '__main__': main()
