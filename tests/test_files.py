"Faults that no page can hold: servers, processes, broken files."
import hashlib
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import FrozenInstanceError
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from collabdive import files
from collabdive.data import load_movielens, read_ratings
from collabdive.tables import read_table
from collabdive.files import load_results, nearest_names, need_columns, need_ids
from helpers import run, serve

NOWHERE = 'http://127.0.0.1:9/'
DAT_RATINGS = '1::20::5::900000001\n1::10::3.5::900000002\n2::20::4::900000003\n'
DAT_MOVIES = ("10::Giant: the Return (1996)::Animation|Children's\n"
              "20::Owl's Nest, An (1975)::Drama\n")
CSV_RATINGS = ('userId,movieId,rating,timestamp\n'
               '1,20,5.0,900000001\n1,10,3.5,900000002\n2,20,4.0,900000003\n')
CSV_MOVIES = ('movieId,title,genres\n'
              '10,"Giant: the Return, Big (1996)",Animation|Children\n20,Nest (1975),Drama\n')
FLAGS = '|'.join('1' if k in (3, 4) else '0' for k in range(19))
ITEM = '{}|{}|01-Jan-1995||http://x|' + FLAGS + '\n'
LAYOUTS = {
    '1m': {'ratings.dat': DAT_RATINGS, 'movies.dat': DAT_MOVIES,
           'users.dat': '1::F::25::3::00001\n2::M::35::4::00002\n'},
    '10m': {'ratings.dat': DAT_RATINGS, 'movies.dat': DAT_MOVIES},
    **{name: {'ratings.csv': CSV_RATINGS, 'movies.csv': CSV_MOVIES}
       for name in ('20m', '25m', '32m', 'latest-small')},
    '100k': {'u.data': DAT_RATINGS.replace('::', '\t'),
             'u.user': '1|30|M|writer|00001\n2|40|F|other|00002\n',
             'u.item': ITEM.format(10, 'Café (1996)') + ITEM.format(20, 'Nest (1975)')},
}


def write_zip(path, layout):
    "An archive with the files of `layout` in a folder."
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, text in layout.items(): z.writestr(f'ml/{name}', text.encode('latin-1'))
    return path


@pytest.fixture
def home(tmp_path, monkeypatch):
    "An empty cache, and no network."
    monkeypatch.setenv('COLLABDIVE_HOME', str(tmp_path/'cache'))
    monkeypatch.setattr(files, '_url', NOWHERE)
    monkeypatch.setattr(files, '_fetch_recbole', refused)
    return tmp_path/'cache'


def refused(home): raise OSError('pip: no index')


@pytest.fixture
def server(tmp_path, monkeypatch):
    "A web server over a folder: (folder, address, list of the paths asked for)."
    folder, asked = tmp_path/'www', []
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args): super().__init__(*args, directory=str(folder))
        def log_message(self, *args): asked.append(self.path)

    with serve(Handler) as address: yield folder, address, asked


# layouts

@pytest.mark.parametrize('name', LAYOUTS)
@pytest.mark.parametrize('zipped', [True, False])
def test_layouts(tmp_path, name, zipped):
    for file, text in LAYOUTS[name].items(): (tmp_path/file).write_bytes(text.encode('latin-1'))
    source = write_zip(tmp_path/'a.zip', LAYOUTS[name]) if zipped else tmp_path
    ml = load_movielens(name, path=source, verify=False)
    assert ml.ratings.columns.tolist() == ['user', 'movie', 'rating', 'timestamp', 'title']
    assert ml.ratings.rating.tolist() == [5, 3.5, 4] and ml.ratings.rating.dtype == 'float32'
    ids = ml.ratings[['user', 'movie', 'timestamp']].to_numpy().tolist()
    assert ids == [[1, 20, 900000001], [1, 10, 900000002], [2, 20, 900000003]]
    assert ml.ratings.title[0].endswith('(1975)')
    assert ml.movies.year.tolist() == [1996, 1975] and '|' in ml.movies.genres[0]
    assert (ml.users is not None) == (name in ('1m', '100k'))
    if ml.users is not None:
        assert ml.users.columns.tolist() == ['user', 'age', 'gender', 'occupation', 'zip_code']
        assert len(ml.users) == 2
    if name == '100k':
        assert ml.movies.title[0] == 'Café (1996)'
        assert ml.movies.genres[0] == "Animation|Children's"


