"Learners that leave their process, and learners on a GPU."
import json
import sys
import warnings
import zipfile
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
import fastai.callback.fp16  # noqa: F401, adds to_fp16 to Learner
from fastai.callback.tracker import EarlyStoppingCallback, SaveModelCallback
from fastai.collab import CollabDataLoaders, TabularCollab
from fastai.collab import collab_learner as fastai_learner
from fastai.data.block import TransformBlock
from fastai.interpret import Interpretation
from fastai.learner import Learner, load_learner
from fastai.losses import CrossEntropyLossFlat, MSELossFlat
from fastai.metrics import accuracy
from fastai.tabular.core import Categorify
from fastai.tabular.model import tabular_config
from helpers import halves, run
from torch import nn

from collabdive.batches import collab_dls
from collabdive.cross_entropy import CrossEntropy
from collabdive.dot_product import DotProductBias
from collabdive.learner import (SquaredError, collab_learner, damped_rmse, fit_quick,
                                range_around)
from collabdive.metrics import class_metrics, rating_metrics
from collabdive.planted import planted_ratings
from collabdive.splits import random_split
from collabdive.training import Recipe, fit, history

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
    with (mock.patch('collabdive.learner.fit', lambda *args: args),
          mock.patch('collabdive.learner._warn_if_beaten')):
        learn, recipe, cbs, progress = fit_quick(dls)
        wd *= 4**(1/3)                                 # as for 20,000 rows, which are few
        assert (recipe.epochs, recipe.lr, recipe.wd, recipe.rest_wd) == (5, .02, wd, .02)
        assert len(learn.dls.train) == 52 and learn.dls.train.bs == 50 and not progress
        assert learn.dls.valid.bs == 2**14                # what is hidden needs no small batches
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


def club(): return planted_ratings(60, 40, 2, 1200, seed=1).astype({'title': str})


def test_squared_error_takes_rows_columns_and_whole_numbers():
    loss, y, row = SquaredError(), torch.tensor([[5.], [2.], [4.]]), torch.tensor([4., 2, 2])
    assert torch.isclose(loss(row, y), torch.tensor(5/3)) and loss(row[:, None], y) == loss(row, y)
    assert loss(row, y) == MSELossFlat()(row, y) == loss(row, y.to(torch.int8))
    assert loss(row, y, 'none').tolist() == [1, 0, 4] and loss(row, y, 'sum') == 5
    assert loss.activation(row).shape == (3, 1)
    for wrong in (torch.zeros(3, 5), torch.zeros(2)):
        with pytest.raises(RuntimeError, match='shape'): loss(wrong, y)


@pytest.mark.parametrize('settings', [
    {}, dict(n_factors=7), dict(use_nn=True, layers=[30, 20], emb_szs={'title': 8}),
    dict(use_nn=True, layers=[]), dict(use_nn=True, n_factors=7, config=tabular_config(
        ps=[.1], embed_p=.1, use_bn=False))])
def test_the_losses_are_those_of_fastai(settings):
    dls = collab_dls(club())
    def losses(learner, seed):
        torch.manual_seed(seed)
        return history(fit(learner(dls, y_range=(0, 5.5), **settings), Recipe(2, 1e-2, .01, None)))
    theirs, ours = losses(fastai_learner, 1), losses(collab_learner, 1)
    assert np.allclose(theirs, ours, rtol=0, atol=1e-4)
    assert not np.allclose(theirs, losses(collab_learner, 2), atol=1e-3)


def test_a_config_is_not_changed():
    config, dls = tabular_config(ps=.1), collab_dls(club())
    model = collab_learner(dls, use_nn=True, config=config, y_range=(0, 5.5)).model
    assert config == {'ps': .1} and 'SigmoidRange(low=0, high=5.5)' in str(model)
    assert 'p=0.1' in str(model)
    fastai_learner(dls, use_nn=True, config=config, y_range=(0, 5.5))
    assert config == {'ps': .1, 'y_range': (0, 5.5)}                   # fastai's own changes it


def test_fastais_model_tells_biases_and_factors_by_title():
    dls = collab_dls(club())
    learn, code = fit(collab_learner(dls, 5), Recipe(1)), dls.classes['title'].o2i['Movie 5']
    assert learn.model.bias(['Movie 5']).item() == learn.model.i_bias.weight[code].item()
    assert torch.equal(learn.model.weight([3], is_item=False)[0], learn.model.u_weight.weight[3])
    assert learn.model.weight(['Movie 5']).shape == (1, 5)


