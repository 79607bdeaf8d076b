"Learners that leave their process, and learners on a GPU."
import json
import sys
from unittest import mock
import zipfile

import numpy as np
import pytest
import torch
import fastai.callback.fp16  # noqa: F401, adds to_fp16 to Learner
from fastai.collab import CollabDataLoaders
from fastai.learner import load_learner
from helpers import halves, run

from collabdive.batches import collab_dls
from collabdive.learner import collab_learner, fit_quick, range_around
from collabdive.metrics import class_metrics, rating_metrics
from collabdive.planted import planted_ratings
from collabdive.splits import random_split
from collabdive.training import Recipe, fit

KINDS = [(task, use_nn) for task in ('regress', 'classify', 'ordinal') for use_nn in (False, True)]
ASKED = {'user': [3, 4], 'title': ['Movie 5', 'Movie 6']}
LOAD = """
import json, sys, warnings
from fastai.learner import load_learner
warnings.simplefilter('ignore')
asked = json.loads(sys.argv[1])
print(json.dumps([load_learner(f).predict(asked).iloc[:, 2:].values.tolist()
                  for f in sys.argv[2:]]))
"""


def trained(task, use_nn, **settings):
    "A learner with the course's optimiser and splitter, trained for an epoch."
    torch.manual_seed(0)
    dls = collab_dls(planted_ratings(60, 40, 2, 1200, seed=1), task=task)
    learn = collab_learner(dls, 5, use_nn, layers=[10], **settings)
    return fit(learn, Recipe(1, wd=.4))


@pytest.mark.parametrize('task, use_nn', KINDS)
def test_ten_levels_from_frame_to_metrics(task, use_nn):
    ratings = halves()
    dls = collab_dls(ratings, item_name='movie', task=task, bs=256)
    assert len(dls.vocab.levels) == 10
    torch.manual_seed(0)
    learn = fit(collab_learner(dls, 8, use_nn=use_nn), Recipe(6, 2e-2, .01, None))
    valid = ratings.iloc[random_split(ratings)[1]]
    out = learn.get_preds()[0]
    if task == 'regress': found = rating_metrics(valid.rating, out, np.arange(.5, 5.1, .5))
    else: found = class_metrics(valid.rating, out, dls.vocab.levels)
    assert found['rmse'] < .95*valid.rating.std()
    asked = learn.predict(valid[['user', 'movie']])
    assert len(asked) == len(valid) and asked.rating_pred.notna().all()


def test_an_exported_learner_predicts_by_name_in_another_process(tmp_path):
    learners = [trained(task, use_nn, path=tmp_path) for task, use_nn in KINDS]
    files = [f'{task}-{use_nn}.pkl' for task, use_nn in KINDS]
    for learn, file in zip(learners, files): learn.export(file)
    done = run(sys.executable, '-c', LOAD, json.dumps(ASKED), *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout.splitlines()[-1])
    for learn, said in zip(learners, there):
        np.testing.assert_allclose(said, learn.predict(ASKED).iloc[:, 2:], atol=1e-5)


@pytest.mark.parametrize('task, use_nn', KINDS)
def test_an_exported_learner_holds_no_ratings_and_no_pairs(task, use_nn, tmp_path):
    learn = trained(task, use_nn, path=tmp_path)
    learn.export('club.pkl')
    with zipfile.ZipFile(tmp_path/'club.pkl') as file:   # every tensor is a file of its own in it
        stored = sum(f.file_size for f in file.infolist() if '/data/' in f.filename)
    weights = learn.model.state_dict().values()
    known = sum(w.numel()*w.element_size() for w in weights)
    assert 0 <= stored - known < 100   # a few sums of losses; 240 ratings alone are 960 bytes
    with pytest.warns(UserWarning, match='load_learner'): again = load_learner(tmp_path/'club.pkl')
    for dl in again.dls.loaders:   # a view of no rows would bring all rows along
        x, y = dl.dataset.x, dl.dataset.y
        assert [len(x), len(y), x.untyped_storage().nbytes(), y.untyped_storage().nbytes()] == 4*[0]
    assert learn.dls.train_ds.x.untyped_storage().nbytes() == 960*2*8   # what could have leaked


