"The loss of classes beside PyTorch's, and models of any number of levels."
import numpy as np
import pytest
import torch
from fastai.learner import Learner
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from collabdive.batches import collab_dls
from collabdive.cross_entropy import CollabNNClassifier, CrossEntropy, DotProductBiasCE
from collabdive.metrics import class_metrics
from collabdive.ordinal import CumulativeLink
from collabdive.training import Recipe, fit
from helpers import halves

HALVES = np.arange(.5, 5.1, .5)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(2, 10), st.integers(0, 10**6))
def test_the_loss_is_pytorchs(n, n_classes, seed):
    torch.manual_seed(seed)
    logits, y, loss = torch.randn(n, n_classes)*9, torch.randint(n_classes, (n,)), CrossEntropy()
    for reduction in ('mean', 'sum', 'none'):
        want = cross_entropy(logits, y, reduction=reduction)
        assert torch.equal(loss(logits, y, reduction), want)
    assert torch.equal(loss(logits, y), cross_entropy(logits, y))
    loss.reduction = 'none'                                       # as fastai sets it
    assert loss(logits, y).shape == (n,) and CrossEntropy.reduction == 'mean'
    probs = loss.activation(logits)
    assert torch.allclose(probs, logits.exp()/logits.exp().sum(1, keepdim=True), atol=1e-5)
    assert torch.allclose(loss(probs.log(), y), loss(logits, y), atol=1e-4)   # logs of probs too
    assert torch.equal(loss.decodes(probs), logits.argmax(1))


@pytest.mark.parametrize('logits, y', [((4, 5), (4, 1)), ((4, 5), (3,)), ((4, 5), (4, 2)),
                                       ((4,), (4,)), ((4, 5, 1), (4,))])
def test_shapes_that_do_not_fit_are_refused(logits, y):
    with pytest.raises(ValueError, match='they should be'):
        CrossEntropy()(torch.zeros(logits), torch.zeros(y, dtype=torch.int64))


@pytest.mark.parametrize('n_classes', [2, 5, 10])
def test_lines_and_networks_of_any_number_of_classes(n_classes):
    x = torch.tensor([[1, 2], [2, 3], [2, 2]])
    slopes = DotProductBiasCE(3, 4, 2, n_classes).head.weight
    assert slopes.shape == (n_classes, 1) and torch.allclose(slopes[0], -slopes[-1])
    assert torch.allclose(slopes.diff(dim=0), torch.tensor(2/(n_classes - 1)))
    assert [len(CollabNNClassifier((3, 2), (4, 5)).layers[k].bias) for k in (0, -1)] == [100, 5]
    random = DotProductBiasCE(3, 4, 2, n_classes, ordered=False).head.weight
    assert not torch.allclose(random.diff(dim=0), slopes.diff(dim=0))
    for model in (DotProductBiasCE(3, 4, 2, n_classes, (0, 5.5)),
                  CollabNNClassifier((3, 2), (4, 5), n_classes, 7)):
        out = model(x)
        assert out.shape == (3, n_classes) and out.std() > 0
        for k, rows in ((0, [0]), (1, [0, 2])):           # user 1 is in row 0, item 2 in 0 and 2
            table = [p for n, p in model.named_parameters() if n.endswith('_factors.weight')][k]
            kept = table.data.clone()
            table.data[1 + k] += 1
            changed = (model(x) - out).abs().amax(1) > 1e-7
            assert changed.nonzero().flatten().tolist() == rows
            table.data = kept


@pytest.mark.parametrize('model', [DotProductBiasCE, CumulativeLink])
def test_a_level_that_training_never_saw_gets_a_small_probability(model):
    ratings = halves().assign(rating=lambda f: f.rating.clip(lower=1))
    unseen = np.flatnonzero(ratings.rating == 2)
    seen = np.flatnonzero(ratings.rating != 2)
    dls = collab_dls(ratings, item_name='movie', task='ordinal', bs=256, levels=tuple(HALVES),
                     splits=(seen, unseen))
    assert dls.vocab.levels == tuple(HALVES)
    torch.manual_seed(0)
    sizes = [len(dls.classes[name]) for name in dls.cat_names]
    learn = Learner(dls, model(*sizes, 8, 10), CrossEntropy())
    probs = fit(learn, Recipe(20, 2e-2, .2)).get_preds()[0]
    share = probs.mean(0)
    assert share[3] < .5*min(share[2], share[4]) and share[0] < .5*share[1]
    found = class_metrics(ratings.rating.iloc[unseen], probs, HALVES)
    assert found['acc'] == 0 and 2 < found['nll'] < 12


def test_five_lines_over_one_score():
    x, models = torch.tensor([[1, 2], [4, 5], [1, 1]]), {}
    for ordered in (False, True):
        torch.manual_seed(0)
        models[ordered] = DotProductBiasCE(5, 6, 3, 4, (0, 5.5), ordered)
    plain, sorted_ = (m.state_dict() for m in models.values())
    assert all(torch.equal(plain[k], sorted_[k]) for k in plain if k != 'head.weight')
    assert not torch.equal(plain['head.weight'], sorted_['head.weight'])
    for model in models.values():
        score, head = model.score(x), model.head
        assert ((score > 0) & (score < 5.5)).all()
        assert torch.allclose(model(x), score*head.weight[:, 0] + head.bias)


def test_the_network_by_hand():
    torch.manual_seed(0)
    model = CollabNNClassifier((5, 2), (6, 3), n_classes=4, n_act=7)
    x = torch.tensor([[1, 2], [4, 5]])
    both = torch.cat((model.user_factors.weight[x[:, 0]], model.item_factors.weight[x[:, 1]]), 1)
    first, second = model.layers[0], model.layers[2]
    want = torch.relu(both @ first.weight.T + first.bias) @ second.weight.T + second.bias
    assert torch.allclose(model(x), want, atol=1e-6)
    assert not torch.allclose(model(x), want.flip(1), atol=1e-6)


def test_a_learner_gives_probabilities_likeliest_classes_and_losses():
    dls = collab_dls(halves(), item_name='movie', task='classify', bs=64)
    K = len(dls.vocab.levels)
    torch.manual_seed(0)
    sizes = [len(dls.classes[name]) for name in dls.cat_names]
    learn = Learner(dls, DotProductBiasCE(*sizes, 4, K), CrossEntropy())
    probs, y, likeliest = learn.get_preds(with_decoded=True)
    assert torch.allclose(probs.sum(1), torch.ones(len(y)), atol=1e-5)
    assert torch.equal(likeliest, probs.argmax(1)) and torch.equal(y, dls.valid_ds.y)
    again, _, by_row = learn.get_preds(with_loss=True)
    assert torch.equal(again, probs) and learn.loss_func.reduction == 'mean'
    assert torch.allclose(by_row, -probs.gather(1, y[:, None])[:, 0].log(), atol=1e-4)
    shown = dls.valid.show_results(dls.valid.one_batch(), CrossEntropy().decodes(probs), max_n=5,
                                   show=False)
    assert set(shown.rating_pred) <= set(dls.vocab.levels)
