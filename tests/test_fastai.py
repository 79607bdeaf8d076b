"What users of fastai call: their callbacks, losses, metrics and methods, for every task."
import contextlib
import io
import warnings
from functools import partial

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from fastai.callback.all import (ActivationStats, BnFreeze, Callback, CSVLogger,
                                 EarlyStoppingCallback, FetchPredsCallback, GradientAccumulation,
                                 GradientClip, MixUp, ParamScheduler, ReduceLROnPlateau,
                                 SaveModelCallback, SchedCos, ShortEpochCallback,
                                 ShowGraphCallback, TerminateOnNaNCallback)
from fastai.collab import EmbeddingDotBias
from fastai.interpret import ClassificationInterpretation, Interpretation
from fastai.learner import Learner, load_learner
from fastai.losses import (CrossEntropyLossFlat, FocalLossFlat, L1LossFlat,
                           LabelSmoothingCrossEntropyFlat, MSELossFlat)
from fastai.metrics import (BalancedAccuracy, CohenKappa, ExplainedVariance, F1Score,
                            MatthewsCorrCoef, PearsonCorrCoef, Precision, R2Score, Recall,
                            SpearmanCorrCoef, accuracy, error_rate, mae, mse, rmse, top_k_accuracy)
from fastai.optimizer import SGD, Adam, Lamb, OptimWrapper, RMSProp, ranger
from torch import nn

from collabdive.batches import RatingsDataLoaders, collab_dls
from collabdive.dot_product import DotProductBias, train
from collabdive.learner import DotBias, collab_learner, fit_quick
from collabdive.planted import planted_ratings
from collabdive.training import Recipe, factors_and_rest, fit, history

matplotlib.use('agg')
TASKS = 'regress', 'classify', 'ordinal'
CLUB = planted_ratings(30, 20, 2, 300, seed=1).astype({'title': str})
DLS = {task: collab_dls(CLUB, task=task, bs=128) for task in TASKS}
ASKED = {'user': [3, 4], 'title': ['Movie 5', 'Movie 6']}
RATES = pytest.approx([1e-3, 1e-2])
CALLS = []   # name, task, function of a learner and a folder


def call(*tasks):
    "A function to be tried, for these tasks; for all if none is named."
    def add(f):
        CALLS.extend(pytest.param(task, f, id=f'{f.__name__}-{task}') for task in tasks or TASKS)
        return f
    return add


stars, classes = call('regress'), call('classify', 'ordinal')


def cycle(learn, cbs=None, n=1): learn.fit_one_cycle(n, 1e-2, cbs=cbs)


def said(f, *args):
    "What a call prints."
    with contextlib.redirect_stdout(io.StringIO()) as out: f(*args)
    return out.getvalue()


def weights(learn): return {n: p.detach().clone() for n, p in learn.model.named_parameters()}


def moved(learn, before):
    return {n for n, p in learn.model.named_parameters() if not torch.equal(p, before[n])}


@pytest.mark.filterwarnings('ignore::DeprecationWarning', 'ignore::UserWarning',
                            'ignore::FutureWarning')
@pytest.mark.parametrize('task, f', CALLS)
def test_a_call_works_as_fastais_users_know_it(task, f, tmp_path):
    torch.manual_seed(1)
    f(collab_learner(DLS[task], 5, path=tmp_path), tmp_path)
    matplotlib.pyplot.close('all')


# callbacks

@call()
def save_model(learn, folder):
    cycle(learn, SaveModelCallback(fname='best', with_opt=True))
    learn.load('best')


@call()
def early_stopping(learn, folder):
    cycle(learn, EarlyStoppingCallback(min_delta=9.), 4)
    assert len(history(learn)) == 2


@call()
def reduce_on_plateau(learn, folder):
    learn.fit(3, 1e-3, cbs=ReduceLROnPlateau(min_delta=9., patience=1))
    assert learn.opt.hypers[0]['lr'] < 1e-3


