"Commands on small files: what they print, what they write, what they refuse."
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from helpers import run

from collabdive import __version__, cli, compare, data, training
from collabdive.cli import main
from collabdive.cold_start import fold_in
from collabdive.factors import Factors, similar_items
from collabdive.persist import load_factors, save_factors
from collabdive.planted import planted_ratings
from collabdive.recommend import recommend


@pytest.fixture
def file(tmp_path):
    rows = planted_ratings(40, 30, 2, 500, seed=1)[['user', 'movie', 'rating']]
    rows.to_csv(tmp_path/'mine.csv', index=False)
    return str(tmp_path/'mine.csv')


def said(capsys, *args):
    "Exit status, output and complaints."
    return main([*map(str, args)]), *capsys.readouterr()


def test_train_says_and_writes_the_same_error(file, tmp_path, capsys):
    out = tmp_path/'preds.csv'
    status, text, err = said(capsys, 'train', file, '--epochs', 2, '--valid-pct', .1, '--json',
                             '--n-factors', 3, '--out', out)
    result, rows = json.loads(text), pd.read_csv(out)
    assert status == 0 and not err and list(rows) == ['user', 'movie', 'rating', 'prediction']
    assert pd.read_csv(file).nunique()[:2].tolist() == [39, 30]
    assert len(rows) == 50 and [result[k] for k in ('ratings', 'users', 'items')] == [500, 39, 30]
    off = ((rows.prediction - rows.rating)**2).mean()**.5
    assert off == pytest.approx(result['rmse'], abs=2e-3)
    assert all(v == round(v, 4) for k, v in result.items() if k.startswith('rmse'))
    assert [e['epoch'] for e in result['epochs']] == [1, 2]
    assert result['rmse'] == pytest.approx(result['epochs'][1]['valid']**.5, abs=1e-4)
    mills = rows.prediction*1000                                      # three places, and no more
    assert np.allclose(mills, mills.round()) and not np.allclose(mills/10, (mills/10).round())
    left = pd.read_csv(file).merge(rows, 'left', ['user', 'movie'])
    mean = left.rating_x[left.prediction.isna()].mean()               # of the training rows
    of_mean = ((rows.rating - mean)**2).mean()**.5
    assert result['rmse of the mean'] == pytest.approx(of_mean, abs=1e-4)
    status, text, _ = said(capsys, 'train', file, '--epochs', 1, '--valid-pct', .1)
    head, first, last, *doubt = text.splitlines()
    assert head.split() == ['epoch', 'train', 'valid'] and first.split()[0] == '1'
    assert 'always saying the mean gives' in last and f'{of_mean:.4f}' in last


def test_nothing_hidden_no_error_claimed(file, tmp_path, capsys):
    status, text, err = said(capsys, 'train', file, '--epochs', 2, '--valid-pct', 0)
    head, *_, last = text.splitlines()
    assert status == 0 and not err and head.split() == ['epoch', 'train']
    assert last.startswith('Trained on all 500 ratings, nothing hidden') and 'RMSE' not in text
    text = said(capsys, 'train', file, '--epochs', 2, '--valid-pct', 0, '--json')[1]
    result = json.loads(text, parse_constant=pytest.fail)             # no NaN
    assert list(result) == ['ratings', 'users', 'items', 'epochs'] and result['ratings'] == 500
    assert [list(e) for e in result['epochs']] == [['epoch', 'train']]*2
    out = tmp_path/'preds.csv'
    status, _, err = said(capsys, 'train', '/no/file', '--valid-pct', 0, '--out', out)
    assert status == 1 and '--valid-pct 0 hides none' in err and not out.exists()
    status, _, err = said(capsys, 'compare', file, '--valid-pct', 0, '--models', 'dot product')
    assert status == 1 and 'the valid part of the splits is empty' in err


@pytest.mark.parametrize('options', [('--lr', .5), ('--wd', 30), ('--bs', 100), ('--seed', 1),
                                     ('--n-factors', 1), ('--valid-pct', .3), ('--epochs', 2)])
def test_every_option_counts(file, capsys, options):
    plain, other = (said(capsys, 'train', file, '--epochs', 1, *o)[1] for o in ((), options))
    assert plain != other


