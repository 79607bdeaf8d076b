"The page of the explorer as Python writes it: what is in it, what is not, what is refused."
import base64
import json
import re
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from collabdive.cli import main
from collabdive.cold_start import fold_in
from collabdive.explorer import explorer_data, read_explorer, without_people, write_explorer
from collabdive.factors import Factors
from collabdive.persist import load_factors, save_factors
from collabdive.recommend import recommend

TITLES = ['Alien (1979)', '</script><img src=x onerror=alert(1)> (1999)', 'Fargo (1996)',
          'Zoë & "Zed"', 'Brazil (1985)', 'Nobody Saw It (2000)']
COUNTS = np.array([3, 9, 7, 2, 5, 0])
SHOWN = [TITLES[k] for k in (1, 2, 4, 0, 3)]       # the most rated first


def numbers(**changes):
    "A model of 30 people and six titles."
    rng = np.random.default_rng(0)
    people = rng.normal(.2, .5, (30, 3)), rng.normal(0, .3, 30)
    seen = np.arange(31)*2, np.tile([0, 1, 2, 4], 15)
    return replace(Factors(range(30), TITLES, people[0], rng.normal(size=(6, 3)), people[1],
                           rng.normal(size=6), 0., (.5, 5.5), COUNTS, seen), **changes)


def said(capsys, *args):
    "Exit status, output and complaints."
    return main([*map(str, args)]), *capsys.readouterr()


@pytest.mark.parametrize('y_range', [(.5, 5.5), None])
def test_without_people_newcomers_are_told_the_same(y_range):
    f = numbers(y_range=y_range, mean=0. if y_range else 3.5)
    small, rated = without_people(f), {'Alien (1979)': 5, 'Fargo (1996)': 1}
    assert small.items == SHOWN and small.item_counts.tolist() == [9, 7, 5, 3, 2]
    one, other = (fold_in(model, rated) for model in (f, small))
    assert np.allclose(one.score(SHOWN), other.score(SHOWN), atol=3e-3)
    assert np.allclose(one.doubt(SHOWN), other.doubt(SHOWN), atol=3e-3)
    plain = replace(f, item_factors=f.item_factors.astype('float16'))   # but for the rounding
    assert np.allclose(fold_in(plain, rated).score(SHOWN), other.score(SHOWN), atol=1e-5)
    apart = np.abs(f.user_factors[:, None] - small.user_factors).max(-1)
    assert small.seen is None and len(small.users) == 2*4 and apart.min() > 1e-3
    assert without_people(f, 2).items == SHOWN[:2]
    with pytest.raises(ValueError, match='most=0'): without_people(f, 0)
    with pytest.raises(TypeError, match='Factors, not dict'): without_people({})


@pytest.mark.parametrize('changes', [{}, dict(item_counts=None), dict(y_range=None, mean=3.)])
def test_what_is_written_is_read(tmp_path, changes):
    f = numbers(**changes)
    page = write_explorer(f, tmp_path/'page')
    found, want = read_explorer(tmp_path/'page'), without_people(f)
    assert page == tmp_path/'page'/'index.html' and page.is_file()
    assert found.items == want.items and (found.mean, found.y_range) == (want.mean, want.y_range)
    for name in ('item_factors', 'item_bias'):
        assert (getattr(found, name) == getattr(want, name)).all()
    known = f.item_counts is not None
    assert (found.item_counts is not None) == known and found.items == (SHOWN if known else TITLES)
    rated = {TITLES[0]: 4, TITLES[2]: 2}
    beside = load_factors(tmp_path/'page'/'model.safetensors')
    for model in (found, beside):
        assert np.allclose(fold_in(model, rated).score(TITLES[:5]),
                           fold_in(want, rated).score(TITLES[:5]), atol=1e-5)


def test_titles_with_html_stay_text(tmp_path):
    write_explorer(numbers(), tmp_path/'page', about=['<b>from here</b>'])
    text = (tmp_path/'page'/'data.js').read_text('ascii')
    assert '<' not in text and TITLES[1] in read_explorer(tmp_path/'page').items
    assert 'data-conditions.txt' not in {p.name for p in (tmp_path/'page').iterdir()}


