"Maps where no lesson looks: other processes, any shape, hostile matrices, crowded labels."
import json
import os
import sys
import timeit
from dataclasses import replace
from unittest.mock import patch

import fbpca
import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from collabdive.factors import Factors, rotate
from collabdive.pca import (check_matrix, close_to_axes, distance, explained, farthest, pca,
                            pca_to_df, plot_close_to_axes, plot_factors, plot_top_5, quadrant,
                            short_title)
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


@pytest.mark.parametrize('small, rank', [(1.1e-10, 2), (.9e-10, 1)])
def test_an_axis_of_a_ten_billionth_of_the_first_is_none(small, rank):
    X = np.diag([1, small])[[0, 0, 1, 1]]*[[1], [-1], [1], [-1]]       # its singular values
    if rank == 2: assert pca(X, 2, 'svd')[1][1] == pytest.approx(small*2**.5)
    else:
        with pytest.raises(ValueError, match='centred matrix, 1'): pca(X, 2, 'svd')


def same_up_to_sign(a, b, atol=1e-6):
    "(U, s, Vt) twice: the same but for the signs of the components."
    sign = np.sign((a[2]*b[2]).sum(1))
    return (np.allclose(a[0]*sign, b[0], atol=atol) and np.allclose(a[1], b[1], rtol=atol)
            and np.allclose(a[2]*sign[:, None], b[2], atol=atol))


def by_sklearn(X, k):
    p = PCA(k, svd_solver='full').fit(X)
    return p.transform(X)/p.singular_values_, p.singular_values_, p.components_


@pytest.mark.parametrize('n, d', [(30, 5), (500, 50), (20, 60), (40, 40), (3, 2), (1500, 50),
                                  (50, 1500)])
def test_both_methods_agree_with_scikit_learn_and_fbpca(n, d):
    rng = np.random.default_rng(n)
    X = rng.normal(3, 1, (n, d))*.7**np.arange(d) + rng.normal(size=d)
    for k in {1, min(n - 1, d, 5)}:
        ours = pca(X, k)
        assert same_up_to_sign(ours, pca(X, k, 'svd')) and same_up_to_sign(ours, by_sklearn(X, k))
        if min(n, d) < 60: assert same_up_to_sign(ours, fbpca.pca(X, k, n_iter=30, l=min(n, d)))
        assert (ours[2][range(k), np.abs(ours[2]).argmax(1)] > 0).all()
        assert same_up_to_sign(ours, pca(X + 70, k))               # the centre does not matter
        residue = X - X.mean(0) - (ours[0]*ours[1]) @ ours[2]      # Eckart and Young: the best
        assert np.isclose((residue**2).sum(), (np.linalg.svd(X - X.mean(0))[1][k:]**2).sum())
    assert not same_up_to_sign(ours, by_sklearn(X[:, ::-1], k))
    if d > 2: assert not same_up_to_sign(pca(X, 2, 'svd'), fbpca.pca(X, 2, raw=True))  # not centred


def test_of_two_entries_equal_in_size_the_first_is_positive():
    tied = np.random.default_rng(0).normal(size=(50, 2))
    tied = np.vstack([tied, tied[:, ::-1]])          # both columns alike: axes (1, 1), (1, -1)
    for t in (tied, tied*[1, 1 + 1e-13], tied*[1 + 1e-13, 1]):
        assert (pca(t)[2][:, 0] > 0).all() and np.allclose(np.abs(pca(t)[2]), .5**.5)


@pytest.mark.parametrize('function', [pca, pca_to_df, explained, check_matrix])
@pytest.mark.parametrize('bad, message', [
    ([[1, 2], [3, np.nan]], 'holds nan in row 1, column 1'), ([[1, np.inf]], 'holds inf'),
    ([[1, -np.inf]], 'holds -inf'), (np.zeros((0, 3)), 'is needed, not'), ([], 'is needed'),
    (5, 'is needed'), (np.zeros((2, 2, 2)), 'a matrix'), (np.arange(6), 'is needed, not')])
def test_what_is_no_matrix_is_refused(function, bad, message):
    with pytest.raises(ValueError, match=message): function(bad)


