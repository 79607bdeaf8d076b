"The benchmark beside other libraries: its pieces, and the figures that are stored."
import json
import math
import os
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import PackageNotFoundError

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, run

from collabdive.planted import planted_ratings

sys.path.insert(0, str(ROOT/'benchmarks'))
import peers
from contenders import (AS_INSTALLED, CONTENDERS, IMPORTS, MILLION, QUICK, USES, WITH_COLUMNS,
                        WITH_DAY, Contender, filled, with_blanks)
from peers import (apart, judged, line_up, material, measure, measure_or_tell, options, with_kept,
                   with_ratios)

pytestmark = [pytest.mark.filterwarnings(f'ignore:{text}') for text in (
    "The 'mode.chained_assignment'", 'Constructing a Categorical', 'The given NumPy array',
    'pkg_resources is deprecated', 'the draws have not settled', 'The model is worse than damped')]
SCRIPT = ROOT/'benchmarks'/'peers.py'
FIGURES = {'rmse', 'fit_s', 'fit_cpu_s', 'predict_s', 'compile_s', 'peak_mb', 'added_mb'}


# Options

def test_options_of_a_quick_and_of_a_whole_run():
    whole, quick = options([]), options(['--quick'])
    assert whole.names == quick.names == list(CONTENDERS)
    assert whole.folds == [1, 2, 3, 4, 5] and quick.folds == [1]
    assert options(['--quick', '--folds', '3', '2', '3']).folds == [2, 3]
    some = options(['--only', 'cornac', 'as INSTALLED', '--threads', '2'])
    assert some.names == [AS_INSTALLED, *(n for n in CONTENDERS if 'cornac' in n)]
    assert some.threads == 2 and some.out is None
    assert options(['--only', 'Surprise SVD']).names == ['Surprise SVD']        # not SVD++
    million = options(['--ml-1m', 'some.zip'])
    assert million.names == list(MILLION) and million.folds == [1, 2, 3]


@pytest.mark.parametrize('argv, message', [
    (['--only', 'svdd'], "no contender has 'svdd' in its name; there are: fastai as installed"),
    (['--folds', '6'], 'invalid choice: 6'), (['--threads', '0'], '0 must be at least 1')])
def test_options_refuse(argv, message, capsys):
    with pytest.raises(SystemExit) as stopped: options(argv)
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_help_and_imports_are_light():
    code = ('import sys; sys.path.insert(0, sys.argv[1]); import peers; '
            "print([m for m in ('numpy', 'pandas', 'torch', 'fastai') if m in sys.modules])")
    assert run(sys.executable, '-c', code, SCRIPT.parent, check=True).stdout.strip() == '[]'
    shown = run(sys.executable, SCRIPT, '--help', check=True).stdout
    assert all(f'--{word}' in shown for word in (
        'quick', 'only', 'folds', 'threads', 'cores', 'keep', 'ml-1m', 'out'))


# Who runs

@pytest.fixture
def all_installed(monkeypatch): monkeypatch.setattr(peers, 'version', lambda name: '1.0')


@pytest.mark.usefixtures('all_installed')
def test_quick_names_the_slow_ones_that_it_leaves_out():
    names, left_out = line_up(options(['--quick']))
    assert set(left_out) == {n for n, c in CONTENDERS.items() if c.slow} and len(left_out) >= 3
    assert [n for n in CONTENDERS if n not in left_out] == names
    assert all('--quick' in reason for reason in left_out.values())
    assert line_up(options([])) == (list(CONTENDERS), {})
    assert line_up(options(['--quick', '--only', 'myfm, 512 draws']))[1] == {}


def test_a_missing_library_is_named_with_its_remedy(monkeypatch):
    def version(name):
        if name == 'cornac': raise PackageNotFoundError(name)
        return '1.0'
    monkeypatch.setattr(peers, 'version', version)
    names, left_out = line_up(options([]))
    assert list(left_out) == [n for n, c in CONTENDERS.items() if c.library == 'cornac']
    assert not set(names) & set(left_out) and len(names) + len(left_out) == len(CONTENDERS)
    remedy = "cornac is not installed: pip install 'collabdive[bench]', or make bench-setup"
    assert set(left_out.values()) == {remedy}
    assert peers.versions()['cornac'] is None and peers.versions()['torch'] == '1.0'


