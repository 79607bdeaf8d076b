"Files that keep models: what goes in comes out, and nothing else gets in."
import json
import os
import pickle
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from fastai.learner import Learner
from safetensors import SafetensorError
from safetensors.numpy import save_file
from torch import nn

from collabdive import persist
from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.create_params import DotProductBiasParams
from collabdive.cross_entropy import CollabNNClassifier, CrossEntropy, DotProductBiasCE
from collabdive.dot_product import DotProduct, DotProductBias, squared_error
from collabdive.factors import Factors, to_factors
from collabdive.learner import CollabLearner, collab_learner, fit_quick
from collabdive.ordinal import CumulativeLink
from collabdive.persist import (
    export_onnx, load_factors, load_model, save_factors, save_model, warm_start)
from collabdive.planted import planted_ratings
from collabdive.training import average_unknown


@pytest.fixture(scope='module')
def ratings():
    return planted_ratings(30, 20, 2, 400, seed=0).rename(columns={'movie': 'item'})[
        ['user', 'item', 'rating']]


def factors(users=('ann', 'bob'), items=(3, 5, 7), **rest):
    rng = np.random.default_rng(0)
    return Factors(users, items, rng.normal(size=(len(users), 4)),
                   rng.normal(size=(len(items), 4)), rng.normal(size=len(users)),
                   rng.normal(size=len(items)), **rest)


def same(a, b):
    arrays = 'user_factors', 'item_factors', 'user_bias', 'item_bias', 'item_counts'
    def bits(f, n): return getattr(f, n) is not None and getattr(f, n).tobytes()
    kinds = [[type(v) for v in f.users + f.items] for f in (a, b)]
    return (all(bits(a, n) == bits(b, n) for n in arrays) and kinds[0] == kinds[1]
            and (a.users, a.items, a.mean, a.y_range) == (b.users, b.items, b.mean, b.y_range)
            and (a.seen is None) == (b.seen is None)
            and all(np.array_equal(x, y) for x, y in zip(a.seen or (), b.seen or ())))


@pytest.mark.parametrize('f', [
    factors(), factors(mean=3.5, y_range=(0, 5.5)), factors(['1', '01'], [1.5, 2, True]),
    factors(['', 'None\u2028"\\'], ['Amélie', '七人の侍', '\U0001f600']),
    factors([2**80, -1], [0, 1, 2], item_counts=[4, 0, 1], seen=([0, 2, 3], [0, 2, 1])),
    factors(pd.Series([7, 8]), np.array([1, 2, 3]))])
def test_factors_come_back_to_the_last_bit(tmp_path, f):
    save_factors(f, tmp_path/'f')
    assert same(f, load_factors(str(tmp_path/'f')))
    assert not same(f, replace(f, mean=f.mean + 1))
    assert [p.name for p in tmp_path.iterdir()] == ['f']     # nothing is left beside it


@pytest.mark.parametrize('ids', [[pd.Timestamp('2020'), 'x'], [('a', 1), 'x'], [b'a', 'x']])
def test_ids_that_no_file_can_keep_are_named(tmp_path, ids):
    with pytest.raises(ValueError, match='turn ids into text'):
        save_factors(factors(ids), tmp_path/'f')
    assert not list(tmp_path.iterdir())


def plain(model_class, loss=squared_error):
    return lambda dls: Learner(dls, model_class(*(len(c) for c in dls.classes.values())), loss)


def net(model_class, loss=squared_error):
    return lambda dls: Learner(dls, model_class(
        *((len(c), 3) for c in dls.classes.values()), n_act=6), loss)


KINDS = {
    'dot': ('regress', plain(partial(DotProduct, n_factors=4, y_range=(0, 5.5)))),
    'bias': ('regress', plain(partial(DotProductBias, n_factors=4, y_range=None))),
    'params': ('regress', plain(partial(DotProductBiasParams, n_factors=4))),
    'net': ('regress', net(CollabNN)),
    'ce': ('classify', plain(partial(DotProductBiasCE, n_factors=4), CrossEntropy())),
    'net ce': ('classify', net(CollabNNClassifier, CrossEntropy())),
    'link': ('ordinal', plain(partial(CumulativeLink, n_factors=4), CrossEntropy())),
    **{f'{task} {nn}': (task, partial(collab_learner, n_factors=4, use_nn=nn))
       for task in ('regress', 'classify', 'ordinal') for nn in (False, True)},
    'layers': ('regress', partial(collab_learner, use_nn=True, layers=[9, 5], y_range=(0, 6),
                                  config=dict(ps=[.1, .2], embed_p=.05, use_bn=False)))}


@pytest.mark.parametrize('kind', KINDS)
def test_every_model_of_the_course_comes_back_to_the_last_bit(tmp_path, ratings, kind):
    task, make = KINDS[kind]
    learn = make(collab_dls(ratings, task=task))
    average_unknown(learn)
    save_model(learn, tmp_path/'m')
    again = load_model(tmp_path/'m')
    x = learn.dls.train_ds.x
    learn.model.eval(), again.model.eval()
    assert torch.equal(learn.model(x), again.model(x))
    assert str(again.model) == str(learn.model) and len(again.dls.train_ds) == 0
    assert again.dls.vocab == learn.dls.vocab
    assert all(p.requires_grad for p in again.model.parameters())
    pairs = ratings[['user', 'item']][:5]
    assert np.isfinite(again.predict(pairs).iloc[:, 2]).all()