def test_an_exported_file_does_not_grow_with_the_ratings(tmp_path):
    sizes = []
    for n in (1200, 2400):
        dls = collab_dls(planted_ratings(60, 40, 2, 2400, seed=1)[:n])
        assert [len(ids) for ids in dls.classes.values()] == [61, 41]
        collab_learner(dls, 5, path=tmp_path).export('club.pkl')
        sizes.append((tmp_path/'club.pkl').stat().st_size)
    assert abs(sizes[1] - sizes[0]) < 1200   # bytes, where a pair takes 16


@pytest.mark.parametrize('task, wd, n_factors', [('regress', 1.7, 80), ('classify', 1.7, 50),
                                                ('ordinal', .6, 50)])
def test_what_fit_quick_does_unless_told(task, wd, n_factors):
    dls = collab_dls(planted_ratings(80, 60, 2, 3250, seed=1), task=task)
    with mock.patch('collabdive.learner.fit', lambda *args: args):
        learn, recipe, cbs, progress = fit_quick(dls)
        assert (recipe.epochs, recipe.lr, recipe.wd, recipe.rest_wd) == (5, .02, wd, .02)
        assert len(learn.dls.train) == 52 and learn.dls.train.bs == 50 and not progress
        assert recipe.n_factors == n_factors == learn.model.state_dict()[
            'u_weight.weight' if task == 'regress' else 'score.user_factors.weight'].shape[1]
        score = learn.model if task == 'regress' else learn.model.score
        assert score.y_range == ((0, 5.5) if task == 'regress' else None)
        for epochs, watched in ((769, False), (770, True)):               # 2,600 rows each
            assert fit_quick(dls, epochs=epochs)[3] is watched
        assert fit_quick(dls, epochs=770, progress=False)[3] is False
        decays = [fit_quick(dls, wd=wd)[1] for wd in (3., (3., 1))]
        assert [(r.wd, r.rest_wd) for r in decays] == [(3, .02), (3, 1)]
        assert fit_quick(dls, bs=100)[0].dls.train.bs == 100
        for wrong in (dict(lr=0), dict(epochs=0), dict(wd=-1), dict(n_factors=0)):
            with pytest.raises(ValueError, match=f'{next(iter(wrong))}='): fit_quick(dls, **wrong)


@pytest.mark.parametrize('emb_szs, want', [
    (None, [(61, 16), (41, 13)]), ([3, 1], [(61, 3), (41, 1)]), ({'title': 4}, [(61, 16), (41, 4)]),
    ([(70, 2), 5], [(70, 2), (41, 5)]), ([(61, 2)], [(61, 2), None]), ([0, 3], None),
    ([(60, 2), 3], None), ({'film': 3}, None), ([3, 3, 3], None)])
def test_sizes_of_embeddings(emb_szs, want):
    dls = collab_dls(planted_ratings(60, 40, 2, 1200, seed=1))
    assert [len(ids) for ids in dls.classes.values()] == [61, 41]
    if want is None or None in want:
        with pytest.raises(ValueError, match='should give a width'):
            collab_learner(dls, use_nn=True, emb_szs=emb_szs)
    else:
        learn = collab_learner(dls, use_nn=True, emb_szs=emb_szs)
        assert [tuple(e.weight.shape) for e in learn.model.embeds] == want


@pytest.mark.parametrize('task', ['classify', 'ordinal'])
def test_what_is_said_of_a_pair_fits_together(task):
    learn = trained(task, False)
    said = learn.predict(planted_ratings(60, 40, 2, 1200, seed=1)[['user', 'title']])
    probs, levels = said.filter(like='p('), np.array(learn.dls.vocab.levels)
    assert list(said)[2:] == ['rating_pred', 'likeliest', *(f'p({v:g})' for v in levels)]
    assert np.allclose(said.rating_pred, probs.to_numpy() @ levels, atol=1e-5)
    assert (said.likeliest == levels[probs.to_numpy().argmax(1)]).all()
    assert np.allclose(probs.sum(axis=1), 1, atol=1e-5) and (probs.nunique() > 9).all()
    row = learn.predict(said.iloc[7])
    assert np.allclose(row.iloc[:, 2:], said.iloc[[7], 2:], atol=1e-5) and len(row) == 1
    with pytest.raises(TypeError, match='predict wants a dict'): learn.predict([3, 'Movie 5'])


