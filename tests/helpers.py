"What several test files use."
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'tools'))  # so that tests can import the tools


@contextmanager
def serve(handler):
    "A web server on this machine while the block runs; gives its address."
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try: yield f'http://127.0.0.1:{server.server_port}/'
    finally:
        server.shutdown()
        server.server_close()


def run(*command, **options):
    "Run a command to its end; its output is in `.stdout` and `.stderr`."
    return subprocess.run(command, capture_output=True, text=True, **options)


def halves(n_ratings=4000):
    "Planted ratings in half stars, each level a tenth of them."
    import numpy as np
    from collabdive.planted import planted_ratings
    frame = planted_ratings(60, 80, n_ratings=n_ratings, seed=3)
    liking = frame.signal + np.random.default_rng(0).normal(0, .5, len(frame))
    return frame.assign(rating=np.ceil(liking.rank(pct=True)*10)/2)
