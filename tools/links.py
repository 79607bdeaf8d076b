#!/usr/bin/env python
"""Check a built site, page by page.

Links, anchors and files exist, nothing is fetched from another host, pictures have a text, pages
have titles, headings are in order, and no TeX is left raw.
"""
import argparse
import json
import re
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

FROM_SRC = ['img', 'script', 'source', 'video', 'audio', 'iframe', 'embed']
RESOURCES = {**dict.fromkeys(FROM_SRC, 'src'), 'object': 'data', 'link': 'href'}  # what is fetched
NOT_FETCHED = {'canonical', 'alternate', 'next', 'prev', 'license', 'author'}  # a <link>'s rel
SILENT = ['code', 'pre', 'script', 'style', 'math', 'svg', 'template', 'head']  # hold no prose
TEX = [re.compile(r'\$\$'), re.compile(r'\\[()\[\]]'), re.compile(r'\\[A-Za-z]{2,}'),
       re.compile(r'(?<![\\\w$])\$(?![\s$])[^$\n]*?(?<!\s)\$(?![\d$])')]
CSS_URL = re.compile(r'''url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)''')
JS_IMPORT = re.compile(r'''\b(?:from|import\s*\(?|importScripts\()\s*["']((?:https?:)?//[^"']+)''')


@dataclass
class Report:
    "What a check found."
    pages: int = 0
    links: int = 0
    heaviest: tuple = (0, '')  # bytes, and the page
    problems: list[str] = field(default_factory=list)  # 'page: what is wrong'

    def add(self, where, problems):
        self.problems += [f'{where}: {problem}' for problem in dict.fromkeys(problems) if problem]

    def __str__(self):
        return f'{self.pages} pages, {self.links} links, {len(self.problems)} problems'


@cache
def parse(
    path: Path,  # an HTML file
) -> BeautifulSoup:
    "Read a page, once."
    return BeautifulSoup(path.read_text(encoding='utf-8'), 'html.parser')


@cache
def anchors(
    path: Path,      # an HTML file
) -> frozenset[str]:  # every id and name that a link can end in
    "List the places in a page that a link can point at."
    tags = parse(path).find_all(True)
    return frozenset(tag[key] for tag in tags for key in ('id', 'name') if tag.get(key))


def is_external(url: str) -> bool:
    "Whether a URL names another host, or a scheme such as `mailto:`."
    return bool(urlsplit(url).netloc or re.match(r'[a-zA-Z][a-zA-Z0-9+.-]*:', url))


def target_problem(
    url: str,    # a URL with no host
    page: Path,  # the file it is written in
    root: Path,  # the site's folder
) -> str | None:  # what is wrong with it, or None
    "Look up a local link: its file, inside the site, and its anchor."
    parts = urlsplit(url)
    if parts.path.startswith('/'): return f'{url} starts at the root of the host, not of the site'
    file = (page.parent/unquote(parts.path)).resolve() if parts.path else page
    if not file.is_relative_to(root): return f'{url} leaves the site'
    if file.is_dir(): file /= 'index.html'
    if not file.is_file(): return f'{url} does not exist'
    fragment = unquote(parts.fragment)
    if fragment and fragment != 'top' and file.suffix == '.html' and fragment not in anchors(file):
        return f'{url} has no such anchor'
    return None


def resource_problem(url: str, page: Path, root: Path) -> str | None:
    "Look up what a page fetches by itself: it must be in the site."
    if url.startswith(('data:', '#')): return None
    if is_external(url): return f'{url} is fetched from another host'
    return target_problem(url, page, root)


def css_urls(text: str) -> list[str]:
    "List what a stylesheet fetches."
    return [a or b for a, b in CSS_URL.findall(text)]


def page_links(
    soup: BeautifulSoup,  # a page
    home: str,            # the site's own published address, or ''
) -> list[str]:           # links as written
    "List the links of a page that stay on the site, its published address included."
    hrefs = [a['href'] for a in soup.find_all(['a', 'area'], href=True)]
    def ours(href): return not is_external(href) or home and (href+'/').startswith(home+'/')
    return [href for href in hrefs if href not in ('', '#') and ours(href)]


def page_resources(
    soup: BeautifulSoup,  # a page
) -> list[str]:           # links as written
    "List what a page fetches by itself: pictures, scripts, styles."
    fetched = [tag.get(RESOURCES[tag.name]) for tag in soup.find_all(list(RESOURCES))
               if not NOT_FETCHED & set(tag.get('rel') or [])]
    for tag in soup.find_all(srcset=True):
        fetched += [part.split()[0] for part in tag['srcset'].split(', ') if part.strip()]
    for tag in soup.find_all('style'): fetched += css_urls(tag.get_text())
    for tag in soup.find_all(style=True): fetched += css_urls(tag['style'])
    for tag in soup.find_all('script', src=False): fetched += JS_IMPORT.findall(tag.get_text())
    return [url for url in fetched if url]


