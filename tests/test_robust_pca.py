"Principal component pursuit on shapes that the lesson does not plant."
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.robust_pca import pcp


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


def test_too_few_iterations_are_admitted():
    X = sum(planted(90, 70, 2, .03, 0))
    few = pcp(X, max_iter=3)
    assert not few.converged and few.n_iter == 3 and few.residual > 1e-7
    assert 0 <= pcp(X).duality_gap < 1e-5 < 1e-3 < few.duality_gap < 1


def test_degenerate_matrices_have_an_answer():
    nothing = pcp(np.zeros((5, 3)))
    assert nothing.converged and not nothing.L.any() and not nothing.S.any()
    column = np.arange(6.)[:, None]
    assert np.allclose(pcp(column).L + pcp(column).S, column, atol=1e-5)


@pytest.mark.parametrize('X, options', [
    (np.full((3, 3), np.nan), {}), (np.full((3, 3), np.inf), {}), (np.ones(3), {}),
    (np.ones((3, 2)), dict(lam=0)), (np.ones((3, 2)), dict(lam=-1)),
    (np.ones((3, 2)), dict(max_iter=0))])
def test_bad_input_is_refused(X, options):
    with pytest.raises(ValueError): pcp(X, **options)
