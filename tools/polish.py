"What neither builder does to a page: small pictures, MathML, links that stay, names for parts."
import ast
import base64
import html
import json
import re
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString
from PIL import Image, ImageStat

import links

SCRIPT = 'page.js'  # lies beside the notebooks; every page loads it
DARK = 128          # a picture whose mean is below this, of 255, is no drawing on white
SIDES = 'width', 'height'
HEADS = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6']
MODULE = re.compile(r"""(<span\sclass="(?:co|st)">.*?</span>)|  # comments and strings stay
    \b[a-z_]\w*(?:\.|<span\sclass="op">\.</span>)(?=[A-Za-z_])""", re.X)
UNREAD = ['annotation', 'nav', 'style', 'summary']  # no part of what the search finds
FOREIGN = """[src*="/katex"], [href*="/katex"], [src*="/requirejs@"], [src*="/jquery@"],
script:-soup-contains("define('jquery'")"""         # for TeX, and for widgets, where none are
NAMES = {           # what a screen reader or the keyboard needs: selector -> attributes
    'header nav.navbar': {'aria-label': 'Site'},
    'nav#quarto-sidebar': {'aria-label': 'Lessons'},
    'nav.page-navigation': {'aria-label': 'Previous and next page'},
    '.toc-actions': {'role': 'navigation', 'aria-label': 'About this page'},
    '[data-bs-toggle="collapse"]:not(button)': {'role': 'button', 'tabindex': '0'},
    '.callout-header[aria-label]': {'aria-label': None},                # its title says more
    'details.code-fold': {'open': None},                                # nbdev opens its own
    '.sidebar-item-toggle': {'aria-hidden': 'true', 'tabindex': '-1'},  # its text does the same
    'a > i.bi': {'aria-hidden': 'true'},
}


def place_figures(soup: BeautifulSoup, page: Path) -> None:
    """Give each picture a file: a drawing as it is, a PNG as WebP, a third of its size, and the
    same to the last pixel."""
    for svg in soup.select('main figure svg[alt]'):     # smalldocs writes drawings into the page
        img = soup.new_tag('img', alt=svg.attrs.pop('alt'))
        text = str(svg).replace(' viewbox=', ' viewBox=')                   # as it was
        img['src'] = 'data:image/svg+xml;base64,' + base64.b64encode(text.encode()).decode()
        svg.replace_with(img)
    for n, img in enumerate(soup.select('main img[src]'), 1):
        kind, _, data = img['src'].partition('base64,')
        kind = kind.removeprefix('data:image/').rstrip(';') if data else Path(kind).suffix[1:]
        if kind not in ('png', 'svg', 'svg+xml'): continue
        held = base64.b64decode(data) if data else (page.parent/img['src']).read_bytes()
        file = page.parent/'figures'/f'{page.stem}-{n}.{"webp" if kind == "png" else "svg"}'
        file.parent.mkdir(exist_ok=True)
        if kind == 'png': size = place_png(held, file, img)
        else:
            file.write_bytes(held)
            size = [re.search(rf' {side}="(\d+)', held.decode())[1] for side in SIDES]
        img.attrs = {**dict(zip(SIDES, size)), **img.attrs,
                     'src': f'figures/{file.name}', 'loading': 'lazy'}


def place_png(held: bytes, file: Path, img) -> tuple:   # width and height
    "Write a PNG as WebP, and mark a picture that is no drawing on white."
    image = Image.open(BytesIO(held))
    image.save(file, lossless=True)
    if ImageStat.Stat(image.convert('L')).mean[0] < DARK:
        img['class'] = [*img.get('class', []), 'is-dark']
    return image.size


def write_formulas(soup: BeautifulSoup) -> None:
    "Turn TeX, which smalldocs leaves to a script from another host, into MathML, as Quarto does."
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


