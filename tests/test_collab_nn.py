"The network of stars: any widths, each row from its own user and item."
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.batches import collab_dls
from collabdive.collab_nn import CollabNN
from collabdive.dot_product import DotProductBias
from collabdive.factors import to_factors
from collabdive.planted import planted_ratings

X = torch.tensor([[1, 2], [2, 3], [2, 2], [0, 0]])
width = st.integers(1, 6)


@settings(max_examples=40, deadline=None)
@given(width, width, width, st.sampled_from([None, (0, 5.5), (1., 5.)]), st.integers(0, 10**6))
def test_the_output_is_the_network_written_out(of_user, of_item, n_act, y_range, seed):
    torch.manual_seed(seed)
    model = CollabNN((4, of_user), (5, of_item), y_range, n_act)
    for p in model.parameters(): p.data.normal_()
    p = {name: value.data for name, value in model.named_parameters()}
    side = torch.cat([p['user_factors.weight'][X[:, 0]], p['item_factors.weight'][X[:, 1]]], 1)
    hidden = (side @ p['layers.0.weight'].T + p['layers.0.bias']).clamp(min=0)
    want = hidden @ p['layers.2.weight'].T + p['layers.2.bias']
    if y_range: want = y_range[0] + (y_range[1] - y_range[0])*want.sigmoid()
    assert torch.allclose(model(X), want, atol=1e-4) and model(X).shape == (4, 1)
    assert p['layers.0.weight'].shape == (n_act, of_user + of_item)


def test_each_row_sees_its_own_user_and_item():
    model, defaults = CollabNN((3, 2), (4, 3), None, 50), CollabNN((3, 2), (4, 3))
    assert defaults.y_range == (0, 5.5) and len(defaults.layers[0].bias) == 100
    for table, row, rows in ((model.user_factors, 2, [1, 2]), (model.item_factors, 2, [0, 2])):
        before = model(X).detach()
        table.weight.data[row] += 1
        assert (model(X) != before).flatten().nonzero().flatten().tolist() == rows
    with pytest.raises(IndexError): model(torch.tensor([[3, 0]]))


def test_its_scores_have_no_low_rank_and_so_no_factors():
    torch.manual_seed(0)
    all_pairs = torch.cartesian_prod(torch.arange(60), torch.arange(80))
    ranks = []
    for model in (DotProductBias(60, 80, 5, None), CollabNN((60, 5), (80, 5), None)):
        for p in model.parameters(): p.data.normal_()
        scores = model(all_pairs).detach().view(60, 80).double()
        ranks.append(np.linalg.matrix_rank(scores, rtol=1e-5))
    assert ranks == [5 + 2, 60]
    dls = collab_dls(planted_ratings(59, 79, 2, 600, seed=1))
    with pytest.raises(TypeError, match='CollabNN does not score by a dot product'):
        to_factors(model, dls)