@pytest.mark.parametrize('name, encoding', [('1m', 'latin-1'), ('10m', 'utf-8'), ('20m', 'utf-8')])
def test_titles_are_read_as_each_release_writes_them(tmp_path, name, encoding):
    for file, text in LAYOUTS[name].items():
        (tmp_path/file).write_bytes(text.replace('Nest', 'Amélie').encode(encoding))
    ml = load_movielens(name, path=tmp_path, verify=False)
    assert ml.movies.title.str.count('Amélie').sum() == ml.ratings.title.str.count('Amélie')[0] == 1


@pytest.mark.parametrize('name', sorted(LAYOUTS.keys() - {'latest-small'}))  # which grows
def test_a_set_of_the_wrong_size_is_refused(tmp_path, name):
    archive = write_zip(tmp_path/'a.zip', LAYOUTS[name])
    message = 'ML-100K' if name == '100k' else f'MovieLens {name} has'
    with pytest.raises(ValueError, match=message) as e: load_movielens(name, path=archive)
    assert str(archive) in str(e.value)


def test_both_copies_of_100k_agree(tmp_path):
    "The RecBole copy, rewritten in the official layout, reads as the same frames."
    ml = load_movielens('100k')
    rated, first = ml.ratings.iloc[:, :4], ml.movies.iloc[0]
    assert (first.title, first.year) == ('Toy Story (1995)', 1995)
    assert ml.movies.title[266] == 'unknown' and 'Great Giving (1995) (V)' in ml.movies.title[1411]
    flags = ['|'.join(str(int(g in genres.split('|'))) for g in files._genres_100k)
             for genres in ml.movies.genres]
    items = ''.join(f'{movie}|{title}||| |{on}\n'
                    for movie, title, on in zip(ml.movies.movie, ml.movies.title, flags))
    text = dict(header=False, index=False, lineterminator='\n')
    members = {'u.data': rated.astype('int64').to_csv(sep='\t', **text).encode(),
               'u.item': items.encode('latin-1'),
               'u.user': ml.users.to_csv(sep='|', **text).encode()}
    for name, raw in members.items(): (tmp_path/name).write_bytes(raw)
    other = load_movielens('100k', path=tmp_path)
    for frame in ('ratings', 'movies', 'users'):
        pd.testing.assert_frame_equal(getattr(other, frame), getattr(ml, frame), check_dtype=False)
    (tmp_path/'u.data').write_bytes(members['u.data'][:-9])
    with pytest.raises(ValueError, match='u.data in .*: the ratings are not those of ML-100K'):
        load_movielens('100k', path=tmp_path)


# broken files

@pytest.mark.parametrize('name, file, text, message', [
    ('1m', 'ratings.dat', '', 'ratings.dat in .* is empty'),
    ('1m', 'ratings.dat', DAT_RATINGS + '2::66', 'fields missing or not numeric'),
    ('1m', 'ratings.dat', DAT_RATINGS.replace('5', 'five'), 'fields missing or not numeric'),
    ('1m', 'movies.dat', 'no separators here\n', 'does not have the layout of MovieLens 1m'),
    ('20m', 'movies.csv', 'movieId,title,genres\n10,X (1996),Drama\n',
     'movie 20 is rated but has no title'),
    ('20m', 'movies.csv', 'movieId,title,genres\n20,X (1996),Drama\n',
     'movie 10 is rated but has no title'),
    ('20m', 'movies.csv', 'id,name\n1,2\n', 'does not have the layout of MovieLens 20m'),
])
def test_damaged_members(tmp_path, name, file, text, message):
    archive = write_zip(tmp_path/'a.zip', {**LAYOUTS[name], file: text})
    with pytest.raises(ValueError, match=message) as e:
        load_movielens(name, path=archive, verify=False)
    assert str(archive) in str(e.value)


