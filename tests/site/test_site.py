"""Each page of the built site in a browser; `make docs` builds it. And faults that must be seen.

A page fits a phone, asks no other host, unfolds, searches, turns dark; axe-core finds nothing.
Whether Quarto or smalldocs has built it makes no difference.
"""
import io
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import NAMES, SITE
from PIL import Image, ImageStat

import links

COLOURS = ['color-contrast', 'link-in-text-block']  # slow rules: they see each look once
SLOW = dict.fromkeys([*COLOURS, 'target-size'], {'enabled': False})
OPEN = '#quarto-search button'                      # Quarto's; smalldocs shows the box itself
BOX, HIT = 'input.aa-Input, .smalldocs-search input', 'a.search-result-link, a.search-result'
LIGHT, DARK = range(230, 256), range(60)            # how light a background is
SEEN = []                                           # the looks of texts on the pages so far
# Marks one text of each look: its tag, classes and style, and those around it. Other code, which is
# most of a page, loses its colours: then axe-core, which is slow on large pages, has less to weigh.
MARK = '''seen => {
  const looks = new Set(seen);
  document.querySelectorAll('details').forEach(fold => fold.open = true);
  for (const e of document.querySelectorAll('body *')) {
    const texts = [...e.childNodes].filter(n => n.nodeType === 3 && n.data.trim());
    if (!texts.length || !e.checkVisibility()) continue;
    let look = '';
    for (let p = e; p !== document.body; p = p.parentElement)
      look += [p.tagName, p.getAttribute('class'), p.getAttribute('style')];
    if (!looks.has(look)) { looks.add(look); e.dataset.marked = ''; }
  }
  for (const e of document.querySelectorAll('pre span:not([data-marked])'))
    if (!e.querySelector('[data-marked]')) e.replaceWith(e.textContent);
  return [...looks];
}'''
WIDE = '''() => [...document.querySelectorAll('main *')].filter(e => {
  if (e.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
    if (/auto|scroll|hidden/.test(getComputedStyle(p).overflowX)) return false;
  return true;
}).map(e => e.outerHTML.slice(0, 80))'''
CODE = 'main pre:has(code)'
CUT = f'''() => [...document.querySelectorAll('{CODE}')].filter(
  e => [e, ...e.children].some(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth))
  .map(e => e.textContent.slice(0, 80))'''
FLAT = '''() => [...document.querySelectorAll('math')]
  .filter(e => e.checkVisibility() && !e.getBoundingClientRect().height).map(e => e.outerHTML)'''


def soon(page, test):
    "Whether a test holds within two seconds."
    for _ in range(40):
        if test(): return True
        page.wait_for_timeout(50)
    return False


def background(page):
    "How light the page's background is, from 0 to 255."
    colour = page.evaluate('getComputedStyle(document.body).backgroundColor')
    return sum(map(int, re.findall(r'\d+', colour)[:3]))//3


def axe(page, part='html', **options):
    "What axe-core finds in a part of a page."
    options = {'resultTypes': ['violations'], 'preload': False, **(options or {'rules': SLOW})}
    if not page.evaluate('Boolean(window.axe)'): page.evaluate(Axe().axe_script)
    found = page.evaluate('([part, options]) => axe.run(part, options)', [part, options])
    return [f"{fault['id']}: {fault['nodes'][0]['html'][:150]}" for fault in found['violations']]


def faint(page):
    "Faults of colour in the marked texts, once the sheets of code have followed the toggle."
    def found(): return axe(page, '[data-marked]', runOnly=COLOURS)
    if not page.locator('[data-marked]').count() or soon(page, lambda: not found()): return []
    return found()


def turn(page, wanted):
    "Click the toggle; a fault if it brings another background, or the other colours for code."
    page.evaluate('scrollTo(0, 0)')  # Quarto hides the bar from those who read on
    page.locator('.quarto-color-scheme-toggle').first.click()
    done = soon(page, lambda: background(page) in wanted
                and page.locator('.quarto-dark').count() == (wanted is DARK))
    return [] if done else [f'not in {wanted}']


def colours(page):
    "Texts that are faint, figures that glare in the dark, a toggle that is stuck."
    SEEN[:] = page.evaluate(MARK, SEEN)
    found = faint(page)
    if (covered := page.locator('.guess-all')).count(): covered.first.click()
    found += turn(page, DARK) + faint(page)
    for figure in page.locator('main img:visible').all()[:2]:
        picture = Image.open(io.BytesIO(figure.screenshot())).convert('L')
        if ImageStat.Stat(picture).mean[0] > 115: found.append('a figure glares')
    return found + turn(page, LIGHT)


def dead(page):
    "What does not answer: the first folds, to Enter; the search, to a word of every lesson."
    found = []
    for kind in ('.callout-header', '.sidebar-item-text'):
        for fold in page.locator(f'{kind}[data-bs-target]').all()[:1]:
            body = page.locator(fold.get_attribute('data-bs-target'))
            before = body.is_visible()
            fold.press('Enter')
            if not soon(page, lambda: body.is_visible() != before): found.append(kind)
    if page.locator(OPEN).or_(page.locator(BOX)).count() and not finds(page, 'rating', ''):
        found.append('search')
    return found


