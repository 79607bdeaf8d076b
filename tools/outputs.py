"Do stored outputs agree with a run's: exact words and integers, near floats, alike images?"
import base64
import io
import re
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

from nbs import ROOT, code_cells

TOKEN = re.compile(r'''
    \d+(?:\.\d+){2,}                                      # a version: compared as a word
  | (?<![\w.)\]])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:[eE][-+]?\d+(?!\w))?
  | (?<![\w.)\]])[-+]?\.\d+(?:[eE][-+]?\d+(?!\w))?        # a number
  | \w+ | \S                                              # a word, or a single sign
''', re.VERBOSE)
FLOAT = re.compile(r'(?=.*\d)(?=.*[.eE])[-+]?[\d,]*\.?\d*(?:[eE][-+]?\d+)?')
NEAR = .02                        # relative, or absolute where that is more
SIZE, SHADE = .02, 8/255          # how far images may be apart, in size and in mean shade


def same_token(a: str, b: str) -> bool:
    "Are two tokens equal, or both floats that differ by at most 2 % or 0.02?"
    whole = a.endswith('.') and b.endswith('.')  # `1682.` twice: integers at the ends of sentences
    if whole or not (FLOAT.fullmatch(a) and FLOAT.fullmatch(b)): return a == b
    x, y = (float(token.replace(',', '')) for token in (a, b))
    return abs(x - y) <= NEAR*max(1, abs(x), abs(y))


def text_change(stored: str, fresh: str) -> str:
    "The words around the first that differs; empty if the texts agree."
    a, b = TOKEN.findall(stored), TOKEN.findall(fresh)
    differ = [not same_token(x, y) for x, y in zip_longest(a, b, fillvalue='')]
    if not any(differ): return ''
    near = slice(max(0, differ.index(True) - 10), differ.index(True) + 10)
    return f"stored {' '.join(a[near])!r} became {' '.join(b[near])!r}"


def pixels(data: str) -> Image.Image:
    "The image that a notebook stores in base 64, on white."
    image = Image.open(io.BytesIO(base64.b64decode(data))).convert('RGBA')
    return Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image).convert('RGB')


def image_change(stored: str, fresh: str) -> str:
    "What differs between two images; empty if they are alike."
    a, b = map(pixels, (stored, fresh))
    if any(abs(x - y) > SIZE*x for x, y in zip(a.size, b.size)):
        return f'an image of {a.size} became one of {b.size}'
    gap = np.abs(np.asarray(a, float) - np.asarray(b.resize(a.size), float)).mean()/255
    return f'the image changed by {gap:.3f} of full scale' if gap > SHADE else ''


def differences(stored: list, fresh: list) -> list:
    "What differs between two lists of outputs, a text each."
    a, b = [*map(parts, stored)], [*map(parts, fresh)]
    if (old := [*map(sorted, a)]) != (new := [*map(sorted, b)]): return [f'{old} became {new}']
    found = [(k, (image_change if re.match('image/(?!svg)', k) else text_change)(x[k], y[k]))
             for x, y in zip(a, b) for k in x if x[k] != y[k]]
    return [f'{kind}: {what}' for kind, what in found if what]


def parts(output: dict) -> dict:
    "An output's contents by kind: MIME types, or the stream's name."
    found = output.get('data') or {output.get('name', 'error'): output.get('text', '')}
    return {k: ''.join(x) if isinstance(x, list) else str(x) for k, x in found.items()}


def changed(path: Path, root: Path = ROOT) -> list:
    "How a notebook's outputs differ from those of its last run, a text each; not where it varies."
    executed = root/'_build'/'executed'/path.relative_to(root/'nbs')
    if not executed.exists(): return ['it has not run, or failed']
    stored, fresh = code_cells(path), code_cells(executed)
    if [c.source for c in stored] != [c.source for c in fresh]: return ['edited after it ran']
    return [f'cell {a.id}: {what}' for a, b in zip(stored, fresh)
            if not (a.has_directive('varies') or a.has_directive('slow'))
            for what in differences(a.outputs, b.outputs)]
