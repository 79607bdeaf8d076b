"The table, the picture and the settings of the ladder, with trainings made up or tiny."
from unittest import mock

import pytest
from matplotlib.figure import Figure

from collabdive import ladder
from collabdive.dot_product import DotProduct, DotProductBias
from collabdive.ladder import (BOOK_SETTINGS, QUICK_SETTINGS, LadderSettings, ladder_models,
                               ladder_table, plot_ladder, train_ladder)
from collabdive.planted import planted_ratings

MODELS = {'a': (DotProduct, None, .01, .5), 'b': (DotProductBias, (1, 5), .1, .7)}
RUNS = [dict(model=m, split_seed=s, losses=[[9., 9.], [train, valid]], seconds=seconds)
        for m, s, train, valid, seconds in [('a', 1, .4, .9, 1.), ('b', 1, .2, .8, 3.),
                                            ('a', 2, .7, .7, 2.), ('b', 2, .3, .84, 4.)]]


def test_a_row_is_the_mean_of_the_last_epochs():
    a, b = ladder_table(RUNS, MODELS)
    assert a == dict(model='a', train=.55, valid=.8, spread=.2, reference=.5, seconds=1.5)
    assert b == dict(model='b', train=.25, valid=.82, spread=.04, reference=.7, seconds=3.5)
    assert ladder_table(RUNS[:2], MODELS)[0]['spread'] == 0
    thirds = [dict(RUNS[0], losses=[[v, v]], seconds=v) for v in (.1, .2, .2)]
    a, = ladder_table(thirds, {'a': MODELS['a']})
    assert (a['train'], a['valid'], a['seconds']) == (.1667, .1667, .2)


def test_a_curve_is_the_mean_of_the_runs_of_a_model():
    axs = Figure().subplots(1, 2)
    assert plot_ladder(RUNS, axs) is axs
    for ax, want in zip(axs, ([[9, .55], [9, .25]], [[9, .8], [9, .82]])):
        assert [list(line.get_ydata()) for line in ax.lines] == [pytest.approx(w) for w in want]
        assert [line.get_label() for line in ax.lines] == ['a', 'b']
        assert list(ax.lines[0].get_xdata()) == [1, 2]
    assert ['training' in axs[0].get_ylabel(), 'validation' in axs[1].get_ylabel()] == [True]*2
    assert len({line.get_marker() for line in axs[0].lines}) == 2


def test_each_model_is_trained_on_each_split_by_the_settings():
    ratings, calls = planted_ratings(30, 20, 2, 300, seed=1), []
    train = ladder.train
    def spy(model_class, dls, recipe, seed, **kwargs):
        calls.append((model_class, len(dls.train), recipe, seed, kwargs['y_range']))
        return train(model_class, dls, recipe, seed, **kwargs)
    settings = LadderSettings(50, .02, 3., n_epoch=2, n_factors=4)
    with mock.patch.object(ladder, 'train', spy):
        runs = train_ladder(ratings, settings, (5, 6), MODELS)
        train_ladder(ratings, settings, (5, 6), {'a': MODELS['a']}, weight_seed=0)
    assert [(r['model'], r['split_seed'], r['wd']) for r in runs] == [
        ('a', 5, .01), ('a', 6, .01), ('b', 5, .1), ('b', 6, .1)]
    assert all(len(r['losses']) == 2 and r['seconds'] >= 0 <= r['cpu_seconds'] for r in runs)
    model_class, n_batches, recipe, seed, y_range = calls[2]
    assert (model_class, n_batches, seed, y_range) == (DotProductBias, 5, 5, (1, 5))
    assert (recipe.epochs, recipe.lr, recipe.rest_wd, recipe.n_factors) == (2, .02, None, 4)
    assert recipe.wd == pytest.approx(.3) and [c[3] for c in calls] == [5, 6, 5, 6, 0, 0]
    assert runs[0]['losses'] != runs[1]['losses']


def test_one_change_a_rung():
    rungs = [v[:3] for v in ladder_models().values()]
    for below, above in zip(rungs[:3], rungs[1:4]):
        assert sum(a != b for a, b in zip(below, above)) == 1
    assert rungs[3][1:] == rungs[4][1:] and rungs[3][2] == 10*rungs[2][2]
    steps = BOOK_SETTINGS.bs/QUICK_SETTINGS.bs                       # a share of the steps, so
    pull = QUICK_SETTINGS.lr*QUICK_SETTINGS.wd_factor*steps          # the pull of decay is kept
    assert pull == BOOK_SETTINGS.lr*BOOK_SETTINGS.wd_factor and steps == 1/8