def finds(page, words, place):
    "Whether the first that the search finds lies at an address that starts with `place`."
    page.evaluate('scrollTo(0, 0)')
    if not page.locator(BOX).count(): page.locator(OPEN).first.click()
    page.locator(BOX).first.fill(words)
    first = '([hit, place]) => document.querySelector(hit)?.pathname.startsWith("/" + place)'
    return soon(page, lambda: page.evaluate(first, [HIT, place]))


def layout(page):
    "What does not fit a phone or is hard to reach there; formulas that do not show."
    page.set_viewport_size({'width': 360, 'height': 800})
    def reach(): return axe(page, runOnly=['scrollable-region-focusable', 'target-size'])
    found = [] if soon(page, lambda: not reach()) else reach()  # the page's script follows the size
    scrolls = page.evaluate('document.scrollingElement.scrollWidth > innerWidth')
    return found + page.evaluate(WIDE) + page.evaluate(FLAT) + ['the page scrolls']*scrolls


def cut(page):
    "Code that is wider than a desk lets it be, if it is a tenth of the page's or more."
    found = page.evaluate(CUT)
    return found if len(found) >= .1*page.locator(CODE).count() else []


def strangers(page): return page.strangers


PROBES = cut, colours, axe, dead, layout, strangers  # colours makes axe-core's work light


@pytest.mark.parametrize('probe', PROBES)
def test_page(page, probe): assert not probe(page)


built = pytest.mark.skipif(not NAMES, reason=f'no page in {SITE}; make docs builds them')


@built
def test_search_finds_each_exported_name_on_its_page_first(look):
    names = links.soup(SITE/'api.html').select('main h3 > a[href]')
    page = look(SITE, 'index.html')
    assert names and [name['href'] for name in names
                      if not finds(page, name.get_text(), name['href'].split('#')[0])] == []


@built
def test_dark_for_those_who_prefer_it(look):
    assert background(look(SITE, 'index.html', 'dark')) in DARK


SHELL = '''<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><meta
name="viewport" content="width=device-width"><style>body { background: white }
.quarto-dark { background: #111; color: #ccc }</style><body><header><button
class="quarto-color-scheme-toggle" onclick="document.body.classList.toggle('quarto-dark')">dark
</button></header><main><h1>One</h1>'''
FOLD = '''<a class="callout-header" tabindex="0" data-bs-target="#a"
onclick="a.hidden = !a.hidden">x</a><p id="a">y</p>'''
FAR, GREY = '<b style="padding: 300px">x</b>', '<p style="color: #888">words</p>'
SVG = '''<img alt="white" src='data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" width="9"
height="9"><rect width="9" height="9" fill="white"/></svg>'>'''


@pytest.mark.parametrize('probe, body, fault', [
    *[(probe, '<p>two words</p>', '') for probe in PROBES],
    (axe, '<img src="data:,">', 'image-alt'), (axe, '<h3>z</h3>', 'heading-order'),
    (colours, GREY, 'contrast'), (colours, f'<details>{GREY}</details>', 'contrast'),
    (colours, '<p style="color: #444">words</p>', 'contrast'), (colours, SVG, 'glares'),
    (colours, SVG.replace('fill="white"', ''), ''),
    (colours, '<style>body { background: #111 !important }</style>', 'not in range(230'),
    (layout, FAR, 'padding'), (layout, f'<p style="overflow: clip">{FAR}</p>', 'padding'),
    (layout, f'<p style="overflow: auto" tabindex="0">{FAR}</p>', ''),
    (layout, f'<p style="overflow: auto; white-space: pre">{"long "*99}</p>', 'scrollable-region'),
    (layout, '<math style="display: block; height: 0"><mi>x</mi></math>', 'math'),
    (cut, f'<pre><code>{"long "*99}</code></pre>', 'long'),
    (cut, f'<pre><code>{"long "*99}</code></pre>' + '<pre><code>short</code></pre>'*10, ''),
    (dead, FOLD, 'callout'), (dead, FOLD.replace('<a', '<a href="#"'), ''),
    (dead, '<p class="smalldocs-search"><input></p>', 'search'),
    (strangers, '<img src="http://a.example/b.png">', 'a.example'),
    (strangers, '<script>fetch("//a.example/b.json")</script>', 'a.example'),
    (strangers, '<style>@import "//a.example/b.css"</style>', 'a.example')])
def test_faults_are_seen(look, tmp_path, probe, body, fault):
    SEEN.clear()
    (tmp_path/'index.html').write_text(SHELL + body)
    page = look(tmp_path, 'index.html')
    page.wait_for_timeout(100)  # until a script has asked its host
    found = probe(page)
    page.close()
    assert fault in str(found) if fault else not found
