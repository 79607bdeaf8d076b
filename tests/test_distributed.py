"Spark's ALS on two real workers, training in two real processes, and what is missing or dies."
import re
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from helpers import run

from collabdive.als import als
from collabdive.batches import collab_dls
from collabdive.distributed import (_LOCAL, ShareBatches, _need_java, _need_spark, _one_side,
                                    _running, spark_als)
from collabdive.dot_product import DotProductBias, train
from collabdive.factors import to_factors
from collabdive.persist import load_factors, save_factors
from collabdive.planted import planted_ratings
from collabdive.training import Recipe

FRAME = planted_ratings(400, 200, 3, 16_000, noise=.5)
HIDDEN = np.random.default_rng(0).random(len(FRAME)) < .1
KNOWN, HELD = FRAME[~HIDDEN], FRAME[HIDDEN]
INSTALL = 'Spark is not installed: pip install "collabdive[spark]"'
FEW = dict(n_factors=3, iterations=5, blocks=2)
THREE = pd.DataFrame({'user': list('aaabbccc'), 'item': list('xyzxzxyz'),
                      'rating': [5, 3, 4, 1, 2, 3.5, 4.5, 2]})


def error(f, frame=HELD):
    return float(((f.score(frame.user, frame.title) - frame.rating)**2).mean()**.5)


# what is missing, and what is out of range: none of it needs Spark

def test_without_pyspark_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyspark', None)
    with pytest.raises(ImportError, match=r'pip install "collabdive\[spark\]"'): spark_als(THREE)


def test_without_java_the_remedy_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv('JAVA_HOME', raising=False)
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(RuntimeError, match='there is none in PATH: install version 17 or newer'):
        _need_java('4.3.0')
    monkeypatch.setenv('JAVA_HOME', str(tmp_path/'jdk'))
    with pytest.raises(RuntimeError, match='none in JAVA_HOME=.*jdk: install'):
        _need_java('4.3.0')
    pytest.importorskip('pyspark', reason=INSTALL)
    with pytest.raises(RuntimeError, match='none in JAVA_HOME'): spark_als(THREE)


@pytest.mark.parametrize('prints, spark, good', [
    ('openjdk version "11.0.2" 2019-01-15', '4.3.0', False),
    ('java version "1.8.0_392"', '4.0.1', False), ('java version "1.8.0_392"', '3.5.1', True),
    ('openjdk version "17.0.15" 2025-04-15', '4.3.0', True),
    ('openjdk version "25" 2025-09-16', '4.3.0', True)])
def test_an_old_java_is_refused(monkeypatch, tmp_path, prints, spark, good):
    java = tmp_path/'bin'/'java'
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{prints}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv('JAVA_HOME', str(tmp_path))
    if good: return _need_java(spark)
    with pytest.raises(RuntimeError, match=f'{re.escape(prints)}.*install version 17'):
        _need_java(spark)


@pytest.mark.parametrize('setting, says', [
    (dict(n_factors=0), 'n_factors=0 must be a whole number, 1 or more'),
    (dict(iterations=2.5), 'iterations=2.5'), (dict(blocks=0), 'blocks=0'),
    (dict(decay=0), 'decay=0 must be above 0')])
def test_settings_out_of_range(setting, says):
    with pytest.raises(ValueError, match=says): spark_als(THREE, **setting)


@pytest.mark.parametrize('frame, says', [
    (THREE.iloc[:0], 'no rows'), (THREE.assign(rating=[np.nan] + [1]*7), 'row 0: the rating'),
    (THREE.assign(user=[None, *'aabbccc']), "column 'user', row 0: the id is missing")])
def test_bad_frames(frame, says):
    with pytest.raises(ValueError, match=says): spark_als(frame)


# Spark

