"""The built site, read as files; `make docs` builds it.

Links, titles and weights; the page of the API; names in the prose that lead to it; llms.txt.
"""
import importlib
import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from helpers import ROOT  # first: it lets the tools be imported
from nbdev.config import get_config

import links

SITE = ROOT/'_docs'
MOST_BYTES = 1_500_000
MODULES = sorted(path.stem for path in (ROOT/'collabdive').glob('[!_]*.py'))


@pytest.fixture(scope='module', autouse=True)
def built():
    if not (SITE/'index.html').exists(): pytest.skip('there is no _docs; make docs builds it')


def soup(name): return links.parse(SITE/name)


def pages(): return sorted(SITE.glob('*.html'))


def test_links_lead_somewhere_and_pages_are_in_order():
    report = links.check(SITE, get_config(ROOT).doc_url)
    assert report.pages >= 18 and report.problems == []


def test_weight():
    heavy = {page.name: links.weight(page) for page in pages()}
    assert not {name: size for name, size in heavy.items() if size >= MOST_BYTES}


def test_weight_counts_what_a_page_fetches(tmp_path):
    page = ('<link rel="stylesheet" href="a.css"><link rel="next" href="b.html">'
            '<img src="p.png"><img src="p.png"><script src="https://cdn.example/x.js"></script>')
    files = {'a.html': page, 'b.html': 'x'*1000, 'a.css': '@import "b.css"; p { font: 1em x }',
             'b.css': '@font-face { src: url("f/f.woff?1") }', 'f/f.woff': 'x'*70, 'p.png': 'x'*900}
    for name, text in files.items():
        (tmp_path/name).parent.mkdir(exist_ok=True)
        (tmp_path/name).write_text(text)
    counted = [name for name in files if name != 'b.html']
    assert links.weight(tmp_path/'a.html') == sum(len(files[name]) for name in counted)


def test_figures_are_small_files_with_a_text_and_a_size():
    figures = [img for page in pages() for img in soup(page.name).select('main img')]
    assert len(figures) > 40
    bad = [img['src'][:80] for img in figures
           if not img.get('alt', '').strip() or img['src'].startswith('data:')
           or not (img.get('width') and img.get('height')) or img.get('loading') != 'lazy']
    assert bad == []


# The page of the API

def exported():
    "All names of all `__all__`."
    found = {m: importlib.import_module(f'collabdive.{m}').__all__ for m in MODULES}
    return [f'{module}.{name}' for module, names in found.items() for name in names]


def entries():
    "What the API page has under each name's anchor, up to the next heading."
    found = {}
    for heading in soup('api.html').select('main h3'):
        section = heading.find_parent('section')
        found[section['id'] if section else heading['id']] = section or heading.parent
    return found


def test_api_lists_every_name():
    names = exported()
    assert len(names) > 100 and sorted(entries()) == sorted(names)


def test_api_leads_to_each_name():
    wrong = {}
    for key, part in entries().items():
        page, _, anchor = part.h3.a['href'].partition('#')
        name = key.rpartition('.')[2]
        if not anchor or anchor not in links.anchors(SITE/page): wrong[key] = part.h3.a['href']
        if name not in part.find('pre').get_text(): wrong[key] = part.find('pre').get_text()
    assert not wrong


def test_api_has_examples():
    def shows(key, part): return key.rpartition('.')[2] in part.details.pre.get_text()
    examples = {key: part for key, part in entries().items() if part.details}
    lacking = set(entries()) - set(examples)
    assert not lacking, 'show these in a visible cell of their lesson'
    elsewhere = [key for key, part in examples.items() if not shows(key, part)]
    classes = [key for key in elsewhere if key.rpartition('.')[2][0].isupper()]
    assert elsewhere == classes and len(classes) < 10, 'only what a function returns is shown by it'


# Names in the prose

def symbols():
    "Where nbdev's index says that each name is explained: name -> addresses."
    found = defaultdict(set)
    index = importlib.import_module('collabdive._modidx').d['syms']
    for module, names in index.items():
        for name, (address, _) in names.items(): found[name.removeprefix(f'{module}.')].add(address)
    return found


