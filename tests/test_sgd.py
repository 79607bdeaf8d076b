"SGD: its steps, its order, its seeds and threads, and every kind of bad input."
import os
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import run
from numba import njit

from collabdive.planted import planted_ratings
from collabdive.sgd import (_BLOCKS, _compiled, _dealt, _epoch, _grouped, _layout, _random_tables,
                            _steps, sgd)

FRAME = planted_ratings(80, 60, 3, 2500, noise=.3)
THREE = pd.DataFrame({'user': list('aaabbccc'), 'item': list('xyzxzxyz'),
                      'rating': [5, 3, 4, 1, 2, 3.5, 4.5, 2]})


def error(f, frame, item='title'):
    return float(((f.score(frame.user, frame[item]) - frame.rating)**2).mean()**.5)


def parts(frame, seed=0):
    hidden = np.random.default_rng(seed).random(len(frame)) < .2
    return frame[~hidden], frame[hidden]


# the loop

def laid_out(frame, n_factors=4, seed=0):
    (u, users), (i, items) = (pd.factorize(frame[c], sort=True) for c in ('user', 'title'))
    rng = np.random.default_rng(seed)
    layout = _layout(u.astype('int32'), i.astype('int32'), len(users), len(items), rng)
    stars = (frame.rating - frame.rating.mean()).to_numpy('float32')
    return u, i, stars, layout, _random_tables(rng, len(users), len(items), n_factors, .1)


def test_compiled_is_a_loop_in_numpy_in_the_same_order():
    u, i, stars, layout, tables = laid_out(FRAME.iloc[:300])
    place, _, _, rows = layout
    P, Q, b_user, b_item = (t.astype(float) for t in tables)
    order = []
    def note(starts, items, stars, first, last, block, *rest):
        order.extend(range(starts[block + first], starts[block + last]))
    _epoch(note, layout, None, None, tables, 0, 0, np.random.default_rng(3), map)
    for n in rows[order]:
        v, j = place[u[n]], i[n]
        e = stars[n] - b_user[v] - b_item[j] - P[v] @ Q[j]
        b_user[v], b_item[j] = (b + .05*(e - .1*b) for b in (b_user[v], b_item[j]))
        P[v], Q[j] = P[v] + .05*(e*Q[j] - .1*P[v]), Q[j] + .05*(e*P[v] - .1*Q[j])
    _epoch(_compiled(_steps), layout, i[rows].astype('int32'), stars[rows], tables,
           np.float32(.05), np.float32(.1), np.random.default_rng(3), map)
    for got, want in zip(tables, (P, Q, b_user, b_item)): assert np.abs(got - want).max() < 1e-6


def test_a_step_by_hand():
    P, Q = np.float32([[1, 2]]), np.float32([[3, -1]])
    b_user, b_item = np.float32([.5]), np.float32([-.25])
    _compiled(_steps)(np.int32([0, 1]), np.int32([0]), np.float32([2]), 0, 1, 0, P, Q, b_user,
                      b_item, np.float32(.1), np.float32(.5))
    # 2 - (1*3 - 2*1) - .5 + .25 = .75
    assert np.allclose(P, [[1 + .1*(2.25 - .5), 2 + .1*(-.75 - 1)]])
    assert np.allclose(Q, [[3 + .1*(.75 - 1.5), -1 + .1*(1.5 + .5)]])
    assert np.allclose([b_user, b_item], [[.5 + .1*(.75 - .25)], [-.25 + .1*(.75 + .125)]])