def test_fastais_loaders_with_whole_numbers_a_third_column_and_a_file(tmp_path):
    whole = CollabDataLoaders.from_df(club().astype({'rating': int}), .2, 'user', 'title', 'rating')
    assert whole.one_batch()[1].dtype == torch.int8
    learn = fit(collab_learner(whole, use_nn=True, path=tmp_path), Recipe(1))
    assert history(learn).train.iloc[0] < 20
    with pytest.raises(KeyError, match="did you mean 'Movie 5'"):
        learn.predict({'user': 3, 'title': 'Movy 5'})
    with pytest.raises(KeyError, match='there are 1, 2, 3, ...'):
        learn.predict({'user': '3', 'title': 'Movie 5'})
    learn.export('club.pkl')
    with pytest.warns(UserWarning, match='load_learner'): again = load_learner(tmp_path/'club.pkl')
    assert np.allclose(again.predict(ASKED).rating_pred, learn.predict(ASKED).rating_pred)
    three = club()[['user', 'title', 'rating']].assign(day=club().timestamp % 7)
    to = TabularCollab(three, [Categorify], ['user', 'title', 'day'], y_names=['rating'],
                       y_block=TransformBlock(), splits=(list(range(1000)), [*range(1000, 1200)]))
    wide = fit(collab_learner(to.dataloaders(bs=64), use_nn=True), Recipe(1, 5e-3, .01, None))
    assert len(wide.model.embeds) == 3 and wide.get_preds()[0].shape == (200, 1)


@pytest.mark.parametrize('task', ['classify', 'ordinal'])
def test_the_training_table_says_what_class_metrics_says(task):
    learn = trained(task, False)
    names = learn.recorder.metric_names[3:-1]
    recorded = dict(zip(names, learn.recorder.values[-1][2:]))
    truth = np.array(learn.dls.vocab.stars(learn.dls.valid_ds.y))
    want = class_metrics(truth, learn.get_preds()[0].numpy(), learn.dls.vocab.levels)
    assert list(names) == ['accuracy', 'rmse', 'rps']
    assert [recorded[n] for n in names] == pytest.approx([want[n] for n in ('acc', 'rmse', 'rps')])
    assert recorded['rps'] != pytest.approx(want['rmse'])


def test_metrics_may_be_given():
    dls = collab_dls(club(), task='classify')
    assert len(collab_learner(dls, metrics=[]).metrics) == 0
    assert collab_learner(dls, metrics=accuracy).metrics.attrgot('name') == ['accuracy']


def test_a_row_a_frame_or_a_dict_may_ask():
    learn, frame = trained('regress', False), club().loc[[7, 3], ['rating', 'title', 'user']]
    got, row = learn.predict(frame), frame.loc[7, ['user', 'title']]
    assert got.index.tolist() == [7, 3] and list(got) == ['user', 'title', 'rating_pred']
    assert list(frame) == ['rating', 'title', 'user']                  # left as it was
    for asked in (row, dict(row)):
        assert np.isclose(got.rating_pred[7], learn.predict(asked).rating_pred[0])
    both = learn.predict({'user': [3, 4], 'title': 'Movie 5'})
    assert both.user.tolist() == [3, 4] and both.title.tolist() == 2*['Movie 5']
    assert len(learn.predict(frame[:0])) == len(trained('ordinal', False).predict(frame[:0])) == 0
    many = pd.DataFrame({'user': np.arange(9000) % 60 + 1, 'title': 'Movie 5'})
    assert np.allclose(learn.predict(many).rating_pred[8940:].to_numpy(),
                       learn.predict(many[:60]).rating_pred.to_numpy(), atol=1e-6)


@pytest.mark.parametrize('asked, error, message', [
    ({'user': 3, 'film': 'Movie 5'}, KeyError, "no column 'title': there are 'user', 'film'"),
    ({}, KeyError, "there is no column 'user'"),
    ([3, 'Movie 5'], TypeError, r"not \[3, 'Movie 5'\] \(list\)"),
    ({'user': '3', 'title': 'Movie 5'}, KeyError, r"user '3' \(str\) is not in the vocabulary"),
    ({'user': 9999, 'title': 'Movie 5'}, KeyError, r"user 9999 \(int\) is not in the vocabulary")])
def test_a_question_without_an_answer_is_refused(asked, error, message):
    learn = trained('regress', False)
    with pytest.raises(error, match=message): learn.predict(asked)
    with pytest.raises(ValueError, match="unknown='zero' must be 'error' or 'na'"):
        learn.predict({'user': 3, 'title': 'Movy 5'}, unknown='zero')


