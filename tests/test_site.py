"""The built site in a browser; `make docs` builds it.

It fits a phone, stays on its own host, folds, searches, and has a dark mode.
"""
import html
import json
import re
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from helpers import ROOT, run, serve

SITE = ROOT/'_docs'
NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
NO_BROWSER = f"no browser: none of {', '.join(NAMES)} is on PATH"
pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_BROWSER)

# Opens each page in a frame as wide as a phone; writes what it sees into the wrapper's own page.
PROBE = '''<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<pre id="seen"></pre><script>
const WIDTH = 360, wait = ms => new Promise(done => setTimeout(done, ms));
async function until(test, tries = 40) {
  while (tries-- && !test()) await wait(50);
  return Boolean(test());
}
function sticksOut(e, d) {
  if (!e.getClientRects().length || e.getBoundingClientRect().right <= WIDTH + 1) return false;
  for (let p = e.parentElement; p && p !== d.body; p = p.parentElement)
    if (/auto|scroll|hidden/.test(d.defaultView.getComputedStyle(p).overflowX)) return false;
  return true;
}
async function look(page) {
  const frame = document.createElement('iframe');
  frame.style = `width: ${WIDTH}px; height: 800px; border: 0`;
  document.body.append(frame);
  await wait(50);  // until the frame knows whether its surroundings are dark
  const blank = () => frame.contentWindow.location.href === 'about:blank';
  const loaded = new Promise(done => frame.onload = () => blank() || done());
  frame.src = page;
  await loaded;
  const d = frame.contentDocument, w = frame.contentWindow, seen = {page};
  seen.width = d.scrollingElement.scrollWidth;
  seen.sticksOut = [...d.querySelectorAll('main *')].filter(e => sticksOut(e, d))
    .map(e => e.tagName + '.' + e.className);
  seen.background = w.getComputedStyle(d.body).backgroundColor;
  seen.flatMath = [...d.querySelectorAll('math')]
    .filter(e => e.getClientRects().length && !e.getBoundingClientRect().height).length;
  const fold = d.querySelector('.callout-header[data-bs-toggle]');
  if (fold) {
    const body = d.querySelector(fold.dataset.bsTarget || '.' + fold.getAttribute('aria-controls'));
    const before = body.classList.contains('show');
    fold.click();
    const moved = () => body.classList.contains('show') !== before;
    seen.unfolds = await until(() => moved() && !body.classList.contains('collapsing'));
  }
  const search = d.querySelector('.smalldocs-search input');
  if (search) {
    search.focus();
    search.value = 'rating';
    search.dispatchEvent(new w.Event('input', {bubbles: true}));
    seen.finds = await until(() => d.querySelector('.search-result'));
  }
  seen.hosts = w.performance.getEntriesByType('resource').map(e => new URL(e.name).host)
    .filter(h => h && h !== location.host);
  frame.remove();
  return seen;
}
(async () => {
  const all = [];
  for (const page of PAGES) all.push(await look(page));
  document.querySelector('#seen').textContent = JSON.stringify(all);
})();
</script>'''


class Handler(SimpleHTTPRequestHandler):
    "Serves a site, and the probe beside it."

    def do_GET(self):
        if self.path != '/probe.html': return super().do_GET()
        body = PROBE.replace('PAGES)', json.dumps(names(Path(self.directory)))+')').encode()
        self.send_response(200)
        self.send_header('Content-Type', 'text/html')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args): pass


def names(site, text=''):
    "The pages of a site that hold a text."
    pages = [p for p in site.rglob('*.html') if 'site_libs' not in p.parts]
    return sorted(str(p.relative_to(site)) for p in pages if text in p.read_text(encoding='utf-8'))


def look(site, *flags):
    "What a browser sees on each page of a site, at 360 px."
    with serve(partial(Handler, directory=str(site))) as address:
        dom = run(CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu',
                  '--disable-background-networking', *flags, '--virtual-time-budget=120000',
                  '--dump-dom', f'{address}probe.html', timeout=55, check=True).stdout
    seen = re.search('<pre id="seen">(.*?)</pre>', dom, re.S)[1]
    assert seen, 'the browser stopped before the probe had seen every page'
    return json.loads(html.unescape(seen))


@pytest.fixture(scope='module')
def seen():
    "The built site, in the light."
    if not (SITE/'index.html').exists(): pytest.skip('there is no _docs; make docs builds it')
    return look(SITE)


def offenders(seen, test): return {page['page']: page for page in seen if not test(page)}


def test_fits_a_phone(seen):
    assert not offenders(seen, lambda page: page['width'] <= 360 and not page['sticksOut'])


def test_asks_no_other_host(seen):
    assert not offenders(seen, lambda page: not page['hosts'])


def test_formulas_show(seen):
    assert not offenders(seen, lambda page: not page['flatMath'])


def test_callouts_unfold(seen):
    unfold = [page['page'] for page in seen if page.get('unfolds')]
    assert unfold == names(SITE, 'callout-collapse')


def test_search_finds(seen):
    by_smalldocs = names(SITE, 'content="smalldocs')
    if not by_smalldocs: pytest.skip('not a site by smalldocs: its search is not probed')
    assert [page['page'] for page in seen if page.get('finds')] == by_smalldocs


def test_dark_mode(seen):
    def light(page): return sum(map(int, re.findall(r'\d+', page['background'])[:3]))/3
    dark = look(SITE, '--blink-settings=preferredColorScheme=0')
    assert not offenders(seen, lambda page: light(page) > 230)
    assert not offenders(dark, lambda page: light(page) < 60)


@pytest.mark.parametrize('body, key, want', [
    ('<main><div style="width: 500px">wide</div></main>', 'width', 500),
    ('<div style="overflow: clip"><main><p style="width: 500px">cut off</p></main></div>',
     'sticksOut', ['P.']),
    ('<main><div style="overflow: auto"><p style="width: 500px">scrolls</p></div></main>',
     'sticksOut', []),
    ('<img src="http://127.0.0.1:9/a.png">', 'hosts', ['127.0.0.1:9']),
    ('<main><math style="display: block; height: 0"><mi>x</mi></math></main>', 'flatMath', 1),
    ('<p class="callout-header" data-bs-toggle="collapse" aria-controls="a">dead</p>'
     '<p class="a">x</p>', 'unfolds', False),
    ('<p class="smalldocs-search"><input></p>', 'finds', False),
])
def test_probe_sees_faults(tmp_path, body, key, want):
    (tmp_path/'index.html').write_text(f'<!doctype html><body style="margin: 0">{body}</body>')
    assert look(tmp_path)[0][key] == want
