"""What no builder does to a page: small pictures and icons, and all in reach of the keyboard.

`tools/docs.py` calls `polish` on a site just built, by Quarto or by smalldocs.
"""
import base64
import io
import logging
import re
import shutil
from pathlib import Path

import numpy as np
from bs4 import BeautifulSoup
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

SCRIPT = 'page.js'  # lies beside the notebooks; every page loads it
MEAN_ERROR, MAX_ERROR = 2, 16  # how far a colour of the palette may be off, of 255
ICON = re.compile(r'\bbi-[a-z0-9-]+')
CODE_POINT = re.compile(r'\\(f[0-9a-f]{3})\b')
ICON_RULE = re.compile(r'\.(bi-[a-z0-9-]+)::?before\s*\{\s*content:\s*"\\([0-9a-f]+)";?\s*\}')
FONT_SOURCE = re.compile(r'src:(?:\s*url\([^)]*\)\s*format\([^)]*\)\s*,?)+')


# Pictures

def pixels(
    png: bytes,    # a picture
) -> np.ndarray:   # (height, width, 3) int, 0 to 255
    "Read a picture's colours, on white where it is clear."
    image = Image.open(io.BytesIO(png)).convert('RGBA')
    paper = Image.new('RGBA', image.size, 'white')
    return np.asarray(Image.alpha_composite(paper, image).convert('RGB')).astype(int)


def shrink(
    png: bytes,  # a picture
) -> bytes:      # the same in 256 colours, if that is smaller and looks the same; else as it was
    "Store a picture by a palette: about a third of the size, for a drawing."
    before = pixels(png)
    image = Image.fromarray(before.astype('uint8'))
    image = image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, 'png', optimize=True)
    error = np.abs(pixels(file.getvalue()) - before)
    alike = error.mean() <= MEAN_ERROR and error.max() <= MAX_ERROR
    return file.getvalue() if alike and len(file.getvalue()) < len(png) else png


def is_dark(png: bytes) -> bool:
    "Is the picture darker than light? A drawing on paper is not, a photograph at night is."
    return pixels(png).mean() < 128


def place_pictures(
    soup: BeautifulSoup,  # a page; its <img> tags are changed
    page: Path,           # its file; pictures that it held itself are written beside it
) -> None:
    "Give each PNG a file of its own, small, and tell the page its size and whether it is dark."
    for n, img in enumerate(soup.select('main img[src]'), 1):
        inline = img['src'].startswith('data:image/png;base64,')
        file = page.parent/(f'figures/{page.stem}-{n}.png' if inline else img['src'])
        if not inline and not (file.suffix == '.png' and file.is_file()): continue
        before = base64.b64decode(img['src'].partition(',')[2]) if inline else file.read_bytes()
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(shrink(before))
        img['src'] = file.relative_to(page.parent).as_posix()
        img['loading'] = 'lazy'
        if is_dark(before): img['class'] = [*img.get('class', []), 'is-dark']
        if not img.get('width'): img['width'], img['height'] = Image.open(file).size


# Icons

def used_icons(root: Path) -> tuple[set, set]:
    "The icons that a site's pages, scripts and stylesheets name: class names, and code points."
    names, codes = set(), set()
    for path in root.rglob('*'):
        if path.suffix not in ('.html', '.js', '.css', '.json') or 'bootstrap-icons' in path.name:
            continue
        text = path.read_text(encoding='utf-8')
        names |= set(ICON.findall(text))
        if path.suffix == '.css': codes |= set(CODE_POINT.findall(text))
    return names, codes


def subset_icons(root: Path) -> None:
    "Keep only the icons in use of Bootstrap's two thousand, in its stylesheet and its font."
    names, codes = used_icons(root)
    for css in root.rglob('bootstrap-icons*.css'):
        text = css.read_text(encoding='utf-8')
        codes |= {code for name, code in ICON_RULE.findall(text) if name in names}
        text = ICON_RULE.sub(lambda m: m[0] if m[1] in names else '', text)
        font = next(css.parent.rglob('bootstrap-icons.woff'), None)
        if font is None: continue
        address = font.relative_to(css.parent).as_posix()
        text = FONT_SOURCE.sub(f'src:url("{address}") format("woff")', text, count=1)
        css.write_text(text, encoding='utf-8')
        subset_font(font, {int(code, 16) for code in codes})
        font.with_suffix('.woff2').unlink(missing_ok=True)


def subset_font(
    path: Path,   # a .woff, replaced
    codes: set,   # the code points to keep
) -> None:
    "Leave only some characters in a font."
    logging.getLogger('fontTools').setLevel(logging.ERROR)  # the font has two bytes too many
    maker = subset.Subsetter()
    maker.populate(unicodes=codes)
    with TTFont(path) as font:
        maker.subset(font)
        font.flavor = 'woff'
        font.save(path)


# Names and keys

def name_parts(
    soup: BeautifulSoup,  # a page; changed
) -> None:
    "Mend what a screen reader stumbles over: roles and names of bars, folds and toggles."
    for bar in soup.select('#quarto-header > nav.navbar'): bar['aria-label'] = 'Site'
    for bar in soup.select('nav#quarto-sidebar'): bar['aria-label'] = 'Lessons'
    for bar in soup.select('nav.page-navigation'): bar['aria-label'] = 'Previous and next page'
    for fold in soup.select('[data-bs-toggle="collapse"]:not(button)'):
        fold['role'], fold['tabindex'] = 'button', '0'
    for twin in soup.select('.sidebar-item-text + .sidebar-item-toggle'):  # it does the same
        twin['aria-hidden'], twin['tabindex'] = 'true', '-1'
    for toggle in soup.select('a.quarto-color-scheme-toggle'):
        toggle['role'], toggle['aria-label'] = 'button', 'Dark mode'
    for top in soup.select('a#quarto-back-to-top'): top['href'] = '#'
    for icon in soup.select('i[role="img"]:not([aria-label])'):  # its link has a text
        del icon['role']
        icon['aria-hidden'] = 'true'
    for actions in soup.select('.toc-actions'):
        actions['role'], actions['aria-label'] = 'navigation', 'About this page'
    for head in soup.select('main th'):
        if not head.get_text(strip=True): head.name = 'td'  # the corner of a table heads nothing


def order_headings(
    soup: BeautifulSoup,  # a page; changed
) -> None:
    "Give each heading the level of its depth, where one would be skipped: a signature's, mostly."
    above = []  # the levels, as written, of the headings that this one belongs to
    for head in soup.select('main :is(h1, h2, h3, h4, h5, h6)'):
        level = int(head.name[1])
        while above and above[-1] >= level: above.pop()
        above.append(level)
        head.name = f'h{len(above)}'


# The whole

def polish_page(
    page: Path,   # an HTML file, at the site's root; replaced
    script: str,  # the name of a script beside it
) -> None:
    "Polish one page."
    soup = BeautifulSoup(page.read_text(encoding='utf-8'), 'html.parser')
    place_pictures(soup, page)
    name_parts(soup)
    order_headings(soup)
    soup.head.append(soup.new_tag('script', src=script, defer=''))
    page.write_text(str(soup), encoding='utf-8')


def polish(
    root: Path,    # a folder that holds a built site
    script: Path,  # the script that every page loads; copied there
) -> None:
    "Polish a site that was just built."
    shutil.copy(script, root)
    for page in sorted(root.glob('*.html')): polish_page(page, script.name)
    subset_icons(root)