def test_an_unknown_film_is_the_average_one():
    learn = trained('ordinal', False)
    slip, other = (learn.predict({'user': [10, 13], 'title': title}, unknown='na')
                   for title in ('Movy 5', 'Nowhere (2099)'))
    assert np.allclose(slip.rating_pred, other.rating_pred)
    assert abs(slip.rating_pred[0] - slip.rating_pred[1]) > .01        # the users are known
    n = learn.dls.train_ds.x[:, 1].bincount().float()
    tables = [w for name, w in learn.model.named_parameters() if 'item' in name]
    for w in tables: assert torch.allclose(w[0], torch.tensordot(n, w, 1)/n.sum(), atol=1e-5)
    assert len(tables) == 3


@pytest.mark.parametrize('task, use_nn', KINDS)
def test_the_task_decides_model_output_and_metrics(task, use_nn):
    models = {'regress': ('DotBias', 'EmbeddingNN'), 'ordinal': ('CumulativeLink', 'OrdinalNN'),
              'classify': ('DotProductBiasCE', 'TabularModel')}
    learn = collab_learner(collab_dls(club(), task=task), use_nn=use_nn)
    with learn.no_bar(): preds = learn.get_preds()[0]
    assert type(learn.model).__name__ == models[task][use_nn]
    assert preds.shape == (240, 1 if task == 'regress' else 5)
    assert learn.metrics.attrgot('name') == (
        ['rmse', 'mae'] if task == 'regress' else ['accuracy', 'rmse', 'rps'])


def test_freeze_holds_the_factors_of_two_groups_and_nothing_of_one():
    dls = collab_dls(club())
    learn = fit(collab_learner(dls, 5), Recipe(1, 5e-3, .01, .01))
    learn.freeze()
    learn.opt.set_hypers(lr=slice(1e-2))
    assert [p.requires_grad for p in learn.model.parameters()] == [False, False, True, True]
    assert [group['lr'] for group in learn.opt.hypers] == [1e-3, 1e-2]
    with learn.no_bar(), learn.no_logging(): learn.fine_tune(1)
    factors, rest = (group['lr'] for group in learn.opt.hypers)
    assert np.isclose(rest/factors, 100) and all(p.requires_grad for p in learn.model.parameters())
    single = collab_learner(dls, 5)
    single.freeze()
    assert len(single.opt.hypers) == 1 and all(p.requires_grad for p in single.model.parameters())


def test_tasks_that_do_not_fit_are_refused():
    stars, classes = collab_dls(club()), collab_dls(club(), task='classify')
    with pytest.raises(ValueError, match="task='regress', the learner for 'classify'; make them"):
        collab_learner(stars, task='classify')
    with pytest.raises(ValueError, match="'stars' must be one of 'regress', 'classify', 'ordinal'"):
        collab_learner(stars, task='stars')
    with pytest.raises(ValueError, match='leave y_range out'):
        collab_learner(classes, use_nn=True, config={'y_range': (0, 5.5)})
    with pytest.raises(TypeError, match='n_factor'): collab_learner(stars, n_factor=5)


def test_predict_leaves_the_record_alone_and_get_preds_does_not():
    learn = trained('ordinal', False)
    before = len(learn.recorder.values), learn.recorder.values[-1]
    learn.predict(ASKED)
    assert (len(learn.recorder.values), learn.recorder.values[-1]) == before
    learn.get_preds()
    assert learn.recorder.values[-1] != before[1]


def test_losses_row_by_row_with_a_loss_of_ours_and_of_fastais():
    learn = trained('ordinal', False)
    recorded, (probs, codes) = learn.recorder.values[-1][1], learn.get_preds()
    for loss_func in (CrossEntropy(), CrossEntropyLossFlat()):
        asker = Learner(learn.dls, learn.model, loss_func)
        with asker.no_bar(): said = asker.get_preds(with_loss=True, with_decoded=True)
        assert torch.allclose(said[0], probs, atol=1e-5) and said[3].shape == (240,)
        assert torch.equal(said[2].flatten(), probs.argmax(1))
        assert np.isclose(said[3].mean().item(), recorded, atol=1e-5)
    surprise, rows = Interpretation.from_learner(learn).top_losses(3)
    assert torch.allclose(surprise, -probs[rows, codes[rows]].log(), atol=1e-4)
    assert torch.allclose(surprise, said[3].topk(3).values, atol=1e-4)


