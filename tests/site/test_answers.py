"""The figures that answer, in a browser, as their notebooks store them: the same numbers as Python,
by keyboard, without scripts, on a phone, in the dark. A new figure is registered in SUMS.
"""
import json
import re
from functools import cache

import numpy as np
import pytest
import torch
from fastai.layers import sigmoid_range
from helpers import ROOT
from scipy.spatial.distance import cdist
from scipy.stats import logistic
from test_site import SHELL, WIDE, axe

from collabdive.cold_start import _curve, _minimum
from collabdive.metrics import ece, reliability
from collabdive.ordinal import cumulative_log_probs
from collabdive.robust_pca import pcp
from nbs import code_cells, name, notebooks

STARS = np.arange(1, 6)
MOST = 60_000                       # bytes of a figure
BOX = 'figure.answers'
KNOBS = f'{BOX} .knobs input, {BOX} fieldset input'
POINTS, BUTTONS = f'{BOX} .unseen input', f'{BOX} .buttons button'
TEXT = f'''() => {{ const box = document.querySelector('{BOX}')
  return box.innerText + [...box.querySelectorAll('[aria-label]')].map(e => e.ariaLabel) }}'''
CALL = f'''calls => calls.map(
  ([name, args]) => document.querySelector('{BOX}').sums[name](...args))'''
SHIFTS = '''() => new Promise(done => {
  let sum = 0
  new PerformanceObserver(list => { for (const e of list.getEntries()) sum += e.value })
    .observe({type: 'layout-shift', buffered: true})
  setTimeout(() => done(sum), 300)
})'''


def curve(data, rng):
    assert len(data['x']['at']) == len(data['truth']['at']) == len(data['known']['at'])
    for a, b in rng.uniform(0, 2, (20, 2, 8)): yield 'miss', [a, b], np.abs(a - b).mean()


def decay(data, rng):
    for a, b in rng.uniform(0, 2, (20, 2, 8)):
        yield 'miss', [a, b], np.abs(a - b).mean()
        yield 'best', [a], a.argmin()


def stars(data, rng):
    for a, b in rng.normal(size=(20, 2, 2)):
        yield 'dot', [a, b], a @ b
        yield 'stars', [a @ b, data['range']], float(sigmoid_range(torch.tensor(a @ b),
                                                                   *data['range']))


def lines(data, rng):
    for w, b in rng.integers(-9, 10, (40, 2, 5))/4:        # parallel ones, and three in a point
        cross = [(b[i] - b[j])/(w[j] - w[i]) for i in range(5) for j in range(i) if w[i] != w[j]]
        edges = np.unique(np.round([-1e4, *cross, 1e4], 9))
        inside = (edges[1:] + edges[:-1])/2
        top = (inside[:, None]*w + b).argmax(1)
        change = np.flatnonzero(np.diff(top))
        if len(np.unique(np.c_[w, b], axis=0)) < 5: continue
        yield 'order', [w, b], np.r_[top[0], top[change + 1]] + 1
        yield 'turns', [w, b], edges[change + 1]


def newcomer(data, rng):
    level, B = np.array(data['level']), np.array(data['B'])
    for _ in range(40):
        rows = rng.choice(len(level), rng.integers(0, 6), False)
        stars = rng.integers(1, 6, len(rows)).astype(float)
        z = _minimum(level[rows][None], B[rows][None], stars[None], 1., data['range'],
                     data['noise'])[0][0]
        yield 'person', [data, rows, stars], z
        yield 'scores', [data, z], _curve(level + B @ z, data['range'])[0]


def temperature(data, rng):
    for _ in range(10):
        y, probs = rng.choice(STARS, 200), rng.dirichlet(np.ones(5), 200)
        bins = reliability(y, probs, STARS).to_dict('list')
        yield 'ece', [bins], ece(y, probs, STARS)
        yield 'sure', [bins], probs.max(1).mean()
        yield 'right', [bins], (probs.argmax(1) + 1 == y).mean()


def cuts(data, rng):
    place, gap = np.arange(4), .1
    for _ in range(20):
        score, drawn = rng.normal(), np.sort(rng.normal(0, 2, 4))
        logs = cumulative_log_probs(torch.tensor([[score]]), torch.tensor(drawn)[None])
        probs = logs.exp()[0].numpy()
        yield 'probs', [score, drawn], probs
        yield 'mean', [probs], probs @ STARS
        yield 'density', [drawn[0], score], logistic.pdf(drawn[0], score)
        now = (np.sort(rng.choice(81, 4, False)) - 40)/10
        k, to = rng.integers(4), rng.integers(-60, 60)/10
        there = np.clip(to, -4 + gap*k, 4 - gap*(3 - k))
        pushed = there + gap*(place - k)                # by the one that moves, on either side
        yield 'moved', [now, int(k), to], np.where(place < k, np.minimum(now, pushed), np.where(
            place > k, np.maximum(now, pushed), there))


