"""The built site in a browser; `make docs` builds it.

It fits a phone, stays on its own host, folds, searches, has a dark mode; axe-core finds no fault.
"""
import re

import pytest
from browser import CHROMIUM, NO_BROWSER, NO_NPM, NPM, look, names
from helpers import ROOT

SITE = ROOT/'_docs'
pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_BROWSER)
needs_axe = pytest.mark.skipif(not NPM, reason=NO_NPM)


@pytest.fixture(scope='module')
def built():
    "What the browser sees on the built site's pages, and the strangers it asks."
    if not (SITE/'index.html').exists(): pytest.skip('there is no _docs; make docs builds it')
    return look(SITE, axe=bool(NPM))


@pytest.fixture(scope='module')
def seen(built): return built[0]


def offenders(seen, test): return {page['page']: page for page in seen if not test(page)}


def lightness(colour): return sum(map(int, re.findall(r'\d+', colour)[:3]))/3


def test_every_page_is_seen(seen): assert [page['page'] for page in seen] == names(SITE)


def test_fits_a_phone(seen):
    assert not offenders(seen, lambda page: page['width'] <= 360 and not page['sticksOut'])


def test_asks_no_other_host(built): assert built[1] == []


def test_formulas_show(seen):
    assert not offenders(seen, lambda page: not page['flatMath'])


@needs_axe
def test_axe_finds_nothing(seen):
    assert not {page['page']: faults for page in seen if (faults := page['axe'])}
    assert not {page['page']: faults for page in seen if (faults := page['dark']['axe'])}


def test_no_text_is_faint(seen):
    assert not {page['page']: faint for page in seen if (faint := page['faint'])}
    assert not {page['page']: faint for page in seen if (faint := page['dark']['faint'])}


def test_callouts_unfold(seen):
    unfold = [page['page'] for page in seen if page.get('unfolds') and page.get('foldsByKey')]
    assert unfold == names(SITE, 'callout-collapse')


def test_search_finds(seen):
    by_smalldocs = names(SITE, 'content="smalldocs')
    if not by_smalldocs: pytest.skip('not a site by smalldocs: its search is not probed')
    assert [page['page'] for page in seen if page.get('finds')] == by_smalldocs


def test_dark_mode_comes_and_goes(seen):
    assert not offenders(seen, lambda page: lightness(page['background']) > 230)
    assert not offenders(seen, lambda page: lightness(page['dark']['background']) < 60)
    assert not offenders(seen, lambda page: page['dark']['goes'])


def test_figures_do_not_glare_in_the_dark(seen):
    drawn = [page for page in seen if page['figures']]
    assert len(drawn) > 10 and not offenders(drawn, lambda page: page['glare'] > .6)
    assert not offenders(drawn, lambda page: page['dark']['glare'] < .45)


def test_dark_for_those_who_prefer_it():
    if not (SITE/'index.html').exists(): pytest.skip('there is no _docs; make docs builds it')
    page, = look(SITE, '--blink-settings=preferredColorScheme=0', pages=['index.html'])[0]
    assert lightness(page['background']) < 60


# Faults that the probe must see: a small site, each page with one of them or with none

GOOD = '<main><h1>one</h1><p>two words</p></main>'
DARK = '''<main><a class="quarto-color-scheme-toggle" href="#"
onclick="document.body.classList.toggle('quarto-dark'); return false">dark</a></main>
<style>.quarto-dark { background: #111; color: #eee } .quarto-dark a { color: #aaf }
STYLE</style>'''
WHITE = '<main><img src="white.svg" alt="white"></main>'
SVG = ('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
       '<rect width="9" height="9" fill="white"/></svg>')
