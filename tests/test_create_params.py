"Bare parameters of any shape, and a model on them that is the model on embeddings."
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.create_params import DotProductBiasParams, create_params
from collabdive.dot_product import DotProductBias
from collabdive.training import factors_and_rest


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.sampled_from([list, tuple]))
def test_any_shape(size, kind):
    p = create_params(kind(size))
    assert isinstance(p, torch.nn.Parameter) and p.requires_grad and p.dtype == torch.float32
    assert p.shape == tuple(size)


def test_numbers_are_normal_small_and_drawn_anew():
    torch.manual_seed(0)
    p, q = create_params([40_000]), create_params([40_000])
    assert abs(p.mean()) < 3*.01/200 and abs(p.std() - .01) < 2e-4 and not torch.equal(p, q)
    inside = [(p.abs() < k*.01).float().mean().item() for k in (1, 2)]
    assert inside == pytest.approx([.683, .954], abs=.01)
    torch.manual_seed(0)
    assert torch.equal(create_params([40_000]), p)


@pytest.mark.parametrize('y_range', [None, (0, 5.5), (-2., 1.)])
def test_scores_and_gradients_are_those_of_embeddings(y_range):
    x = torch.tensor([[1, 2], [4, 5], [1, 5], [0, 0]])
    bare, layers = (kind(5, 6, 3, y_range) for kind in (DotProductBiasParams, DotProductBias))
    for name, p in bare.named_parameters():
        p.data.normal_()
        dict(layers.named_parameters())[f'{name}.weight'].data = p.data.clone().view(len(p), -1)
    assert torch.allclose(bare(x), layers(x), atol=1e-6) and bare(x).shape == (4, 1)
    for model in (bare, layers): model(x).square().sum().backward()
    for name, p in bare.named_parameters():
        theirs = dict(layers.named_parameters())[f'{name}.weight'].grad
        assert torch.allclose(p.grad.view(theirs.shape), theirs, atol=1e-5) and p.grad.any()
    for a, b in zip(bare.tables(), layers.tables()):
        same = torch.equal(a.flatten(), b.flatten()) if torch.is_tensor(a) else a == b
        assert same
    assert [len(g) for g in factors_and_rest(bare)] == [2, 2]
