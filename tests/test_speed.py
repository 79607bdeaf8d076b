"""What may be imported when, and whether the stored measurements meet their targets. Nothing here
is timed: the seconds are measured by the scripts in benchmarks/, these tests read what they found.
"""
import sys

import numpy as np
import pandas as pd
import pytest

from collabdive.files import load_results
from collabdive.splits import check_splits
from helpers import run

HEAVY = {'torch', 'fastai', 'pandas', 'numpy', 'matplotlib', 'sklearn', 'scipy'}
MAIN = "from collabdive.cli import main\ntry: main({argv})\nexcept SystemExit: pass"


def packages_after(*steps: str) -> list:   # of sets of names of top-level packages
    "What one fresh Python process has imported after each piece of code, one after the other."
    told = "\nimport sys; print('\\n--', *{name.split('.')[0] for name in sys.modules})\n"
    done = run(sys.executable, '-c', ''.join(step + told for step in steps))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return [{*line.split()[1:]} for line in lines if line.startswith('-- ')]


def test_heavy_packages_are_noticed():
    assert packages_after('import matplotlib')[0] & HEAVY >= {'matplotlib', 'numpy'}


def test_importing_collabdive_imports_nothing_heavy():
    assert not packages_after('import collabdive')[0] & HEAVY


@pytest.mark.parametrize('argv', [[], ['--help'], ['--version'], ['data', '--help'],
                                  ['train', '--help'], ['compare', '--help'], ['demo', '--help'],
                                  ['nonsense']])
def test_the_command_explains_itself_without_anything_heavy(argv):
    assert not packages_after(MAIN.format(argv=argv))[0] & HEAVY


def test_a_model_needs_no_package_beyond_those_of_fastai():
    theirs, ours, more = packages_after(
        'import fastai.collab', 'import collabdive.dot_product', 'import pooch')
    added = {name for name in ours - theirs
             if not name.startswith('__editable__')}          # how pip links a source tree
    assert added == {'collabdive'}
    assert 'pooch' in more - ours                              # this would be noticed


def test_reading_a_model_needs_nothing_that_trains_or_draws():
    modules = ', '.join(f'collabdive.{m}' for m in (
        'factors', 'biases', 'pca', 'robust_pca', 'probes'))
    slow = {'torch', 'fastai', 'matplotlib', 'adjustText', 'fbpca', 'sklearn'}
    assert not packages_after(f'import {modules}')[0] & slow
    assert packages_after('import collabdive.figures')[0] & slow   # this would be noticed


def test_starting_is_quick():
    found = load_results('imports')
    cpu = {what: clocks['cpu_s'] for what, clocks in found['fastest'].items()}
    assert cpu['import collabdive'] < .3 and cpu['collabdive --help'] < 1
    ratio = cpu['import collabdive.dot_product']/cpu['import fastai.collab']
    assert ratio == pytest.approx(found['dot_product_ratio'], abs=.002)
    assert .9 < ratio < 1.1
    assert cpu['nothing'] < cpu['import collabdive'] < cpu['import torch'] < cpu[
        'import fastai.collab']


def test_the_parts_of_a_batch_add_up():
    found = load_results('epoch_profile')
    for name, of in found['setups'].items():
        parts = [of[p] for p in ('loader', 'forward', 'backward', 'step', 'around')]
        assert min(parts) > 0 and sum(parts) == pytest.approx(of['batch'], abs=.001), name
        assert of['batches'] == np.ceil(80_000/of['bs'])
    batch = {name: of['batch'] for name, of in found['setups'].items()}
    at_64 = [of['batch'] for of in found['setups'].values() if of['bs'] == 64]
    assert len(at_64) == 4 and at_64 == sorted(at_64, reverse=True)      # each change helps
    assert batch['fastai as installed'] > 5*batch['+ fit']
    assert found['bare_loop'] < batch['+ fit'] < .6*batch['+ loss and optimiser']


def test_the_loader_and_training_are_faster_by_the_stored_ratios():
    found = load_results('loader')
    stock, loader, whole = (found['loaders'][name] for name in (
        'fastai as installed', 'collabdive loader', 'collabdive loader and train'))
    assert stock['epoch_ms']/whole['epoch_ms'] == pytest.approx(found['epoch_ratio'], abs=.1)
    for ratio, of in [('train_ratio', whole), ('loader_only_train_ratio', loader)]:
        assert stock['train_s']/of['train_s'] == pytest.approx(found[ratio], abs=.01)
    assert found['epoch_ratio'] > 20 and found['train_ratio'] > 5
    assert whole['valid_loss'] == loader['valid_loss'] < stock['valid_loss'] - .02


def test_ten_million_ratings_become_batches_in_time_and_memory():
    found = load_results('big')
    assert found['planted']['ratings'] == 10_000_000
    ints, strings = (found['to_batches'][ids] for ids in ('ints', 'strings'))
    assert ints['dtype'] == 'int64' and strings['dtype'] != 'int64'
    for of in (ints, strings):
        assert 0 < of['loaders_cpu_s'] < of['cpu_s'] < 10
        assert of['imports_mb'] < of['frame_mb'] < of['peak_mb'] < 1536


def test_an_epoch_of_ten_million_ratings_is_accounted_for():
    found = load_results('big')
    for of in found['epochs']:
        seconds = dict(of['cpu_s'])
        whole = seconds.pop('epoch')
        assert 0 < sum(seconds.values()) < whole < 20
        assert of['batches'] == np.ceil(9_000_000/of['bs'])
        rows, rest = divmod(of['n_params'], 21)          # 20 factors and a bias
        assert rest == 0 and 79_000 < rows <= 70_001 + 10_001
        assert of['gb']['step'] == pytest.approx(of['batches']*28*of['n_params']/1e9, abs=.01)
        for part, gb in of['gb'].items():
            assert of['copy_s'][part] == pytest.approx(gb/found['bandwidth_gb_s'], abs=.01)
        assert found['planted']['signal_rmse'] < of['rmse'] < 1.1
    assert len(found['epochs']) == 3


@pytest.mark.parametrize('seed', range(5))
def test_splits_are_judged_as_by_comparing_every_pair(seed):
    rng = np.random.default_rng(seed)
    for _ in range(200):
        n = rng.integers(3, 12)
        parts = [rng.integers(-1, n + 1, rng.integers(1, 5)).tolist() for _ in range(2)]
        repeated = any(len(set(p)) < len(p) for p in parts)
        outside = any(not 0 <= row < n for part in parts for row in part)
        if repeated or outside or set(parts[0]) & set(parts[1]):
            with pytest.raises(ValueError, match='names row|both parts'): check_splits(parts, n)
        else:
            kept = check_splits(parts, n)
            assert [part.tolist() for part in kept] == parts
            assert all(part.dtype == np.int64 for part in kept)


def test_the_first_row_that_is_used_twice_is_named():
    with pytest.raises(ValueError, match='the valid part names row 9 twice'):
        check_splits(([1, 2], [5, 9, 3, 9, 5, 0]), 10)
    with pytest.raises(ValueError, match='2 rows are in both parts of the splits, row 3 first'):
        check_splits(([8, 1, 3], [3, 8, 0]), 10)
    with pytest.raises(ValueError, match='the train part names row 4 twice'):
        check_splits((pd.Series([4, 4], index=[7, 8]), [1]), 10)
