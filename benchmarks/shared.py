"What the benchmarks share: their options, and the file each one writes."
import argparse
import json
from importlib.metadata import version
from pathlib import Path

import torch


def options(
    doc: str,   # what the benchmark does
    name: str,  # of its file in results/
    paths: tuple = (),  # MovieLens sets of which one may have a copy
    **numbers,  # more options that take a whole number: name=(default, help)
) -> argparse.Namespace:
    "Read the command line, and give PyTorch its threads."
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    out = Path(__file__).parent/'results'/name
    parser.add_argument('--out', type=Path, default=out, help='where to write')
    numbers = {'threads': (1, 'threads PyTorch may use'), **numbers}
    for option, (default, text) in numbers.items():
        parser.add_argument(f'--{option}', type=int, default=default, help=text)
    for data in paths:
        parser.add_argument(f'--{data}', help=f'your own copy of {data}: zip archive or folder')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    return args


def save(
    args: argparse.Namespace,  # from `options`
    settings,                  # how the models were trained
    **results,                 # what was measured
):
    "Write the results with the settings, the threads and the libraries' versions."
    versions = {name: version(name) for name in ('torch', 'fastai', 'pandas', 'numpy')}
    record = dict(settings=settings, threads=args.threads, versions=versions, **results)
    args.out.write_text(json.dumps(record, indent=1) + '\n')