@call()
def csv_logger(learn, folder):
    for train_it in (cycle, partial(fit, recipe=Recipe(1))):
        train_it(learn, cbs=CSVLogger())
        assert list(pd.read_csv(folder/'history.csv'))[:3] == ['epoch', 'train_loss', 'valid_loss']


@call()
def gradients(learn, folder): cycle(learn, [GradientAccumulation(200), GradientClip(.1)])


@call()
def half_precision(learn, folder):
    cycle(learn.to_fp16())                     # without a GPU fastai says so, and stays at float32
    cycle(learn.to_fp32().to_bf16())
    assert learn.to_fp32().predict(ASKED).rating_pred.notna().all()


@call()
def terminate_on_nan(learn, folder): cycle(learn, TerminateOnNaNCallback())


@call()
def scheduler(learn, folder): learn.fit(1, cbs=ParamScheduler({'lr': SchedCos(1e-2, 1e-3)}))


@call()
def other_callbacks(learn, folder):
    cycle(learn, [ActivationStats(modules=[learn.model]), ShortEpochCallback(.5), BnFreeze()])


@call()
def fetch_predictions(learn, folder): cycle(learn, FetchPredsCallback())


@call()
def shapes_in_a_callback(learn, folder):
    class Look(Callback):
        def after_pred(self):
            stars, n = self.y.dtype == torch.float32, len(self.x)
            assert self.y.shape == ((n, 1) if stars else (n,))
            assert self.pred.shape == ((n, 1) if stars else (n, len(self.dls.vocab)))
    cycle(learn, Look())


@call()
def predict_in_a_callback(learn, folder):
    class Ask(Callback):
        def before_batch(self):
            self.learn.predict(ASKED)
            assert self.learn.model.training == self.training
    cycle(learn, Ask())


@call()
def graph(learn, folder):
    cycle(learn, ShowGraphCallback())
    fit(learn, Recipe(1))
    cycle(learn, ShowGraphCallback())
    fit(learn, Recipe(1), ShowGraphCallback())


@call()
def mixup_is_refused(learn, folder):
    for cbs in (MixUp(), [MixUp()]):
        with pytest.raises(TypeError, match='MixUp blends .* leave it out'): cycle(learn, cbs)
    with pytest.raises(TypeError, match='MixUp'): fit(learn.add_cb(MixUp()), Recipe(1))


# trainings and tables

@call()
def schedules(learn, folder):
    learn.fit_flat_cos(1, 1e-2)
    learn.fit_sgdr(1, 1, 1e-2)
    learn.fit_one_cycle(2, 1e-2, start_epoch=1)
    learn.fit(1, 1e-2, wd=.1, reset_opt=True)


@call()
def find_a_rate(learn, folder):
    before = weights(learn)
    assert learn.lr_find().valley > 0 and not moved(learn, before)
    assert [h['wd'] for h in fit(learn, Recipe(1)).opt.hypers] == [.6, .02]
    learn.lr_find(show_plot=False)
    assert len(history(learn)) == 1


@call()
def optimisers(learn, folder):
    for opt_func in (Adam, SGD, RMSProp, ranger, Lamb, partial(OptimWrapper, opt=torch.optim.SGD)):
        cycle(collab_learner(learn.dls, 5, opt_func=opt_func))


@call()
def a_table_after_a_quiet_training(learn, folder):
    assert not said(fit, learn, Recipe(1)) and not said(learn.get_preds)
    assert 'train_loss' in said(cycle, learn)
    with learn.no_bar(), learn.no_logging(): assert not said(cycle, learn)
    assert 'train_loss' in said(cycle, learn)
    fit(learn.remove_cb(learn.progress), Recipe(1))
    assert not hasattr(learn, 'progress')                          # nobody gets one unasked
    other = collab_learner(learn.dls, 5)
    with pytest.raises(ValueError, match='not finite'): fit(other, Recipe(1, lr=1e30))
    assert other.progress.learn is other


