"Commands on small files: what they print, what they write, what they refuse."
import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from helpers import run

from collabdive import __version__, cli, compare, data, training
from collabdive.cli import main
from collabdive.planted import planted_ratings


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
    assert (args.epochs, args.valid_pct, args.seed, args.seeds, args.item) == (5, .2, 42, 1, None)
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

# what holds for every command that writes; SAFE: its arguments, but for the place

SAFE = {'train': ('--epochs', 1), 'compare': ('--epochs', 1, '--models', 'class shares')}


@pytest.fixture(params=SAFE)
def command(request, file): return request.param, file, *SAFE[request.param]


def test_what_is_there_stays(command, tmp_path, capsys):
    taken = tmp_path/'taken.csv'
    taken.write_text('mine')
    before = Path(command[1]).read_bytes()
    link, folder = tmp_path/'link.csv', tmp_path/'folder'
    link.symlink_to(command[1])
    folder.mkdir()
    for out, why in [(command[1], 'it is the input'), (link, 'it is the input'),
                     (folder, 'it is a folder'), (tmp_path/'no'/'x.csv', 'there is no folder'),
                     (taken, 'it is there already; --force replaces it')]:
        force = ('--force',) if 'input' in why else ()
        with mock.patch.object(cli, '_read', side_effect=AssertionError):    # before any work
            status, text, err = said(capsys, *command, '--out', out, *force)
        assert status == 1 and not text and f'cannot write {out}: {why}' in err
    assert Path(command[1]).read_bytes() == before and taken.read_text() == 'mine'
    assert said(capsys, *command, '--out', taken, '--force')[0] == 0
    assert taken.read_text() != 'mine'
    assert {p.name for p in tmp_path.iterdir()} == {'mine.csv', 'taken.csv', 'link.csv', 'folder'}


def test_links_and_devices_are_written_through(command, tmp_path, capsys):
    target, link = tmp_path/'target.csv', tmp_path/'link.csv'
    target.write_text('old')
    link.symlink_to(target)
    assert said(capsys, *command, '--out', link, '--force')[0] == 0
    assert link.is_symlink() and target.read_text() != 'old'
    device = Path('/dev/null').stat()
    assert said(capsys, *command, '--out', '/dev/null')[0] == 0
    assert Path('/dev/null').stat().st_rdev == device.st_rdev
    status, _, err = said(capsys, *command, '--out', '/dev/full')
    assert status == 1 and 'cannot write /dev/full: No space left' in err


def test_a_column_of_yours_is_not_replaced(tmp_path, capsys):
    rows = planted_ratings(40, 30, 2, 500, seed=1)[['user', 'movie', 'rating']]
    file, out = tmp_path/'mine.csv', tmp_path/'out.csv'
    rows.rename(columns={'rating': 'prediction'}).to_csv(file, index=False)
    text = said(capsys, 'train', file, '--rating', 'prediction', '--epochs', 1, '--out', out)[1]
    written = pd.read_csv(out)
    assert list(written) == ['user', 'movie', 'prediction', 'prediction_']
    assert "are in column 'prediction_', as 'prediction' is one of yours" in text
    assert set(written.prediction) <= {1, 2, 3, 4, 5} and written.prediction_.nunique() > 5


@pytest.mark.parametrize('command', ['data', 'train', 'compare', 'demo'])
def test_json_is_one_strict_object_for_errors_too(command, capsys):
    with mock.patch.object(cli, f'_{command}', return_value=({'rmse': float('nan'), 'n': [1]}, '')):
        text = said(capsys, command, '--json')[1]
    assert json.loads(text, parse_constant=pytest.fail) == {'rmse': None, 'n': [1]}
    with mock.patch.object(cli, f'_{command}', side_effect=ValueError('no')):
        status, text, err = said(capsys, command, '--json')
    assert status == 1 and json.loads(text) == {'error': 'no'} and 'error: no' in err
    with pytest.raises(SystemExit) as stop: main([command, '--none'])
    assert stop.value.code == 2


@pytest.mark.parametrize('option', ['', '--help', '--version', 'data --help'])
@pytest.mark.parametrize('shell, status', [('| head -1', 0), ('> /dev/full', 1)])
def test_a_reader_that_goes_and_a_full_disk_are_no_tracebacks(shell, status, option):
    done = run('bash', '-c', f'set -o pipefail; {COLLABDIVE} {option} {shell}')
    assert 'Traceback' not in done.stderr and 'Exception' not in done.stderr
    assert done.returncode in (status, 0)            # argparse lets no error of --help out
    if 'help' not in option: assert ('cannot print' in done.stderr) == bool(done.returncode)


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
