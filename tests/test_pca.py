"Maps where no lesson looks: other processes, any shape, hostile matrices, crowded labels."
import json
import os
import sys
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.factors import Factors, rotate
from collabdive.pca import (close_to_axes, distance, explained, farthest, pca, pca_to_df,
                            plot_close_to_axes, plot_factors, plot_top_5, quadrant, short_title)
from helpers import ROOT, run

matplotlib.use('agg')
import matplotlib.pyplot as plt  # noqa: E402  after the choice of a backend without a screen

MAP = '''
import json, matplotlib, numpy as np
matplotlib.use('agg')
import matplotlib.pyplot as plt
from collabdive.pca import pca_to_df, plot_top_5
np.random.seed({seed})
rng = np.random.default_rng(7)
X = rng.normal(size=(400, 50))*.9**np.arange(50)
frame = pca_to_df(X, method={method!r})
fig, ax = plt.subplots(figsize=(5, 4.2), layout='constrained')
labels = plot_top_5(frame, ax=ax).texts
print(json.dumps([frame.pc1.tolist(), frame.pc2.tolist(), [t.get_position() for t in labels]]))
'''


def drawn(seed, method):
    "The map and its labels' places as another process draws them."
    env = dict(os.environ, PYTHONHASHSEED=str(seed), OMP_NUM_THREADS=str(1 + seed % 2))
    paths = [str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]
    env['PYTHONPATH'] = os.pathsep.join(paths)
    done = run(sys.executable, '-c', MAP.format(seed=seed, method=method), env=env)
    assert done.returncode == 0, done.stderr
    return [np.array(part) for part in json.loads(done.stdout)]


def test_two_processes_draw_the_same_map():
    maps = [drawn(1, 'fbpca'), drawn(2, 'fbpca'), drawn(3, 'svd')]
    for other in maps[1:]:
        for a, b in zip(maps[0], other): assert np.allclose(a, b, atol=1e-4)


