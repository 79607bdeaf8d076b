"What a browser sees on a site's pages: Chromium without a window, axe-core, and tests/probe.js."
import base64
import hashlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler
from urllib.parse import urlsplit

from helpers import ROOT, run, serve

NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
NO_BROWSER = f"no browser: none of {', '.join(NAMES)} is on PATH"
NPM = shutil.which('npm')
NO_NPM = 'no npm on PATH, which fetches axe-core'
OWN_HOST_ONLY = ("default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
                 'report-uri /-/stranger')
QUIET = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
         '--disable-component-update', '--disable-default-apps', '--disable-sync', '--no-first-run',
         '--force-prefers-reduced-motion']
AXE_VERSION, AXE_SHA512 = '4.14.1', (
    'FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==')
PROBE = '''<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<body><script>const PAGES = {pages}, AXE = {axe};
{script}</script>'''


@cache
def axe_source():
    "The accessibility checker's script, fetched once into _build. Raises ValueError if it differs."
    archive = ROOT/'_build'/'axe'/f'axe-core-{AXE_VERSION}.tgz'
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        run(NPM, 'pack', f'axe-core@{AXE_VERSION}', '--silent', '--pack-destination',
            archive.parent, check=True, timeout=120)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != AXE_SHA512: raise ValueError(f'{archive} is not what was pinned')
    with tarfile.open(archive) as files: return files.extractfile('package/axe.min.js').read()


def names(site, text=''):
    "The pages of a site that hold a text."
    pages = [p for p in site.rglob('*.html') if 'site_libs' not in p.parts]
    return sorted(str(p.relative_to(site)) for p in pages if text in p.read_text(encoding='utf-8'))


class Handler(SimpleHTTPRequestHandler):
    "Serves a site and the probe; the browser reports here what pages ask of other hosts."

    def __init__(self, *args, pages, axe, seen, strangers, **kwargs):
        self.pages, self.axe, self.seen, self.strangers = pages, axe, seen, strangers
        super().__init__(*args, **kwargs)

    def end_headers(self):
        self.send_header('Content-Security-Policy-Report-Only', OWN_HOST_ONLY)
        super().end_headers()

    def do_GET(self):
        if self.path == '/-/probe.html': return self.answer('text/html', self.probe())
        if self.path == '/-/axe.js': return self.answer('text/javascript', axe_source())
        return super().do_GET()

    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        if self.path == '/-/seen': self.seen.put(said)
        else: self.strangers.append(urlsplit(said['csp-report']['blocked-uri']).hostname)
        self.answer('text/plain', b'')

    def probe(self):
        script = (ROOT/'tests'/'probe.js').read_text(encoding='utf-8')
        parts = {'{pages}': json.dumps(self.pages), '{axe}': json.dumps(self.axe),
                 '{script}': script}
        return re.sub(r'{(?:pages|axe|script)}', lambda m: parts[m[0]], PROBE).encode()

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args): pass


@contextmanager
def chromium(address, *flags):
    "A browser without a window, with a profile of its own, that opens `address` for the block."
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *QUIET, f'--user-data-dir={profile}', *flags, address]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        try: yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its helpers too
            process.wait()


def look(site, *flags, pages=(), axe=False, timeout=900):
    "What a browser sees on each page of a site; and the hosts it asked, beside the site's own."
    seen, strangers = queue.Queue(), []
    handler = partial(Handler, directory=str(site), pages=pages or names(site), axe=axe,
                      seen=seen, strangers=strangers)
    with serve(handler) as server:
        with chromium(f'{server}-/probe.html', *flags):
            found = seen.get(timeout=timeout)
    broken = [page for page in found if 'error' in page]
    assert not broken, broken
    return found, strangers