def test_compare_takes_the_columns_by_name(file, tmp_path, capsys):
    renamed = pd.read_csv(file).rename(columns={'user': 'who', 'movie': 'what', 'rating': 'stars'})
    renamed.to_csv(tmp_path/'semi.txt', index=False, sep=';')
    args = ('--models', 'class shares', 'dot product', '--epochs', 1, '--seeds', 2, '--json')
    columns = ('--user', 'who', '--item', 'what', '--rating', 'stars', '--sep', ';')
    one = said(capsys, 'compare', file, *args, '--out', tmp_path/'t.csv')[1]
    two = said(capsys, 'compare', tmp_path/'semi.txt', *args, *columns)[1]
    assert json.loads(one) == json.loads(two)
    result, table = json.loads(one), pd.read_csv(tmp_path/'t.csv')
    assert (result['hidden'], result['seeds']) == (100, 2)
    assert table['rmse mean'].tolist() == [row['rmse'] for row in result['table']]
    text = said(capsys, 'compare', file, *args[:-1])[1]
    widest = max(row['rmse'] for row in result['spread'])
    assert f'highest minus lowest of 2 seeds: at most {widest:.4f} in rmse' in text
    assert 'highest minus' not in said(capsys, 'compare', file, *args[:3], '--epochs', 1)[1]


@pytest.mark.parametrize('args, message', [
    (('train', '--n-factors', 0), '--n-factors 0 must be at least 1'),
    (('train', '--bs', 0), '--bs 0'),
    (('train', '--epochs', -1), '--epochs -1'), (('train', '--lr', 0), 'lr=0.0 is too low'),
    (('compare', '--seeds', 0), '--seeds 0'), (('compare', '--epochs', 0), '--epochs 0'),
    (('train', '--user', 'usr'), "did you mean 'user'?"), (('train', '--sep', ';'), 'no column'),
    (('compare', '--models', 'ordinal', 'rank'), "there is no model 'rank'")])
def test_bad_options_are_named(file, capsys, args, message):
    status, out, err = said(capsys, args[0], file, *args[1:])
    assert status == 1 and not out and err.startswith('collabdive: error: ') and message in err
    assert err.count('\n') == 1


@pytest.mark.parametrize('n, fine', [(20, True), (21, False)])
def test_twenty_different_ratings_can_be_compared(tmp_path, capsys, n, fine):
    rows = planted_ratings(20, 20, 2, 300, seed=1)
    rows = rows.assign(rating=[k % n for k in range(300)])[['user', 'movie', 'rating']]
    rows.to_csv(tmp_path/'a.csv')
    status, _, err = said(capsys, 'compare', tmp_path/'a.csv', '--models', 'class shares')
    assert (status == 0) == fine and (fine or f'holds {n} different ratings' in err)


def test_errors_that_are_ours_and_those_that_are_not(capsys, monkeypatch):
    for error, status in ((ValueError('a'), 1), (KeyError('a'), 1), (OSError('a'), 1),
                          (ImportError('a'), 1), (KeyboardInterrupt(), 130)):
        with mock.patch.object(cli, '_data', side_effect=error):
            got, out, err = said(capsys, 'data')
        assert got == status and not out and err == ('collabdive: interrupted\n' if status == 130
                                                     else 'collabdive: error: a\n')
    with mock.patch.object(cli, '_data', side_effect=ZeroDivisionError):
        with pytest.raises(ZeroDivisionError): main(['data'])
    assert said(capsys, '--version') == (0, f'{__version__}\n', '')


def test_a_table_is_aligned():
    rows = [dict(name='a', x=1.5, y=None), dict(name='longer', x=10., y=2)]
    assert cli._table(rows, x='{:.2f}') == ('name        x  y\na        1.50\nlonger  10.00  2')


def test_defaults_are_what_help_says(file, capsys):
    with pytest.raises(SystemExit): main(['train', '--help'])
    text = ' '.join(capsys.readouterr()[0].split())
    for part in ('1 or more (default: 5)', 'between 0 and 1 (default: 0.2)', 'order (default: 42)',
                 'title, item or movie'): assert part in text
    args = cli._parser().parse_args(['compare', file])
    assert (args.epochs, args.valid_pct, args.seed, args.seeds) == (5, .2, 42, 1)
    assert (args.user_column, args.item_column, args.rating_column) == ('user', None, 'rating')
    assert cli._read(args)[1] == ('user', 'movie', 'rating')
    assert set(cli._chosen(None, compare.contenders())) == set(compare.DECAY)
    with mock.patch.object(data, 'load_movielens') as load:
        args = cli._parser().parse_args(['train'])
        assert cli._read(args)[1] == ('user', 'title', 'rating')
    load.assert_called_once_with('100k')