def test_no_number_of_anybody_is_in_it():
    data, f = explorer_data(numbers()), numbers()
    assert set(data) == {'format', 'items', 'year', 'genre_names', 'genres', 'counts', 'mean',
                         'y_range', 'levels', 'noise', 'widen', 'ask', 'bias', 'prior_mean',
                         'prior_spread', 'axes', 'factors'}
    other = f.user_factors.copy()
    other[[0, 1]] = other[[1, 0]]
    bias = f.user_bias.copy()
    bias[[0, 1]] = bias[[1, 0]]
    swapped = explorer_data(numbers(user_factors=other, user_bias=bias))
    def read(d): return [np.frombuffer(base64.b64decode(d[k]), '<f4')
                         for k in ('prior_mean', 'prior_spread')]
    for a, b in zip(read(data), read(swapped)): assert np.allclose(np.abs(a), np.abs(b), atol=1e-5)


def test_years_and_genres(tmp_path):
    assert explorer_data(numbers())['year'] == [1999, 1996, 1985, 1979, None]
    facts = pd.DataFrame({'title': ['Fargo (1996)', 'Fargo (1996)', 'Other', 'Alien (1979)'],
                          'year': [1995, 1, 2, None], 'genres': ['Crime|Drama', 'x', 'y', None]})
    data = explorer_data(numbers(), facts)
    assert data['year'] == [None, 1995, None, None, None]
    assert data['genre_names'] == ['Crime', 'Drama'] and data['genres'] == [[], [0, 1], [], [], []]
    with pytest.raises(ValueError, match="'title' of the table of items holds none"):
        explorer_data(numbers(), facts[2:3])
    with pytest.raises(KeyError, match='title'): explorer_data(numbers(), facts[['year']])


@pytest.mark.parametrize('y_range, levels', [
    ((.5, 5.5), [1, 2, 3, 4, 5]), ((-.625, 5.5625), [1, 2, 3, 4, 5]), (None, [1, 2, 3, 4, 5]),
    ((0, 10.5), [*range(1, 11)]), ((0, 1.), [0, .25, .5, .75, 1]), ((-10, 10), [-10, -5, 0, 5, 10]),
    ((0, 100), [0, 25, 50, 75, 100])])
def test_levels_fit_the_model(y_range, levels):
    assert explorer_data(numbers(y_range=y_range))['levels'] == levels


@pytest.mark.parametrize('levels', [[3], [2, 1], [1, 1], [0, 5], [1, 6], list(range(11))])
def test_levels_that_cannot_be(levels):
    with pytest.raises(ValueError, match='levels='): explorer_data(numbers(), levels=levels)
    assert explorer_data(numbers(), levels=[.5, 2])['levels'] == [.5, 2]


def test_too_many_and_too_few():
    for counts, which, shown in ((COUNTS, 'most rated', SHOWN), (None, 'first', TITLES)):
        with pytest.warns(UserWarning, match=f'of 6 items the page has the 4 {which}'):
            data = explorer_data(numbers(item_counts=counts), most=4)
        assert data['items'] == shown[:4]
    for narrow in (without_people(numbers(), 2), numbers(user_factors=np.ones((30, 1)),
                                                         item_factors=np.arange(6.)[:, None])):
        with pytest.raises(ValueError, match='2 factors and 3 items'): explorer_data(narrow)


def test_nothing_is_written_over(tmp_path):
    (full := tmp_path/'full').mkdir()
    (full/'mine.txt').write_text('mine')
    for out, why in ((full, 'something in it already; --force'), (full/'mine.txt', 'is no folder'),
                     (tmp_path/'a'/'b', 'there is no folder')):
        with pytest.raises(OSError, match=why): write_explorer(numbers(), out)
    assert [p.name for p in tmp_path.rglob('*')] == ['full', 'mine.txt']
    with pytest.raises(ValueError): write_explorer(numbers(), tmp_path/'new', levels=[9])
    assert not (tmp_path/'new').exists()
    for _ in range(2): write_explorer(numbers(), full, force=True)
    assert (full/'mine.txt').read_text() == 'mine' and (full/'data.js').is_file()
    (tmp_path/'data.js').write_text('COLLABDIVE=')
    with pytest.raises(ValueError, match='not what write_explorer wrote'): read_explorer(tmp_path)
    with pytest.raises(FileNotFoundError): read_explorer(tmp_path/'none')


