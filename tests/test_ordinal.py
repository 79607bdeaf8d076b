"Thresholds and the probabilities between them, at any score."
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.cross_entropy import CrossEntropy
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


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    score = torch.randn(4, 1, dtype=torch.float64, requires_grad=True)
    cuts = torch.randn(4, 6, dtype=torch.float64).sort(dim=1).values.requires_grad_()
    assert torch.autograd.gradcheck(cumulative_log_probs, (score, cuts))


def test_gaps_that_are_almost_closed_leave_loss_and_gradients_finite():
    cuts = Thresholds(5)
    cuts.gaps.data = torch.tensor([[-100., 5, -100]])
    logs = cumulative_log_probs(torch.tensor([[-40.], [0], [40]]), cuts(PAIRS))
    CrossEntropy()(logs, torch.tensor([1, 3, 0])).backward()
    assert logs.isfinite().all() and all(p.grad.isfinite().all() for p in cuts.parameters())


def test_with_two_classes_it_is_two_lines_whose_slopes_differ_by_one():
    score, head = torch.linspace(-3, 3, 5)[:, None], torch.nn.Linear(1, 2)
    head.weight.data, head.bias.data = torch.tensor([[2.], [3]]), torch.tensor([.5, 0])
    one_cut = cumulative_log_probs(score, torch.tensor([[.5]]))
    assert torch.allclose(head(score).log_softmax(1), one_cut, atol=1e-6)
    head.weight.data[1] = 4
    assert not torch.allclose(head(score).log_softmax(1), one_cut, atol=.05)
    both = CumulativeLink(5, 6, 3, 2, per_user=True, per_item=True)
    assert both(torch.ones(4, 2).long()).exp().sum(1).allclose(torch.ones(4))
    with pytest.raises(ValueError, match='n_classes=1 must'): CumulativeLink(5, 6, 3, n_classes=1)


def test_one_point_of_score_multiplies_the_odds_of_every_threshold_by_e():
    cuts, score = torch.tensor([[-2, -1, .5, 2]]).double(), torch.tensor([[.3], [1.3]]).double()
    at_most = cumulative_log_probs(score, cuts).exp().cumsum(1)[:, :4]
    odds = (1 - at_most)/at_most
    assert torch.allclose(odds[1]/odds[0], torch.full((4,), torch.e).double())