@pytest.fixture
def spark(tmp_path, monkeypatch):
    "Spark's own cluster: a master and two workers, each a process of its own."
    pytest.importorskip('pyspark', reason=INSTALL)
    try: _need_java(_need_spark())
    except RuntimeError as e: pytest.skip(str(e))
    monkeypatch.setenv('SPARK_WORKER_DIR', str(tmp_path))
    quick = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
    more = {'spark.master': 'local-cluster[2,1,512]', 'spark.executor.memory': '512m',
            'spark.driver.extraJavaOptions': quick, 'spark.executor.extraJavaOptions': quick,
            'spark.driver.memory': '512m', 'spark.sql.shuffle.partitions': '2'}
    for name, value in more.items(): monkeypatch.setitem(_LOCAL, name, value)
    with _running(None) as session: yield session


def executors():
    return [p for p in psutil.Process().children(recursive=True)
            if p.status() != psutil.STATUS_ZOMBIE
            and 'CoarseGrainedExecutorBackend' in ' '.join(p.cmdline())]


def as_good_as_one_machine(f):
    one = als(KNOWN, 3, 10)
    assert error(f) < error(one) + .002
    assert error(f) < .8*(HELD.rating - KNOWN.rating.mean()).std()
    assert f.users == one.users and f.items == one.items
    assert (f.item_counts == one.item_counts).all() and np.isclose(f.mean, one.mean)
    assert all((a == b).all() for a, b in zip(f.seen, one.seen))


def a_frame_of_sparks_own_and_ids_that_are_text(spark, f):
    def name(users): return 'u' + users.astype(str).str.zfill(3)
    named = pd.DataFrame({'user': name(KNOWN.user), 'title': KNOWN.title.astype(str),
                          'rating': KNOWN.rating})
    g = spark_als(spark.createDataFrame(named.to_dict('records')), **FEW)
    assert g.seen is None and g.users == [*name(pd.Series(f.users))]
    assert g.item_counts.sum() == len(KNOWN)
    there = g.score(name(HELD.user), HELD.title)
    assert np.sqrt(((there - f.score(HELD.user, HELD.title))**2).mean()) < .05


def bad_frames_are_refused(spark):
    columns = 'user string, item string, rating double'
    def of(*rows): return spark.createDataFrame([*rows, ('c', 'z', 2.)], columns)
    bad = of((None, 'x', 1.), ('a', None, 1.), ('a', 'x', None), ('a', 'x', float('nan')))
    with pytest.raises(ValueError, match='4 of 5 rows have no user, no item or no finite rating'):
        spark_als(bad)
    with pytest.raises(ValueError, match='no rows'): spark_als(of().limit(0))
    with pytest.raises(KeyError, match="no column 'stars'"): spark_als(of(), rating_name='stars')


def a_worker_that_dies_is_replaced_and_the_run_says_so(spark, f, monkeypatch):
    begun = threading.Event()
    def noted(frame, by):
        out = _one_side(frame, by)
        if by == 'user': begun.set()        # ALS comes next
        return out
    def kill():
        assert begun.wait(120)
        while not spark.sparkContext.statusTracker().getActiveStageIds(): time.sleep(.02)
        executors()[0].kill()
    monkeypatch.setattr('collabdive.distributed._one_side', noted)
    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.warns(RuntimeWarning, match='1 worker was lost while training.*result is whole'):
        g = spark_als(KNOWN, **FEW)
    thread.join()
    assert np.abs(g.score_all(g.users) - f.score_all(f.users)).max() < 1e-3


def test_spark_on_two_workers(spark, monkeypatch, capfd):
    "One test, as a cluster takes long to start."
    f = spark_als(KNOWN, **FEW)
    assert len(executors()) == 2
    as_good_as_one_machine(f)
    a_frame_of_sparks_own_and_ids_that_are_text(spark, f)
    bad_frames_are_refused(spark)
    assert capfd.readouterr() == ('', '')           # Spark's logs are quiet
    a_worker_that_dies_is_replaced_and_the_run_says_so(spark, f, monkeypatch)


# two processes

RECIPE = Recipe(epochs=2, n_factors=4)