def test_lr_find_and_saved_weights_work_as_ever(tmp_path):
    learn = trained('ordinal', False, path=tmp_path)
    before = learn.predict(ASKED).iloc[:, 2:]
    assert 1e-6 < learn.lr_find(show_plot=False).valley < 1
    assert np.allclose(learn.predict(ASKED).iloc[:, 2:], before, atol=1e-6)
    learn.save('club', with_opt=False)
    fresh = collab_learner(learn.dls, 5, path=tmp_path)
    assert not np.allclose(fresh.predict(ASKED).iloc[:, 2:], before, atol=1e-4)
    fresh.load('club', with_opt=False)
    assert np.allclose(fresh.predict(ASKED).iloc[:, 2:], before, atol=1e-6)


def test_a_saver_keeps_the_worst_rmse_unless_told(tmp_path):
    def kept(**settings):
        torch.manual_seed(1)
        saver = SaveModelCallback(monitor='rmse', fname='best', **settings)
        learn = collab_learner(collab_dls(club()), y_range=(0, 5.5), path=tmp_path, cbs=saver)
        fit(learn, Recipe(3, 1e-2, .01, None)).predict(ASKED)   # a saver that stays does not mind
        return saver.best
    assert kept(comp=np.less) < kept() - .1


def test_fit_quick_takes_callbacks_seeds_and_models():
    dls = collab_dls(club())
    early = fit_quick(dls, epochs=9, cbs=EarlyStoppingCallback(min_delta=9.))
    assert len(history(early)) == 2 and early.dls.train.bs == 32 and dls.train.bs == 64
    assert early.dls.valid_ds is dls.valid_ds
    assert [h['wd'] for h in early.opt.hypers] == [1.7*4**(1/3), .02]
    assert early.model.y_range == (0, 5.5)
    again, other = (history(fit_quick(dls, seed=s)) for s in (42, 7))
    assert history(fit_quick(dls)).equals(again) and not again.equals(other)
    torch.manual_seed(1)
    model = DotProductBias(*(len(ids) for ids in dls.classes.values()), 5)
    mine = fit_quick(dls, model, epochs=2, lr=.02, wd=(.3, .1), bs=128)
    assert mine.model is model and mine.dls.train.bs == 128 and len(history(mine)) == 2
    assert [h['wd'] for h in mine.opt.hypers] == [.3, .1] and mine.opt.hypers[0]['lr'] < .02
    assert fit_quick(dls, epochs=1, n_factors=3).model.u_weight.weight.shape[1] == 3


def test_fit_quick_is_silent_unless_told(capsys):
    def said(**settings):
        fit_quick(collab_dls(club()), epochs=1, **settings)
        return capsys.readouterr().out
    assert not said() and 'train_loss' in (shown := said(progress=True)) and 'rmse' in shown


def test_what_fit_quick_refuses():
    dls = collab_dls(club())
    with pytest.raises(TypeError, match='loaders from collab_dls, not TabularDataLoaders'):
        fit_quick(CollabDataLoaders.from_df(club(), .2, 'user', 'title', 'rating'))
    for bad in (dict(lr=0), dict(wd=-.1), dict(wd=(.1, -1)), dict(epochs=-1), dict(lr=np.nan)):
        with pytest.raises(ValueError, match='is too low'): fit_quick(dls, **bad)
    with pytest.raises(ValueError, match='no parameter is named like a table of factors'):
        fit_quick(dls, nn.Sequential(nn.Flatten(), nn.Linear(2, 1)))


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


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_a_gpu_trains_as_well_and_the_same_again_for_a_seed():
    f = planted_ratings(200, 100, 4, 8000, seed=1)
    last, tables = {}, {}
    for name, device in (('first', 'cuda'), ('again', 'cuda'), ('cpu', 'cpu')):
        learn = fit_quick(collab_dls(f, item_name='movie', seed=1, device=device), seed=1)
        assert next(learn.model.parameters()).device.type == device
        last[name] = history(learn).valid.iloc[-1]
        tables[name] = [p.detach().cpu() for p in learn.model.parameters()]
    assert all(map(torch.equal, tables['first'], tables['again']))
    assert last['first'] == pytest.approx(last['cpu'], abs=.005)


# scales and sizes

def on_scale(scale, seed, n=1500):
    "Planted ratings of 50 users on another scale."
    f, rng = planted_ratings(50, 40, 2, n, seed=seed), np.random.default_rng(seed)
    z = (f.signal - f.signal.mean())/f.signal.std() + rng.normal(0, 1, n)
    share = z.rank(pct=True)
    return f.assign(rating={
        '1..5': f.rating, '0..100': (share*100).round(), '-10..10': (share*20 - 10).round(),
        'half stars': (share*9).round()/2 + .5, '0 or 1': (share > .6)*1.,
        'counts': np.exp(4 + 1.3*z).round() + 1}[scale])