def test_the_file_of_a_model_holds_no_rating(tmp_path, ratings):
    learn = fit_quick(collab_dls(ratings))
    save_model(learn, tmp_path/'m')
    about, arrays = persist._read(tmp_path/'m', 'model')
    assert set(arrays) == set(learn.model.state_dict())
    assert set(about) == {'kind', 'format', 'model', 'made', 'columns', 'rating', 'users', 'items',
                          'task', 'levels'}
    f = to_factors(load_model(tmp_path/'m'))
    assert f.seen is None and f.item_counts is None


class Mine(nn.Module):
    def __init__(self, n_users, n_items, width=2):
        super().__init__()
        self.user_bias, self.item_bias = nn.Embedding(n_users, width), nn.Embedding(n_items, width)

    def forward(self, x):
        return (self.user_bias(x[:, 0]) + self.item_bias(x[:, 1])).sum(1, keepdim=True)


def test_a_class_of_your_own_wants_your_code(tmp_path, ratings):
    learn = CollabLearner(dls := collab_dls(ratings), Mine(31, 21), nn.MSELoss())
    save_model(learn, tmp_path/'m')
    with pytest.raises(ValueError, match='its class Mine is not one of the course.*model='):
        load_model(tmp_path/'m')
    with pytest.raises(ValueError, match='does not make the model: (.|\n)*size mismatch'):
        load_model(tmp_path/'m', Mine(31, 21, 3))
    again, x = load_model(tmp_path/'m', Mine(31, 21)), dls.train_ds.x
    assert torch.equal(learn.model(x), again.model(x))


def test_a_model_made_in_an_unusual_way_is_a_class_of_your_own(tmp_path, ratings):
    learn = collab_learner(collab_dls(ratings), use_nn=True, config=dict(act_cls=nn.Tanh()))
    save_model(learn, tmp_path/'m')
    with pytest.raises(ValueError, match='model='): load_model(tmp_path/'m')


def test_other_loaders_are_refused(tmp_path):
    with pytest.raises(TypeError, match='collab_dls'):
        save_model(Learner(torch.utils.data.DataLoader([1]), nn.Linear(1, 1), nn.MSELoss()),
                   tmp_path/'m')


RAN = []


def run(): RAN.append('ran')


class Bomb:
    def __reduce__(self): return run, ()


def forged(tmp_path, change, arrays=None):
    "The bytes of a file whose checksum fits, although somebody changed what it says."
    about, found = persist._read(tmp_path/'m', 'model')
    persist._write(tmp_path/'forged', 'model', {**about, **change}, arrays or found)
    return (tmp_path/'forged').read_bytes()


def foreign(tmp_path):
    "Files that are something else, by name."
    torch.save({'w': Bomb()}, tmp_path/'t')
    with zipfile.ZipFile(tmp_path/'z', 'w') as z: z.writestr('a', 'b')
    save_file({'a': np.zeros(3)}, tmp_path/'s')
    save_file({'a': np.zeros(3)}, tmp_path/'j', {'collabdive': 'no json'})
    made = {n: (tmp_path/n).read_bytes() for n in 'tzsj'}
    return {**made, 'empty': b'', 'csv': b'user,item,rating\n1,2,3\n', 'png': b'\x89PNG\r\n',
            'json': b'{"a": 1}', 'zeros': bytes(4096), 'ones': b'\xff'*4096,
            **{f'pickle {k}': pickle.dumps(Bomb(), k) for k in range(6)},
            'newer': forged(tmp_path, {'format': 2}),
            'unknown class': forged(tmp_path, {'model': 'Evil'}),
            'eval': forged(tmp_path, {'model': 'eval'}),
            'huge': forged(tmp_path, {'made': dict(n_users=10**12, n_items=10**12, n_factors=99,
                                                   y_range=None)}),
            'other arguments': forged(tmp_path, {'made': dict(evil=1)}),
            'no task': forged(tmp_path, {'task': 'spy'}),
            'other tables': forged(tmp_path, {}, {'x': np.zeros(2)})}