def test_the_bar_is_as_long_as_the_training(file, monkeypatch):
    seen = []
    class Bar(training.StepsBar):
        def __init__(self, total, desc):
            super().__init__(total, desc)
            self.total, self.steps = total, 0
            seen.append(self)
        def after_batch(self): self.steps += self.training
    monkeypatch.setattr(training, 'StepsBar', Bar)
    for options in ((), ('--bs', '100')): main(['train', file, '--epochs', '2', *options])
    assert [b.steps for b in seen] == [b.total for b in seen] == [2*13, 2*4]


def test_what_is_in_a_set_is_counted(capsys):
    rows = pd.DataFrame({'user': [1, 1, 2, 3, 3], 'movie': [10, 11, 10, 10, 12],
                         'rating': [5, 4, 4, 4, 3.], 'title': list('abaaa')})
    with mock.patch.object(data, 'load_movielens') as load:
        load.return_value = data.MovieLens('1m', rows, rows, None, 'a.zip')
        found = json.loads(said(capsys, 'data', '1m', '--path', 'a.zip', '--json')[1])
        text = said(capsys, 'data', '1m')[1]
    assert [c.args + tuple(c.kwargs.values()) for c in load.mock_calls] == [
        ('1m', Path('a.zip')), ('1m', None)]
    assert found == {'name': '1m', 'ratings': 5, 'users': 3, 'movies': 3, 'titles': 2,
                     'cells filled': .5556, 'mean rating': 4.0, 'source': 'a.zip'}
    assert text.splitlines()[1] == 'ratings       5' and 'cells filled  0.5556' in text


@pytest.mark.parametrize('full', [True, False])
def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path, monkeypatch, full):
    rows, path = pd.DataFrame({'a': [1]}), tmp_path/'out.csv'
    def broken(self, file, **kwargs):
        if full: file.write_text('half')
        raise OSError(28, 'No space left')
    monkeypatch.setattr(pd.DataFrame, 'to_csv', broken)
    with pytest.raises(OSError, match='cannot write .*out.csv: No space left'):
        cli._write(path, lambda part: rows.to_csv(part))
    assert not list(tmp_path.iterdir())


COLLABDIVE = Path(sys.executable).with_name('collabdive')

# what holds for every command that writes; SAFE: its arguments, but for the place, by the option
# that names it and the ending it wants

SAFE = {('train', '--out', 'csv'): ('--epochs', 1),
        ('train', '--save', 'safetensors'): ('--epochs', 1),
        ('compare', '--out', 'csv'): ('--epochs', 1, '--models', 'class shares'),
        ('map', '--out', 'png'): ()}


@pytest.fixture(params=SAFE, ids=' '.join)
def writing(request): return request.param


@pytest.fixture
def command(writing, file): return writing[0], file, *SAFE[writing]


def test_what_is_there_stays(writing, command, tmp_path, capsys):
    _, option, ending = writing
    taken = tmp_path/f'taken.{ending}'
    taken.write_text('mine')
    before = Path(command[1]).read_bytes()
    link, folder = tmp_path/'link.csv', tmp_path/'folder'
    link.symlink_to(command[1])
    folder.mkdir()
    for out, why in [(command[1], 'it is the input'), (link, 'it is the input'),
                     (folder, 'it is a folder'),
                     (tmp_path/'no'/f'x.{ending}', 'there is no folder'),
                     (taken, 'it is there already; --force replaces it')]:
        force = ('--force',) if 'input' in why else ()
        with mock.patch.object(cli, '_read', side_effect=AssertionError):    # before any work
            status, text, err = said(capsys, *command, option, out, *force)
        assert status == 1 and not text and f'cannot write {out}: {why}' in err
    assert Path(command[1]).read_bytes() == before and taken.read_text() == 'mine'
    assert said(capsys, *command, option, taken, '--force')[0] == 0
    assert taken.read_bytes() != b'mine'
    assert {p.name for p in tmp_path.iterdir()} == {'mine.csv', taken.name, 'link.csv', 'folder'}


