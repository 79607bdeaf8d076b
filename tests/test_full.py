"The benchmark of the full MovieLens: its pieces, its command, and the figures that are stored."
import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, run

from collabdive.files import load_results
from collabdive.planted import planted_ratings

sys.path.insert(0, str(ROOT/'benchmarks'))
import full


@pytest.fixture
def stored(tmp_path):
    "A few planted ratings, stored as the benchmark stores them."
    f = planted_ratings(60, 40, 2, 900, seed=1)
    np.savez(tmp_path/'few.npz', user=f.user, item=f.movie, rating=f.rating)
    return tmp_path/'few.npz'


@pytest.mark.parametrize('argv, message', [
    (['nowhere.zip'], 'there is no file or folder nowhere.zip'),
    ([str(ROOT/'README.md')], 'which MovieLens set is it. Say --name 10m'),
    (['--parts', 'rode'], "invalid choice: 'rode'")])
def test_what_cannot_be_run_is_refused_with_the_remedy(argv, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['full.py', *argv])
    with pytest.raises(SystemExit) as stopped: full.options()
    err = ' '.join(capsys.readouterr().err.split()).replace('?', '.')
    assert stopped.value.code == 2 and message in err


@pytest.mark.parametrize('name, meant', [
    ('ml-10m.zip', '10m'), ('ml-32M', '32m'), ('ml-latest-small', 'latest-small'), ('ml-1m', '1m')])
def test_a_path_says_which_set_it_is(name, meant, tmp_path, monkeypatch):
    (tmp_path/name).mkdir()
    monkeypatch.setattr(sys, 'argv', ['full.py', str(tmp_path/name)])
    assert full.options().name == meant


def test_no_row_is_in_two_parts_and_none_is_lost(stored):
    parts = full.parts_of(stored, 0)
    assert [len(part) for part in parts] == [729, 81, 90]
    everything = pd.concat(parts).sort_values(['user', 'item'], ignore_index=True)
    assert everything.equals(full.frame(stored).sort_values(['user', 'item'], ignore_index=True))
    assert not parts[2].equals(full.parts_of(stored, 1)[2])


def test_the_road_leads_from_a_csv_to_lists(stored, tmp_path):
    full.to_csv(stored, tmp_path/'few.csv')
    assert (tmp_path/'few.csv').read_text().splitlines()[0] == 'user,item,rating,timestamp'
    found = full.road(tmp_path/'few.csv', 1)
    assert (found['rows'], found['users'], found['items'], found['n_lists']) == (900, 60, 40, 60)
    seconds = sum(found[step][1] for step in ('read', 'fit', 'lists'))
    assert found['wall'] == pytest.approx(seconds, abs=.01)


def test_the_best_setting_is_chosen_on_training_rows_and_judged_on_hidden_ones(stored):
    tried = full.grid(stored, 'few', [0], (2, 4), (1., 30.))
    assert len(tried) == 4 and full.choice(tried)[1] == 1.
    chosen, usual = full.best(stored, 'few', full.choice(tried), [(0, 1)])
    assert (chosen['setting'], usual['setting'], usual['n_factors']) == ('chosen', 'usual', 50)
    assert chosen['rows'] == 810 and all(row['rows'] == 729 for row in tried)


def test_results_are_written_whole_or_not_at_all(tmp_path):
    full.save(tmp_path/'full.json', dict(a=1))
    with pytest.raises(OSError, match='cannot write .*No such file'):
        full.save(tmp_path/'none'/'full.json', dict(a=2))
    assert json.loads((tmp_path/'full.json').read_text()) == dict(a=1)
    with pytest.raises(OSError, match='cannot write /dev/full: No space left'):
        full.save(full.Path('/dev/full'), dict(a=1))


@pytest.mark.skipif(not shutil.which('make'), reason='no make')
@pytest.mark.parametrize('inside_make', [False, True])
def test_make_hands_the_path_on_though_it_is_called_path(inside_make, monkeypatch):
    "Also under a make that runs these tests, where the inner one says which folder it enters."
    monkeypatch.delenv('MAKEFLAGS', raising=False)
    monkeypatch.setenv('MAKELEVEL', str(int(inside_make)))
    shown = run('make', '-n', 'bench-full', 'PATH=/data/my sets/ml-32m.zip', cwd=ROOT).stdout
    assert "benchmarks/full.py '/data/my sets/ml-32m.zip'" in shown
    shown = run('make', '-n', '--eval', 'show: ; echo folders=$(PATH)', 'bench-full', 'show',
                'PATH=mine', cwd=ROOT).stdout
    folders, = [line for line in shown.splitlines() if line.startswith('echo folders=')]
    assert "full.py 'mine'" in shown and '/bin' in folders and 'mine' not in folders


def test_what_is_stored_meets_its_targets():
    found = load_results('full')
    large, road = found['road']['planted 32m'], found['road']
    assert large['wall'] < 300 and large['peak_mb'] < 4096 and large['n_lists'] == 10_000
    assert road['planted 10m']['cpu'] < 40
    assert {*found['grid']} == {*found['best']} - {'planted 32m'}
    for name, rows in found['best'].items():
        n, times = full.choice(found['grid']['planted 10m' if '32m' in name else name])
        chosen = [row for row in rows if row['setting'] == 'chosen']
        assert chosen, name
        assert {(row['n_factors'], row['times']) for row in chosen} == {(n, times)}, name
