"What neither builder does to a page: small pictures, MathML, links that stay, names for parts."
import base64
import shutil
from io import BytesIO
from pathlib import Path

from bs4 import BeautifulSoup
from PIL import Image, ImageStat

import links
from nbs import ROOT

SCRIPT = 'page.js'  # lies beside the notebooks; every page loads it
DARK = 128          # a picture whose mean is below this, of 255, is no drawing on white
NAMES = {           # what a screen reader or the keyboard needs: selector -> attributes
    'header nav.navbar': {'aria-label': 'Site'},
    'nav#quarto-sidebar': {'aria-label': 'Lessons'},
    'nav.page-navigation': {'aria-label': 'Previous and next page'},
    '.toc-actions': {'role': 'navigation', 'aria-label': 'About this page'},
    '[data-bs-toggle="collapse"]:not(button)': {'role': 'button', 'tabindex': '0'},
    '.sidebar-item-toggle': {'aria-hidden': 'true', 'tabindex': '-1'},  # its text does the same
    'a > i.bi': {'aria-hidden': 'true'},
}


def place_figures(soup: BeautifulSoup, page: Path) -> None:
    "Give each picture a file, as WebP: a third of a PNG's size, and the same to the last pixel."
    for n, img in enumerate(soup.select('main img[src]'), 1):
        kind, _, data = img['src'].partition('base64,')
        if not (kind == 'data:image/png;' or img['src'].endswith('.png')): continue
        image = Image.open(BytesIO(base64.b64decode(data)) if data else page.parent/img['src'])
        file = page.parent/'figures'/f'{page.stem}-{n}.webp'
        file.parent.mkdir(exist_ok=True)
        image.save(file, lossless=True)
        img.attrs = {'width': image.width, 'height': image.height, **img.attrs,
                     'src': f'figures/{file.name}', 'loading': 'lazy'}
        if ImageStat.Stat(image.convert('L')).mean[0] < DARK:
            img['class'] = [*img.get('class', []), 'is-dark']


def write_formulas(soup: BeautifulSoup) -> None:
    "Turn TeX, which smalldocs leaves to a script from another host, into MathML, as Quarto does."
    for tag in soup.select('[src*="/katex"], [href*="/katex"]'): tag.decompose()
    found = [span for span in soup.select('span.math') if not span.math]
    if not found: return
    from math_core import LatexError, LatexToMathML  # here: not on Python 3.10, which has Quarto
    tex = LatexToMathML(fancy_error=False)
    for span in found:
        text, display = span.get_text().strip()[2:-2], 'display' in span['class']
        try: math = tex.convert_with_local_state(text, displaystyle=display)
        except LatexError as e: raise ValueError(f'cannot read the formula {text!r}: {e}') from e
        span.replace_with(BeautifulSoup(f'<span class="{" ".join(span["class"])}">{math}</span>',
                                        'html.parser'))


def order_headings(soup: BeautifulSoup) -> None:
    "Give each heading the level of its depth, where one would be skipped: a signature's, mostly."
    above = []  # as written
    for head in soup.select('main :is(h1, h2, h3, h4, h5, h6)'):
        while above and above[-1] >= head.name: above.pop()
        above.append(head.name)
        head.name = f'h{len(above)}'


def polish_page(
    page: Path,  # an HTML file; replaced
    up: str,     # the way from it to the site's root: '' or '../'
    home: str,   # the site's published address
) -> None:
    "Polish one page."
    soup = BeautifulSoup(page.read_text(encoding='utf-8'), 'html.parser')
    write_formulas(soup)
    place_figures(soup, page)
    order_headings(soup)
    for link in soup.select(f'a[href^="{home}/"]'):
        link['href'] = up + link['href'][len(home)+1:] or './'
    for selector, attributes in NAMES.items():
        for tag in soup.select(selector): tag.attrs.update(attributes)
    for head in soup.select('main th:empty'): head.name = 'td'  # a table's corner heads nothing
    soup.head.append(soup.new_tag('script', src=up+SCRIPT, defer=''))
    page.write_text(str(soup), encoding='utf-8')


def polish(root: Path, home: str) -> None:
    "Polish a site that was just built, by Quarto or by smalldocs."
    shutil.copy(ROOT/'nbs'/SCRIPT, root)
    for page in links.pages(root):
        polish_page(page, '../'*(len(page.relative_to(root).parts) - 1), home)