@call()
def losses_by_name(learn, folder):
    with pytest.raises(ValueError, match='no training of this learner'): history(learn)
    learn.recorder.train_metrics = True
    table = history(fit(learn, Recipe(2)))
    assert list(table) == ['train', 'valid'] and len(table) == 2
    assert learn.validate()[0] == pytest.approx(table.valid.iloc[-1])
    learn.fit(3, 1e-3)
    learn.get_preds()
    assert len(history(learn)) == 3
    assert learn.validate()[0] == pytest.approx(history(learn).valid.iloc[-1])


@call()
def callbacks_come_and_go(learn, folder):
    clip = GradientClip(.1)
    for _ in range(2): cycle(learn.add_cb(clip).remove_cb(clip))
    with learn.added_cbs(clip): cycle(learn)
    with learn.removed_cbs([learn.recorder, learn.progress]): learn.fit(1, 1e-2)
    assert 'TrainEvalCallback' in said(learn.show_training_loop)


# groups of parameters

@call()
def freeze(learn, folder):
    fit(learn, Recipe(1)).freeze()
    names = {id(p): n for n, p in learn.model.named_parameters()}
    factors = {names[id(p)] for p in factors_and_rest(learn.model)[0]}
    before = weights(learn)
    learn.fit(1, 1e-2)
    assert moved(learn, before) == set(before) - factors
    learn.unfreeze()
    learn.fit(1, 1e-2)
    assert moved(learn, before) == set(before)


@call()
def freeze_with_one_group(learn, folder):
    before = weights(learn)
    learn.freeze()
    learn.fit(1, 1e-2)
    assert moved(learn, before) == set(before)  # as with fastai, nothing is before the last


@call()
def slices_and_fine_tuning(learn, folder):
    fit(learn, Recipe(1))
    for lr in (slice(1e-2), slice(1e-3, 1e-2)):
        learn.fit(1, lr)
        assert [h['lr'] for h in learn.opt.hypers] == RATES
    learn.fine_tune(1, 1e-2)
    assert all(p.requires_grad for p in learn.model.parameters())
    collab_learner(learn.dls, 5).fine_tune(1, 1e-2)


# losses and metrics

@stars
def losses_of_stars(learn, folder):
    for loss in (nn.L1Loss, nn.MSELoss, nn.HuberLoss, nn.SmoothL1Loss, MSELossFlat, L1LossFlat):
        torch.manual_seed(1)
        other = collab_learner(learn.dls, 5, loss_func=loss(), y_range=(0, 5.5))
        with warnings.catch_warnings():
            warnings.simplefilter('error', UserWarning)  # PyTorch's, of shapes that broadcast
            cycle(other, n=2)
        pred, y, each = other.get_preds(with_loss=True)
        assert pred.shape == y.shape and each.numel() == len(y)
        assert np.allclose(other.predict(learn.dls.valid_ds.items).rating_pred, pred[:, 0])


@stars
def metrics_of_stars(learn, folder):
    def mine(pred, y): return ((pred - y)**2).mean()**.5
    other = collab_learner(learn.dls, 5, metrics=[
        mine, rmse, mse, mae, R2Score(), ExplainedVariance(), PearsonCorrCoef(),
        SpearmanCorrCoef()])
    cycle(other)
    found = other.validate()
    assert len(found) == 9 and found[1] == pytest.approx(found[2], abs=1e-6)


@classes
def losses_of_classes(learn, folder):
    for loss in (nn.CrossEntropyLoss(label_smoothing=.1), CrossEntropyLossFlat(), FocalLossFlat(),
                 LabelSmoothingCrossEntropyFlat()):
        other = collab_learner(learn.dls, 5, loss_func=loss)
        cycle(other)
        assert np.allclose(other.predict(ASKED).filter(like='p(').sum(axis=1), 1, atol=1e-5)
        assert other.get_preds(with_loss=True)[2].shape == (60,)


@classes
def metrics_of_classes(learn, folder):
    def mine(logits, y): return (logits.argmax(1) == y).float().mean()
    other = collab_learner(learn.dls, 5, metrics=[
        mine, accuracy, error_rate, partial(top_k_accuracy, k=5), F1Score(average='macro'),
        CohenKappa(weights='quadratic'), MatthewsCorrCoef(), BalancedAccuracy(),
        Precision(average='macro'), Recall(average='macro')])
    cycle(other)
    _, hits, acc, error, five, *_ = other.validate()
    assert hits == pytest.approx(acc) and acc + error == pytest.approx(1) and five == 1