def test_every_library_is_in_the_extra_or_required():
    text = (ROOT/'settings.ini').read_text()
    for name, c in CONTENDERS.items():
        assert c.library in IMPORTS and c.uses in USES, name
        assert c.library == 'collabdive' or f'\n    {c.library}>=' in text, name
    constraints = (ROOT/'benchmarks'/'constraints.txt').read_text()
    assert all(f'\n{library}==' in constraints for library in IMPORTS if library != 'collabdive')


# One fit

@pytest.fixture(scope='module')
def rows():
    "Planted ratings: train, and hidden ones, among them an unknown user and an unknown movie."
    frame = planted_ratings(50, 40, 2, 900, seed=1).rename(columns={'item': 'movie'})
    frame = frame[['user', 'movie', 'rating']].sample(frac=1, random_state=0, ignore_index=True)
    user, movie = frame.user.iloc[0], frame.movie.iloc[1]
    new = (frame.user == user) | (frame.movie == movie) | (frame.index > 800)
    return frame[~new].reset_index(drop=True), frame[new].reset_index(drop=True)


def tables():
    "Columns of users and movies; one year is missing."
    users, movies = (pd.RangeIndex(1, n + 1, name=name)
                     for n, name in ((50, 'user'), (40, 'movie')))
    return [pd.DataFrame(dict(age=20 + users % 30, gender=np.where(users % 2, 'F', 'M'),
                              occupation=np.where(users % 3, 'other', 'artist')), users),
            pd.DataFrame(dict(year=np.where(movies == 7, np.nan, 1960. + movies),
                              genres=np.where(movies % 2, 'Drama|War', 'Comedy')), movies)]


@pytest.fixture(scope='module')
def file(rows, tmp_path_factory):
    "The same as `save_folds` puts it into a file."
    path, (train, hidden) = tmp_path_factory.mktemp('folds')/'u1.npz', rows
    columns = pd.concat([train, hidden]).assign(day=lambda f: np.arange(len(f)) % 7)
    for frame, name in zip(tables(), ('users', 'movies')): frame.to_pickle(path.parent/name)
    np.savez(path, train=np.arange(len(train)), hidden=np.arange(len(train), len(columns)),
             **{name: columns[name].to_numpy() for name in columns})
    return str(path)


def test_error_is_that_of_clipped_predictions():
    assert judged([0, 4, 9], np.array([1., 2, 5])) == pytest.approx((4/3)**.5)
    assert judged([[3], [3]], np.array([1., 5])) == 2        # a column, as fastai gives it


@pytest.mark.parametrize('pred, message', [
    ([1, 2], '2 predictions for 3 ratings'), ([1, 2, 3, 4], '4 predictions for 3 ratings'),
    ([1, math.nan, math.inf], '2 of 3 predictions are not finite numbers')])
def test_no_hidden_rating_is_dropped(pred, message):
    with pytest.raises(ValueError, match=message): judged(pred, np.ones(3))


def test_a_contender_never_sees_what_it_is_judged_on(file, rows, monkeypatch):
    seen = {}
    def spy(train, pairs, value):
        seen.update(train=train, pairs=pairs)
        return lambda: np.full(len(pairs), value)
    monkeypatch.setitem(peers.ALL, 'spy', Contender(spy, 'collabdive', dict(value=3.)))
    got, (train, hidden) = measure('spy', file), rows
    assert list(seen['pairs']) == ['user', 'movie'] and len(seen['pairs']) == len(hidden)
    assert seen['train'].equals(train) and not seen['pairs'].merge(train).size
    assert got.keys() == FIGURES
    assert got['rmse'] == pytest.approx(np.sqrt(((hidden.rating - 3)**2).mean()), abs=1e-4)


def test_columns_and_days_are_only_for_those_who_say_so(file):
    asked = {uses: material(Contender(None, 'x', uses=uses), file) for uses in USES}
    for uses, (train, pairs, y, more) in asked.items():
        assert ('day' in train) == ('day' in pairs) == (uses == WITH_DAY)
        assert bool(more) == (uses in (WITH_COLUMNS, WITH_DAY)) and 'rating' not in pairs
        assert len(pairs) == len(y)
    for got, told in zip(asked[WITH_DAY][3]['tables'], tables()): assert got.equals(told)


def test_a_tenth_of_a_million_is_hidden_as_in_other_results():
    known, hidden = peers.tenth(1005, 2)
    assert (hidden == np.random.default_rng(1).permutation(1005)[:100]).all()
    assert sorted([*known, *hidden]) == list(range(1005))