def loop(data, rng):
    rows = rng.normal(size=(5, 11))
    yield 'mean', [rows], rows.mean(0)
    yield 'edges', [rows], np.stack([rows.min(0), rows.max(0)], 1)


def race(data, rng):
    for _ in range(20):
        errors, seconds = rng.integers(0, 9, (2, 12))/10
        both = list(zip(errors, seconds))
        beaten = [any(e <= at[0] and s <= at[1] and (j < i or (e, s) != at)
                      for j, (e, s) in enumerate(both)) for i, at in enumerate(both)]
        front = [int(i) for i in seconds.argsort(kind='stable') if not beaten[i]]
        yield 'frontier', [errors, seconds], front
        there = np.flatnonzero(seconds <= .2)
        yield 'best', [errors, seconds, .2], there[errors[there].argmin()] if len(there) else -1


def film_map(data, rng):
    places, titles = np.array(data['places']), np.array(data['titles'])
    assert len(places) == len(titles) < 400 and data['first'] in data['titles']
    for k in rng.choice(len(places), 20, False):
        near = cdist(places[k:k + 1], places)[0].argsort()
        yield 'nearest', [places, int(k), 5], near[near != k][:5]
    for words in ('star WARS', 'the', 'of Rings', 'zzz'):
        yield 'found', [titles, words], [k for k, title in enumerate(titles) if all(
            word in title.lower() for word in words.lower().split())]


def planted(data, rng):
    rows, columns, order, errors = (
        np.array(data[k]) for k in ('rows', 'columns', 'order', 'errors'))
    for rank, share in ((1, 0), (1, .2), (2, .1), (3, .1)):
        low = rows[:, :rank] @ columns[:, :rank].T/np.sqrt(rank)
        wild, wrong = np.zeros(low.size), order[:round(share*low.size)]
        wild[wrong] = errors[wrong]
        X, found = low + wild.reshape(low.shape), pcp(low + wild.reshape(low.shape))
        yield 'picture', [rows, columns, rank], low
        yield 'broken', [low, order, errors, share], X
        yield 'split', [X], [found.L, found.S]
        yield 'off', [X, low], np.linalg.norm(X - low)/np.linalg.norm(low)
    small = rng.normal(size=(7, 4))
    yield 'split', [small], [pcp(small).L, pcp(small).S]


# name -> (data, rng) -> calls: name in JS, its arguments, Python's result
SUMS = {'curve': curve, 'cuts': cuts, 'decay': decay, 'lines': lines, 'loop': loop, 'map': film_map,
        'newcomer': newcomer, 'planted': planted, 'race': race, 'stars': stars,
        'temperature': temperature}


@cache
def stored():
    "The figures stored in notebooks: (notebook, name) -> its cell's outputs in HTML, its own."
    found = {}
    for path in notebooks():
        if 'class=\\"answers\\"' not in path.read_text('utf-8'): continue
        for cell in code_cells(path):
            data = [out.data for out in cell.outputs if 'data' in out]
            for one in data:
                text = ''.join(one.get('text/html', ''))
                if not (match := re.match('<figure class="answers" id="figure-([a-z_]+)"', text)):
                    continue
                stills = [''.join(d['image/png']) for d in data if 'image/png' in d]
                assert len(stills) == 1, f'{path.name}: one still picture before {match[1]}'
                still = f'<img alt="still" src="data:image/png;base64,{stills[0]}">'
                found[name(path), match[1]] = f'<p>{still}</p><div>{text}</div>', text
    return found


def page_of(html, folder):
    "Write a page with one figure, in the site's style."
    style = (ROOT/'nbs'/'styles.css').read_text('utf-8')
    output = f'<div class="cell-output cell-output-display">{html}</div>'
    (folder/'index.html').write_text(
        f'{SHELL}<style>{style} body {{ margin: 8px }}</style>'
        f'<div class="cell">{output}</div></main>', 'utf-8')
    return folder


ONE = {name: key for key in stored() for name in key[1:]}       # one page for each


@pytest.fixture(params=ONE)
def figure(request, tmp_path):
    html, text = stored()[ONE[request.param]]
    return request.param, text, page_of(html, tmp_path)


@pytest.fixture
def page(figure, look):
    page = look(figure[2], 'index.html')
    page.faults = []
    page.on('pageerror', lambda e: page.faults.append(str(e)))
    yield page
    page.close()


def height(page): return page.locator(BOX).bounding_box()['height']


def finding(page): return page.locator(f'{BOX} .finding').is_visible()


def move(page, knob):
    "Press an arrow key on a knob; fails unless the figure says something else, as tall as before."
    before, tall = page.evaluate(TEXT), height(page)
    knob.focus()
    for key in 'ArrowRight', 'ArrowLeft':
        page.keyboard.press(key)
        if page.evaluate(TEXT) != before: break
    else: raise AssertionError(f'nothing answers to {knob.evaluate("e => e.outerHTML")}')
    assert abs(height(page) - tall) < 1 and knob.evaluate('e => e.labels.length')