@pytest.mark.parametrize('scale', ['1..5', '0..100', '-10..10', 'half stars', '0 or 1', 'counts'])
def test_on_any_scale_no_worse_than_the_mean(scale):
    for seed in range(3):
        dls = collab_dls(on_scale(scale, seed), seed=seed)
        torch.manual_seed(seed)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter('always')
            learn, quick = collab_learner(dls), fit_quick(dls, seed=seed)
        told = any('train on the logarithm' in str(w.message) for w in heard)
        with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(5, 5e-3)
        for learn in (learn, quick):
            with learn.no_bar(): pred, y = (t.flatten() for t in learn.get_preds())
            mean = (y - dls.train_ds.y.mean()).square().mean().sqrt()
            worst = mean*(9 if told and learn is quick else 1.01)
            assert (pred - y).square().mean().sqrt() < worst and told == (scale == 'counts')


def test_a_dot_product_starts_at_the_mean_of_any_scale():
    frame = on_scale('0..100', 0)
    theirs = CollabDataLoaders.from_df(frame, .2, 'user', 'title', 'rating', seed=1)
    for dls in (collab_dls(frame), theirs):
        y = torch.as_tensor(np.asarray(getattr(dls.train_ds, 'ys', None) if dls is theirs
                                       else dls.train_ds.y)).float()
        with torch.no_grad(): said = collab_learner(dls, 5).model(torch.tensor([[3, 5], [9, 8]]))
        assert np.allclose(said, y.mean(), atol=.2)


@pytest.mark.parametrize('task', ['regress', 'classify', 'ordinal'])
def test_one_rating_for_everything_is_refused(task):
    same = club().assign(rating=4.)
    dls = collab_dls(same, task=task, levels=(3., 4., 5.))
    for make in (collab_learner, fit_quick, lambda dls: fit_quick(dls, torch.nn.Linear(2, 1))):
        with pytest.raises(ValueError, match='all 960 .* are 4: nothing .*collabdive.clicks'):
            make(dls)


def test_ratings_that_want_a_logarithm_are_told():
    with pytest.warns(UserWarning, match=r'np.log1p\(rating\)'):
        collab_learner(collab_dls(on_scale('counts', 0)))
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='half of the ratings')
        for scale in ('1..5', '0..100', '0 or 1'): collab_learner(collab_dls(on_scale(scale, 0)))
    counts = on_scale('counts', 0)
    for low, told in ((0, True), (-1, False)):        # -1 has no such logarithm
        counts['rating'] += low - counts.rating.min()
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter('always')
            collab_learner(collab_dls(counts))
        assert told == any('np.log1p' in str(w.message) for w in heard)


@pytest.mark.parametrize('task', ['regress', 'ordinal'])
def test_damped_means_by_hand(task):
    rows = [(1, 7, 5.), (1, 8, 3.), (2, 7, 4.), (2, 8, 1.), (1, 9, 2.), (3, 7, 3.)]
    frame = pd.DataFrame(rows, columns=['user', 'movie', 'rating'])
    dls = collab_dls(frame, splits=([0, 1, 2], [3, 4, 5]), task=task)
    item7, item8 = 1/3, -1/2                           # of a mean of 4: sums 1, -1; 1 vote more
    user1, user2 = (1 - item7 - 1 - item8)/3, -item7/2
    said = np.array([4 + item8 + user2, 4 + user1, 4 + item7])      # film 9, user 3: unknown
    assert damped_rmse(dls, damping=1) == pytest.approx(((said - [1, 2, 3])**2).mean()**.5)


def test_fit_quick_says_when_damped_means_are_better():
    dls = collab_dls(club())
    with pytest.warns(UserWarning, match='worse than damped means .* 960 training ratings'):
        fit_quick(dls, wd=0)
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='The model is worse')
        fit_quick(collab_dls(planted_ratings(100, 60, 2, 5000, seed=1)))


def test_more_ratings_want_less_decay():
    recipe = Recipe(wd=1.7, rows=80_000)
    assert recipe.at(80_000).wd == 1.7 and recipe.at(640_000).wd == pytest.approx(.85)
    assert recipe.at(0).wd == recipe.at(20_000).wd == pytest.approx(1.7*4**(1/3))
    assert Recipe(wd=.6).at(640_000).wd == .6
    with pytest.raises(ValueError, match='rows=0 is too low'): Recipe(rows=0)