def test_what_does_not_vary_or_has_too_few_axes_is_refused():
    X = np.random.default_rng(0).normal(size=(6, 2))
    for k in (0, 7):
        with pytest.raises(ValueError, match=f'k={k} components of a 6 x 2 matrix: at most 2'):
            pca(X, k)
    with pytest.raises(ValueError, match='at most 2'): check_matrix(X[:2], k=3)
    with pytest.raises(ValueError, match="'exact' must be 'fbpca' or 'svd'"): pca(X, method='exact')
    for same in (np.full((4, 3), .1), np.zeros((4, 3)), X[:1]):
        with pytest.raises(ValueError, match='rank of the centred matrix, 0'): pca(same, 1)
        with pytest.raises(ValueError, match='nothing varies'): explained(same)
    line = np.outer(np.arange(1000.), np.arange(50.)) + 3
    for method in ('fbpca', 'svd'):
        with pytest.raises(ValueError, match='rank of the centred matrix, 1'): pca(line, 2, method)
        assert np.isclose(pca(line, 1, method)[1][0]**2, ((line - line.mean(0))**2).sum())
    for size in (1e-200, 1e200): assert np.allclose(explained(X*size), explained(X))
    f = factors()
    for function in (pca_to_df, explained):
        with pytest.raises(ValueError, match='the most that one has is'):
            function(f, min_ratings=1000)
    assert check_matrix([[1, 2]]).dtype == 'float64' and check_matrix([[1, 2]]).tolist() == [[1, 2]]


def test_numpys_random_state_is_left_as_it_was():
    X = np.random.default_rng(0).normal(size=(300, 50))
    def state_after(act):
        np.random.seed(5)
        try: act()
        except Exception: pass
        return np.random.rand()
    untouched = state_after(lambda: None)
    assert state_after(lambda: pca(X, seed=1)) == untouched
    assert state_after(lambda: fbpca.pca(X, k=2)) != untouched      # fbpca alone does move it
    with patch('fbpca.pca', side_effect=lambda *args, **kwargs: np.random.rand() and 1/0):
        assert state_after(lambda: pca(X)) == untouched             # even when fbpca fails
    assert all((a == b).all() for a, b in zip(pca(X, seed=3), pca(X, seed=3)))
    assert not (pca(X, seed=3)[0] == pca(X, seed=4)[0]).all()
    with patch('fbpca.pca', wraps=fbpca.pca) as call: pca(X)
    assert (call.call_args.kwargs['l'], call.call_args.kwargs['n_iter']) == (12, 10)


def test_the_random_method_is_faster_on_a_big_matrix():
    big = np.random.default_rng(0).normal(size=(2000, 800))*.9**np.arange(800)
    fast, exact = (min(timeit.repeat(lambda: pca(big, method=m), number=1, repeat=2))
                   for m in ('fbpca', 'svd'))
    assert exact > 2*fast and same_up_to_sign(pca(big), pca(big, method='svd'))


def factors(n=200, d=12, seed=0):
    "Planted factors with titles that are long, alike, or odd."
    rng = np.random.default_rng(seed)
    odd = ['$100 (1990)', 'Film, The (1990)', 'Über_^allem (1990)', 'A' * 40, '(1990)']
    items = odd + [f"{'A story that goes on'[:k % 21]} {k} (1990)" for k in range(n - len(odd))]
    axes = .8**np.arange(d)
    return Factors(['u'], items, rng.normal(size=(1, d)), rng.normal(size=(n, d))*axes,
                   np.zeros(1), np.zeros(n), item_counts=rng.integers(0, 300, n))


def liked_factors(seed=0):
    "Planted factors with biases, and counts of which one is the highest."
    f, rng = factors(), np.random.default_rng(seed)
    return replace(f, item_bias=f.item_factors @ rng.normal(size=12) + rng.normal(size=200),
                   item_counts=rng.permutation(200))


