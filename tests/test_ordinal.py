"Thresholds and the probabilities between them, at any score."
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.ordinal import CumulativeLink, Thresholds, cumulative_log_probs

PAIRS = torch.tensor([[1, 2], [2, 2], [1, 3]])


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 10), st.floats(-200, 200), st.integers(0, 10**6))
def test_probabilities_sum_to_one_at_any_score(n_classes, score, seed):
    torch.manual_seed(seed)
    cuts = torch.randn(1, n_classes - 1).mul(3).sort().values + torch.arange(n_classes - 1)/100
    logs = cumulative_log_probs(torch.tensor([[score]]), cuts)
    assert logs.isfinite().all() and logs.exp().sum().item() == pytest.approx(1, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 10), st.floats(-6, 6), st.integers(0, 10**6))
def test_classes_are_differences_of_two_sigmoids(n_classes, score, seed):
    torch.manual_seed(seed)
    cuts = torch.rand(3, n_classes - 1, dtype=torch.float64).add(.1).cumsum(1) - 2
    score = torch.tensor([[score], [score + 1], [score]], dtype=torch.float64)
    at_most = torch.sigmoid(cuts - score)
    ends = [torch.zeros(3, 1), at_most, torch.ones(3, 1)]
    want = torch.cat([e.double() for e in ends], 1).diff(dim=1)
    assert torch.allclose(cumulative_log_probs(score, cuts).exp(), want, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 10), st.floats(-100, 100), st.booleans(), st.booleans())
def test_cuts_ascend_wherever_training_takes_them(n_classes, far, per_user, per_item):
    cuts = Thresholds(n_classes, 3*per_user, 4*per_item)
    for p in cuts.parameters(): torch.nn.init.normal_(p, far)
    found = cuts(PAIRS)
    rows = 3 if (per_user or per_item) and n_classes > 2 else 1
    assert found.shape == (rows, n_classes - 1) and (found.diff(dim=1) > 0).all()


def test_at_first_the_cuts_are_one_apart_around_zero():
    for n_classes in (2, 3, 5, 10):
        want = torch.arange(n_classes - 1.) - (n_classes - 2)/2
        assert torch.allclose(Thresholds(n_classes)(PAIRS)[0], want, atol=1e-3)
    for n_classes in (1, 0):
        with pytest.raises(ValueError, match=f'n_classes={n_classes} must'): Thresholds(n_classes)


@pytest.mark.parametrize('per_user, per_item', [(True, False), (False, True), (False, False)])
def test_gaps_belong_to_the_user_or_to_the_item(per_user, per_item):
    model = CumulativeLink(3, 4, 2, 5, per_user, per_item)
    moved = {'thresholds.user_gaps.weight': per_user, 'thresholds.item_gaps.weight': per_item}
    named = dict(model.named_parameters())
    assert [name in named for name in moved] == [per_user, per_item]
    before = model.thresholds(PAIRS).expand(3, -1).clone()
    for k, (name, there) in enumerate(moved.items()):
        if not there: continue
        named[name].data[PAIRS[0, k]] += 1                    # of user 1, or of item 2
        changed = (model.thresholds(PAIRS) != before).any(1)
        assert changed.tolist() == (PAIRS[:, k] == PAIRS[0, k]).tolist()
    assert torch.allclose(model(PAIRS).exp().sum(1), torch.ones(3)) and model(PAIRS).shape == (3, 5)