def test_links_and_devices_are_written_through(writing, command, tmp_path, capsys):
    _, option, ending = writing
    target, link = tmp_path/f'target.{ending}', tmp_path/f'link.{ending}'
    target.write_text('old')
    link.symlink_to(target)
    assert said(capsys, *command, option, link, '--force')[0] == 0
    assert link.is_symlink() and target.read_bytes() != b'old'
    device = Path('/dev/null').stat()
    assert said(capsys, *command, option, '/dev/null')[0] == int(ending != 'csv')
    assert Path('/dev/null').stat().st_rdev == device.st_rdev
    status, _, err = said(capsys, *command, option, '/dev/full')
    why = dict(csv='cannot write /dev/full: No space left', png='/dev/full must end in .png',
               safetensors='cannot write /dev/full: it is no file')[ending]
    assert status == 1 and why in err


def test_a_column_of_yours_is_not_replaced(tmp_path, capsys):
    rows = planted_ratings(40, 30, 2, 500, seed=1)[['user', 'movie', 'rating']]
    file, out = tmp_path/'mine.csv', tmp_path/'out.csv'
    rows.rename(columns={'rating': 'prediction'}).to_csv(file, index=False)
    text = said(capsys, 'train', file, '--rating', 'prediction', '--epochs', 1, '--out', out)[1]
    written = pd.read_csv(out)
    assert list(written) == ['user', 'movie', 'prediction', 'prediction_']
    assert "are in column 'prediction_', as 'prediction' is one of yours" in text
    assert set(written.prediction) <= {1, 2, 3, 4, 5} and written.prediction_.nunique() > 5


COMMANDS = next(a.choices for a in cli._parser()._actions if a.dest == 'command')
LEAST = {'similar': ('b',), 'map': ('--out', 'map.png'),   # what a command does not go without
         'explorer': ('--out', 'page')}


@pytest.mark.parametrize('command', COMMANDS)
def test_help_gives_the_range_of_every_number(command, capsys):
    with pytest.raises(SystemExit) as stop: main([command, '--help'])
    text = capsys.readouterr()[0]
    assert stop.value.code == 0 and f'collabdive {command}' in text and '--json' in text
    for option in COMMANDS[command]._actions:
        if option.type in (int, float) and option.dest not in ('seed', 'drop'):
            assert any(word in option.help for word in ('or more', 'above', 'between')), option.dest
        if {'--out', '--save', '--plot'} & {*option.option_strings}: assert '--force' in text
    if '--model' in COMMANDS[command]._option_string_actions:
        assert f'Example: collabdive {command} ' in text


@pytest.mark.parametrize('command', [c for c, p in COMMANDS.items()
                                     if '--user-column' in p._option_string_actions])
@pytest.mark.parametrize('roles', [('--user-column', 'movie'), ('--item', 'rating'),
                                   ('--rating', 'user')])
def test_a_column_has_one_role_in_every_command(command, roles, file, capsys):
    more = {**LEAST, 'recommend': ('--user', 1)}.get(command, ())
    status, _, err = said(capsys, command, *more[:1]*(command == 'similar'), file, *roles,
                          *more*(command != 'similar'))
    assert status == 1 and 'need a column each' in err


def test_every_command_that_writes_is_in_the_rules():
    folder = {('explorer', '--out')}                            # its rules: test_explorer.py
    assert {(c, o) for c, p in COMMANDS.items() for o in ('--out', '--save')
            if o in p._option_string_actions} == {place[:2] for place in SAFE} | folder


@pytest.mark.parametrize('command', COMMANDS)
def test_json_is_one_strict_object_for_errors_too(command, capsys):
    with mock.patch.object(cli, f'_{command}', return_value=({'rmse': float('nan'), 'n': [1]}, '')):
        text = said(capsys, command, *LEAST.get(command, ()), '--json')[1]
    assert json.loads(text, parse_constant=pytest.fail) == {'rmse': None, 'n': [1]}
    with mock.patch.object(cli, f'_{command}', side_effect=ValueError('no')):
        status, text, err = said(capsys, command, *LEAST.get(command, ()), '--json')
    assert status == 1 and json.loads(text) == {'error': 'no'} and 'error: no' in err
    with pytest.raises(SystemExit) as stop: main([command, '--none'])
    assert stop.value.code == 2


