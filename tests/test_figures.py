"What `interactive` takes, and what it refuses; the figures themselves are tested in tests/site."
import json
import re

import numpy as np
import pandas as pd
import pytest
import torch

from collabdive.figures import interactive


def sent(data):
    "The data of a figure, as its page reads them."
    html = interactive('stars', data, 'hint', 'finding').data
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])


def test_numbers_of_any_kind_arrive():
    numbers = [1/3, 2., -0.000123456789]
    want = [.33333, 2, -.00012346]
    for kind in (np.array, torch.DoubleTensor, pd.Series, pd.Index, tuple, list):
        assert sent(dict(a=kind(numbers))) == {'a': want}
    assert sent({1: np.int64(7), 'b': [{'c': np.float32(.5)}], 'd': True, 'e': None}) == {
        '1': 7, 'b': [{'c': .5}], 'd': True, 'e': None}


def test_text_cannot_leave_its_place():
    odd = '</script><script>alert(1)</script><!--'
    html = interactive('stars', {'titles': [odd]}, odd, odd).data
    assert html.count('<script') == html.count('</script>') == 2 and '<!--' not in html
    assert sent({'titles': [odd]}) == {'titles': [odd]}


def test_the_same_twice():
    one, two = (interactive('stars', dict(a=[1]), 'b', 'c').data for _ in range(2))
    assert one == two and one.startswith('<figure class="answers" id="figure-stars"')


@pytest.mark.parametrize('name, data, words', [
    ('stairs', {}, "no figure 'stairs' .*there are: .*stars"), ('../explorer', {}, 'no figure'),
    ('stars', {'a': [1, np.nan]}, 'cannot draw nan; leave'),
    ('stars', {'a': -np.inf}, 'cannot draw -inf')])
def test_refusals(name, data, words):
    with pytest.raises(ValueError, match=words): interactive(name, data, '', '')
