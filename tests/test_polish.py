"What tools/polish.py does to a page: pictures, icons, names, headings."
import base64
import io

import numpy as np
import pytest
from bs4 import BeautifulSoup
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from helpers import ROOT  # first: it lets the tools be imported
from PIL import Image

import polish


def png(pixels):
    "A picture of these colours."
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, 'uint8')).save(file, 'png')
    return file.getvalue()


def drawing(colours=300):
    "A light picture: lines of some colours on white."
    pixels = np.full((120, 400, 3), 255)
    for i in range(colours): pixels[i % 100 + 10, i] = i % 256, i*7 % 256, i*13 % 256
    return png(pixels)


def page(body, folder=None):
    "A page with this body; with a folder, its file is there."
    text = f'<!doctype html><html><head><title>t</title></head><body>{body}</body></html>'
    if folder: (folder/'page.html').write_text(text)
    return BeautifulSoup(text, 'html.parser')


# Pictures

def test_a_drawing_shrinks_and_looks_the_same():
    rng = np.random.default_rng(0)
    pixels = np.full((300, 400, 4), 255)
    ink = rng.random((6000, 1))  # as much as the edge of a dot covers a pixel
    dots = np.rint(255 - ink*(255 - np.array([0, 107, 164])))
    pixels[rng.integers(0, 300, 6000), rng.integers(0, 400, 6000), :3] = dots
    before = png(pixels)
    after = polish.shrink(before)
    assert len(after) < .7*len(before)
    assert np.abs(polish.pixels(after) - polish.pixels(before)).max() <= polish.MAX_ERROR


def test_a_photograph_stays_as_it_was():
    noise = png(np.random.default_rng(0).integers(0, 256, (60, 60, 3)))
    assert polish.shrink(noise) == noise


def test_a_picture_that_is_small_already_stays():
    dot = png(np.zeros((1, 1, 3)))
    assert polish.shrink(dot) == dot


@pytest.mark.parametrize('value, dark', [(255, False), (200, False), (100, True), (0, True)])
def test_dark_pictures_are_told_apart(value, dark):
    assert polish.is_dark(png(np.full((4, 4, 3), value))) == dark


def test_clear_is_white():
    assert not polish.is_dark(png(np.zeros((4, 4, 4))))


def test_pictures_get_files(tmp_path):
    (tmp_path/'own.png').write_bytes(png(np.zeros((4, 9, 3))))
    data = base64.b64encode(drawing()).decode()
    soup = page(f'<main><img src="data:image/png;base64,{data}" alt="lines" class="img-fluid">'
                '<img src="own.png" alt="night" width="90"><img src="a.svg" alt="drawn"></main>')
    polish.place_pictures(soup, tmp_path/'page.html')
    lines, night, drawn = soup.select('img')
    assert lines['src'] == 'figures/page-1.png' and (lines['width'], lines['height']) == (400, 120)
    assert (lines['loading'], lines['class'], lines['alt']) == ('lazy', ['img-fluid'], 'lines')
    assert (tmp_path/'figures'/'page-1.png').read_bytes() == polish.shrink(drawing())
    assert night['class'] == ['is-dark'] and night['width'] == '90' and not night.get('height')
    assert drawn.attrs == {'src': 'a.svg', 'alt': 'drawn'}


# Icons

