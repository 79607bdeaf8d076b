"Check a built site: links, anchors, pictures, search results; and that it asks no other host."
import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

EXPLORER = 'explorer'   # a folder of the site that no builder makes: a page of its own kind
CSS_URL = re.compile(r'''(?:url\(|@import)\s*["']?(?!data:)([^"')\s]+)''')


@cache
def soup(page: Path) -> BeautifulSoup:
    "A page, read once."
    return BeautifulSoup(page.read_text(encoding='utf-8'), 'html.parser')


@cache
def anchors(page: Path) -> set:
    "What a link to this page can end in, after the #."
    return {'', 'top'} | {tag['id'] for tag in soup(page)(id=True)}


def pages(root: Path) -> list:
    "The pages of a site, but for the explorer."
    return [page for page in sorted(root.rglob('*.html'))
            if not {'site_libs', EXPLORER} & {*page.relative_to(root).parts}]


def fetched(file: Path) -> list:
    "What a page or a stylesheet loads by itself, as written; not the data in it."
    if file.suffix == '.css': return CSS_URL.findall(file.read_text(encoding='utf-8'))
    tags = soup(file).select('[src]:not([src^="data:"]), link[rel~=stylesheet], link[rel~=icon]')
    return [tag.get('src') or tag['href'] for tag in tags]


def fault(url: str, source: Path, root: Path) -> str:
    "What is wrong with a link of a page or a stylesheet; '' if nothing is."
    if urlsplit(url).scheme or urlsplit(url).netloc: return ''
    path, anchor = unquote(urlsplit(url).path), unquote(urlsplit(url).fragment)
    file = (source.parent/path).resolve() if path else source
    if file.is_dir(): file /= 'index.html'
    if not (file.is_relative_to(root) and file.is_file()): return f'{url} does not exist'
    lost = file.suffix == '.html' and anchor not in anchors(file)
    return f'{url} has no such anchor' if lost else ''


def check(root: Path) -> list:
    "What is wrong with a site, a line for each fault."
    root, found, index = root.resolve(), [], root.resolve()/'search.json'
    for file in [*pages(root), *root.rglob('*.css')]:
        loads, links = fetched(file), []
        if file.suffix == '.html':
            links = [a['href'] for a in soup(file)('a', href=True)]
            found += [(file, f'{img["src"][:40]} has no alt text')
                      for img in soup(file)('img') if not img.get('alt', '').strip()]
        found += [(file, f'{url} is on another host') for url in loads if '//' in url]
        found += [(file, fault(url, file, root)) for url in loads + links]
    for result in json.loads(index.read_text(encoding='utf-8')):
        found.append((index, fault(result['href'], index, root)))
    return [f'{file.relative_to(root)}: {what}' for file, what in dict.fromkeys(found) if what]
