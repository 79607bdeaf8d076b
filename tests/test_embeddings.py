"One-hot rows beside PyTorch's, and codes that are no row; fastai's optimisers beside PyTorch's."
from functools import partial

import pytest
import torch
from fastai.optimizer import SGD, Adam
from hypothesis import given, settings
from hypothesis import strategies as st

from collabdive.embeddings import one_hot


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 12), st.lists(st.integers(0, 11), max_size=20),
       st.sampled_from(['int32', 'int64']))
def test_one_hot_is_pytorchs(n, codes, dtype):
    codes = torch.tensor([c % n for c in codes], dtype=getattr(torch, dtype))
    found = one_hot(codes, n)
    assert found.dtype == torch.float32 and found.shape == (len(codes), n)
    assert torch.equal(found, torch.nn.functional.one_hot(codes.long(), n).float())
    weight = torch.randn(n, 3)
    assert torch.equal(found @ weight, weight[codes.long()])


@pytest.mark.parametrize('codes, bad', [([0, 3], 3), ([-1, 0], -1), ([2, 7, -4], 7)])
def test_the_first_code_that_is_no_row_is_named(codes, bad):
    with pytest.raises(IndexError, match=fr'code {bad} is not in 0\.\.2;'):
        one_hot(torch.tensor(codes), 3)
    assert one_hot(torch.tensor([0, 2]), 3).tolist() == [[1, 0, 0], [0, 0, 1]]


ADAM = dict(lr=.1, betas=(.9, .99), eps=1e-5)


@pytest.mark.parametrize('theirs, ours', [
    (partial(torch.optim.SGD, lr=.1), partial(SGD, lr=.1)),
    (partial(torch.optim.Adam, **ADAM), partial(Adam, lr=.1, wd=0)),
    (partial(torch.optim.AdamW, **ADAM, weight_decay=.1), partial(Adam, lr=.1, wd=.1)),
    (partial(torch.optim.Adam, **ADAM, weight_decay=.1),
     partial(Adam, lr=.1, wd=.1, decouple_wd=False))], ids=['SGD', 'Adam', 'AdamW', 'in gradient'])
def test_pytorchs_optimisers_move_rows_as_the_lesson_says_of_fastais(theirs, ours):
    moved = []
    for make in (theirs, ours):
        w = torch.ones(3, 1, requires_grad=True)
        opt = make([w])
        for codes in (torch.tensor([0, 1]), torch.tensor([0])):
            opt.zero_grad()
            w[codes].sum().backward()
            opt.step()
        moved.append(w.detach())
    assert torch.allclose(*moved, atol=1e-4) and not torch.allclose(moved[0], torch.ones(3, 1))