def doclinks(page, known):
    "Names in the prose that are links: (name, address); and names of the package that are none."
    linked, bare = [], []
    for code in page.select('main :is(p, li, td) code'):
        name, link = code.get_text().removesuffix('()'), code.find_parent('a')
        if link and re.match(r'\w+\.html#', link['href']): linked.append((name, link['href']))
        elif not link and name in known and name[0] != '_': bare.append(name)
    return linked, bare


def test_names_in_the_prose_lead_to_their_place():
    known, found, bare = symbols(), [], {}
    for page in pages():
        linked, rest = doclinks(soup(page.name), known)
        found += linked
        if rest: bare[page.name] = rest
    assert len(found) > 80 and not bare
    assert not [(name, address) for name, address in found if address not in known[name]]
    assert ('load_movielens', 'data.html#load_movielens') in found
    assert ('fit_quietly', 'dot_product.html#fit_quietly') in found


def test_doclinks_are_told_apart():
    page = BeautifulSoup('<main><p><a href="data.html#a"><code>a()</code></a> <code>b</code> '
                         '<a href="https://x.example#a"><code>a</code></a> <code>c</code></p>'
                         '<pre><code>b</code></pre></main>', 'html.parser')
    assert doclinks(page, {'a', 'b'}) == ([('a', 'data.html#a')], ['b'])


# llms.txt

LLMS = re.compile(r'# .+\n\n> .+\n\n(?:[^#>\n].*\n\n)*'
                  r'(?:## .+\n\n(?:- \[[^\]\n]+\]\(https://[^)\s]+\)(?:: .+)?\n)+\n?)+')


@pytest.mark.parametrize('text, fits', [
    ('# A\n\n> b\n\nc\n\n## D\n\n- [e](https://f.example): g\n', True),
    ('# A\n\n> b\n\n## D\n\n- [e](https://f.example)\n\n## H\n\n- [i](https://j.example)\n', True),
    ('> b\n\n## D\n\n- [e](https://f.example)\n', False), ('# A\n\n> b\n\n## D\n\ne\n', False),
    ('# A\n\n> b\n\n## D\n\n- [e](f.html)\n', False)])
def test_form_of_llms_txt(text, fits): assert bool(LLMS.fullmatch(text)) == fits


def test_llms_txt_lists_every_page():
    text, home = (SITE/'llms.txt').read_text(encoding='utf-8'), get_config(ROOT).doc_url
    assert LLMS.fullmatch(text)
    listed = re.findall(rf'^- \[([^\]]+)\]\({re.escape(home)}/([^)]+)\): (.+)$', text, re.M)
    assert all((SITE/file).is_file() for _, file, _ in listed)
    assert {page.name for page in pages()} <= {file.removesuffix('.md') for _, file, _ in listed}
    for title, file, finding in listed:
        if not file.endswith('.html.md'): continue
        page = soup(file.removesuffix('.md'))
        assert page.select_one('h1').get_text() == title
        assert page.select_one('meta[name="description"]')['content'] == finding


def test_every_page_is_there_as_markdown():
    full = (SITE/'llms-full.txt').read_text(encoding='utf-8')
    for page in pages():
        text = (SITE/f'{page.name}.md').read_text(encoding='utf-8')
        assert text.startswith('# ') and text in full
        assert not re.search(r'<(?:div|table|img)\b|base64|^:::', text, re.M), page.name
    sections = yaml.safe_load((ROOT/'_quarto.yml').read_text())['website']['sidebar']['contents']
    assert len(pages()) == sum(len(section['contents']) for section in sections)


def test_modules_name_their_page():
    home = get_config(ROOT).doc_url
    for module in MODULES:
        address = importlib.import_module(f'collabdive.{module}').__doc__.rpartition('Docs: ')[2]
        assert Path(address).name == f'{module}.html.md' and address.startswith(home)
        assert (SITE/address.removeprefix(f'{home}/')).is_file()
