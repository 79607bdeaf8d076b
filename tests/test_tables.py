"Files as people have them: read as they were meant, or refused by name, line and remedy."
import bz2
import csv
import decimal
import gzip
import io
import json
import lzma
import os
import random
import time
import warnings
import zipfile
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive import tables
from collabdive.data import read_ratings
from collabdive.tables import read_table, tidy_ratings

HEAD, ROWS = 'user,item,rating\n', '1,a,3\n2,b,4.5\n'


@pytest.fixture
def put(tmp_path):
    "Writes a file of that name, and returns its path."
    def put(name, content):
        (tmp_path/name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path/name
    return put


def same(frame): assert frame.to_numpy().tolist() == [[1, 'a', 3.0], [2, 'b', 4.5]]


# columns and spelling

@pytest.mark.parametrize('text, line', [
    (f'{HEAD}2,6,3.0,881250949\n', 2), (f'{HEAD}{ROWS}3,c\n', 4), (f'{HEAD}{ROWS}3', 4),
    (f'{HEAD}1,a,3,4\n2,b\n', 2),
    (f'{HEAD}"1",a,3\n2,b,4,5\n', 3), (f'{HEAD}1,"a\nb",3\n2,"c', 4),
    (f'{HEAD}1,"a, b",3\n2,c\n', 3)])
def test_a_row_with_another_number_of_fields_is_named(put, text, line):
    with pytest.raises(ValueError, match=rf'mine.csv, line {line}[ :]'):
        read_table(put('mine.csv', text))


def test_the_line_is_right_in_a_long_file(put):
    rows = [f'{k},{k % 7},3\n' for k in range(2_500_000)]             # more than one block
    rows[2_400_000] = '1,2,3,4\n'
    with pytest.raises(ValueError, match='line 2400002 has 4 fields, the first line 3'):
        read_table(put('long.csv', HEAD + ''.join(rows)))


@pytest.mark.parametrize('item, meant', [
    ('x', 'x'), ('007', '007'), (str(2**63 + 1), 2**63 + 1), ('', None),
    (str(2**53 + 1) + '.0', None)])
def test_what_stands_late_in_a_column_counts_for_all_of_it(put, item, meant):
    rows = [f'{k},{k % 7},3\n' for k in range(600_000)]              # pandas reads it in pieces
    file = put('long.csv', HEAD + ''.join(rows) + f'1,{item},3\n')
    items = read_table(file).item
    whole = pd.read_csv(file, low_memory=False, dtype={'item': str} if item == '007' else None).item
    assert items.equals(whole) and type(items[0]) is type(whole[0])
    if meant: assert items.iloc[-1] == meant


def test_plain_bytes_are_not_copied():
    raw = (HEAD + ROWS).encode()
    assert tables._utf8(raw, 'mine.csv', None) is raw
    assert tables._utf8(raw.replace(b'\n', b'\r\n'), 'mine.csv', None) == raw


def test_quotes_in_the_first_line_alone_do_not_slow_a_file_down(put, monkeypatch):
    quoted, file, read = '"user","item","rating"\n', put('r.csv', ''), []
    file.write_text(quoted + ROWS*1000)
    with monkeypatch.context() as patch:
        fault = tables._quoted_fault
        patch.setattr(tables, '_quoted_fault', lambda raw, n, **how: read.append(len(raw)) or fault(
            raw, n, **how))
        frame = read_table(file)
    assert frame.shape == (2000, 3) and list(frame) == ['user', 'item', 'rating']
    assert read == [len(quoted)]
    with pytest.raises(ValueError, match='line 2002 has 4 fields'):
        read_table(put('r.csv', quoted + ROWS*1000 + '1,2,3,4\n'))
    with pytest.raises(ValueError, match='line 1: a quote is opened'):
        read_table(put('r.csv', quoted[:-2] + '\n' + ROWS))


def test_a_file_that_one_may_not_read(put, monkeypatch):
    file = put('mine.csv', HEAD + ROWS)
    def refused(path, *args): raise PermissionError(13, 'Permission denied', str(path))
    monkeypatch.setattr(tables, 'open', refused, raising=False)
    with pytest.raises(PermissionError, match='you may not read .*mine.csv: .*chmod u.r'):
        read_ratings(file)


@pytest.mark.parametrize('ids', [
    ['01951012', '1951012'], ['007', '7'], ['+1', '1'], ['1e5', 'x'], ['None', 'NA'],
    ['nan', 'null'], ['True', 'yes'], ['-0', '0x'], ['1.0', '1,5'], ['"q"', "'"],
    ['99999999999999999999', '1a']])
def test_an_id_keeps_its_spelling(put, ids):
    file = put('mine.csv', '')
    frame = pd.DataFrame({'user': ids, 'item': ['a', 'b'], 'rating': [1., 2.]})
    frame.to_csv(file, index=False)
    assert read_ratings(file).user.tolist() == ids


@pytest.mark.parametrize('ids', [['1.0', '2.5'], ['True', 'False'], ['1e5', '2e3'], ['nan', 'inf']])
def test_ids_that_look_like_other_numbers_stay_text(put, ids):
    text = HEAD + ''.join(f'{i},a{k},3\n' for k, i in enumerate(ids))
    assert read_ratings(put('mine.csv', text)).user.tolist() == ids


def test_only_an_empty_field_is_missing(put):
    frame = read_table(put('m.csv', f'{HEAD}1,NA,\n,None,2\n'))
    assert frame.isna().to_numpy().tolist() == [[False, False, True], [True, False, False]]


# formats

@pytest.mark.parametrize('name, pack', [
    ('m.csv.gz', gzip.compress), ('m.csv.bz2', bz2.compress), ('m.csv.xz', lzma.compress),
    ('odd.name', gzip.compress), ('m.csv', bytes), ('m.txt', lambda b: b.replace(b',', b'\t')),
    ('m.tsv', lambda b: b.replace(b',', b'|')), ('m.csv', lambda b: b.replace(b'\n', b'\r\n')),
    ('m.csv', lambda b: b.replace(b'\n', b'\r')), ('m.csv', lambda b: b'\xef\xbb\xbf' + b),
    *[('m.csv', lambda b, to=to: b.decode().encode(to))
      for to in ('utf-16', 'utf-16-le', 'utf-16-be', 'utf-32')],
    ('m.csv', lambda b: b.rstrip()), ('m.csv', lambda b: b + b'\n\n'),
    ('m.dat', lambda b: b.replace(b',', b'::')), ('m.csv', lambda b: b.replace(b',', b' '))])
def test_the_same_rows_in_another_dress(put, name, pack):
    same(read_table(put(name, pack((HEAD + ROWS).encode()))))


def test_separators_and_names_that_are_given(put):
    for sep in ('\t', '\\t', '::', '%%', ' '):
        text = (HEAD + ROWS).replace(',', sep.replace('\\t', '\t'))
        same(read_table(put('m.txt', text), sep=sep))
    same(read_table(put('u.data', ROWS.replace(',', '\t')), names=['user', 'item', 'rating']))
    with pytest.raises(ValueError, match="names= holds 2 names, the first line 3 fields"):
        read_table(put('m.csv', ROWS), names=['user', 'item'])
    with pytest.raises(ValueError, match="sep='' separates nothing"):
        read_table(put('m.csv', ROWS), sep='')
    with pytest.raises(ValueError, match='has one field only; pass sep='):
        read_table(put('m.csv', 'user\n1\n'))
    with pytest.raises(KeyError, match='a file without a header needs names='):
        read_ratings(put('m.csv', ROWS))


@pytest.mark.parametrize('quoting, escaped', [
    (csv.QUOTE_ALL, False), (csv.QUOTE_MINIMAL, False), (csv.QUOTE_NONNUMERIC, False),
    (csv.QUOTE_ALL, True), (csv.QUOTE_NONNUMERIC, True)])
def test_quotes_as_excel_and_r_write_them(put, quoting, escaped):
    films = ['a "b" c', 'x, y', 'two\nlines', '', ' blank ', '"', "it's"]
    frame = pd.DataFrame({'user': range(7), 'item': films, 'rating': [1.5]*7})
    how = dict(doublequote=False, escapechar='\\') if escaped else {}
    file = put('n.csv', frame.to_csv(index=False, quoting=quoting, **how))
    assert read_table(file).item.fillna('').tolist() == films


def test_latin_1_is_read_and_said(put):
    file = put('m.csv', f'{HEAD}1,Amélie,3\n2,b,4\n'.encode('latin-1'))
    with pytest.warns(UserWarning, match='not UTF-8 and was read as latin-1'):
        frame = read_table(file)
    assert frame.item[0] == 'Amélie' == read_table(file, encoding='latin-1').item[0]
    for encoding, why in (('utf-8', 'byte 21 is not utf-8'), ('klingon', "no encoding 'klingon'")):
        with pytest.raises(ValueError, match=why): read_table(file, encoding=encoding)


def test_json_lines_keep_numbers_and_texts_apart(put):
    text = '{"user": "007", "item": 3, "rating": 4}\n\n{"user": "8", "item": 3, "rating": 4.5}\n'
    for name, content in [('m.jsonl', text), ('m.json', f"[{','.join(text.split(chr(10)*2))}]")]:
        frame = read_table(put(name, content))
        assert frame.user.tolist() == ['007', '8'] and frame.rating.tolist() == [4, 4.5]
    with pytest.raises(ValueError, match='m.jsonl, line 3 is no JSON'):
        read_table(put('m.jsonl', text[:-5]))
    with pytest.raises(ValueError, match='should be an object'): read_table(put('m.jsonl', '3\n'))


def test_decimals_of_a_database(put):
    rating = [decimal.Decimal('4.5'), decimal.Decimal('3')]
    pd.DataFrame({'user': [1, 2], 'item': ['a', 'b'], 'rating': rating}).to_parquet(put('m.pq', ''))
    path = put('x', '').with_name('m.pq')
    assert read_ratings(path).rating.tolist() == [4.5, 3]
    assert read_ratings(path.rename(path.with_suffix('.dump'))).rating.tolist() == [4.5, 3]


@pytest.mark.parametrize('text, items', [
    # blanks before quotes
    ('"user", "item", "rating"\n1, "Film, The", 3\n2, "b", 4\n', ['Film, The', 'b']),
    (f'{HEAD}1,"Q" film,3\n2,5" disk,4\n', ['"Q" film', '5" disk']),
    ('user::item::rating\n1::"Q" x::3\n2::b::4\n', ['"Q" x', 'b']),
    ('user,item,rating\r1,"two\nlines",3\r2,b,4\r', ['two\nlines', 'b']),
    ('[{"user": 1, "item": "a", "rating": 3},\n {"user": 2, "item": "b", "rating": 4}]',
     ['a', 'b'])])
def test_habits_of_quoting_and_json_by_another_name(put, text, items):
    assert read_ratings(put('m.txt', text)).item.tolist() == items


@pytest.mark.parametrize('name, text, message', [
    ('m.csv', '"user","item","rating"\n"1","a "b" c","3"\n"2","x","4"\n',
     'line 2: a quote .* double the quotes'),
    ('m.csv', 'user;item;rating\n1;a;1,250\n2;b;3,500\n',    # thousands, or decimals?
     "'1,250' is not a number"),
    ('m.json', '{"user": {"0": 1}, "item": {"0": 2}, "rating": {"0": 3}}',
     "column 'user': {'0': 1} is no id"),
    ('m.csv', '1,1,3\n2,1,4\n', 'a file without a header needs names=')])
def test_what_could_be_read_in_two_ways_is_refused(put, name, text, message):
    with pytest.raises(ValueError, match=message): read_ratings(put(name, text))


# what is no table

@pytest.mark.parametrize('name, content, message', [
    ('m.csv', '', 'is empty'), ('m.csv', ' \n', 'is empty'),
    ('m.csv', b'\x89PNG\r\n\x1a\n\0\0\0', 'is no text'),
    ('m.xls', b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..', 'is an Excel workbook'),
    ('m.csv', 'a,b,a\n1,2,3\n', "'a' appears 2 times"),
    ('m.csv.gz', gzip.compress(b'x,y\n'*99, mtime=0)[:-9], 'is damaged'),
    ('m.zip', b'PK\x03\x04' + b'x'*60, 'is damaged'),
    ('m.parquet', b'PAR1' + b'x'*60, 'no whole Parquet')])
def test_files_that_are_no_tables(put, name, content, message):
    with pytest.raises(ValueError, match=message) as error: read_table(put(name, content))
    assert name in str(error.value)


def test_zips(tmp_path):
    def zipped(**files):
        with zipfile.ZipFile(tmp_path/'m.zip', 'w', zipfile.ZIP_DEFLATED) as z:
            for name, content in files.items(): z.writestr(name, content)
        return tmp_path/'m.zip'
    same(read_table(zipped(a=HEAD + ROWS)))
    same(read_table(zipped(**{'a.csv': HEAD + ROWS, '__MACOSX/._a.csv': 'x'})))
    with pytest.raises(ValueError, match='holds 2 files'): read_table(zipped(a=HEAD, b=HEAD))
    with pytest.raises(ValueError, match='Excel'): read_table(zipped(**{'xl/workbook.xml': '<a/>'}))


def test_a_bomb_is_refused_before_it_goes_off(tmp_path):
    with gzip.open(tmp_path/'bomb.csv.gz', 'wb') as f:
        for _ in range(300): f.write(bytes(2**20))
    with zipfile.ZipFile(tmp_path/'bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr('a', bytes(3*10**8))
    for name in ('bomb.csv.gz', 'bomb.zip'):
        start = time.process_time()
        with pytest.raises(ValueError, match='unpacks to over 250 times'): read_table(tmp_path/name)
        assert time.process_time() - start < 5


def test_pipes_devices_and_folders(tmp_path):
    os.mkfifo(tmp_path/'pipe')
    for path, message in [(tmp_path/'pipe', 'pipe or a device'), ('/dev/null', 'pipe or a device'),
                          (tmp_path, 'is a folder')]:
        with pytest.raises(ValueError, match=message): read_ratings(path)
    with pytest.raises(FileNotFoundError, match='there is no file'): read_ratings(tmp_path/'none')


def test_long_fields_and_wide_tables(put):
    long = f'{HEAD}1,{"x"*100_000},3\n2,"{"y"*200_000}",4'
    assert read_table(put('m.csv', long)).item.str.len().tolist() == [100_000, 200_000]
    assert read_table(put('m.csv', f'{HEAD}1,a,3\n2,"b\nc",4')).item.tolist() == ['a', 'b\nc']
    names, ones = ','.join(f'c{k}' for k in range(10_000)), ','.join('1'*10_000)
    assert read_table(put('wide.csv', f'{names}\n{ones}\n')).shape == (1, 10_000)
    rows = ''.join(f'{k},{k},{k},{ones}\n' for k in (1, 2, 3))
    file, start = put('wide.csv', f'{HEAD.rstrip()},{names}\n{rows}'), time.process_time()
    assert read_ratings(file).shape == (3, 10_003)
    assert time.process_time() - start < 5               # it takes half a second


# ratings

def ratings(*stars, items=None):
    n = len(stars)
    items = items or list('abcdefghijklm')[:n]
    return pd.DataFrame({'user': range(n), 'item': items, 'rating': stars})


def tidy(frame, **how): return tidy_ratings(frame, ('user', 'item', 'rating'), 'mine', **how)


@pytest.mark.parametrize('stars, odd', [
    ((-1, 1, 2, 10), -1), ((0, 0, 0, 7, 8), 0), ((99, -9.5, 3, 9), 99), ((-1, 0, 5, 5), -1)])
def test_a_level_that_may_stand_for_no_rating(stars, odd):
    with pytest.warns(UserWarning, match=rf'are {odd}, the others .* pass drop={odd}'):
        tidy(ratings(*stars))
    assert tidy(ratings(*stars), drop=odd).rating.tolist() == [v for v in stars if v != odd]


@pytest.mark.parametrize('stars', [
    (0, 1, 0, 1), (0, 1, 2, 3, 4, 5, 5), (-10, -1, 0, 5), (1, 1, 1), (0, 20, 99.5, 99)])
def test_levels_that_are_ratings(stars, recwarn):
    assert tidy(ratings(*stars)).rating.tolist() == list(stars) and not recwarn.list


def test_pairs_that_are_rated_twice():
    twice = pd.DataFrame({'user': [1, 1, 2, 1], 'item': [*'abaa'], 'rating': [1., 2, 3, 5]})
    assert len(tidy(twice)) == 4
    assert tidy(twice, duplicates='last').rating.tolist() == [2, 3, 5]
    assert tidy(twice, duplicates='mean').rating.tolist() == [2, 3, 3]
    with pytest.raises(ValueError, match="1 ratings are of a pair that is rated again, "
                                         "the first of 1 and 'a'"):
        tidy(twice, duplicates='error')
    assert len(tidy(twice[:3], duplicates='error')) == 3
    with pytest.raises(ValueError, match="duplicates='first' should be"):
        tidy(twice, duplicates='first')


def test_blanks_accents_and_commas_are_mended_and_said():
    with pytest.warns(UserWarning, match="column 'item': 2 of 3 had blanks"):
        got = tidy(ratings('4,5', '3', '2', items=['cafe\u0301', 'caf\xe9', ' caf\xe9']))
    assert set(got.item) == {'caf\xe9'} and got.rating.tolist() == [4.5, 3, 2]


@pytest.mark.parametrize('value, what', [('1e39', 'is too large'), ('inf', 'is not finite'),
                                         ('four', 'is not a number'), ('', 'is missing')])
def test_a_rating_that_is_none(put, value, what):
    with pytest.raises(ValueError, match=rf"m.csv: column 'rating', row 1: .* {what}"):
        read_ratings(put('m.csv', f'{HEAD}1,a,3\n2,b,{value}\n'))


def test_one_column_has_one_role(put):
    with pytest.raises(ValueError, match="need a column each, not 'item', 'item', 'rating'"):
        read_ratings(put('m.csv', HEAD + ROWS), user_name='item')


# round trips and damage

names = st.text(st.characters(codec='utf-8', exclude_characters='\r\x00\x1f',
                              exclude_categories=['Cs']), min_size=1, max_size=8)
ids = st.one_of(*[st.lists(one, min_size=2, max_size=8, unique=True) for one in (
    st.integers(-10**12, 10**12), names.filter(lambda s: s == s.strip()))])


@settings(max_examples=150, deadline=None)
@given(ids, ids, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
       st.sampled_from([',', ';', '\t', '|']))
def test_a_frame_comes_back_as_it_was_written(tmp_path_factory, users, items, quoting, sep):
    frame = pd.DataFrame(product(users, items), columns=['user', 'item'])
    frame['rating'] = (frame.index % 9 + 1)/2
    file = tmp_path_factory.mktemp('trip')/'m.csv'
    frame.to_csv(file, index=False, quoting=quoting, sep=sep)
    text = [c for c in ('user', 'item') if isinstance(frame[c][0], str)]
    back = read_table(file, sep=sep, text=text)
    assert back.to_numpy().tolist() == frame.to_numpy().tolist()


def test_damage_is_refused_or_loses_no_row(put):
    rng = np.random.default_rng(0)
    drawn = zip(rng.integers(0, 99, 60), rng.integers(0, 9, 60), rng.integers(1, 6, 60))
    good = (HEAD + ''.join(f'{u},"film {i}",{s}\n' for u, i, s in drawn)).encode()
    for k in range(500):
        damaged, at = bytearray(good), int(rng.integers(len(HEAD), len(good)))
        match k % 5:
            case 0: del damaged[at:]
            case 1: damaged.insert(at, ord(','))
            case 2: damaged.insert(at, ord('"'))
            case 3: damaged[at] = rng.integers(256)
            case 4: del damaged[at:at + 9]
        start = time.process_time()
        try: frame = read_ratings(put('m.csv', bytes(damaged)))
        except (ValueError, KeyError) as error: assert 'm.csv' in str(error)
        else: assert frame.shape[1] == 3 and frame.rating.between(-10**6, 10**6).all()
        assert time.process_time() - start < 5


def test_no_other_line_end_moves_a_column(put):
    with pytest.raises(ValueError, match='line 2 has 2 fields, the first line 3'):
        read_table(put('m.csv', f'{HEAD}1,a\rb,3\n2,c,4\n'))           # pandas ends a line there
    same(read_table(put('m.csv', (HEAD + ROWS).replace('\n', '\r', 1))))
    for odd in ('\u2028', '\x85', '\x0b', '\x0c', '\r'):
        file = put('m.csv', f'{HEAD}1,"x{odd}y",3\n2,"b{odd}c",4.5\n')
        assert read_table(file).item.tolist() == [f'x{odd}y', f'b{odd}c']
        with pytest.raises(ValueError, match='m.csv, line'):
            read_table(put('m.csv', f'{HEAD}1,"x{odd}{odd}{odd}y",3\n2,"b"\n'))


# honest files in odd dress: of each the right answer is known

IDS = ['{}', '{:06d}', '+{}', '1000000000000000{:05d}', '-{}', '{}.0', '{}e5', 'None{}', '0x{}',
       '{}/07/2024', '🎬{}', 'שלום{}', 'Amélie ñ {}', '１２{}', 'a\xa0b{}', 'say "{}" now',
       '"Q" {}', "it's {}", 'Film, The ({})', 'a;b{}', 'a\tb{}', 'two\nlines{}', 'C:\\x{}',
       'x'*5000 + '{}', '1_00{}', '{}%', '="{}"', '#{}', '.{}1', '東京{}']
NUMBERS = {'{:.0f}': round, '{}': float, '{:.3e}': float, '+{}': float, ' {}': float,
           '{:.0f}.': round, '0{:.0f}': round}
NO_NUMBERS = ['{:.0%}', '{}/5', '{} stars', '€{}', '1 00{:.0f}', '={}', '\u2212{}', '{}\xa0',
              '1.00{:.0f},5']


def as_json(rng, meant):
    "Rows as JSON lines, or as one list."
    lines = [json.dumps({'user': u, 'item': i, 'rating': v, 'more': {'a': [1]}},
                        ensure_ascii=rng.random() < .5) for u, i, v in meant]
    return '\n'.join(lines) if rng.random() < .5 else f"[{', '.join(lines)}]"


def as_csv(rng, rows, blank_lines):
    "Rows as text with a blank column, some separator and line end, perhaps blank lines."
    out, end = io.StringIO(), rng.choice(['\n', '\r\n'])
    writer = csv.writer(out, delimiter=rng.choice(',;\t|'), lineterminator=end,
                        quoting=rng.choice([0, 0, 1, 2]))
    writer.writerows([('user', 'item', 'rating', ''), *((*row, '') for row in rows)])
    if not blank_lines: return out.getvalue()
    return out.getvalue().replace(end, end*2, 2) + end*rng.randrange(3)


def odd_file(rng):
    "A name, bytes and the rows in them; None for the rows where a rating is no number."
    of_users, of_items = rng.choice(IDS), rng.choice(IDS)
    of_stars = rng.choice([*NUMBERS, *NO_NUMBERS, *list(NUMBERS)*2])
    value, stars = NUMBERS.get(of_stars), [1.5, 3, 4.5, 2, 1, 3.5]
    rows = [(of_users.format(k % 4 + 1), of_items.format(k + 1), of_stars.format(v))
            for k, v in enumerate(stars)]
    meant = value and [(u, i, value(v)) for (u, i, _), v in zip(rows, stars)]
    if of_stars == '{}' and rng.random() < .2:       # decimal commas
        rows = [(u, i, s.replace('.', ',')) for u, i, s in rows]
    if value and rng.random() < .15: text = as_json(rng, meant)
    else: text = as_csv(rng, rows, 'two' not in of_users + of_items)
    data = text.encode(rng.choice(['utf-8', 'utf-8', 'utf-8-sig', 'utf-16', 'utf-32']))
    name, pack = rng.choice([('m.csv', bytes), ('m.dat', bytes), ('m.csv.gz', gzip.compress),
                             ('m.gz', bytes), ('m.bz2', bz2.compress)])
    return name, pack(data), meant


def test_odd_files_are_read_right_or_refused(put):
    rng, right = random.Random(0), 0
    for _ in range(300):
        name, data, meant = odd_file(rng)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            try: got = read_ratings(put(name, data))
            except ValueError as error:
                assert name in str(error) and not meant, (error, data)
                continue
        assert meant, data
        rows = got[['user', 'item', 'rating']].itertuples(index=False)
        assert [(str(u), str(i), stars) for u, i, stars in rows] == meant, data
        right += 1
    assert right > 180
