"""From a file to a service: who is judged, newcomers beside known users, the server over the wire,
the watch, and the notebook with one blank."""
import json
import socket
from http.client import HTTPConnection
from threading import Thread

import numpy as np
import pandas as pd
import pytest

from collabdive.factors import Factors
from collabdive.planted import planted_ratings
from collabdive.recommend import recommend
from collabdive.your_data import (
    answer,
    biases_only,
    first_few,
    judge,
    periods,
    serve,
    watch,
    with_newcomers,
)
from helpers import ROOT

TEMPLATE = ROOT/'nbs'/'_templates'/'your_data.ipynb'


@pytest.fixture(scope='module')
def ratings():
    "Planted ratings with time; every user comes once, and rates over a few days."
    frame = planted_ratings(120, 60, 2, 4000, seed=2)[['user', 'title', 'rating', 'timestamp']]
    came = frame.user*10**6 + 10**9
    return frame.assign(title=frame.title.astype(str), timestamp=came + frame.timestamp//100)


@pytest.fixture(scope='module')
def cut(ratings):
    early = ratings.timestamp <= ratings.timestamp.quantile(.7)
    return ratings[early], ratings[~early]


@pytest.fixture(scope='module')
def model(ratings): return biases_only(ratings)


def test_newcomers_tell_their_first_ratings_and_are_judged_on_the_rest(cut):
    known, later = cut
    told, judged = first_few(known, later.sample(frac=1, random_state=0), n=3)
    assert len(told) + len(judged) == later.title.isin(known.title).sum()
    assert not told.user.isin(known.user).any()
    first = later[~later.user.isin(known.user)].sort_values('timestamp').groupby('user').head(3)
    assert set(told.index) == set(first.index)
    assert set(later[later.user.isin(known.user)].index) <= set(judged.index)
    none, everything = first_few(known, later, n=0)
    assert none.empty and len(everything) == len(told) + len(judged)


@pytest.mark.parametrize('change, n, error, says', [
    (dict(), -1, ValueError, 'n=-1'), (dict(), 10**6, ValueError, 'none is left to judge'),
    (dict(title='unheard of'), 10, ValueError, 'of 0 later ratings'),
    (dict(timestamp=None), 10, ValueError, 'missing')])
def test_first_few_refuses(cut, change, n, error, says):
    known, later = cut
    later = later[~later.user.isin(known.user)].assign(**change)
    with pytest.raises(error, match=says): first_few(known, later, n)


def test_the_baseline_is_worked_out_by_hand():
    rows = pd.DataFrame({'user': ['a', 'a', 'b'], 'title': ['x', 'y', 'x'], 'rating': [5., 3, 1]})
    f = biases_only(rows, damping=1)
    assert f.mean == 3 and np.allclose(f.item_bias, [0, 0])
    assert np.allclose(f.user_bias, [2/3, -1])
    assert list(f.item_counts) == [2, 1] and recommend(f, 'b', 1).item[0] == 'y'
    with pytest.raises(ValueError, match='damping=-1'): biases_only(rows, -1)


def test_judge_is_the_error_on_what_is_judged(cut):
    known, later = cut
    told, judged = first_few(known, later)
    f = biases_only(known)
    g = with_newcomers(f, told)
    want = np.mean((judged.rating - g.score(judged.user, judged.title))**2)**.5
    assert np.isclose(judge(f, told, judged), want)
    assert not np.isclose(judge(f, told, judged, widen=.01), want)


def test_newcomers_stand_under_the_known(cut):
    known, later = cut
    told, _ = first_few(known, later)
    f = biases_only(known)
    both = with_newcomers(f, told)
    assert both.users == [*f.users, *sorted(told.user.unique())]
    assert (both.score_all(f.users) == f.score_all(f.users)).all()
    new = both.users[-1]
    mine = set(told[told.user == new].title)
    with pytest.warns(UserWarning, match='items are left'): best = recommend(both, new, 1000)
    assert mine and not mine & set(best.item)
    assert with_newcomers(f, told[:0]) is f
    with pytest.raises(ValueError, match='appears twice'): with_newcomers(f, known[:5])
    assert with_newcomers(Factors(**{**vars(f), 'seen': None}), told).seen is None


@pytest.mark.parametrize('times', [
    [0, 86_400*40], [1.7e12, 1.7e12 + 86_400_000*40], ['2024-01-05', '2024-03-01'],
    pd.to_datetime(['2024-01-05', '2024-03-01'], utc=True),
    pd.PeriodIndex(['2024-01', '2024-03'], freq='M')])
def test_times_of_any_kind_become_periods(times):
    found = periods(pd.DataFrame({'timestamp': times}))
    assert str(found.dtype) == 'period[M]' and found[1] > found[0]
    with pytest.raises(KeyError, match='timestamp'): periods(pd.DataFrame({'time': [1]}))


def test_the_watch_sees_a_shift_new_items_and_a_model_gone_bad(cut):
    known, later = cut
    half = later.timestamp > later.timestamp.median()
    shifted = later.assign(rating=later.rating.where(~half, 1.))
    strange = later[half].head(50).assign(title='new')
    good = biases_only(known)
    bad = Factors(**{**vars(good), 'item_bias': good.item_bias[::-1]})
    before = watch({'good': good, 'bad': bad}, known, later)
    table = watch({'good': good, 'bad': bad}, known, pd.concat([shifted, strange]))
    assert before['good'].mean() < before['bad'].mean() - .05
    assert table['mean'].iloc[-1] < before['mean'].iloc[-1] - 1
    wild = later.assign(rating=np.arange(len(later)) % 2*4. + 1)
    assert watch({'good': good}, known, wild)['good'].min() > before['good'].max() + .5
    assert before['new item'].max() == 0 and table['new item'].max() > 0
    assert before.ratings.sum() == len(later) and (before['new user'] > 0).any()


def test_a_period_with_nothing_to_judge_has_no_error(cut):
    known, later = cut
    strange = later.head(20).assign(title='new', timestamp=10**9*2)
    table = watch({'f': biases_only(known)}, known, pd.concat([later, strange]))
    assert np.isnan(table['f'].iloc[-1]) and table['new item'].iloc[-1] == 1


@pytest.fixture(scope='module')
def ask(model):
    server = serve(model, port=0)
    Thread(target=server.serve_forever, daemon=True).start()

    def asked(body, method='POST', **headers):
        if not isinstance(body, bytes): body = json.dumps(body).encode()
        wire = HTTPConnection('127.0.0.1', server.server_port, timeout=10)
        wire.request(method, '/', body, headers)
        reply = wire.getresponse()
        return reply.status, reply.read()
    yield asked
    server.shutdown()
    server.server_close()


def test_the_server_answers_a_user_and_a_newcomer(ask, model):
    status, said = ask({'user': 5, 'k': 2})
    want = recommend(model, 5, 2)
    assert status == 200 and [r['item'] for r in json.loads(said)['list']] == list(want.item)
    likes = {model.items[0]: 5, model.items[1]: 1}
    by_dict, by_pairs = (ask({'ratings': r, 'k': 4}) for r in (likes, [*likes.items()]))
    assert by_dict == by_pairs and by_dict[0] == 200
    rows = json.loads(by_dict[1])['list']
    assert len(rows) == 4 and not {r['item'] for r in rows} & set(likes)
    assert all(set(r) == {'item', 'score', 'doubt'} and r['doubt'] > 0 for r in rows)


@pytest.mark.parametrize('question, says', [
    ({'user': 10**6}, 'no user 1000000'), ({'user': '5'}, "no user '5'"), ({}, 'ask '),
    ([], 'ask '),
    ({'user': 5, 'ratings': {}}, 'ask '), ({'user': 5, 'kk': 1}, "'kk' means nothing"),
    ({'user': 5, 'k': 0}, 'k=0'), ({'user': 5, 'k': True}, 'k=True'), ({'user': 5, 'k': 1e9}, 'k='),
    ({'user': [1, 2]}, ''), ({'user': None}, 'no user None'), ({'ratings': {}}, ''),
    ({'ratings': {'Movie 1': 'five'}}, ''), ({'ratings': {'Movie 1': None}}, ''),
    ({'ratings': {'Movee 1': 5}}, 'did you mean'), ({'ratings': 5}, ''), ({'ratings': [[1]]}, ''),
    (b'{"ratings": {"Movie 1": NaN}}', ''), (b'no json', ''), (b'\xff\xfe', ''), (b'', 'bytes')])
def test_a_bad_question_gets_400_and_a_sentence(ask, question, says):
    status, said = ask(question)
    assert status == 400 and says in json.loads(said)['error'] and json.loads(said)['error']


def test_other_methods_and_sizes_are_refused_and_the_server_lives_on(ask):
    assert ask(b'', 'GET')[0] == 501
    for size in ('-1', '9999999999', 'many'):
        assert ask(b'', **{'Content-Length': size})[0] == 400
    assert ask({'user': 5, 'k': 1})[0] == 200


def test_a_port_that_is_taken_is_said(model):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        with pytest.raises(OSError): serve(model, port=taken.getsockname()[1])


def test_answer_without_a_server(model):
    best = answer(model, {'ratings': {'Movie 1': 5}})['list']
    assert len(best) == 10 and 'Movie 1' not in {row['item'] for row in best}


def run_template(path, called='{}'):
    "All its cells in one namespace, with the blank filled."
    cells = json.loads(TEMPLATE.read_text())['cells']
    code = [''.join(c['source']) for c in cells if c['cell_type'] == 'code']
    blank = [s for s in code if s.startswith('PATH = ')]
    assert len(blank) == 1
    space = {}
    for source in code:
        if 'eval: false' in source: continue
        if source in blank: source = f'PATH = {str(path)!r}\nCALLED = {called}'
        exec(compile(source, str(TEMPLATE), 'exec'), space)
    return space


@pytest.mark.filterwarnings('ignore:only')
def test_the_template_runs_on_a_csv_with_names_of_its_own(ratings, tmp_path):
    theirs = ratings.assign(title=ratings.title.str.slice(6).astype(int)).rename(
        columns=dict(user='userId', title='movieId'))
    theirs.to_csv(tmp_path/'mine.csv', index=False)
    done = run_template(tmp_path/'mine.csv', "{'userId': 'user', 'movieId': 'item'}")
    assert (tmp_path/'model.safetensors').is_file()
    assert done['result'].notna().all() and len(done['model'].items) == 60
    assert done['result']['biases'] < done['result']['always the mean']
    assert list(done['watched'].columns)[-2:] == ['biases', 'ALS']


def test_the_template_has_some_forty_lines():
    code = [''.join(c['source']) for c in json.loads(TEMPLATE.read_text())['cells']
            if c['cell_type'] == 'code']
    work = [s for s in code if 'eval: false' not in s and 'import ' not in s]
    assert 35 < len([line for s in work for line in s.splitlines() if line]) < 45


def test_the_template_says_what_is_wrong_with_a_path(ratings, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.csv'):
        run_template(tmp_path/'nowhere.csv')
    ratings.rename(columns=dict(user='userId')).to_csv(tmp_path/'mine.csv', index=False)
    with pytest.raises(KeyError, match="no column 'user': did you mean 'userId'"):
        run_template(tmp_path/'mine.csv')


def test_the_template_installs_what_the_lessons_install():
    from anatomy import requirement
    from nbdev.config import get_config
    code = [''.join(c['source']) for c in json.loads(TEMPLATE.read_text())['cells']]
    assert any(requirement(get_config(ROOT)) in source for source in code)