@pytest.fixture
def icons(tmp_path):
    "A site with three icons, of which a page uses one, and a stylesheet another."
    folder = tmp_path/'libs'/'fonts'
    folder.mkdir(parents=True)
    builder = FontBuilder(1024, isTTF=True)
    builder.setupGlyphOrder(['.notdef', 'one', 'two', 'three'])
    builder.setupCharacterMap({0xf101: 'one', 0xf102: 'two', 0xf103: 'three'})
    empty = TTGlyphPen(None).glyph()
    builder.setupGlyf(dict.fromkeys(['.notdef', 'one', 'two', 'three'], empty))
    builder.setupHorizontalMetrics(dict.fromkeys(['.notdef', 'one', 'two', 'three'], (9, 0)))
    builder.setupHorizontalHeader()
    builder.setupPost()
    builder.font.flavor = 'woff'
    builder.save(folder/'bootstrap-icons.woff')
    (folder/'bootstrap-icons.woff2').write_text('x')
    rules = ''.join(f'.bi-{name}::before{{content:"\\f10{i}"}}'
                    for i, name in enumerate(['one', 'two', 'three'], 1))
    (tmp_path/'libs'/'bootstrap-icons.min.css').write_text(
        '@font-face{src:url("fonts/bootstrap-icons.woff2?1") format("woff2"),'
        f'url("fonts/bootstrap-icons.woff?1") format("woff")}}.bi::before{{color:red}}{rules}')
    (tmp_path/'index.html').write_text('<html><head></head><i class="bi bi-one"></i></html>')
    (tmp_path/'a.css').write_text('p::before { content: "\\f103" }')
    return tmp_path


def test_only_icons_in_use_are_kept(icons):
    polish.subset_icons(icons)
    css = (icons/'libs'/'bootstrap-icons.min.css').read_text()
    assert css == ('@font-face{src:url("fonts/bootstrap-icons.woff") format("woff")}'
                   '.bi::before{color:red}.bi-one::before{content:"\\f101"}')
    with TTFont(icons/'libs'/'fonts'/'bootstrap-icons.woff') as font:
        assert set(font.getBestCmap()) == {0xf101, 0xf103}
    assert not list(icons.rglob('*.woff2'))


# Names, keys, headings

def test_parts_get_names_and_keys():
    soup = page('''<header id="quarto-header"><nav class="navbar"><a class="nav-link" href="#">
<i class="bi" role="img"></i> GitHub</a><a class="quarto-color-scheme-toggle"></a></nav></header>
<nav id="quarto-sidebar"><a class="sidebar-item-text" data-bs-toggle="collapse"
role="navigation">Start</a><a class="sidebar-item-toggle" data-bs-toggle="collapse"
role="navigation"></a></nav><main><div class="callout-header" data-bs-toggle="collapse">x</div>
<button data-bs-toggle="collapse">y</button><table><tr><th></th><th>n</th></tr></table></main>''')
    polish.name_parts(soup)
    assert [nav['aria-label'] for nav in soup.select('nav')] == ['Site', 'Lessons']
    fold = soup.select_one('.callout-header')
    assert (fold['role'], fold['tabindex']) == ('button', '0') and 'role' not in soup.button.attrs
    text, twin = soup.select('#quarto-sidebar a')
    assert (text['role'], twin['aria-hidden'], twin['tabindex']) == ('button', 'true', '-1')
    assert soup.select_one('.quarto-color-scheme-toggle')['aria-label'] == 'Dark mode'
    assert soup.i.attrs == {'class': ['bi'], 'aria-hidden': 'true'}
    assert [cell.name for cell in soup.select('tr > *')] == ['td', 'th']


@pytest.mark.parametrize('before, after', [
    ('13', '12'), ('1323', '1223'), ('12343', '12343'), ('124', '123'), ('1244', '1233'),
    ('1424', '1223'), ('133', '122'),
    ('123123', '123123')])
def test_no_level_is_skipped(before, after):
    soup = page('<main>' + ''.join(f'<h{n} id="{i}">x</h{n}>' for i, n in enumerate(before))
                + '</main>')
    polish.order_headings(soup)
    assert ''.join(h.name[1] for h in soup.select('main > *')) == after
    assert [h['id'] for h in soup.select('main > *')] == list(map(str, range(len(before))))


def test_a_whole_site(icons):
    data = base64.b64encode(drawing()).decode()
    page(f'<main><h1>a</h1><h3>b</h3><img src="data:image/png;base64,{data}"></main>', icons)
    polish.polish(icons, ROOT/'nbs'/polish.SCRIPT)
    text = (icons/'page.html').read_text()
    assert '<h2>b</h2>' in text and 'src="figures/page-1.png"' in text
    assert '<script defer="" src="page.js">' in text and (icons/'page.js').is_file()
    assert text.startswith('<!DOCTYPE html>') and text.count('<script') == 1
