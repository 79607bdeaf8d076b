"The built site, read as files: weights, figures, the API, names in the prose, Markdown copies."
import importlib
import re

import pytest
from conftest import NAMES, SITE  # first: it lets the tools be imported
from helpers import ROOT
from nbdev.config import get_config

import links
from docs import weight
from nbs import sidebar

TITLE = re.compile('<title>(.+?)</title>', re.S)
TEX = re.compile(r'\$\$|\\[()\[\]]|\\[a-z]{2,}')
pytestmark = pytest.mark.skipif(not NAMES, reason=f'no page in {SITE}; make docs builds them')


@pytest.fixture(params=NAMES)   # by the worker that looks at it: a page is parsed once
def page(request): return SITE/request.param


def test_sidebar_has_every_page():
    assert len(NAMES) == 1 + sum(len(part) for _, part in sidebar())  # and the API
    titles = {TITLE.search((SITE/name).read_text(encoding='utf-8'))[1] for name in NAMES}
    assert len(titles) == len(NAMES)


def test_page_is_light_and_its_figures_and_formulas_are_done(page):
    main = links.soup(page).main
    assert weight(page) < 1_200_000
    for img in main('img'):
        assert img['alt'].strip() and img['src'][:5] != 'data:' and img['loading'] == 'lazy'
        assert int(img['width']) and int(img['height'])
    assert all(text.find_parent(['code', 'pre', 'math']) for text in main(string=TEX))


def test_names_in_the_prose_lead_to_their_place(page):
    index = importlib.import_module('collabdive._modidx').d['syms']
    known = {name.removeprefix(f'{module}.') for module in index for name in index[module]}
    for code in links.soup(page).main.select(':is(p, li, td) code'):
        name = code.get_text()
        assert name not in known or name[0] == '_' or code.find_parent('a'), name


def test_signatures_are_in_the_contents_and_their_source_is_folded(page):
    page = links.soup(page)
    names = {head['id'] if head.get('id') else head.parent['id']
             for head in page.select('.signature :is(h2, h3, h4):first-child')}
    assert names <= {link['href'][1:] for link in page.select('#TOC a')}
    assert not page.select('main hr + p + h3, details.code-fold[open]')
    assert not page.find_all('summary', string='Exported source')       # it says of what
    code = [pre.get_text() for pre in page.select('.signature pre')]
    assert not [text for text in code if re.search(r'\w:[a-z_]\w*\.', text)], 'no torch.Tensor'


def test_api_has_every_name_with_an_example():
    page = links.soup(SITE/'api.html').main
    names = {f'{path.stem}.{name}' for path in (ROOT/'collabdive').glob('[!_]*.py')
             for name in importlib.import_module(f'collabdive.{path.stem}').__all__}
    names.remove('learner.plot_top_losses')      # for fastai to call
    parts = {part['id']: part for part in page('section') if part.h3 and not part.h2}
    assert set(parts) == names
    assert [name for name in parts if not parts[name].details] == [], 'show these in a cell'


def test_every_page_has_a_copy_in_markdown(page):
    text = page.with_name(f'{page.name}.md').read_text(encoding='utf-8')
    assert text.startswith('# ') and not re.search(r';base64,|<style|\(\(\)=>\{', text)
    address = f'{get_config(ROOT).doc_url}/{page.relative_to(SITE).as_posix()}.md'
    assert f'({address})' in (SITE/'llms.txt').read_text(encoding='utf-8')