# predictions

@call()
def predictions(learn, folder):
    x, pred, y, decoded, each = learn.get_preds(with_input=True, with_decoded=True, with_loss=True)
    assert torch.equal(x, learn.dls.valid_ds.x) and torch.equal(y, learn.dls.valid_ds.y)
    assert decoded.shape == y.shape and each.shape == (60,) and len(pred) == 60
    assert each.mean().item() == pytest.approx(learn.validate()[0], abs=1e-5)
    assert torch.equal(learn.get_preds(ds_idx=0)[1], learn.dls.train_ds.y)
    assert len(learn.get_preds(ds_idx=0, reorder=False)[0]) == 240
    assert len(learn.get_preds(dl=learn.dls.test_dl(pd.DataFrame(ASKED)))[0]) == 2
    assert len(learn.validate(dl=learn.dls.train, cbs=[Callback()])) >= 3


@call()
def shown(learn, folder):
    learn.dls.show_batch()
    for ds_idx in (0, 1): learn.show_results(ds_idx=ds_idx, max_n=3)
    decoded = learn.dls.decode(learn.dls.one_batch())
    assert learn.dls.vocab.decode(*decoded).title.str.startswith('Movie').all()


@call()
def interpretation(learn, folder):
    for ds_idx in (0, 1):
        found = Interpretation.from_learner(learn, ds_idx=ds_idx)
        losses, rows, items = found.top_losses(3, items=True)
        assert list(items) == ['user', 'title', 'rating'] and len(losses) == 3
        with shown_frames() as frames:
            found.show_results(rows)
            found.plot_top_losses(3)
            found.plot_top_losses(1, largest=False)
        assert [len(f) for f in frames] == [3, 3, 1]
        assert list(frames[1]) == ['user', 'title', 'rating', 'rating_pred', 'loss']
        assert frames[0].equals(frames[1].drop(columns='loss'))
        assert np.allclose(frames[1].loss, losses)
        assert np.array_equal(frames[1].iloc[:, :3], items)


@contextlib.contextmanager
def shown_frames():
    "The frames that are shown in the block."
    frames = []
    with pytest.MonkeyPatch.context() as patch:
        for module in ('batches', 'learner'):
            patch.setattr(f'collabdive.{module}.display_df', frames.append)
        yield frames


@classes
def confusion(learn, folder):
    found = ClassificationInterpretation.from_learner(learn)
    table, levels = found.confusion_matrix(), learn.dls.vocab.levels
    y, likeliest = learn.get_preds(with_decoded=True)[1:]
    assert table.shape == (len(levels),)*2 and table.sum() == 60
    assert table.trace() == (y == likeliest).sum()
    assert table.sum(1).tolist() == y.bincount(minlength=len(levels)).tolist()
    found.plot_confusion_matrix()
    ticks = [t.get_text() for t in matplotlib.pyplot.gca().get_xticklabels()]
    assert ticks == [str(v) for v in levels]
    assert {v for row in found.most_confused() for v in row[:2]} <= set(levels)
    assert f'{levels[-1]}' in said(found.print_classification_report)


@stars
def stars_are_no_classes(learn, folder):
    with pytest.raises(TypeError, match='stars, and they are no classes'):
        ClassificationInterpretation.from_learner(learn).confusion_matrix()


# files, and what a learner says of itself

@call()
def files(learn, folder):
    fit(learn, Recipe(1))
    before = learn.predict(ASKED)
    state = torch.load(learn.save('both'), weights_only=True)
    assert set(state) == {'model', 'opt'}
    cycle(learn)
    assert not learn.predict(ASKED).equals(before)
    assert learn.load('both').predict(ASKED).equals(before)
    cycle(learn)
    torch.load(learn.save('model', with_opt=False), weights_only=True)
    learn.add_cb(SaveModelCallback()).export('all.pkl')
    assert load_learner(folder/'all.pkl').predict(ASKED).equals(learn.predict(ASKED))
    cycle(learn)