def test_compiling_is_before_the_clock(file, monkeypatch):
    seen = []
    def fit(train, pairs, draws=9):
        seen.append((len(train), draws))
        return lambda: np.full(len(pairs), 3.)
    for compiles, calls in ((False, 1), (True, 2)):
        spy = Contender(fit, 'collabdive', dict(draws=9), compiles=compiles)
        monkeypatch.setitem(peers.ALL, 'spy', spy)
        measure('spy', file)
        assert len(seen) == calls and seen.pop()[1] == 9
        seen = seen[:0] if compiles else seen


def test_loaders_get_blanks_for_the_hidden_ratings(rows):
    train, hidden = rows
    frame, (first, second) = with_blanks(train, hidden[['user', 'movie']])
    assert frame.loc[list(first)].equals(train) and set(frame.rating.loc[list(second)]) == {3.}
    assert [*first, *second] == list(frame.index)


def test_gaps_are_filled_with_the_users_mean():
    train = pd.DataFrame({'user': [1, 1, 2], 'movie': [1, 2, 1], 'rating': [5., 4, 1.5]})
    pairs = pd.DataFrame({'user': [1, 2, 9, 1], 'movie': [9, 9, 9, 1]})
    assert filled([math.nan]*3 + [2.], train, pairs).tolist() == [4.5, 1.5, 3.5, 2.]


def test_contenders_that_are_here_answer_for_every_pair(rows):
    train, hidden = rows
    here = [n for n, c in CONTENDERS.items() if not peers.missing(c.library)]
    assert sum(CONTENDERS[n].library in ('fastai', 'collabdive') for n in here) >= 6
    for name in here:
        c = CONTENDERS[name]
        settings = {**c.settings, **{k: 20 for k in ('draws', 'max_iter', 'n_epochs')
                                     if k in c.settings}}
        if c.uses in (WITH_COLUMNS, WITH_DAY): settings['tables'] = tables()
        pairs, frame = (part.assign(day=part.index % 7) if c.uses == WITH_DAY else part.copy()
                        for part in (hidden[['user', 'movie']], train))
        before = frame.copy()
        assert judged(c.fit(frame, pairs, **settings)(), hidden.rating.to_numpy()) < 2, name
        assert frame.equals(before), name


def test_a_fit_has_a_process_of_its_own(file):
    got = apart(measure_or_tell, QUICK, file)
    assert got.keys() == FIGURES and all(map(math.isfinite, got.values()))
    assert got['peak_mb'] > 50 and 0 < got['fit_s'] < 60
    error = measure_or_tell(QUICK, 'no such file')['error']
    assert 'FileNotFoundError' in error and 'no such file' in error
    with pytest.raises(BrokenProcessPool): apart(os._exit, 1)


# A run

def planted(name='', file='/u1.npz'):
    "Invented figures of a contender on a fold."
    k, fold = len(name), int(file[-5])
    return dict(rmse=.9 + k/1000 + fold/100, fit_s=float(k), fit_cpu_s=k - .1, predict_s=.5,
                compile_s=0.,
                peak_mb=100. + k, added_mb=10. + fold)


@pytest.fixture
def pretend(monkeypatch, all_installed):
    "A run that fits nothing; one contender fails, the process of another is killed."
    def make(fails=(), dies=()):
        asked = []
        def fake(function, *args):
            if function is peers.save_folds: return
            asked.append(args[0])
            if args[0] in dies: raise BrokenProcessPool
            if args[0] in fails: return dict(error='ValueError: no')
            return planted(*args[:2])
        monkeypatch.setattr(peers, 'apart', fake)
        monkeypatch.setattr(os, 'environ', dict(os.environ))
        return asked
    return make


def test_a_failure_is_told_and_stops_nobody_else(pretend, tmp_path, capsys):
    first, second, *others = CONTENDERS
    asked = pretend(fails=[first], dies=[second])
    assert peers.main(['--out', str(tmp_path/'out.json')]) == 1
    assert asked.count(first) == asked.count(second) == 1
    assert [asked.count(name) for name in others] == [5]*len(others)
    record = json.loads((tmp_path/'out.json').read_text())
    assert record['not_run'] == {first: 'failed on u1: ValueError: no',
                                 second: 'failed on u1: its process was killed'}
    assert list(record['contenders']) == others
    assert f'{first}: failed on u1: ValueError: no' in capsys.readouterr().out