def test_a_small_step_goes_down_the_slope_of_the_stated_loss():
    u, i, stars, layout, tables = laid_out(FRAME.iloc[:200], 2)
    place, *_, rows = layout
    v = place[u]

    def loss(flat):
        parts = np.split(flat, np.cumsum([t.size for t in tables])[:-1])
        P, Q, b_user, b_item = (p.reshape(t.shape) for p, t in zip(parts, tables))
        miss = stars - b_user[v] - b_item[i] - (P[v]*Q[i]).sum(1)
        size = (P**2).sum(1)[v] + (Q**2).sum(1)[i] + b_user[v]**2 + b_item[i]**2
        return (miss**2 + .3*size).sum()
    before = np.concatenate([t.ravel() for t in tables]).astype(float)
    eye = np.eye(len(before))*1e-4
    slope = np.array([(loss(before + d) - loss(before - d))/2e-4 for d in eye])
    _epoch(_compiled(_steps), layout, i[rows].astype('int32'), stars[rows], tables,
           np.float32(1e-4), np.float32(.3), np.random.default_rng(0), map)
    moved = np.concatenate([t.ravel() for t in tables]) - before
    assert np.corrcoef(moved, slope)[0, 1] < -.999
    assert np.allclose(moved, -1e-4*slope/2, atol=3e-5)


# the layout

def test_every_rating_once_in_an_epoch_and_nothing_shared_in_a_round():
    u, i, stars, layout, tables = laid_out(FRAME)
    items, walked = i[layout[-1]], []
    def note(starts, items, stars, first, last, block, *rest):
        n = slice(starts[block + first], starts[block + last])
        walked.append((range(first, last), {*items[n]}, [*range(n.start, n.stop)]))
    _epoch(note, layout, items, stars, tables, 0, 0, np.random.default_rng(0), map)
    assert sorted(n for *_, rows in walked for n in rows) == [*range(len(u))]
    assert len(walked) == _BLOCKS**2
    for k in range(0, len(walked), _BLOCKS):
        one_round = walked[k:k + _BLOCKS]
        for part in (0, 1):
            ids = [x for piece in one_round for x in piece[part]]
            assert len(ids) == len({*ids})


def test_sorting_and_dealing():
    key = np.random.default_rng(0).integers(0, 50, 3000).astype('int32')
    starts, rows = _grouped(key, 51)
    assert rows.tolist() == np.argsort(key, kind='stable').tolist()
    assert starts.tolist() == [0, *np.bincount(key, minlength=51).cumsum()]
    count = np.random.default_rng(0).zipf(1.6, 4000).clip(max=500)
    loads = np.bincount(_dealt(count, 8), count)
    assert loads.max() < 1.1*loads.min()


# what comes out

def test_the_signal_is_found_and_shuffled_ratings_hold_none():
    known, hidden = parts(FRAME)
    low = error(sgd(known, n_factors=5, epochs=40), hidden)
    assert low < .8*(hidden.rating - known.rating.mean()).std()
    mixed = known.assign(rating=known.rating.sample(frac=1, random_state=0).to_numpy())
    f = sgd(mixed, n_factors=5)
    assert error(f, hidden) > .98*((hidden.rating - mixed.rating.mean())**2).mean()**.5


def test_a_seed_gives_the_same_numbers_with_any_number_of_threads():
    first = sgd(FRAME, seed=3)
    for threads in (1, 2, 5):
        f = sgd(FRAME, seed=3, threads=threads)
        for name in ('user_factors', 'item_factors', 'user_bias', 'item_bias'):
            assert (getattr(f, name) == getattr(first, name)).all()
    assert not np.allclose(sgd(FRAME, seed=4).item_factors, first.item_factors)


def test_the_factors_know_what_was_rated():
    f = sgd(THREE, n_factors=2)
    assert f.users == list('abc') and f.items == list('xyz') and f.y_range is None
    assert f.item_counts.tolist() == [3, 2, 3] and np.isclose(f.mean, THREE.rating.mean())
    starts, rows = f.seen
    assert starts.tolist() == [0, 3, 5, 8] and rows.tolist() == [0, 1, 2, 0, 2, 0, 1, 2]
    twice = sgd(pd.concat([THREE, THREE.iloc[:1]]), n_factors=2)
    assert twice.item_counts.tolist() == [4, 2, 3] and twice.seen[1].tolist() == rows.tolist()


def test_the_scale_of_the_ratings_does_not_matter():
    f, g = (sgd(FRAME.assign(rating=FRAME.rating*k + 7), epochs=5) for k in (1, 20))
    some = FRAME.iloc[:50]
    near = (f.score(some.user, some.title) - 7)*20
    assert np.allclose(near, g.score(some.user, some.title) - 7, atol=.02)


