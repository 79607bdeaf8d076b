"Diagrams: one width, words that a phone shows large enough, nothing outside, sizes that fit."
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import helpers  # noqa: F401 first: it lets the tools be imported

from collabdive.figures import FILMS, INK, OURS, USERS, diagram, svg_arrow, svg_boxes, svg_text
from nbs import code_cells, name, notebooks

PHONE = 328                    # pixels that a picture has on a screen of 360
DRAWN = [pytest.param(cell, id=f'{name(path)} {cell.id}') for path in notebooks()
         for cell in code_cells(path) if re.search(r'^diagram\(', cell.source, re.M)]


def tags(svg, tag): return ElementTree.fromstring(svg).iter('{http://www.w3.org/2000/svg}' + tag)


def test_words_are_words_and_boxes_have_readable_ones():
    svg = diagram(50, 'a < b', svg_text(9, 9, '<&>', OURS, 'end', font_weight=600),
                  svg_boxes(5, 5, [['', 1], [2, '']], [[OURS]*2, [FILMS, USERS]], (10, 20))).data
    assert [t.text for t in tags(svg, 'title')] == ['a < b']
    assert [(t.text, t.get('fill')) for t in tags(svg, 'text')] == [
        ('<&>', OURS), ('1', 'white'), ('2', INK)]
    corners = [(float(r.get('x')), float(r.get('y'))) for r in list(tags(svg, 'rect'))[1:]]
    assert corners == [(5, 5), (15, 5), (5, 25), (15, 25)]


@pytest.mark.parametrize('tip', [(30, 0), (0, 30), (-21, 21), (3, -4)])
def test_an_arrow_ends_where_it_should(tip):
    found = re.findall(r'(-?[\d.]+),(-?[\d.]+)', svg_arrow((0, 0), tip))
    start, end, left, middle, right = np.array(found, float)
    assert start.tolist() == [0, 0] and end.tolist() == middle.tolist() == list(tip)
    for corner in left, right:     # seven back, and half as far to the side
        assert np.hypot(*(corner - end)) == pytest.approx(7*1.25**.5, abs=.1)
        assert (corner - end) @ tip/np.hypot(*tip) == pytest.approx(-7, abs=.1)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError): svg_boxes(0, 0, [['', '']], [['white']*3])


def test_there_are_diagrams(): assert len({p.values[0].id for p in DRAWN}) >= 8


@pytest.mark.parametrize('cell', DRAWN)
def test_a_diagram_of_a_lesson(cell):
    svg, = (''.join(out['data']['image/svg+xml']) for out in cell.outputs)
    assert cell.directive('fig-alt')
    root = ElementTree.fromstring(svg)
    width, height = (float(root.get(side)) for side in ('width', 'height'))
    small = [float(t.get('font-size', root.get('font-size'))) for t in tags(svg, 'text')]
    assert min(small)*PHONE/width >= 11
    for text in tags(svg, 'text'):
        x, wide = float(text.get('x')), 8.2*len(text.text)    # of a broad font
        left = x - wide*{'start': 0, 'middle': .5, 'end': 1}[text.get('text-anchor')]
        assert -2 <= left and left + wide <= width + 2, text.text
        assert 10 <= float(text.get('y')) <= height - 4, text.text
    for box in tags(svg, 'rect'):
        x, y, w, h = (float(box.get(k, 0)) for k in ('x', 'y', 'width', 'height'))
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