@pytest.mark.parametrize('option', ['', '--version', *(f'{c} --help' for c in COMMANDS)])
@pytest.mark.parametrize('shell, status', [('| head -1', 0), ('> /dev/full', 1)])
def test_a_reader_that_goes_and_a_full_disk_are_no_tracebacks(shell, status, option):
    done = run('bash', '-c', f'set -o pipefail; {COLLABDIVE} {option} {shell}')
    assert 'Traceback' not in done.stderr and 'Exception' not in done.stderr
    assert done.returncode in (status, 0)            # argparse lets no error of --help out
    if 'help' not in option: assert ('cannot print' in done.stderr) == bool(done.returncode)


def test_an_error_on_a_full_disk_is_a_line():
    done = run('bash', '-c', f'{COLLABDIVE} recommend --json > /dev/full')
    assert done.returncode == 1 and done.stderr.startswith('collabdive: error: ')
    assert done.stderr.count('\n') == 1


def test_what_a_callback_loses_comes_again(monkeypatch):
    told, waits = [], []
    monkeypatch.setattr(sys, '__unraisablehook__', told.append)
    monkeypatch.setattr(cli, 'Timer', lambda s, call: mock.Mock(start=lambda: waits.append(call)))
    with mock.patch.object(signal, 'signal') as handles:
        for kind in (ValueError, KeyboardInterrupt): cli._not_lost(mock.Mock(exc_type=kind))
    assert [lost.exc_type for lost in told] == [ValueError]           # Python says that one
    assert waits == [cli.interrupt_main]
    handles.assert_called_once_with(signal.SIGINT, cli._interrupted)


@pytest.mark.parametrize('sep, said_', [('\\t', 0), ('::', 0), ('', "sep='' separates nothing")])
def test_separators(file, tmp_path, capsys, sep, said_):
    text = Path(file).read_text().replace(',', sep.replace('\\t', '\t') or ',')
    (tmp_path/'other.txt').write_text(text)
    status, _, err = said(capsys, 'train', tmp_path/'other.txt', '--sep', sep, '--epochs', 1)
    assert status == 0 and not err if said_ == 0 else status == 1 and said_ in err


def test_too_few_ratings_are_told(tmp_path, capsys):
    rng = np.random.default_rng(0)
    few = pd.DataFrame({'user': rng.integers(0, 40, 300), 'item': rng.integers(0, 60, 300),
                        'rating': rng.integers(1, 6, 300)})
    few.to_csv(tmp_path/'few.csv', index=False)
    text = said(capsys, 'train', tmp_path/'few.csv', '--wd', 0)[1]
    assert 'The model is worse than damped means' in text


def test_what_a_killed_run_left_beside_the_place_is_swept(tmp_path):
    ended = subprocess.Popen([sys.executable, '-c', ''])
    ended.wait()
    works = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    stays = [tmp_path/f'.collabdive-{name}.csv'
             for name in (f'{works.pid}-out', 'mine-out', f'{ended.pid}-other')]
    for left in (*stays, tmp_path/f'.collabdive-{ended.pid}-out.csv'): left.write_text('half')
    with mock.patch.object(os, 'kill', wraps=os.kill) as asked:
        cli._write(tmp_path/'out.csv', lambda part: part.write_text('whole'))
    assert {call.args[1] for call in asked.mock_calls} == {0}        # asked, and not ended
    assert {*tmp_path.iterdir()} == {*stays, tmp_path/'out.csv'}
    cli._write(tmp_path/'out.csv.gz', lambda part: pd.DataFrame({'a': [1]}).to_csv(part))
    assert (tmp_path/'out.csv.gz').read_bytes()[:2] == b'\x1f\x8b'      # packed as its name says
    works.communicate(b'\n')


SLOW = """
import os, sys, time
from collabdive import cli
class Lost:
    def __del__(self): time.sleep(.02)                  # Python forgets what is raised here
def save(part):
    with open(part, 'w') as f:
        for k in range(40): print(k, file=f, flush=True); Lost()
def train(args):
    print('begun', flush=True)
    time.sleep(.1)
    cli._write(args.out, save)
    return {}, 'done'
cli._train = train
sys.argv = ['collabdive', 'train', '--out', sys.argv[1]]
status = cli.main()
time.sleep(.2)                                          # as Python takes to end
sys.exit(status)
"""