def in_shares(folder, frame, bs, shared=True):
    torch.set_num_threads(1)
    rows, dls = [], collab_dls(frame, bs=bs)

    class Count(ShareBatches):
        def before_batch(self):
            super().before_batch()
            if self.training: rows.append(len(self.xb[0]))

    share = Count(cpu=True)
    f = to_factors(train(DotProductBias, dls, RECIPE, cbs=[share]*shared).model, dls)
    name = share.all.process_index if shared else 'one'
    save_factors(f, f'{folder}/{name}')
    np.save(f'{folder}/{name}.npy', rows)


@pytest.mark.parametrize('n, bs', [(2000, 200), (2001, 200), (2003, 99)])
def test_two_processes_take_the_steps_of_one(tmp_path, n, bs):
    launch = pytest.importorskip('accelerate').debug_launcher
    frame = FRAME.iloc[:n]
    in_shares(tmp_path, frame, bs, shared=False)
    launch(in_shares, (tmp_path, frame, bs), 2)
    one, *two = (load_factors(tmp_path/name) for name in ('one', '0', '1'))
    for f in two:
        for name in ('user_factors', 'item_factors', 'user_bias', 'item_bias'):
            assert np.abs(getattr(f, name) - getattr(one, name)).max() < 1e-5
    rows = [np.load(tmp_path/f'{k}.npy') for k in (0, 1)]
    whole = len(collab_dls(frame).train_ds)
    assert sum(map(sum, rows)) in range(2*whole, 2*whole + 3)   # a last row alone: both take it
    assert np.abs(rows[0] - rows[1]).max() <= 1


def test_without_their_share_of_the_weight_odd_batches_would_differ(tmp_path, monkeypatch):
    launch = pytest.importorskip('accelerate').debug_launcher
    monkeypatch.setattr(ShareBatches, 'after_loss', lambda self: None)
    frame = FRAME.iloc[:503]
    in_shares(tmp_path, frame, 9, shared=False)
    launch(in_shares, (tmp_path, frame, 9), 2)
    one, two = (load_factors(tmp_path/name) for name in ('one', '0'))
    assert np.abs(two.item_factors - one.item_factors).max() > 1e-4


def test_one_process_alone_takes_the_whole_batch():
    share = ShareBatches()
    share.learn = SimpleNamespace(model=None, xb=(torch.zeros(5, 2),), yb=(torch.zeros(5, 1),),
                                  training=True, loss_grad=torch.tensor(2.))
    share.all = SimpleNamespace(num_processes=8, process_index=3)
    share.before_batch()
    share.after_loss()
    assert len(share.learn.xb[0]) == 5 and share.learn.loss_grad == 2   # fewer rows than processes
    share.all.num_processes = 2
    share.all.process_index = 1
    share.before_batch()
    share.after_loss()
    assert len(share.learn.xb[0]) == len(share.learn.yb[0]) == 2
    assert np.isclose(float(share.learn.loss_grad), 2*2*2/5)


SCRIPT = '''
import sys
from collabdive.batches import collab_dls
from collabdive.distributed import ShareBatches
from collabdive.factors import to_factors
from collabdive.learner import fit_quick
from collabdive.persist import save_factors
from collabdive.planted import planted_ratings

dls = collab_dls(planted_ratings(200, 100, 3, 6000))
share = ShareBatches(cpu=True)
learn = fit_quick(dls, cbs=[share])
assert share.all.num_processes == 2
if share.all.is_main_process: save_factors(to_factors(learn), sys.argv[1])
'''


def test_a_script_that_torchrun_starts_twice(tmp_path):
    pytest.importorskip('accelerate')
    (tmp_path/'train.py').write_text(SCRIPT)
    done = run(sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node',
               '2', str(tmp_path/'train.py'), str(tmp_path/'m'))
    assert done.returncode == 0, done.stderr
    assert 'UserWarning' not in done.stderr
    assert len(load_factors(tmp_path/'m').items) == 100
