"Learners that leave their process, and learners on a GPU."
import json
import sys

import numpy as np
import pytest
import torch
import fastai.callback.fp16  # noqa: F401, adds to_fp16 to Learner
from fastai.learner import load_learner
from helpers import run

from collabdive.batches import collab_dls
from collabdive.learner import collab_learner
from collabdive.planted import planted_ratings
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


def test_an_exported_learner_predicts_by_name_in_another_process(tmp_path):
    learners = [trained(task, use_nn, path=tmp_path) for task, use_nn in KINDS]
    files = [f'{task}-{use_nn}.pkl' for task, use_nn in KINDS]
    for learn, file in zip(learners, files): learn.export(file)
    done = run(sys.executable, '-c', LOAD, json.dumps(ASKED), *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout.splitlines()[-1])
    for learn, said in zip(learners, there):
        np.testing.assert_allclose(said, learn.predict(ASKED).iloc[:, 2:], atol=1e-5)


def test_an_exported_learner_holds_no_ratings(tmp_path):
    learn = trained('ordinal', False, path=tmp_path)
    learn.export('club.pkl')
    with pytest.warns(UserWarning, match='load_learner'): again = load_learner(tmp_path/'club.pkl')
    assert [len(dl.dataset) for dl in again.dls.loaders] == [0, 0]


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