def mark_signatures(soup: BeautifulSoup) -> None:
    "Mark nbdev's signatures, the heading first; nbs/signatures.lua has done it where Quarto built."
    for rule in soup.select('.cell-output-markdown > hr:first-child:has(~ h2, ~ h3, ~ h4)'):
        rule.parent['class'].append('signature')
        rule.replace_with(rule.find_next_sibling(HEADS))
    for code in soup.select('.signature pre'):  # Tensor, not torch.Tensor
        short = MODULE.sub(lambda m: m[1] or '', str(code))
        code.replace_with(BeautifulSoup(short, 'html.parser'))


def name_folds(soup: BeautifulSoup) -> None:
    "Say on a fold of exported source what it defines."
    for line in soup.find_all('summary', string='Exported source'):
        names = []
        for part in ast.parse(line.parent.pre.get_text()).body:
            found = [part] if hasattr(part, 'name') else getattr(part, 'targets', [])
            names += [getattr(one, 'name', '') or getattr(one, 'id', '') for one in found]
        line.string = f"Source of {', '.join(filter(None, names))}"


def entries(soup: BeautifulSoup, href: str) -> list:
    "A page's part of the search index: one entry for its top, and one for each heading."
    escape = html.escape if soup.select('meta[content^="quarto-"]') else str  # smalldocs does it
    title = soup.h1.get_text(' ', strip=True)
    found = [{'href': href, 'title': title, 'section': '', 'text': ''}]
    inside = {id(soup.main): (None, False)}       # tag -> the heading it is in; is it left out?

    def within(tag):
        if id(tag) not in inside:
            head, unread = within(tag.parent)
            inside[id(tag)] = (tag if tag.name in HEADS[1:] else head,
                               unread or tag.name in (*UNREAD, 'h1'))
        return inside[id(tag)]
    for text in soup.main(string=True):
        head, unread = within(text.parent)
        if head is None or (head.a and '#' in head.a['href']):  # the API names what has its place
            found[-1]['text'] += text if type(text) is NavigableString and not unread else ''
        elif text is next(head.strings):
            place = f"{href}#{head.get('id') or head.parent.get('id')}"
            at, above = (head.a['href'], head.get_text()) if head.a else (place, title)
            found.append({'href': at, 'title': above, 'section': head.get_text(), 'text': ''})
    return [{'objectID': entry['href'], **entry, 'text': escape(' '.join(entry['text'].split()))}
            for entry in found]


def polish_page(
    page: Path,  # an HTML file; replaced
    href: str,   # the way to it from the site's root
    home: str,   # the site's published address
) -> list:       # its part of the search index
    "Polish one page."
    soup, up = BeautifulSoup(page.read_text(encoding='utf-8'), 'html.parser'), '../'*href.count('/')
    for tag in soup.select(FOREIGN): tag.decompose()
    write_formulas(soup)
    place_figures(soup, page)
    mark_signatures(soup)
    name_folds(soup)
    order_headings(soup)
    for link in soup.select(f'a[href^="{home}/"]'):
        link['href'] = up + link['href'][len(home)+1:] or './'
    for selector, attributes in NAMES.items():
        for tag in soup.select(selector):
            tag.attrs = {k: v for k, v in {**tag.attrs, **attributes}.items() if v is not None}
    for link in soup.select('.navbar [aria-current]'):  # Quarto marks "Home" on every page
        if (page.parent/link['href']).resolve() != page.resolve():
            del link['aria-current']
            link['class'].remove('active')
    for head in soup.select('main th:empty'): head.name = 'td'  # a table's corner heads nothing
    soup.head.append(soup.new_tag('script', src=up+SCRIPT, defer=''))
    page.write_text(str(soup), encoding='utf-8')
    return entries(soup, href)


def polish(root: Path, home: str) -> None:
    "Polish a site that was just built, by Quarto or by smalldocs, and index it for the search."
    pages = links.pages(root)
    todo = pages, [page.relative_to(root).as_posix() for page in pages], [home]*len(pages)
    with ProcessPoolExecutor() as pool:
        found = [*(pool.map if len(pages) > 9 else map)(polish_page, *todo)]
    index = [entry for of_page in found for entry in of_page]
    (root/'search.json').write_text(json.dumps(index, ensure_ascii=False), encoding='utf-8')