def test_missing_member_and_cut_archive(tmp_path):
    with pytest.raises(ValueError, match="holds no file 'ratings.dat'"):
        load_movielens('1m', path=write_zip(tmp_path/'a.zip', {'movies.dat': DAT_MOVIES}))
    whole = write_zip(tmp_path/'b.zip', LAYOUTS['1m']).read_bytes()
    (tmp_path/'b.zip').write_bytes(whole[:len(whole)//2])
    with pytest.raises(ValueError, match='b.zip is not a whole zip archive'):
        load_movielens('1m', path=tmp_path/'b.zip')


# sources

def test_nothing_reachable_names_every_source(home):
    with pytest.raises(FileNotFoundError) as e: load_movielens('100k')
    for part in ('cache, ml-100k.zip', 'official site', 'RecBole wheel: pip: no index', 'path=',
                 str(home)):
        assert part in str(e.value)
    assert [p for p in home.iterdir() if not p.name.endswith('.lock')] == []
    with pytest.raises(FileNotFoundError) as e: load_movielens('25m')
    assert 'RecBole' not in str(e.value) and 'ml-25m.zip' in str(e.value)


def test_download_is_checked_and_leaves_nothing_half(home, server, monkeypatch):
    folder, url, asked = server
    monkeypatch.setattr(files, '_url', url)
    archive = write_zip(folder/'ml-latest-small.zip', LAYOUTS['latest-small'])
    assert len(load_movielens('latest-small').ratings) == 3
    assert (home/'ml-latest-small.zip').read_bytes() == archive.read_bytes()
    n = len(asked)
    assert len(load_movielens('latest-small').ratings) == 3 and len(asked) == n  # from the cache
    write_zip(folder/'ml-1m.zip', LAYOUTS['1m'])  # not the published archive
    with pytest.raises(FileNotFoundError, match='(?i)hash'): load_movielens('1m')
    assert not (home/'ml-1m.zip').exists()
    assert sorted(p.suffix for p in home.iterdir()) == ['.lock', '.lock', '.zip']


def test_a_broken_cache_file_is_replaced(home, server, monkeypatch):
    folder, url, asked = server
    home.mkdir()
    (home/'ml-latest-small.zip').write_bytes(b'PK half')
    message = 'cache, ml-latest-small.zip: .*not a whole zip'
    with pytest.raises(FileNotFoundError, match=message): load_movielens('latest-small')
    assert (home/'ml-latest-small.zip').exists()  # nothing better yet: it stays
    monkeypatch.setattr(files, '_url', url)
    write_zip(folder/'ml-latest-small.zip', LAYOUTS['latest-small'])
    assert len(load_movielens('latest-small').ratings) == 3


def test_unwritable_cache(tmp_path, monkeypatch):
    (tmp_path/'file').write_text('')
    monkeypatch.setenv('COLLABDIVE_HOME', str(tmp_path/'file'/'cache'))
    message = 'cannot write to the cache .*set COLLABDIVE_HOME'
    with pytest.raises(OSError, match=message): load_movielens('100k')


def test_wrong_wheel(home, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv('COLLABDIVE_HOME', str(home))
    monkeypatch.setattr(files, '_url', NOWHERE)

    def fake_pip(cmd, **kwargs):
        Path(cmd[cmd.index('--dest') + 1], files._wheel).write_bytes(b'not the wheel')
        return subprocess.CompletedProcess(cmd, 0, '', '')

    monkeypatch.setattr(files.subprocess, 'run', fake_pip)
    with pytest.raises(FileNotFoundError, match='has a wrong SHA-256'): load_movielens('100k')
    assert not (home/files._wheel).exists()


def test_many_processes_fetch_once(tmp_path, server):
    folder, url, asked = server
    write_zip(folder/'ml-latest-small.zip', LAYOUTS['latest-small'])
    code = (f'from collabdive import data, files; files._url = {url!r}; '
            "print(len(data.load_movielens('latest-small').ratings))")
    env = {**os.environ, 'COLLABDIVE_HOME': str(tmp_path/'cache')}
    command = [sys.executable, '-c', code]
    procs = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
             for _ in range(4)]
    assert [p.communicate(timeout=120)[0].strip() for p in procs] == ['3']*4
    assert len([a for a in asked if a.endswith('ml-latest-small.zip')]) == 1


@pytest.mark.parametrize('fault', [OSError(30, 'Read-only file system'),
                                   PermissionError(13, 'Permission denied')])
def test_a_cache_that_cannot_be_locked_names_the_remedy(home, monkeypatch, fault):
    def fail(*args, **kwargs): raise fault
    monkeypatch.setattr(files.Path, 'mkdir', fail)
    message = f'cannot write to the cache .*{fault.strerror}.*set COLLABDIVE_HOME'
    with pytest.raises(OSError, match=message):
        load_movielens('100k')


def test_an_archive_that_one_may_not_read(tmp_path, monkeypatch):
    write_zip(tmp_path/'mine.zip', LAYOUTS['latest-small'])
    def refused(path, *args): raise PermissionError(13, 'Permission denied', str(path))
    monkeypatch.setattr(files.zipfile, 'ZipFile', refused)
    with pytest.raises(PermissionError, match='you may not read .*mine.zip: .*chmod u.r'):
        load_movielens('latest-small', path=tmp_path/'mine.zip')


def test_a_full_disk_is_named_and_nothing_half_fetched_stays(home, monkeypatch):
    def full(url, known, file, folder, **how):
        (Path(folder)/file).write_bytes(b'half')
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(files.pooch, 'retrieve', full)
    with pytest.raises(FileNotFoundError, match='official site: .*No space left on device'):
        load_movielens('1m')
    assert not [p for p in home.rglob('*') if p.is_file() and p.suffix != '.lock']


def test_a_folder_with_a_cut_item_file(tmp_path):
    "The ratings are whole; the list of movies, or its last line, is not."
    for name, text in LAYOUTS['100k'].items(): (tmp_path/name).write_bytes(text.encode('latin-1'))
    cut = LAYOUTS['100k']['u.item'].rstrip('\n').rsplit('|', 6)[0]
    (tmp_path/'u.item').write_bytes(cut.encode('latin-1'))
    with pytest.raises(ValueError, match='u.item in .*: a line is cut short'):
        load_movielens('100k', path=tmp_path, verify=False)
    movies = files._movies([1], ['A (1999)'], ['Drama'])
    ratings, users = pd.DataFrame([[1, 1, 5, 9]]), pd.DataFrame({'user': [1]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(files._parsers, 'u.data',
                      lambda *args: (ratings.copy(), movies, users))
        release = files._Release(1, 'ml-100k.zip', None, ('u.data',))
        patch.setattr(files, 'RELEASES', {'100k': release})
        assert len(load_movielens('100k', path=tmp_path, verify=False).ratings) == 1
        with pytest.raises(ValueError, match='lists 1 movies and 1 users; ML-100K has 1682'):
            load_movielens('100k', path=tmp_path)


@pytest.mark.parametrize('title, year', [
    ('Blade (1998) Runner (1982)', 1982), ('2001 (1968)', 1968), ('Nest (1975) (TV)', 1975),
    ('1984', None), ('Nest (19)', None), ('(500) Days (2009)', 2009), ('Nest (1975', None)])
def test_the_year_is_the_last_in_parentheses(title, year):
    found = files._movies([1], [f' {title} '], ['Drama'])
    assert found.title.tolist() == [title] and found.year.dtype == 'Int64'
    assert found.year.isna()[0] if year is None else found.year[0] == year


PUBLISHED = {'100k': 100_000, '1m': 1_000_209, '10m': 10_000_054, '20m': 20_000_263,
             '25m': 25_000_095, '32m': 32_000_204}                       # in GroupLens' READMEs


@pytest.mark.parametrize('name', PUBLISHED)
def test_the_published_numbers_and_no_others(name):
    sizes = [range(PUBLISHED[name]), range(1682), range(943)]
    files._counts_agree(name, 'a.zip', *sizes)
    for k in range(3 if name == '100k' else 1):
        for change in (-1, 1):
            wrong = [range(len(s) + change*(j == k)) for j, s in enumerate(sizes)]
            with pytest.raises(ValueError): files._counts_agree(name, 'a.zip', *wrong)
    files._counts_agree('latest-small', 'a.zip', *sizes)


def test_a_cache_may_lie_deep_and_a_bar_needs_somebody(home, server, monkeypatch):
    folder, url, asked = server
    monkeypatch.setattr(files, '_url', url)
    monkeypatch.setenv('COLLABDIVE_HOME', str(home/'a'/'b'))
    write_zip(folder/'ml-latest-small.zip', LAYOUTS['latest-small'])
    ml = load_movielens('latest-small')
    assert ml.source == str(home/'a'/'b'/'ml-latest-small.zip')
    with pytest.raises(FrozenInstanceError): ml.name = '1m'
    for watched in (True, False):
        monkeypatch.setattr(sys, 'stderr', SimpleNamespace(isatty=lambda: watched))
        assert files._interactive() is watched


# tables

def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path/'mine.parquet').write_bytes(b'PAR1')
    for package in ('pyarrow', 'pyarrow.parquet'): monkeypatch.setitem(sys.modules, package, None)
    message = r"mine.parquet: reading Parquet needs pyarrow: pip install 'collabdive\[parquet\]'"
    for read in (read_table, read_ratings):
        with pytest.raises(ImportError, match=message): read(tmp_path/'mine.parquet')


def test_columns_that_are_missing_or_twice():
    need_columns(['a', 'b'], ['b'])
    with pytest.raises(KeyError, match="no column 'c': there are 'a', 'b'"):
        need_columns(['a', 'b'], ['c'])
    with pytest.raises(ValueError, match="column 'a' appears 2 times"):
        need_columns(['a', 'b', 'a'], [])


TITLES = ['Fargo (1996)', 'Alien (1979)', 'Aliens (1986)', 'Alien 3 (1992)', 'Alien 4 (1997)', 7]


@pytest.mark.parametrize('value, said', [
    ('fargo', "did you mean 'Fargo (1996)'?"),                             # a part, in any case
    ('ALIEN', "did you mean 'Alien (1979)' or 'Aliens (1986)' or 'Alien 3 (1992)'?"),
    ('Fagro (1996)', "did you mean 'Fargo (1996)'?"),                      # a slip
    ('Alienz (1979)', "did you mean 'Alien (1979)'?"),                     # the nearest of two
    ('Zzz', "there are 'Fargo (1996)', 'Alien (1979)', 'Aliens (1986)', ..."),
    (8, "there are 'Fargo (1996)', 'Alien (1979)', 'Aliens (1986)', ..."), # numbers are not near
])
def test_the_nearest_names(value, said):
    assert nearest_names(value, TITLES) == said
    assert nearest_names('ALIEN', TITLES, 1) == "did you mean 'Alien (1979)'?"
    assert nearest_names(8, [1, 2, 3]) == 'there are 1, 2, 3'


@pytest.mark.parametrize('ids, message', [
    ([7, 'a', '7'], r"holds both 7 \(int\) and '7' \(str\)"),
    (['a', None], 'row 1: the id is missing'),
    (['1', 2, 1, 3], r"holds both '1' \(str\) and 1 \(int\)"), ([5, 5], r'holds one id only \(.*5'),
    ([np.nan, 1], 'row 0: the id is missing')])
def test_ids_that_cannot_be_told_apart(ids, message):
    with pytest.raises(ValueError, match=f"column 'user',? {message}"):
        need_ids(pd.Series(ids), 'user')
    for fine in ([1, 'a'], ['a', 'A'], [1, 2.5], [2**60, 2**60 + 1]):
        need_ids(pd.Series(fine), 'user')


def test_results_that_are_not_there_are_named_beside_those_that_are():
    assert load_results('loader')['epoch_ratio'] > 1
    with pytest.raises(FileNotFoundError, match="no results of 'loaders'; there are .*loader"):
        load_results('loaders')


@pytest.mark.parametrize('module', ['files', 'planted', 'data', 'splits', 'exercises'])
def test_what_needs_no_model_starts_without_torch(module):
    code = f'import sys, collabdive.{module}; print({{"torch", "fastai"}} & {{*sys.modules}})'
    done = run(sys.executable, '-c', code)
    assert done.stdout.strip() == 'set()', done.stderr


# what killed runs and changed files leave behind

def test_what_a_killed_run_has_left_is_swept_away(home, server, monkeypatch):
    folder, url, _ = server
    monkeypatch.setattr(files, '_url', url)
    write_zip(folder/'ml-latest-small.zip', LAYOUTS['latest-small'])
    for left in ('partial-ml-latest-small.zip-a1', 'partial-ml-25m.zip-b2', 'mine'):
        (home/left).mkdir(parents=True)
        (home/left/'half.zip').write_bytes(b'PK')
    load_movielens('latest-small')
    assert {p.name for p in home.iterdir()} == {
        'ml-latest-small.zip', 'ml-latest-small.zip.lock', 'partial-ml-25m.zip-b2', 'mine'}


def test_pip_ends_with_whoever_called_it(tmp_path):
    (tmp_path/'pip').mkdir()
    (tmp_path/'pip'/'__init__.py').touch()
    (tmp_path/'pip'/'__main__.py').write_text('import os, time\nopen("pid", "w").write('
                                              'str(os.getpid()))\ntime.sleep(60)')
    code = ('import subprocess, sys; from collabdive.files import _follow; '
            'subprocess.run([sys.executable, "-c", _follow])')
    caller = subprocess.Popen([sys.executable, '-c', code], cwd=tmp_path,
                              env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    for _ in range(600):
        if (tmp_path/'pid').exists() and (tmp_path/'pid').read_text(): break
        time.sleep(.05)
    caller.kill()
    caller.wait()
    pid = int((tmp_path/'pid').read_text())
    for _ in range(100):
        try: os.kill(pid, 0)
        except ProcessLookupError: return
        if 'Z' in Path(f'/proc/{pid}/stat').read_text().rsplit(')')[-1][:3]: return
        time.sleep(.05)
    pytest.fail('pip goes on')


def test_a_changed_file_of_the_cache_is_fetched_anew(home, monkeypatch):
    home.mkdir(parents=True, exist_ok=True)
    changed = write_zip(home/'ml-1m.zip', LAYOUTS['1m'])
    release = files.RELEASES['1m']
    with pytest.raises(ValueError, match='ml-1m.zip has another MD5 than the published file'):
        files._unchanged(changed, release)
    assert files._unchanged(home/'ml-latest-small.zip', files.RELEASES['latest-small'])


def test_an_archive_that_unpacks_to_far_more_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path/'bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr('u.data', bytes(10**8))
    start = time.process_time()
    with pytest.raises(ValueError, match='u.data in .*bomb.zip unpacks to over 250 times'):
        load_movielens('100k', path=tmp_path/'bomb.zip')
    assert time.process_time() - start < 1


def test_what_pip_unpacks_lies_in_the_folder_that_is_swept(home, monkeypatch):
    monkeypatch.undo()
    seen = []
    def fake_pip(cmd, **options):
        seen.append((cmd[cmd.index('--dest') + 1], options['env']['TMPDIR']))
        return subprocess.CompletedProcess(cmd, 1, '', 'no')
    monkeypatch.setattr(files.subprocess, 'run', fake_pip)
    home.mkdir()
    with pytest.raises(OSError, match='pip: no'): files._fetch_recbole(home)
    assert seen[0][0] == seen[0][1] and seen[0][0].startswith(str(home))


def test_a_wheel_that_pip_fetched_comes_to_lie_in_the_cache(home, monkeypatch):
    monkeypatch.undo()
    def fake_pip(cmd, **options):
        (Path(cmd[cmd.index('--dest') + 1])/files._wheel).write_bytes(b'a wheel')
        return subprocess.CompletedProcess(cmd, 0, '', '')
    monkeypatch.setattr(files.subprocess, 'run', fake_pip)
    home.mkdir()
    with pytest.raises(OSError, match='wrong SHA-256'): files._fetch_recbole(home)
    assert not [*home.iterdir()]
    monkeypatch.setattr(files, '_wheel_sha', hashlib.sha256(b'a wheel').hexdigest())
    assert files._fetch_recbole(home) == str(home/files._wheel)
    assert [*home.iterdir()] == [home/files._wheel]