def test_a_range_is_for_stars_alone():
    dls = {task: collab_dls(planted_ratings(60, 40, 2, 1200, seed=1), task=task)
           for task in ('regress', 'classify', 'ordinal')}
    for use_nn in (False, True):
        learn = collab_learner(dls['regress'], 5, use_nn, y_range=(2, 2.5))
        free = collab_learner(dls['regress'], 5, use_nn)
        assert learn.predict(ASKED).rating_pred.between(2, 2.5).all()
        assert not free.predict(ASKED).rating_pred.between(2, 2.5).any()
    assert collab_learner(dls['classify'], 5, y_range=(2, 3)).model.score.y_range == (2, 3)
    for task, use_nn in (('classify', True), ('ordinal', False), ('ordinal', True)):
        with pytest.raises(ValueError, match='leave y_range out'):
            collab_learner(dls[task], 5, use_nn, y_range=(2, 3))
    config = {'y_range': (2, 2.5)}
    inside = collab_learner(dls['regress'], 5, True, config=config)
    assert inside.predict(ASKED).rating_pred.between(2, 2.5).all() and len(config) == 1


def test_fastais_own_loaders_predict_by_name():
    club = planted_ratings(60, 40, 2, 1200, seed=1).rename(columns={'rating': 'stars'})
    dls = CollabDataLoaders.from_df(club, item_name='movie', rating_name='stars', seed=1, bs=64)
    learn = fit(collab_learner(dls, 5), Recipe(1))
    said = learn.predict({'user': [3, 4], 'movie': [5, 6]})
    codes = [[dls.classes[c].o2i[v] for c, v in zip(said, row)] for row in ((3, 5), (4, 6))]
    want = learn.model.cpu()(torch.tensor(codes)).flatten().tolist()
    assert list(said) == ['user', 'movie', 'stars_pred']
    assert said.stars_pred.tolist() == pytest.approx(want, abs=1e-5)
    with pytest.raises(ValueError, match="loaders are made for task='regress'"):
        collab_learner(dls, task='ordinal')


def test_a_range_reaches_a_quarter_below_and_an_eighth_above():
    assert range_around((1, 2, 3, 4, 5)) == (0, 5.5) and range_around((5, 9)) == (4, 9.5)
    assert range_around([3, 3]) == (2.75, 3.125) and range_around((-4, 4)) == (-6, 5)


def test_predicting_moves_the_model_to_where_the_loaders_are():
    learn = trained('regress', False)
    learn.dls.to('meta')  # a device that every machine has, though it computes nothing
    with pytest.raises(NotImplementedError, match='meta'): learn.predict(ASKED)
    assert {p.device.type for p in learn.model.parameters()} == {'meta'}


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
@pytest.mark.parametrize('task, use_nn', KINDS)
def test_a_learner_on_a_gpu_answers_in_frames_and_loads_without_one(task, use_nn, tmp_path):
    learn = trained(task, use_nn, path=tmp_path)
    assert next(learn.model.parameters()).is_cuda
    here = learn.predict(ASKED).iloc[:, 2:]
    if (task, use_nn) == ('regress', False):
        learn.model.bias(['Movie 5'])  # fastai moves the biases to the CPU for this
        np.testing.assert_allclose(learn.predict(ASKED).iloc[:, 2:], here, atol=1e-5)
    learn.export('gpu.pkl')
    with pytest.warns(UserWarning, match='load_learner'): again = load_learner(tmp_path/'gpu.pkl')
    assert not next(again.model.parameters()).is_cuda
    np.testing.assert_allclose(again.predict(ASKED).iloc[:, 2:], here, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_half_precision_trains_and_predicts():
    learn = trained('ordinal', False).to_fp16()
    fit(learn, Recipe(1))
    rows = learn.predict(ASKED).filter(like='p(')
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-3)