@pytest.mark.parametrize('seed', range(8))
def test_a_rotation_changes_nothing_on_the_map(seed):
    f = liked_factors(seed)
    maps = [pca_to_df(g, 4, min_ratings=5) for g in (
        f, rotate(f, seed), replace(f, user_factors=-f.user_factors, item_factors=-f.item_factors))]
    for other in maps[1:]:
        assert np.allclose(maps[0][['pc1', 'pc2', 'distance']],
                           other[['pc1', 'pc2', 'distance']], atol=1e-5)
        assert (maps[0].quadrant == other.quadrant).all()
        assert np.allclose(maps[0][['pc3', 'pc4']].abs(), other[['pc3', 'pc4']].abs(), atol=1e-5)
    assert np.allclose(explained(f), explained(rotate(f, seed)), atol=1e-6)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('method', ['fbpca', 'svd'])
@pytest.mark.parametrize('scaled', [True, False])
def test_liked_to_the_right_and_the_most_rated_above(seed, method, scaled):
    f = liked_factors(seed)
    for mirrored in (f, replace(f, item_factors=-f.item_factors)):
        frame = pca_to_df(mirrored, 3, method, scaled=scaled, min_ratings=20)
        bias = f.item_bias[f.item_counts >= 20]
        assert np.corrcoef(frame.pc1, bias)[0, 1] > 0
        assert frame.pc2[frame.n_ratings.idxmax()] > 0 and frame.n_ratings.max() == 199
        assert (quadrant(frame.pc1, frame.pc2) == frame.quadrant).all()
        plain = pca_to_df(mirrored.item_factors[f.item_counts >= 20], 3, method, scaled=scaled)
        assert np.allclose(frame.pc3, plain.pc3, atol=1e-6)    # the third axis is not on the map
        assert np.allclose(frame.filter(like='pc').abs(), plain.filter(like='pc').abs(), atol=1e-6)
    turned = pca_to_df(replace(f, item_bias=-f.item_bias), method=method, scaled=scaled)
    assert np.allclose(turned.pc1, -pca_to_df(f, method=method, scaled=scaled).pc1, atol=1e-6)


def test_the_way_round_without_biases_counts_or_a_second_axis():
    f = factors()                                          # all biases are 0: the rule of `pca`
    plain = pca_to_df(f.item_factors)
    assert (f.item_bias == 0).all() and np.allclose(pca_to_df(f, min_ratings=0).pc1, plain.pc1)
    no_counts = pca_to_df(replace(f, item_counts=None))
    assert np.allclose(no_counts[['pc1', 'pc2']], plain[['pc1', 'pc2']])
    f = liked_factors()
    one = pca_to_df(f, 1)
    assert list(one) == ['item', 'n_ratings', 'pc1'] and np.allclose(one.pc1, pca_to_df(f).pc1)


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


def test_the_ends_and_the_farthest_by_hand():
    circle = pd.DataFrame({'item': range(8), 'pc1': [2, 2, 0, -1, -3, -3, 0, 1],
                           'pc2': [0, .5, 4, 1, 0, -.5, -1, -1]})
    circle = circle.assign(distance=distance(circle.pc1, circle.pc2),
                           quadrant=quadrant(circle.pc1, circle.pc2))
    assert close_to_axes(circle, 1).item.tolist() == [1, 2, 5, 6]
    assert close_to_axes(circle, 1, 10).item.tolist() == [0, 2, 5, 6]
    far = farthest(circle, 1)
    assert far.item.tolist() == [1, 3, 5, 7] and far.index.tolist() == [0, 1, 2, 3]
    assert list(far) == list(circle)


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
    ('Dr. Strangelove or: How I Learned to (1963)', 23, 'Dr. Strangelove or…'), (7, 23, '7'),
    ('Independence Day (ID4) (1996)', 23, 'Independence Day'),
    ('Nest, The (1990)', 23, 'The Nest'), ('Nest, A (1990) (TV)', 23, 'A Nest'),
    ('A story that goes on (1990)', 23, 'A story that goes on'), ('(1990)', 23, '(1990)'),
    ('A story that, goes on', 16, 'A story that…'), ('A story', 7, 'A story'),
    ('A story', 6, 'A…'), ('Theatre, The', 23, 'The Theatre')])
def test_titles_are_cut_after_a_word(title, width, short): assert short_title(title, width) == short
