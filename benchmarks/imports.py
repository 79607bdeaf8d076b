"""What does it cost to start?

CPU and wall seconds of fresh Python processes that import the package, ask for the command's help,
and import lesson 03's module beside fastai's own `fastai.collab`. In turn, the fastest counts.
Writes results/imports.json. Run: python benchmarks/imports.py
"""
import os
import resource
import subprocess
import sys
import time

import pandas as pd
from tqdm.auto import tqdm

from shared import options, save

HELP = "import sys; from collabdive.cli import main; main(['--help'])"
COMMANDS = {'nothing': 'pass', 'import collabdive': 'import collabdive', 'collabdive --help': HELP,
            'import pandas': 'import pandas', 'import torch': 'import torch',
            'import fastai.collab': 'import fastai.collab',
            'import collabdive.dot_product': 'import collabdive.dot_product'}


def children_cpu() -> float:
    "CPU seconds of all processes started so far and ended."
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(code: str) -> dict:   # cpu_s, wall_s
    "The time of a Python process from start to end. Raises RuntimeError if it fails."
    before, start = children_cpu(), time.perf_counter()
    done = subprocess.run([sys.executable, '-c', code], stdout=subprocess.DEVNULL)
    wall, cpu = time.perf_counter() - start, children_cpu() - before
    if done.returncode: raise RuntimeError(f'{code!r} ended with {done.returncode}')
    return dict(cpu_s=round(cpu, 3), wall_s=round(wall, 3))


def main():
    "Measure, write, and print a table."
    args = options(__doc__, 'imports.json', rounds=(7, 'times each is started, in turn'))
    os.environ['OMP_NUM_THREADS'] = str(args.threads)
    runs = {what: [] for what in COMMANDS}
    for _ in tqdm(range(args.rounds), desc='rounds'):
        for what, code in COMMANDS.items(): runs[what].append(seconds(code))
    fastest = {what: {clock: min(run[clock] for run in of) for clock in of[0]}
               for what, of in runs.items()}
    ours, theirs = (fastest[f'import {name}']['cpu_s']
                    for name in ('collabdive.dot_product', 'fastai.collab'))
    save(args, 'fresh processes, CPU and wall seconds', rounds=args.rounds, fastest=fastest,
         dot_product_ratio=round(ours/theirs, 3))
    print(pd.DataFrame(fastest).T.to_string())
    print(f'collabdive.dot_product costs {ours/theirs:.3f} times fastai.collab; '
          f'written to {args.out}')


if __name__ == '__main__': main()