@pytest.mark.skipif(os.name == 'nt', reason='signals as Unix has them')
def test_killed_at_any_moment(tmp_path):
    rng, whole = np.random.default_rng(0), ''.join(f'{k}\n' for k in range(40))
    code, todo = SLOW.replace("'--out'", "'--force', '--out'"), []
    for k in range(12):
        (folder := tmp_path/str(k)).mkdir()
        (folder/'out.csv').write_text('old')
        todo.append((folder, rng.uniform(0, 1.2), [signal.SIGINT, signal.SIGKILL][k % 3 == 0]))

    def stopped(folder, after, sent):
        run_ = subprocess.Popen([sys.executable, '-c', code, folder/'out.csv'], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        run_.stdout.readline()
        time.sleep(after)
        run_.send_signal(sent)
        return run_.communicate()[1], run_.returncode, sent, folder/'out.csv'

    with ThreadPoolExecutor(4) as pool: ended = [*pool.map(stopped, *zip(*todo))]
    for err, status, sent, out in ended:
        assert 'Traceback' not in err and out.read_text() in ('old', whole)
        if sent == signal.SIGINT:
            assert status in ((0,) if out.read_text() == whole else (130,))
            assert [*out.parent.iterdir()] == [out]


@pytest.mark.skipif(os.name == 'nt', reason='signals as Unix has them')
@pytest.mark.parametrize('module', ['importlib.metadata', 'collabdive.cli', 'argparse'])
def test_stopped_while_it_starts(module, tmp_path):
    "Ctrl-C at the moment when the command imports this."
    (tmp_path/'sitecustomize.py').write_text(f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)   # nohup ignores it
class Stop:
    def find_spec(name, *_):
        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Stop)""")
    done = run(COLLABDIVE, '--version', env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (130, '', '')
    code = 'from signal import *; old = getsignal(2); import collabdive; print(old == getsignal(2))'
    assert run(sys.executable, '-c', code).stdout == 'True\n'   # a package leaves it alone


# commands that ask a model

TITLES = ['Fargo (1996)', 'Alien (1979)', 'Aliens (1986)', 'Brazil (1985)', 'Nobody Saw It (2000)']


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    "Five films, two factors. User 2 has seen all of them, ann three."
    path, rng = tmp_path_factory.mktemp('model')/'m.safetensors', np.random.default_rng(0)
    save_factors(Factors([1, 2, 'ann'], TITLES, rng.normal(size=(3, 2)), rng.normal(size=(5, 2)),
                         rng.normal(size=3), rng.normal(size=5), 0., (0, 5.5),
                         np.array([60, 50, 3, 2, 0]),
                         ([0, 1, 6, 9], [0, 0, 1, 2, 3, 4, 0, 1, 2])), path)
    return path


def test_a_list_is_that_of_recommend(model, capsys):
    f = load_factors(model)
    status, text, err = said(capsys, 'recommend', '--model', model, '--user', 1, '-k', 2, '--json')
    want = recommend(f, 1, 2)
    assert status == 0 and not err
    assert json.loads(text) == {'user': 1, 'items': [
        {'item': i, 'score': pytest.approx(s, abs=6e-4)} for i, s in zip(want['item'], want.score)]}
    text = said(capsys, 'recommend', '--model', model, '--user', 'ann')[1].splitlines()
    assert text[0].split() == ['item', 'score'] and text[1].startswith('1 ') and len(text) == 4
    assert text[-1] == 'For user ann, without what is rated already, score in stars'


def test_ratings_of_somebody_new(model, tmp_path, capsys):
    rated, f = {'Fargo (1996)': 5., 'Alien (1979)': 1.}, load_factors(model)
    want = recommend(f, fold_in(f, rated), 3)['item'].tolist()
    (tmp_path/'mine.json').write_text(json.dumps(rated))
    pd.Series(rated, name='stars').rename_axis('title').to_csv(tmp_path/'mine.csv')
    for given in (('--rate', 'Fargo (1996)=5', '--rate', 'Alien (1979)=1'),
                  ('--rate-file', tmp_path/'mine.json'), ('--rate-file', tmp_path/'mine.csv')):
        status, text, err = said(capsys, 'recommend', '--model', model, *given, '-k', 3, '--json')
        found = json.loads(text)
        assert status == 0 and not err and found['rated'] == rated
        assert [row['item'] for row in found['items']] == want
    text = said(capsys, 'recommend', '--model', model, *given, '-k', 3)[1]
    assert 'From 2 ratings of somebody new, score in stars' in text
    err = said(capsys, 'recommend', '--model', model, '--rate', 'fargo (1996)=4', '-k', 1)[2]
    assert err == "collabdive: taking 'Fargo (1996)' for 'fargo (1996)'\n"


@pytest.mark.parametrize('args, rows, note', [
    (('recommend', '--user', 1, '-k', 10**15), 4, f'there are 5 items, not {10**15}'),
    (('recommend', '--user', 1), 4, 'only 4 of 5 items are left'),
    (('recommend', '--user', 2, '-k', 1), 0, 'only 0 of 1 items are left'),
    (('similar', 'Fargo', '--min-ratings', 3), 2, 'only 2 of 10 items are left')])
def test_fewer_than_asked_for_is_said(model, capsys, args, rows, note):
    status, text, err = said(capsys, *args, '--model', model)
    assert status == 0 and f'collabdive: {note}\n' in err
    assert len(text.splitlines()) == rows + 1 + (rows > 0)
    assert len(json.loads(said(capsys, *args, '--model', model, '--json')[1])['items']) == rows


@pytest.mark.parametrize('args, why', [
    (('--user', 'anna'), "there is no user 'anna': did you mean 'ann'?"),
    (('--user', 7), "there is no user '7': there are '1', '2', 'ann'"),
    (('--rate', 'Fargo=4'), "there is no item 'Fargo': did you mean 'Fargo (1996)'?"),
    (('--rate', 'Brasil (1985)=4'), "did you mean 'Brazil (1985)'?"),
    ((), 'for whom?'), (('--user', 1, '--rate', 'Fargo (1996)=4'), 'for whom?'),
    (('--rate', ''), 'a rating has no title: write TITLE=NUMBER'), (('--rate', '=4'), 'no title'),
    (('--rate', 'Fargo (1996)'), 'no title'),
    (('--rate', 'Fargo (1996)='), "'Fargo (1996)' has '' for stars"),
    (('--rate', 'Fargo (1996)=good'), "has 'good' for stars: write TITLE=NUMBER"),
    (('--rate', 'Fargo (1996)=6'), 'has 6.0 stars, and here they go from 0 to 5.5'),
    (('--rate', 'Fargo (1996)=nan'), 'has nan stars'),
    (('--rate', 'Nobody Saw It (2000)=4'), 'has no ratings in training'),
    (('--rate', 'Fargo (1996)=4', '--rate', 'fargo (1996)=4'), "'Fargo (1996)' is rated twice"),
    (('--user', 1, '-k', 0), '--k 0 must be at least 1'), (('mine.csv', '--user', 1), 'not both')])
def test_what_a_list_cannot_be_made_of(model, capsys, args, why):
    status, text, err = said(capsys, 'recommend', *args, '--model', model)
    assert status == 1 and not text and why in err
    assert err.splitlines()[-1].startswith('collabdive: error: ')


@pytest.mark.parametrize('name, text, why', [
    ('a.json', '', 'is no JSON'), ('a.json', '{"a": 1', 'is no JSON'),
    ('a.json', '[["a", 1]]', 'one object'),
    ('a.json', '3', 'one object'), ('a.json', '{}', 'rates nothing'),
    ('a.json', '{"Fargo (1996)": true}', "has True for stars"),
    ('a.json', '{"Fargo (1996)": {"a": 1}}', 'for stars'),
    ('a.json', '{"Fargo (1996)": 4, "Fargo (1996)": 5}', 'rated twice'),
    ('a.csv', 'title,stars,when\nFargo,4,1', '3 columns'),
    ('a.csv', 'title\nFargo', 'one field only'), ('a.csv', '', 'is empty'),
    ('a.csv', 'title,stars\nFargo (1996),\n', 'nan stars'), ('none.csv', None, 'no file')])
def test_files_that_rate_nothing(model, tmp_path, capsys, name, text, why):
    if text is not None: (tmp_path/name).write_text(text)
    status, _, err = said(capsys, 'recommend', '--model', model, '--rate-file', tmp_path/name)
    assert status == 1 and why in err and err.count('\n') == 1


@pytest.mark.parametrize('args', [
    ('similar', 'Fargo', '--json', 'a.csv', 'b.csv'), ('data', '100k', 'a'),
    ('similar', 'Fargo', 'a.csv', '--json', 'b.csv'), ('train', '--odd')])
def test_more_arguments_than_there_are_places(capsys, args):
    with pytest.raises(SystemExit) as stop: main([*args])
    assert stop.value.code == 2
    assert f'unrecognized arguments: {args[-1]}'[:24] in capsys.readouterr()[1]


def test_similar_takes_a_part_of_a_title(model, capsys):
    want = similar_items(load_factors(model), 'Fargo (1996)', 2)
    options = '--model', model, '-k', 2, '--min-ratings', 1
    status, text, err = said(capsys, 'similar', 'far', *options, '--json')
    assert status == 0 and err == "collabdive: taking 'Fargo (1996)' for 'far'\n"
    found = json.loads(text)
    assert found['item'] == 'Fargo (1996)'
    assert [row['item'] for row in found['items']] == want['item'].tolist()
    assert not said(capsys, 'similar', 'Alien (1979)', *options)[2]
    for title, why in (('Alien', "did you mean 'Alien (1979)' or 'Aliens (1986)'?"),
                       ('', 'there is no item'), ('Frago (1996)', "did you mean 'Fargo (1996)'?")):
        status, text, err = said(capsys, 'similar', title, *options)
        assert status == 1 and not text and why in err
    text = said(capsys, 'similar', 'far', '--model', model, '--json')[1]
    assert json.loads(text)['min_ratings'] == 3
    assert '--min-ratings 0 must be' in said(capsys, 'similar', 'far', *options[:-1], 0)[2]


@pytest.mark.parametrize('ending, start', [
    ('png', b'\x89PNG'), ('svg', b'<?xml'), ('pdf', b'%PDF')])
def test_a_map_is_a_picture_by_its_ending(model, tmp_path, capsys, ending, start):
    out = tmp_path/f'map.{ending}'
    text = said(capsys, 'map', '--model', model, '--min-ratings', 1, '--out', out, '--json')[1]
    assert json.loads(text) == dict(map=str(out), items=4, min_ratings=1, explained=1.0)
    assert out.read_bytes().startswith(start)
    title = '<!-- Two axes hold 100% of what 4 items differ in -->'
    assert (title in out.read_text(errors='replace')) == (ending == 'svg')
    status, _, err = said(capsys, 'map', '--model', model, '--out', tmp_path/'map.gif')
    assert status == 1 and 'map.gif must end in .png, .svg or .pdf' in err
    status, _, err = said(capsys, 'map', '--model', model, '--out', model, '--force')
    assert status == 1 and 'it is the input' in err and load_factors(model)


def test_a_saved_model_answers_as_the_file_does(file, tmp_path, capsys):
    saved = tmp_path/'m.safetensors'
    status, text, _ = said(capsys, 'train', file, '--valid-pct', 0, '--save', saved)
    assert status == 0 and text.splitlines()[-1] == f'The model is in {saved}'
    f, rows = load_factors(saved), pd.read_csv(file)
    pairs = rows.drop_duplicates(['user', 'movie'])
    assert f.item_counts.sum() == 500 and len(f.seen[1]) == len(pairs)
    for *first, last in (('recommend', '--user', 3), ('similar', f.items[0])):
        asked = *first, last, '--json'
        one, other = (said(capsys, *asked, *source) for source in (('--model', saved), (file,)))
        assert one == other and one[0] == 0         # a file may come after the options
    status, text, _ = said(capsys, 'train', file, '--epochs', 1, '--save', saved, '--force')
    assert f'The model is in {saved}; it was shown the training ratings only' in text
    assert load_factors(saved).item_counts.sum() == 400
    status, _, err = said(capsys, 'train', file, '--out', tmp_path/'x', '--save', tmp_path/'x')
    assert status == 1 and '--out and --save are the same file' in err


def test_a_warning_is_one_line(capsys):
    def warn(args):
        warnings.warn('odd')
        return {}, ''
    with mock.patch.object(cli, '_data', warn):
        for _ in range(2): assert said(capsys, 'data')[2] == 'collabdive: odd\n'