FOLDS = '''<p class="callout-header" data-bs-toggle="collapse" aria-controls="a"
onclick="document.querySelector('.a').classList.toggle('show')">no key</p><p class="a">x</p>'''
FAULTS = [  # a page's body, what of the probe's report tells, and what it should say
    ('<main><div style="width: 500px">wide</div></main>', 'width', 500),
    ('<div style="overflow: clip"><main><p style="width: 500px">cut off</p></main></div>',
     'sticksOut', ['P.']),
    ('<main><div style="overflow: auto"><p style="width: 500px">scrolls</p></div></main>',
     'sticksOut', []),
    ('<main><math style="display: block; height: 0"><mi>x</mi></math></main>', 'flatMath', 1),
    ('<p class="callout-header" data-bs-toggle="collapse" aria-controls="a">dead</p>'
     '<p class="a">x</p>', 'unfolds', False),
    (FOLDS, 'unfolds', True), (FOLDS, 'foldsByKey', False),
    ('<p class="smalldocs-search"><input></p>', 'finds', False),
    ('<p style="color: #888">pale</p>', 'faint', ['P. 3.54']),
    ('<p style="color: #767676">dark enough</p>', 'faint', []),
    ('<p style="color: #888; font-size: 24px">pale but large</p>', 'faint', []),
    ('<div style="background: #000"><p style="color: #333">on black</p></div>', 'faint',
     ['P. 1.66']),
    ('<p style="background: rgb(0 0 0 / .5); color: #fff">on half black</p>', 'faint',
     ['P. 3.98']),
    (WHITE, 'glare', 1), (WHITE, 'figures', 1),
    (DARK.replace('STYLE', '.quarto-dark p { color: #444 }') + '<p>x</p>', 'dark.faint',
     ['P. 1.94']),
    (DARK.replace('STYLE', '') + WHITE, 'dark.glare', 1),
    (DARK.replace('STYLE', '.quarto-dark img { filter: invert(1) }') + WHITE, 'dark.glare', 0),
    (DARK.replace('toggle(', 'add('), 'dark.goes', False), (DARK, 'dark.goes', True),
]
STRANGERS = [
    '<img src="http://image.example/a.png" alt="">',
    '<script>fetch("https://fetch.example/a.json").catch(() => {})</script>',
    '<script>navigator.sendBeacon("https://beacon.example/", "x")</script>',
    '<style>@import "http://import.example/a.css";</style>',
    '<style>p { background: url(//style.example/b.png) }</style><p>x</p>',
]
INACCESSIBLE = [
    (GOOD, None), (GOOD.replace('<p>', '<p><img src="white.svg">'), 'critical image-alt'),
    (GOOD.replace('two', '<span style="color: #888">two</span>'), 'serious color-contrast'),
    (GOOD.replace('two', '<button></button>'), 'critical button-name'),
    (GOOD.replace('<p>', '<p role="nonsense">'), 'critical aria-roles'),
    (GOOD.replace('<p>', '<h3>z</h3><p>'), 'moderate heading-order'),
    (GOOD.replace('<p>', '<p style="overflow: auto; width: 300px; white-space: pre">'
                  + 'long '*30), 'serious scrollable-region-focusable'),
]
BODIES = list(dict.fromkeys([*(body for body, *_ in FAULTS), *STRANGERS,
                             *(body for body, _ in INACCESSIBLE)]))


@pytest.fixture(scope='module')
def planted(tmp_path_factory):
    "What the browser sees on each planted page, by its body; and the strangers they ask."
    folder = tmp_path_factory.mktemp('planted')
    (folder/'white.svg').write_text(SVG)
    files = {f'{number:02}.html': body for number, body in enumerate(BODIES)}
    for name, body in files.items(): (folder/name).write_text(
        '<!doctype html><html lang="en"><title>t</title><meta name="viewport" '
        f'content="width=device-width"><body style="margin: 0">{body}')
    seen, strangers = look(folder, axe=bool(NPM))
    return {files[page['page']]: page for page in seen}, strangers


@pytest.mark.parametrize('body, key, want', FAULTS)
def test_probe_sees_faults(planted, body, key, want):
    value = planted[0][body]
    for part in key.split('.'): value = value[part]
    assert value == (pytest.approx(want, abs=.01) if 'glare' in key else want)


def test_probe_sees_strangers(planted):
    kinds = 'image', 'fetch', 'beacon', 'import', 'style'
    assert sorted(planted[1]) == sorted(f'{kind}.example' for kind in kinds)


@needs_axe
@pytest.mark.parametrize('body, rule', INACCESSIBLE)
def test_axe_sees_faults(planted, body, rule):
    faults = {fault.partition(':')[0] for fault in planted[0][body]['axe']}
    assert faults == ({rule} if rule else set())