@call()
def a_file_with_fastais_optimiser(learn, folder):
    cycle(learn)
    before = learn.predict(ASKED)
    learn.save('both')
    cycle(learn)
    assert learn.load('both').predict(ASKED).equals(before)   # fastai reads it by weights_only


@call()
def summary(learn, folder):
    def sizes(): return [int(line.split()[-1].replace(',', ''))
                         for line in str(learn.summary()).splitlines() if line.startswith('Total')]
    n = sum(p.numel() for p in learn.model.parameters())
    assert sizes() == [n, n, 0]
    fit(learn, Recipe(1)).freeze()
    rest = sum(p.numel() for p in factors_and_rest(learn.model)[1])
    assert sizes() == [n, rest, n - rest]
    text = str(learn.summary())
    assert 'collabdive.training.adam' in text and f'Loss function: {learn.loss_func!r}' in text
    assert not any(hidden in text for hidden in (' object at ', 'functools'))


@call()
def plots(learn, folder):
    cycle(learn)
    learn.recorder.plot_loss()
    learn.recorder.plot_sched()


# the loaders and the quick recipe

@call()
def a_row_a_batch(learn, folder):
    dls = collab_dls(CLUB[:50], task=learn.dls.vocab.task, bs=1, val_bs=1)
    cycle(collab_learner(dls, 5, metrics=[]))


@call()
def workers_are_refused(learn, folder):
    learn.dls.train.new(num_workers=0)
    for make in (learn.dls.train.new, partial(learn.dls.test_dl, pd.DataFrame(ASKED))):
        with pytest.raises(ValueError, match='num_workers=2'): make(num_workers=2)


@call()
def a_third_loader(learn, folder):
    dls = RatingsDataLoaders(*learn.dls.loaders, learn.dls.test_dl(pd.DataFrame(ASKED)))
    quick = fit_quick(dls, epochs=1, n_factors=3)
    assert len(quick.dls.loaders) == 3 and len(quick.get_preds(ds_idx=2)[0]) == 2


@call()
def nothing_to_train_on(learn, folder):
    learn.export('all.pkl')
    with pytest.raises(ValueError, match='nothing was trained: the loaders have no training rows'):
        fit_quick(load_learner(folder/'all.pkl').dls)
    train_dl = learn.dls.train.new(bs=999, drop_last=True)
    other = collab_learner(RatingsDataLoaders(train_dl, learn.dls.valid), 5)
    with pytest.raises(ValueError, match='fewer than a batch'): fit(other, Recipe(1))


@call()
def the_callers_random_state(learn, folder):
    def untouched(f):
        torch.manual_seed(3)
        want = torch.rand(1)
        torch.manual_seed(3)
        f()
        return torch.equal(torch.rand(1), want)
    assert untouched(lambda: fit_quick(learn.dls, epochs=1, n_factors=3, seed=1))
    assert not untouched(lambda: fit(learn, Recipe(1)))     # a control: it was given no seed
    if learn.dls.vocab.task == 'regress':
        assert untouched(lambda: train(DotProductBias, learn.dls, Recipe(1)))


def test_the_column_changes_nothing_else():
    "The same weights from a seed, the same losses and the same file as with fastai's own model."
    def trained(kind):
        torch.manual_seed(1)
        model = kind.from_classes(5, DLS['regress'].classes, y_range=(0, 5.5))
        return fit(Learner(DLS['regress'], model, MSELossFlat()), Recipe(2))
    ours, theirs = trained(DotBias), trained(EmbeddingDotBias)
    assert history(ours).equals(history(theirs))
    assert list(ours.model.state_dict()) == list(theirs.model.state_dict())
    assert torch.equal(ours.get_preds()[0][:, 0], theirs.get_preds()[0])
    assert torch.equal(ours.model.bias(['Movie 5']), theirs.model.bias(['Movie 5']))
