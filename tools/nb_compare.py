"Compare stored outputs with a fresh run's: exact words and integers, near floats, alike images."
import base64
import io
import re

import numpy as np
from PIL import Image

from nb_project import cell_text

TOKEN = re.compile(r'''
    \d+(?:\.\d+){2,}                                      # a version: compared as a word
  | (?<![\w.)\]])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:[eE][-+]?\d+(?!\w))?
  | (?<![\w.)\]])[-+]?\.\d+(?:[eE][-+]?\d+(?!\w))?        # a number
  | \w+ | \S                                              # a word, or a single sign
''', re.VERBOSE)
RELATIVE = ABSOLUTE = .02
IMAGE_SIZE, IMAGE_DIFFERENCE = .02, 8/255


def as_float(token: str):
    "The value of a token written as a float (with a point or an exponent); None for all others."
    if not re.fullmatch(r'[-+]?[\d,]*\.?\d*(?:[eE][-+]?\d+)?', token): return None
    if not re.search(r'\d', token) or not re.search(r'[.eE]', token): return None
    return float(token.replace(',', ''))


def same_token(a: str, b: str) -> bool:
    "Are two tokens equal, or both floats that differ by at most 2 % or 0.02?"
    x, y = as_float(a), as_float(b)
    whole = a.endswith('.') and b.endswith('.')  # `1682.` twice: integers at the ends of sentences
    if whole or x is None or y is None: return a == b
    return abs(x - y) <= max(ABSOLUTE, RELATIVE * max(abs(x), abs(y)))


def text_difference(stored: str, fresh: str):
    "None if the texts agree; else the first token that differs, with both texts around it."
    a, b = list(TOKEN.finditer(stored)), list(TOKEN.finditer(fresh))
    for x, y in zip(a, b):
        if not same_token(x[0], y[0]):
            return (f'{x[0]!r} became {y[0]!r}' + shown('stored', stored, x.start())
                    + shown('fresh', fresh, y.start()))
    if len(a) == len(b): return None
    at = min(len(a), len(b))
    return (f'{len(a)} words became {len(b)}'
            + shown('stored', stored, a[at].start() if at < len(a) else len(stored))
            + shown('fresh', fresh, b[at].start() if at < len(b) else len(fresh)))


def shown(label: str, text: str, at: int, before: int = 200, after: int = 400) -> str:
    "The text around position `at`, indented under a label."
    part = text[max(0, at - before):at + after].strip('\n')
    return f'\n    {label}:\n' + '\n'.join(f'      {line}' for line in part.splitlines())


def pixels(data: str) -> Image.Image:
    "The image that a notebook stores in base 64, on white."
    image = Image.open(io.BytesIO(base64.b64decode(data))).convert('RGBA')
    return Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image).convert('RGB')


def image_difference(stored: str, fresh: str):
    "None if the images are alike; else what differs."
    a, b = pixels(stored), pixels(fresh)
    if any(abs(x - y) > IMAGE_SIZE * x for x, y in zip(a.size, b.size)):
        return f'an image of {a.size} became one of {b.size}'
    gap = np.abs(np.asarray(a, float) - np.asarray(b.resize(a.size), float)).mean() / 255
    return f'the image changed by {gap:.3f} of full scale' if gap > IMAGE_DIFFERENCE else None


def parts(output: dict) -> dict:
    "An output's contents by kind: MIME types, or the stream's name."
    if output['output_type'] == 'stream': return {output['name']: cell_text(output['text'])}
    if output['output_type'] == 'error': return {'error': '\n'.join(output['traceback'])}
    return {kind: data if isinstance(data, dict) else cell_text(data)
            for kind, data in output['data'].items()}


def kinds(outputs: list) -> list:
    "The type and the kinds of content of each output."
    return [(output['output_type'], *sorted(parts(output))) for output in outputs]


def readable(outputs: list) -> str:
    "The texts of outputs; an image is only named."
    return '\n'.join(f'({kind})' if kind.startswith('image/') else str(data)
                     for output in outputs for kind, data in parts(output).items()) or '(nothing)'


def output_differences(stored: list, fresh: list) -> list:
    "What differs between two lists of outputs, as texts; empty if nothing does."
    if kinds(stored) != kinds(fresh):
        return [f'outputs {kinds(stored)} became {kinds(fresh)}'
                + shown('stored', readable(stored), 0) + shown('fresh', readable(fresh), 0)]
    found = []
    for a, b in zip(map(parts, stored), map(parts, fresh)):
        for kind in a:
            raster = kind.startswith('image/') and 'svg' not in kind
            compare = image_difference if raster else text_difference
            what = compare(str(a[kind]), str(b[kind]))
            if what: found.append(f'{kind}: {what}')
    return found