def test_names_of_columns_and_odd_but_sound_frames():
    named = THREE.rename(columns=dict(user='who', item='what', rating='stars'))
    f = sgd(named, 2, user_name='who', item_name='what', rating_name='stars')
    assert (f.item_factors == sgd(THREE, 2).item_factors).all()
    one = pd.concat([THREE, pd.DataFrame({'user': ['d'], 'item': ['x'], 'rating': [1]})])
    assert sgd(one, 2).users == list('abcd')
    assert np.isfinite(sgd(THREE, n_factors=30).score('a', 'x'))      # more factors than ratings
    same = sgd(THREE.assign(rating=4), n_factors=3)
    assert np.allclose(same.score_all(['a', 'b']), 4, atol=.01)


# bad input

@pytest.mark.parametrize('setting, says', [
    (dict(n_factors=0), 'n_factors=0 must be a whole number, 1 or more'),
    (dict(n_factors=2.5), 'n_factors=2.5 must be a whole number'),
    (dict(epochs=0), 'epochs=0'), (dict(threads=0), 'threads=0'),
    (dict(decay=0), 'decay=0 must be above 0'), (dict(decay=-.1), 'decay=-0.1'),
    (dict(lr=0), 'lr=0 must be above 0'), (dict(lr=float('nan')), 'lr=nan'),
    (dict(decay=float('inf')), 'decay=inf must be above 0, and finite')])
def test_settings_out_of_range(setting, says):
    with pytest.raises(ValueError, match=says): sgd(THREE, **setting)


@pytest.mark.filterwarnings('ignore:overflow', 'ignore:invalid')
def test_a_rate_that_is_too_high():
    with pytest.raises(ValueError, match='lr=50 is too high, take a lower one'):
        sgd(FRAME, lr=50)


@pytest.mark.parametrize('frame, says', [
    (THREE.iloc[:0], 'no rows'), (THREE.assign(rating=[np.nan] + [1]*7), 'row 0: the rating'),
    (THREE.assign(rating=[1]*7 + [np.inf]), 'row 7: .* not finite'),
    (THREE.assign(user=[None, *'aabbccc']), "column 'user', row 0: the id is missing"),
    (THREE.assign(item='x'), 'one id only'), (THREE.assign(rating='5'), 'numbers as text')])
def test_bad_frames(frame, says):
    with pytest.raises(ValueError, match=says): sgd(frame)


def test_a_missing_column():
    with pytest.raises(KeyError, match="no column 'stars'"): sgd(THREE, rating_name='stars')
    with pytest.raises(KeyError, match="no column .nothing."): sgd(THREE, user_name="nothing")


def test_neither_torch_nor_numba_is_loaded_by_the_import():
    code = ("import collabdive.als, sys; "
            "print({'torch', 'fastai', 'numba'} & {*sys.modules} or 'none')")
    done = run(sys.executable, '-c', code)
    assert done.stdout == 'none\n', done.stderr


def test_machine_code_is_kept_for_the_next_process(tmp_path):
    code = ('from collabdive.planted import planted_ratings\n'
            'from collabdive.sgd import _compiled, _steps, sgd\n'
            'sgd(planted_ratings(9, 8, 1, 60)); stats = _compiled(_steps).stats\n'
            'print(len(stats.cache_misses), len(stats.cache_hits))')
    env = {**os.environ, 'NUMBA_CACHE_DIR': str(tmp_path)}
    first, second = (run(sys.executable, '-c', code, env=env) for _ in range(2))
    assert (first.stdout, second.stdout) == ('1 0\n', '0 1\n'), first.stderr + second.stderr
    assert [*tmp_path.rglob('sgd._steps-*.nbi')]


@pytest.mark.parametrize('module', ['__main__', 'elsewhere'])
def test_without_a_folder_and_in_a_notebook_it_is_compiled_each_time(module):
    cell = {'__name__': module}
    exec('def twice(x): return 2*x', cell)
    with pytest.raises(RuntimeError, match='no locator'): njit(cell['twice'], cache=True)
    assert _compiled(cell['twice'])(3) == 6 and not _compiled(cell['twice']).stats.cache_path