def test_the_films_that_come_with_it():
    f, page = read_explorer(), files('collabdive.web')/'dist'
    assert len(f.items) == 2000 and f.item_factors.shape == (2000, 40)
    text = (page/'data-conditions.txt').read_text('utf-8')
    assert 'Usage License' in text and 'Harper and Joseph A. Konstan' in text
    assert not re.search(r'https?://(?!www\.w3\.org|doi\.org|collabdive)', ''.join(
        (page/name).read_text('utf-8') for name in ('data.js', 'style.css', 'index.html')))


# the command


def test_the_command_copies_the_page_of_films(tmp_path, capsys):
    status, text, err = said(capsys, 'explorer', '--out', tmp_path/'page', '--json')
    assert status == 0 and not err
    assert json.loads(text) == dict(page=str(tmp_path/'page'/'index.html'), items=2000)
    for file in (files('collabdive.web')/'dist').iterdir():
        assert (tmp_path/'page'/file.name).read_bytes() == file.read_bytes()
    text = said(capsys, 'explorer', '--out', tmp_path/'page', '--force')[1]
    assert text.startswith('2,000 films are in ') and 'open it by a double click' in text


def test_the_command_writes_your_model(tmp_path, capsys):
    model, table = tmp_path/'m.safetensors', tmp_path/'items.csv'
    save_factors(f := numbers(), model)
    pd.DataFrame({'item': ['Fargo (1996)'], 'genres': ['Crime']}).to_csv(table, index=False)
    status, text, err = said(capsys, 'explorer', '--out', tmp_path/'page', '--factors', model,
                             '--items', table, '--name', 'books', '--levels', 1, 3, 5)
    assert status == 0 and not err and text.startswith('5 books are in ')
    data = json.loads((tmp_path/'page'/'data.js').read_text()[11:-2])
    assert (data['name'], data['genre_names'], data['levels']) == ('books', ['Crime'], [1, 3, 5])
    # what the page saves is what `recommend` reads, with the model beside the page
    (tmp_path/'mine.json').write_text(json.dumps(rated := {'Alien (1979)': 5, 'Fargo (1996)': 1}))
    text = said(capsys, 'recommend', '--model', tmp_path/'page'/'model.safetensors', '--rate-file',
                tmp_path/'mine.json', '-k', 3, '--json')[1]
    found = {row['item']: row['score'] for row in json.loads(text)['items']}
    want = recommend(f, fold_in(f, rated), 4).set_index('item').score
    assert all(abs(want[title] - score) < 5e-3 for title, score in found.items())


@pytest.mark.parametrize('args, why', [
    (('--factors', '{tmp}/none.safetensors'), 'none.safetensors'),
    (('--factors', '{tmp}/text.safetensors'), 'is no safetensors file'),
    (('--factors', '{tmp}/m.safetensors', '--levels', '5', '1'), 'levels=[5.0, 1.0]'),
    (('--factors', '{tmp}/m.safetensors', '--items', '{tmp}/none.csv'), 'none.csv'),
    (('--factors', '{tmp}/m.safetensors', '--items', '{tmp}/other.csv'), 'holds none'),
    (('--items', '{tmp}/other.csv'), '--items says something about a model of yours'),
    (('--name', 'books'), 'give --factors too'), (('--out', '{tmp}'), '--force')])
def test_the_command_refuses(tmp_path, capsys, args, why):
    save_factors(numbers(), tmp_path/'m.safetensors')
    (tmp_path/'text.safetensors').write_text('no model')
    (tmp_path/'other.csv').write_text('title,year\nOther,1999\n')
    before = {*tmp_path.rglob('*')}
    status, text, err = said(capsys, 'explorer', '--out', tmp_path/'page',
                             *(a.format(tmp=tmp_path) for a in args))
    assert status == 1 and not text and why in err and err.count('\n') == 1
    assert {*tmp_path.rglob('*')} == before