def test_300_damaged_or_foreign_files_run_nothing_and_say_what_is_wrong(tmp_path, ratings):
    learn = fit_quick(collab_dls(ratings), epochs=1, n_factors=4)
    save_model(learn, tmp_path/'m')
    raw, rng, bad = (tmp_path/'m').read_bytes(), np.random.default_rng(0), foreign(tmp_path)
    for k in range(140): bad[f'cut {k}'] = raw[:rng.integers(len(raw))]
    for k in range(140):
        other = bytearray(raw)
        other[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        bad[f'bit {k}'] = bytes(other)
    silent = []
    for name, content in bad.items():
        (tmp_path/'bad').write_bytes(content)
        try: load_model(tmp_path/'bad')
        except ValueError as error:
            assert str(tmp_path/'bad') in str(error), name
            pickled = name in ('t', 'z') or name.startswith('pickle') and name > 'pickle 1'
            assert ('is a pickle, or a zip' in str(error)) == pickled, name
        else: silent.append(name)
    assert len(bad) >= 300 and not silent and not RAN
    pickle.loads(bad['pickle 4'])
    assert RAN == ['ran']                           # so it would have been seen
    RAN.clear()
    load_model(tmp_path/'m')                        # and the whole file is read


def test_each_kind_of_file_is_told_from_the_other(tmp_path, ratings):
    save_factors(factors(), tmp_path/'f')
    with pytest.raises(ValueError, match='read it by load_factors'): load_model(tmp_path/'f')
    with pytest.raises(FileNotFoundError): load_factors(tmp_path/'nowhere')
    with pytest.raises(IsADirectoryError): load_factors(tmp_path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    save_factors(factors(), tmp_path/'f')
    old = (tmp_path/'f').read_bytes()
    def full(arrays, part, metadata):
        part.write_bytes(b'half')
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(persist, 'save_file', full)
    with pytest.raises(OSError, match='No space'): save_factors(factors(mean=1.), tmp_path/'f')
    assert (tmp_path/'f').read_bytes() == old and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='pipes as Unix has them')
def test_what_is_no_file_stays_and_safetensors_own_error_is_an_oserror(tmp_path, monkeypatch):
    os.mkfifo(tmp_path/'pipe')
    with pytest.raises(OSError, match='it is no file'): save_factors(factors(), tmp_path/'pipe')
    assert (tmp_path/'pipe').is_fifo()
    def full(arrays, part, metadata): raise SafetensorError('code: 28, kind: StorageFull')
    monkeypatch.setattr(persist, 'save_file', full)
    with pytest.raises(OSError, match='cannot write .*StorageFull'):
        save_factors(factors(), tmp_path/'f')


@pytest.mark.parametrize('kind', ['classify True', 'ordinal False'])
def test_onnx_gives_the_same_probabilities(tmp_path, ratings, kind):
    onnxruntime = pytest.importorskip('onnxruntime')
    task, make = KINDS[kind]
    learn = make(collab_dls(ratings, task=task))
    export_onnx(learn, tmp_path/'m.onnx')
    session = onnxruntime.InferenceSession(tmp_path/'m.onnx')
    for n in (1, 2, 33):
        x = learn.dls.train_ds.x[:n]
        got = session.run(['prediction'], {'pairs': x.numpy()})[0]
        learn.model.eval()
        with torch.no_grad(): want = learn.loss_func.activation(learn.model(x)).numpy()
        assert got.shape == (n, 5) and np.abs(got - want).max() < 1e-5
    said = json.loads(session.get_modelmeta().custom_metadata_map['collabdive'])
    assert said['levels'] == [1, 2, 3, 4, 5] and said['task'] == task
    assert said['ids']['item'] == list(learn.dls.classes['item'])


def test_onnx_says_what_it_needs(tmp_path, ratings, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'onnxscript', None)
    with pytest.raises(ImportError, match=r"collabdive\[onnx\]"):
        export_onnx(collab_learner(collab_dls(ratings)), tmp_path/'m.onnx')


@pytest.mark.parametrize('kind', KINDS)
def test_a_warm_start_keeps_known_rows_and_gives_new_ids_the_average(ratings, kind):
    task, make = KINDS[kind]
    new = pd.concat([ratings, pd.DataFrame({'user': [-5, 3], 'item': [2, 999],
                                            'rating': [1., 5.]})], ignore_index=True)
    learn = make(collab_dls(ratings, task=task))
    average_unknown(learn)
    dls = collab_dls(new, task=task)
    model = warm_start(learn, dls).eval()
    learn.model.eval()
    old = learn.model(learn.dls.vocab.encode(new, unknown='na'))
    assert torch.equal(model(dls.vocab.encode(new)), old)
    assert len(learn.dls.classes['user']) == 31          # the old one is as it was
    fit_quick(dls, model, epochs=1)


def test_a_warm_start_wants_the_same_task_and_levels(ratings):
    learn = collab_learner(collab_dls(ratings))
    with pytest.raises(ValueError, match="task of the model is regress, that of the loaders"):
        warm_start(learn, collab_dls(ratings, task='classify'))
    learn = collab_learner(collab_dls(ratings, task='classify'))
    with pytest.raises(ValueError, match='levels of the model'):
        warm_start(learn, collab_dls(ratings, task='classify', levels=(0, 1, 2, 3, 4, 5)))


def test_a_link_stays_a_link_and_what_a_killed_save_left_is_swept(tmp_path):
    (tmp_path/'link').symlink_to(tmp_path/'f')
    (tmp_path/'.collabdive-999999999-f').write_text('half')      # no such process
    save_factors(factors(), tmp_path/'link')
    assert (tmp_path/'link').is_symlink() and same(load_factors(tmp_path/'f'), factors())
    assert {p.name for p in tmp_path.iterdir()} == {'link', 'f'}
