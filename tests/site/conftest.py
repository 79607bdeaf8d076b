"Chromium without a window, for the pages of the built site and for planted ones."
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from helpers import ROOT  # first: it lets the tools be imported

import links

SITE = Path(os.environ.get('SITE', ROOT/'_docs')).resolve()  # either builder's folder
HOME = 'http://localhost/'                                   # no server: the browser gets files
NAMES = [page.relative_to(SITE).as_posix() for page in links.pages(SITE)]
QUIET = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']


def pytest_xdist_make_scheduler(config, log):
    "All that is asked of one page goes to one worker, which opens it once."
    from xdist.scheduler import LoadScopeScheduling  # here: xdist need not be there
    class ByPage(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            page = re.search(r'\[([\w/]+\.html)', nodeid)
            return page[1] if page else nodeid
    return ByPage(config, log)


@pytest.fixture(scope='session')
def look():
    "Opens a page of a folder, as wide as a desk; its `strangers` are what it asks of other hosts."
    chromium = shutil.which(wanted := os.environ.get('CHROMIUM', 'chromium'))
    refuse = pytest.fail if 'CHROMIUM' in os.environ else pytest.skip
    if not chromium: refuse(f'there is no {wanted} on PATH')
    with pytest.importorskip('playwright.sync_api').sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)

        def look(site, name, scheme='light'):
            page = browser.new_page(color_scheme=scheme, reduced_motion='reduce')
            page.strangers = []

            def answer(route):
                url = route.request.url
                if url.startswith(HOME): return route.fulfill(path=site/urlsplit(url).path[1:])
                page.strangers.append(url)
                route.abort()
            page.route('**/*', answer)
            page.goto(HOME + name)
            return page
        look.browser = browser
        yield look
        browser.close()


@pytest.fixture(scope='module', params=NAMES)
def page(request, look):
    "Each page of the built site in turn; all that is asked of it, by the same worker."
    page = look(SITE, request.param)
    yield page
    page.close()