def draw_by_hand(page):
    "Draw a falling line with the pointer."
    frame = page.locator(f'{BOX} svg.asks').bounding_box()
    page.mouse.move(frame['x'] + 50, frame['y'] + 60)
    page.mouse.down()
    page.mouse.move(frame['x'] + frame['width'] - 16, frame['y'] + 150, steps=4)
    page.mouse.up()
    values = [float(point.input_value()) for point in page.locator(POINTS).all()]
    assert values == sorted(values, reverse=True) and values[0] > values[-1]


def test_every_figure_is_shown_and_tested():
    built = {file.stem for file in (ROOT/'web'/'figures').glob('*.js')}
    sources = {file.stem for file in (ROOT/'web'/'src'/'figures').glob('*.js')} - {'kit'}
    assert built == sources, 'run `make web`'
    assert built == {*ONE} == {*SUMS}


@pytest.mark.parametrize('key', stored(), ids='-'.join)
def test_it_is_light_and_what_is_built(key):
    text = stored()[key][1]
    script = (ROOT/'web'/'figures'/f'{key[1]}.js').read_text('utf-8').strip()
    assert text.endswith(f'<script>{script}</script>'), 'make refresh for the notebook'
    assert len(text.encode()) <= MOST and not re.search(r'\$\$|\\[()\[\]]|\\[a-z]{2,}', text)
    assert not re.search(r'//\w+\.\w+', text.replace('http://www.w3.org', ''))


def test_numbers_are_those_of_python(figure, page):
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', figure[1])[1])
    calls = [(what, json.loads(json.dumps(args, default=np.ndarray.tolist)), want)
             for what, args, want in SUMS[figure[0]](data, np.random.default_rng(0))]
    assert {what for what, *_ in calls} == {*page.evaluate(
        f'Object.keys(document.querySelector("{BOX}").sums)')}, 'each sum is compared'
    found = page.evaluate(CALL, [call[:2] for call in calls])
    for (what, args, want), got in zip(calls, found):
        assert np.allclose(np.asarray(got, float), np.asarray(want, float), atol=1e-6), (what, args)


def test_it_answers_to_the_keyboard_and_nothing_shifts(page):
    assert page.evaluate(SHIFTS) < .01 and not page.get_by_alt_text('still').is_visible()
    tall, show = height(page), page.locator(BUTTONS).first
    if page.locator(POINTS).count():                    # a line to draw comes first
        assert not finding(page) and show.is_disabled()
        for point in page.locator(POINTS).all(): point.press('ArrowUp')
        show.press('Enter')
        assert finding(page) and height(page) == tall
        before = page.evaluate(TEXT)
        page.reload()                                   # the drawing stays
        assert finding(page) and page.evaluate(TEXT) == before
        page.get_by_text('Draw a line anew').press('Enter')
        assert not finding(page)
        draw_by_hand(page)
        show.click()
        assert finding(page)
        page.evaluate('localStorage.clear()')
        page.reload()
        assert not finding(page)
        page.evaluate('localStorage.setItem("collabdive guesses", "shown")')
        page.reload()                                   # those in a hurry
        assert finding(page)
    knobs = page.locator(KNOBS).all()
    assert knobs or page.locator(POINTS).count()
    for knob in knobs:
        if knob.get_attribute('type') == 'range' or knob.is_checked(): move(page, knob)
    assert not page.faults and not page.strangers


def test_without_scripts_the_still_stays(figure, look):
    context = look.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content((figure[2]/'index.html').read_text('utf-8'))
    assert page.get_by_alt_text('still').is_visible() and not page.locator(BOX).is_visible()
    context.close()


def test_axe_finds_nothing(page):
    if page.locator(POINTS).count(): page.get_by_text('Show it without a guess').click()
    for width, dark in (1000, False), (360, True):
        page.set_viewport_size({'width': width, 'height': 800})
        page.evaluate('dark => document.body.classList.toggle("quarto-dark", dark)', dark)
        page.wait_for_timeout(50)
        assert page.evaluate(WIDE) == [] and axe(page, BOX, rules={}) == []
        assert not page.evaluate('document.scrollingElement.scrollWidth > innerWidth')


def test_the_map_is_searched(look, tmp_path):
    html, text = next(v for (_, name), v in stored().items() if name == 'map')
    titles = json.loads(re.search(r'json">(.*?)</script>', text)[1])['titles']
    wanted = [title for title in titles if 'star wars' in title.lower()]
    page = look(page_of(html, tmp_path), 'index.html')
    page.get_by_label('Search').fill('Star Wars')
    assert page.get_by_text(f'{len(wanted)} found').is_visible() and len(wanted) > 3
    chosen = []
    for _ in wanted:
        chosen.append(page.locator(f'{BOX} text.mine').text_content().rstrip('…'))
        page.get_by_label('Search').press('Enter')
    assert all(any(title.startswith(one) for one in chosen) for title in wanted)
    page.close()