@st.composite
def matrices(draw):
    "Matrices of 3 to 60 rows whose components are well apart, anywhere, at any scale."
    n, d = draw(st.integers(3, 60)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = 10.**draw(st.integers(-100, 100))
    X = rng.normal(size=(n, d))*.6**np.arange(d) + draw(st.sampled_from([0, 1, -50]))
    return X*scale, scale


@settings(max_examples=80, deadline=None)
@given(matrices(), st.integers(1, 4))
def test_components_equal_the_svd_of_the_centred_matrix(case, k):
    X, scale = case
    k = min(k, len(X) - 1, X.shape[1])
    exact = np.linalg.svd((X - X.mean(0))/scale, full_matrices=False)
    for method in ('fbpca', 'svd'):
        U, s, Vt = pca(X, k, method)
        assert np.allclose(s/scale, exact[1][:k], atol=1e-7)
        assert np.allclose((U*s) @ Vt/scale, (exact[0]*exact[1])[:, :k] @ exact[2][:k], atol=1e-5)
    assert np.allclose(explained(X), exact[1]**2/(exact[1]**2).sum(), atol=1e-7)


@settings(max_examples=50, deadline=None)
@given(matrices(), st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(case, seed):
    X, scale = case
    order = np.random.default_rng(seed).permutation(len(X))
    k = min(2, len(X) - 1, X.shape[1])
    U, s, Vt = pca(X, k)
    U_, s_, Vt_ = pca(X[order], k)
    assert np.allclose((U*s)[order]/scale, U_*s_/scale, atol=1e-5)
    assert np.allclose(Vt, Vt_, atol=1e-5)


@pytest.mark.parametrize('method', ['fbpca', 'svd'])
@pytest.mark.parametrize('shape', [(4, 30), (30, 4), (2, 2), (300, 60)])
def test_the_largest_k_is_the_rank(method, shape):
    X = np.random.default_rng(0).normal(size=shape) + 100
    rank = min(shape[0] - 1, shape[1])
    assert pca(X, rank, method)[1].shape == (rank,)
    with pytest.raises(ValueError, match='at most|above the rank'): pca(X, rank + 1, method)


def factors(n=200, d=12, seed=0):
    "Planted factors with titles that are long, alike, or odd."
    rng = np.random.default_rng(seed)
    odd = ['$100 (1990)', 'Film, The (1990)', 'Über_^allem (1990)', 'A' * 40, '(1990)']
    items = odd + [f"{'A story that goes on'[:k % 21]} {k} (1990)" for k in range(n - len(odd))]
    axes = .8**np.arange(d)
    return Factors(['u'], items, rng.normal(size=(1, d)), rng.normal(size=(n, d))*axes,
                   np.zeros(1), np.zeros(n), item_counts=rng.integers(0, 300, n))


@pytest.mark.parametrize('seed', range(8))
def test_a_rotation_only_mirrors_the_map(seed):
    f = factors()
    one, two = (pca_to_df(g, min_ratings=0)[['pc1', 'pc2']].to_numpy()
                for g in (f, rotate(f, seed)))
    assert np.allclose(np.abs(one), np.abs(two), atol=1e-5)
    assert np.allclose(explained(f), explained(rotate(f, seed)), atol=1e-6)


def clashes(ax):
    "Pairs of labels that overlap, and labels that leave the axes."
    ax.figure.canvas.draw()
    boxes, frame = [t.get_window_extent() for t in ax.texts], ax.get_window_extent()
    pairs = sum(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
    return int(pairs), sum(b.x0 < frame.x0 - 1 or b.x1 > frame.x1 + 1
                           or b.y0 < frame.y0 - 1 or b.y1 > frame.y1 + 1 for b in boxes)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('layout', ['constrained', 'tight', None])
def test_a_dozen_labels_do_not_overlap(seed, layout):
    frame = pca_to_df(factors(seed=seed))
    for draw in (lambda ax: plot_top_5(frame, 3, ax),
                 lambda ax: plot_close_to_axes(frame, 2, ax=ax)):
        fig, ax = plt.subplots(figsize=(5, 4.2), layout=layout)
        assert draw(ax) is ax
        ax.set_title('A title set afterwards')
        assert clashes(ax) == (0, 0)
        plt.close(fig)


def test_odd_titles_crowds_and_panels_can_be_drawn(tmp_path):
    f = factors()
    frame = pca_to_df(f, min_ratings=0)
    fig, axs = plt.subplots(1, 2, figsize=(8, 4))
    plot_factors(frame, f.items[:5], axs[0])
    plot_factors(frame, ax=axs[1])
    fig.savefig(tmp_path/'map.png')
    plot_factors(frame, f.items[5], axs[1])               # one title, not a list
    assert len(axs[1].texts) == 1
    same_place = frame.assign(pc1=1., pc2=1.)
    plot_factors(same_place, f.items[:4], axs[1])
    plt.close('all')
    with pytest.raises(KeyError, match='did you mean'): plot_factors(frame, ['Film, The'])
    assert not plt.get_fignums()                          # the error came before a figure was made


def test_few_items_make_a_map_too():
    frame = pca_to_df(np.array([[1., 0], [-1, 0], [0, .5]]))
    assert len(farthest(frame)) <= 3 and len(close_to_axes(frame)) <= 3
    for plot in (plot_factors, plot_top_5, plot_close_to_axes): plot(frame)
    plt.close('all')


def test_ids_that_are_numbers_can_be_named():
    frame = pca_to_df(np.random.default_rng(0).normal(size=(20, 5)))
    assert [t.get_text().strip() for t in plot_factors(frame, [3, 11]).texts] == ['3', '11']
    plt.close('all')


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_short_titles_are_short(title):
    short = short_title(title)
    assert len(short) <= 23 and (short or not title)


def test_counts_decide_who_is_on_the_map():
    f = factors()
    assert len(pca_to_df(f, min_ratings=0)) == 200
    assert 0 < len(pca_to_df(f, min_ratings=50)) == (f.item_counts >= 50).sum() < 200
    with pytest.raises(ValueError, match='no item has 999 ratings or more; the most that one'):
        pca_to_df(f, min_ratings=999)


def test_defaults_that_captions_rely_on():
    f = factors()
    counts = np.r_[0, 1, 2, f.item_counts[3:]]
    shown = pca_to_df(replace(f, item_counts=counts))
    rated = replace(f, item_counts=np.minimum(counts, 2))
    assert np.allclose(explained(rated), explained(f.item_factors[counts > 0]))
    assert f.items[0] not in set(shown.item) and {f.items[1], f.items[2]} <= set(shown.item)
    rng = np.random.default_rng(0)
    frame = pca_to_df(rng.normal(size=(200, 2)))
    assert farthest(frame).quadrant.value_counts().tolist() == [5]*4
    angle = np.radians([0, 14, 16, 104, 106, 180, 270])
    round_ = frame[:7].assign(pc1=np.cos(angle), pc2=np.sin(angle), distance=[9, 8, 7, 6, 5, 4, 3])
    assert close_to_axes(round_).item.tolist() == [0, 1, 3, 5, 6]
    assert close_to_axes(round_, degrees=17, n=1).end.tolist() == ['+pc1', '+pc2', '-pc1', '-pc2']


def test_coordinates_are_those_of_pca_and_the_farthest_are_far():
    X = np.random.default_rng(0).normal(size=(200, 3))*[3, 2, 1]
    U, s, _ = pca(X, 3)
    assert np.allclose(pca_to_df(X, 3)[['pc1', 'pc2', 'pc3']], U*s)
    assert np.allclose(pca_to_df(X, 3, scaled=False)[['pc1', 'pc2', 'pc3']], U)
    frame = pca_to_df(X)
    for k, part in farthest(frame, 3).groupby('quadrant'):
        want = frame[frame.quadrant == k].nlargest(3, 'distance')
        assert part.item.tolist() == want.item.tolist() and len(part) == 3
    by_end = close_to_axes(frame, 1).set_index('end').item
    near = frame[(np.degrees(np.arctan2(frame.pc2, frame.pc1))).abs() <= 15]
    assert by_end['+pc1'] == near.distance.idxmax()


def test_quadrants_and_axes():
    x, y = np.array([1, -1, -1, 1, 0, 1, 0]), np.array([1, 1, -1, -1, 1, 0, 0])
    assert quadrant(x, y).tolist() == [1, 2, 3, 4, 0, 0, 0]
    assert distance(x, y).tolist() == pytest.approx([2**.5]*4 + [1, 1, 0])


@pytest.mark.parametrize('title, width, short', [
    ('Nest, The (1990)', 23, 'The Nest'), ('Nest, A (1990) (TV)', 23, 'A Nest'),
    ('A story that goes on (1990)', 23, 'A story that goes on'), ('(1990)', 23, '(1990)'),
    ('A story that, goes on', 16, 'A story that…'), ('A story', 7, 'A story'),
    ('A story', 6, 'A…'), ('Theatre, The', 23, 'The Theatre')])
def test_titles_are_cut_after_a_word(title, width, short): assert short_title(title, width) == short