def test_only_a_whole_run_is_stored(pretend, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(peers, 'OUT', tmp_path/'peers.json')
    pretend()
    for part in (['--quick'], ['--only', 'cornac'], ['--folds', '1', '2', '3', '4']):
        assert peers.main(part) == 0 and not list(tmp_path.iterdir())
        assert 'nothing is written' in capsys.readouterr().out
    assert peers.main(['--threads', '2']) == 0 and [*tmp_path.iterdir()] == [peers.OUT]
    assert os.environ['OMP_NUM_THREADS'] == os.environ['RAYON_NUM_THREADS'] == '2'
    assert f'written to {peers.OUT}' in capsys.readouterr().out
    assert list(json.loads(peers.OUT.read_text())['contenders']) == list(CONTENDERS)


def test_a_run_in_parts_keeps_what_there_is(pretend, tmp_path, monkeypatch):
    monkeypatch.setattr(peers, 'OUT', tmp_path/'peers.json')
    asked, (first, second, *_) = pretend(), CONTENDERS
    assert peers.main(['--keep', '--only', first, '--folds', '1', '2']) == 0
    asked.clear()
    assert peers.main(['--keep', '--only', first, second, '--folds', '3']) == 0
    record = json.loads(peers.OUT.read_text())['contenders']
    assert {n: list(of['folds']) for n, of in record.items()} == {
        first: ['u1', 'u2', 'u3'], second: ['u3']}
    assert record[first]['mean']['rmse'] == pytest.approx(planted(first)['rmse'] + .01)
    record[first]['settings'] = dict(other=1)               # it is another contender now
    peers.OUT.write_text(json.dumps(dict(contenders=record)))
    assert list(with_kept({}, peers.OUT)) == [second]


def test_cores_run_one_each(pretend, tmp_path, monkeypatch):
    busy, most, lock = set(), [], threading.Lock()
    def fake(function, *args):
        if function is peers.save_folds: return
        with lock:
            assert args[2] not in busy, 'two at a time on a core'
            busy.add(args[2])
            most.append(len(busy))
        time.sleep(.01)
        with lock: busy.remove(args[2])
        return planted(*args[:2])
    pretend()
    monkeypatch.setattr(peers, 'apart', fake)
    assert peers.main(['--cores', '4', '7', '--out', str(tmp_path/'out.json')]) == 0
    assert max(most) == 2
    record = json.loads((tmp_path/'out.json').read_text())
    assert record['cores'] == [4, 7] and len(record['contenders']) == len(CONTENDERS)


@pytest.mark.usefixtures('all_installed')
def test_ratios_and_table_of_planted_figures():
    folds = {name: {f'u{k}': planted(name, f'u{k}.npz') for k in (1, 2)}
             for name in (AS_INSTALLED, QUICK)}
    folds['cmfrec ALS, 10 factors'] = {'u1': planted('x', 'u1.npz')}
    record = with_ratios(folds)
    n, m = len(AS_INSTALLED), len(QUICK)
    assert record[QUICK]['mean']['rmse'] == pytest.approx(.9 + m/1000 + .015)
    assert record[QUICK]['times_fit_quick'] == 1 and record[AS_INSTALLED]['times_fastai'] == 1
    assert record[QUICK]['times_fastai'] == round(m/n, 4)
    head, *lines = peers.table(record).splitlines()
    assert [line.split('  ')[0] for line in lines] == [
        'cmfrec ALS, 10 factors', AS_INSTALLED, QUICK]        # the least error first
    assert head.index('RMSE') + 4 == lines[0].index('0.9110') + 6
    assert len({line.index(' ratings') for line in lines}) == 1
    alone = with_ratios({QUICK: folds[QUICK]})[QUICK]
    assert 'times_fastai' not in alone and alone['times_fit_quick'] == 1


# The stored figures

@pytest.mark.skipif(not peers.OUT.exists(), reason='no whole run of benchmarks/peers.py is stored')
def test_stored_figures_are_of_the_contenders_as_they_are():
    record = json.loads(peers.OUT.read_text())
    assert list(record['contenders']) == list(CONTENDERS) and not record['not_run']
    for name, of in record['contenders'].items():
        assert of['settings'] == CONTENDERS[name].settings and len(of['folds']) == 5, name
        assert with_ratios({name: of['folds']})[name]['mean'] == of['mean'], name


@pytest.mark.skipif(not peers.OUT_1M.exists(), reason='no run of benchmarks/peers.py --ml-1m')
def test_stored_figures_of_the_million_are_of_the_contenders_as_they_are():
    record = json.loads(peers.OUT_1M.read_text())['contenders']
    for name, of in record.items():
        assert of['settings'] == MILLION[name].settings and len(of['folds']) == 3, name
        assert with_ratios({name: of['folds']})[name]['mean'] == of['mean'], name