def weight(
    page: Path,  # an HTML file
) -> int:        # bytes, of the page and all the files of the site that it fetches by itself
    "Weigh a page: itself, its pictures, scripts and stylesheets, and the fonts and such of these."
    files, todo = {page}, [(url, page) for url in page_resources(parse(page))]
    while todo:
        url, source = todo.pop()
        file = (source.parent/unquote(urlsplit(url).path)).resolve()
        if is_external(url) or file in files or not file.is_file(): continue
        files.add(file)
        if file.suffix == '.css':
            todo += [(inner, file) for inner in css_urls(file.read_text(encoding='utf-8'))]
    return sum(file.stat().st_size for file in files)


def page_title(soup: BeautifulSoup) -> str:
    "What the browser's tab says."
    return soup.title.get_text(strip=True) if soup.title else ''


def text_problems(
    soup: BeautifulSoup,  # a page; its code, scripts and formulas are removed
) -> list[str]:
    "Find TeX that a reader would see raw, formulas that failed, and headings out of order."
    found = ['a formula failed to convert' for _ in soup.find_all('merror')]
    body = soup.find('main') or soup
    levels = [int(h.name[1]) for h in body.find_all(re.compile('^h[1-6]$'))]
    if levels.count(1) != 1: found.append(f'{levels.count(1)} first-level headings, not 1')
    found += [f'a heading of level {b} right after level {a}'
              for a, b in zip(levels, levels[1:]) if b > a+1]
    for tag in soup.find_all(SILENT): tag.replace_with(' ')
    text = soup.get_text()
    return found + [f'raw TeX: {m.group()[:60]!r}' for tex in TEX if (m := tex.search(text))]


def page_problems(
    path: Path,  # an HTML file
    root: Path,  # the site's folder
    home: str,   # the site's own published address, or ''
) -> tuple[int, list]:  # how many links were followed; for each, what is wrong or None
    "Check one page."
    soup, found = parse(path), []
    hrefs = page_links(soup, home)
    for href in hrefs:
        published = is_external(href)
        url = href[len(home):].lstrip('/') or '.' if published else href
        found.append(target_problem(url, root/'index.html' if published else path, root))
    fetched = page_resources(soup)
    found += [resource_problem(url, path, root) for url in fetched]
    if not page_title(soup): found.append('no title')
    for img in soup.find_all('img'):
        if img.get('alt', '').strip(): continue
        found.append(f"a picture without alt text: {img.get('src', '')[:40]}")
    found += text_problems(BeautifulSoup(str(soup), 'html.parser'))
    return len(hrefs) + len(fetched), found


def search_problems(
    index: Path,  # the site's search.json
) -> list:  # for each result, what is wrong or None
    "Check that every search result leads somewhere."
    hrefs = [entry['href'] for entry in json.loads(index.read_text(encoding='utf-8'))]
    found = [target_problem(href, index.parent/'index.html', index.parent) for href in hrefs]
    return found or ['it is empty']


def check(
    root: str|Path,  # a folder that holds a built site
    home: str = '',  # the address it is published at; links there are checked too
) -> Report:
    "Check every page and stylesheet of a site. Raises FileNotFoundError if there is no page."
    root, report = Path(root).resolve(), Report()
    parse.cache_clear()
    anchors.cache_clear()
    pages = sorted(p for p in root.rglob('*.html') if 'site_libs' not in p.relative_to(root).parts)
    if not pages: raise FileNotFoundError(f'{root} holds no page; build the site first')
    for path in pages:
        count, found = page_problems(path, root, home.rstrip('/'))
        report.pages, report.links = report.pages+1, report.links+count
        report.heaviest = max(report.heaviest, (weight(path), path.stem))
        report.add(path.relative_to(root), found)
    titles = [page_title(parse(path)) for path in pages]
    report.add('the site', [f'{titles.count(t)} pages have the title {t!r}' for t in titles
                            if t and titles.count(t) > 1])
    for path in sorted(root.rglob('*.css')):
        urls = css_urls(path.read_text(encoding='utf-8'))
        report.add(path.relative_to(root), [resource_problem(url, path, root) for url in urls])
    if (root/'search.json').exists(): report.add('search.json', search_problems(root/'search.json'))
    return report


def main() -> None:
    "Print what is wrong and a summary; exit 1 if anything is."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', nargs='?', default='_docs', help='the built site, default _docs')
    parser.add_argument('--home', default='',
                        help='its published address: links there count as its own')
    args = parser.parse_args()
    try: report = check(args.folder, args.home)
    except FileNotFoundError as e: sys.exit(f'links: {e}')
    print(*report.problems, report, sep='\n')
    sys.exit(bool(report.problems))


if __name__ == '__main__': main()
