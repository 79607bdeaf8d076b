"Principal component pursuit on shapes that the lesson does not plant."
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.robust_pca import duality_gap, pcp, shrink, shrink_singular, split_cost


def planted(n, d, rank, share, seed):
    "A low-rank and a sparse part, errors between -10 and 10 in a share of the entries."
    rng = np.random.default_rng(seed)
    low = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, d))/np.sqrt(rank)
    wrong = rng.random((n, d)) < share
    return low, np.where(wrong, rng.uniform(-10, 10, (n, d)), 0)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(90, 180), st.integers(90, 180), st.integers(1, 3), st.sampled_from([.01, .03]),
       st.integers(0, 10**6))
def test_planted_parts_are_found_within_300_iterations(n, d, rank, share, seed):
    low, sparse = planted(n, d, rank, share, seed)
    found = pcp(low + sparse)
    assert found.converged and found.n_iter <= 300 and found.residual < 1e-7
    assert np.linalg.norm(found.L - low) < 1e-5*np.linalg.norm(low)
    assert np.allclose(found.L + found.S, low + sparse, atol=1e-4)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([1e-3, 50.]))
def test_transposed_and_scaled_matrices_have_the_same_parts(seed, scale):
    X = sum(planted(90, 70, 2, .03, seed))
    found, turned, scaled = pcp(X), pcp(X.T), pcp(scale*X)
    assert np.allclose(found.L, turned.L.T, atol=1e-4)
    assert np.allclose(scaled.L, scale*found.L, atol=1e-4*scale)


@pytest.mark.parametrize('size', [(30, 8), (8, 30), (20, 20), (1, 5), (5, 1), (1, 1)])
def test_singular_values_shrink_as_by_a_full_svd(size):
    X = np.random.default_rng(0).normal(size=size)
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    for by in (.1, 2, 5, 50):
        low, rank = shrink_singular(X, by)
        assert np.allclose(low, (U*shrink(s, by)) @ Vt, atol=1e-9) and low.shape == size
        assert rank == (s > by).sum()
    assert (shrink(X, 0) == X).all()


def test_another_road_leads_to_the_same_minimum():
    "A loop whose mu stays as it is, with a full SVD; and a duality gap for any prices."
    X = np.random.default_rng(3).normal(size=(40, 12))
    lam, mu = 40**-.5, X.size/(4*np.abs(X).sum())
    Y, S = np.zeros_like(X), np.zeros_like(X)
    for _ in range(4000):
        U, s, Vt = np.linalg.svd(X - S + Y/mu, full_matrices=False)
        L = (U*shrink(s, 1/mu)) @ Vt
        S = shrink(X - L + Y/mu, lam/mu)
        Y = Y + mu*(X - L - S)
    found = pcp(X)
    assert np.linalg.norm(found.L - L) < 1e-3*np.linalg.norm(L)
    assert np.isclose(split_cost(found.L, found.S, lam), split_cost(L, X - L, lam), rtol=1e-5)
    assert duality_gap(X, found.S, Y, lam) < 1e-5 and duality_gap(X, found.S, 0*Y, lam) == 1
    assert duality_gap(0*X, 0*X, 0*Y, lam) == 0


def test_input_is_kept_and_runs_repeat():
    low, sparse = planted(80, 30, 2, .05, 0)
    X, before = low + sparse, (low + sparse).copy()
    found, again = pcp(X), pcp(X)
    assert np.array_equal(X, before) and np.array_equal(found.L, again.L)
    assert pcp([[1, 2], [3, 4]]).L.dtype == 'float64' and pcp(X.astype('float32')).converged
    assert not pcp(X, tol=0, max_iter=2000).converged       # cannot be reached, ends all the same
    dear = pcp(X, lam=5.)                                   # so dear that nothing is sparse
    assert not dear.S.any() and np.allclose(dear.L, X, atol=1e-5)
    for unit in (1e-300, -3, 1e300):
        scaled = pcp(unit*X)
        assert scaled.converged and np.allclose(scaled.L/unit, found.L, atol=1e-5)


def test_too_few_iterations_are_admitted():
    X = sum(planted(90, 70, 2, .03, 0))
    few = pcp(X, max_iter=3)
    assert not few.converged and few.n_iter == 3 and few.residual > 1e-7
    assert 0 <= pcp(X).duality_gap < 1e-5 < 1e-3 < few.duality_gap < 1


def test_degenerate_matrices_have_an_answer():
    nothing = pcp(np.zeros((5, 3)))
    assert nothing.converged and not nothing.L.any() and not nothing.S.any()
    assert nothing.n_iter == 0
    for few in ([[5.]], [[1., 2, 3]], np.arange(6.)[:, None], np.eye(4), -np.ones((2, 9))):
        part = pcp(few)
        assert part.converged and np.allclose(part.L + part.S, few, atol=1e-5)
        assert part.duality_gap < 1e-3
    exact = pcp(planted(300, 50, 3, 0, 0)[0])
    assert exact.converged and not exact.S.any()


@pytest.mark.parametrize('X, options, says', [
    ([[1, 2], [np.nan, 3]], {}, 'holds nan in row 1, column 0'),
    ([[1, np.inf]], {}, 'holds inf in row 0, column 1'), ([1, 2, 3], {}, r'is needed, not \(3,\)'),
    ([], {}, 'is needed'), (np.zeros((0, 3)), {}, 'is needed'), (5., {}, 'is needed'),
    *(([[1, 2]], dict(lam=lam), f'lam={lam} must be above 0') for lam in (0, -1, np.nan, np.inf)),
    ([[1, 2]], dict(max_iter=0), 'max_iter=0 must be 1 or more')])
def test_bad_input_is_refused(X, options, says):
    with pytest.raises(ValueError, match=says): pcp(X, **options)
