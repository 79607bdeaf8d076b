// Opens each page in a frame, looks at it as wide as a desk and as a phone, in the light and in the dark,
// and posts what it sees to tests/browser.py, which serves it.
const DESK = 1200, PHONE = 360, SETTLE = 500;  // pixels; milliseconds until colours and boxes are at rest
const COLOURS = ['color-contrast', 'link-in-text-block'];  // rules whose answer depends on the colours
const wait = ms => new Promise(done => setTimeout(done, ms));

async function until(test, tries = 40) {
  while (tries-- && !test()) await wait(50);
  return Boolean(test());
}

async function open(page, width) {
  const frame = document.createElement('iframe');
  frame.style = `width: ${width}px; height: 800px; border: 0`;
  document.body.append(frame);
  await wait(50);  // until the frame knows whether its surroundings are dark
  const blank = () => frame.contentWindow.location.href === 'about:blank';
  const loaded = new Promise(done => frame.onload = () => blank() || done());
  frame.src = '/' + page;
  await loaded;
  return frame;
}

// ---------------------------------------------------------------- colours

const rgba = text => {
  const [r, g, b, a = 1] = (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  return [r, g, b, a];
};
const over = (top, below) => top.slice(0, 3).map((c, i) => c*top[3] + below[i]*(1 - top[3]));

function luminance(colour) {
  const [r, g, b] = colour.map(c => (c /= 255) <= .04045 ? c/12.92 : ((c + .055)/1.055)**2.4);
  return .2126*r + .7152*g + .0722*b;
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + .05)/(low + .05);
}

function background(element, w) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const colour = rgba(w.getComputedStyle(e).backgroundColor);
    layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
}

// Text too close to its background. Axe leaves it open where a box cuts its text off; this does not.
function faintText(d, w) {
  const found = new Set(), walker = d.createTreeWalker(d.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    const e = node.parentElement, style = w.getComputedStyle(e);
    if (!/\S/.test(node.data) || !e.getClientRects().length || style.visibility !== 'visible') continue;
    if (e.closest('script, style, noscript, [aria-hidden="true"]')) continue;
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    const behind = background(e, w), ratio = contrast(over(rgba(style.color), behind), behind);
    if (ratio < (large ? 3 : 4.5)) found.add(`${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
  }
  return [...found];
}

// How light the lightest figure is, from 0 to 1: its own pixels, through the filter that the page gives it.
async function glare(d, w) {
  let most = 0;
  for (const img of d.querySelectorAll('main img')) {
    img.loading = 'eager';
    await img.decode();
    const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
    [canvas.width, canvas.height] = [64, 48];
    pen.filter = w.getComputedStyle(img).filter;
    pen.drawImage(img, 0, 0, 64, 48);
    const data = pen.getImageData(0, 0, 64, 48).data;
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
    most = Math.max(most, sum/(64*48*3*255));
  }
  return most;
}

async function axe(d, w, rules) {
  if (!AXE) return [];
  if (!w.axe) await new Promise(done => {
    const script = d.createElement('script');
    script.src = '/-/axe.js';
    script.onload = done;
    d.head.append(script);
  });
  const options = {resultTypes: ['violations'], preload: false, selectors: false, iframes: false};
  if (rules) options.runOnly = {type: 'rule', values: rules};
  const result = await w.axe.run(d, options);
  return result.violations.map(v => `${v.impact} ${v.id}: ${v.nodes.length} x ${v.nodes[0].html.slice(0, 150)}`);
}

// ---------------------------------------------------------------- layout

function sticksOut(e, d, w) {
  if (!e.getClientRects().length || e.getBoundingClientRect().right <= PHONE + 1) return false;
  for (let p = e.parentElement; p && p !== d.body; p = p.parentElement)
    if (/auto|scroll|hidden/.test(w.getComputedStyle(p).overflowX)) return false;
  return true;
}

async function unfolds(d, w, fold, act) {
  const body = d.querySelector(fold.dataset.bsTarget || '.' + fold.getAttribute('aria-controls'));
  const before = body.classList.contains('show');
  act();
  const moved = () => body.classList.contains('show') !== before;
  return until(() => moved() && !body.classList.contains('collapsing'));
}

// ---------------------------------------------------------------- one page

async function onDesk(seen, d, w) {
  seen.title = d.title;
  seen.background = w.getComputedStyle(d.body).backgroundColor;
  seen.figures = d.querySelectorAll('main img').length;
  seen.glare = await glare(d, w);
  seen.faint = faintText(d, w);
  seen.axe = await axe(d, w);
  seen.flatMath = [...d.querySelectorAll('math')]
    .filter(e => e.getClientRects().length && !e.getBoundingClientRect().height).length;
  const fold = d.querySelector('.callout-header[data-bs-toggle]');
  if (fold) {
    seen.unfolds = await unfolds(d, w, fold, () => fold.click());
    const enter = new w.KeyboardEvent('keydown', {key: 'Enter', bubbles: true});
    seen.foldsByKey = await unfolds(d, w, fold, () => { fold.focus(); fold.dispatchEvent(enter); });
  }
  const search = d.querySelector('.smalldocs-search input');
  if (search) {
    search.focus();
    search.value = 'rating';
    search.dispatchEvent(new w.Event('input', {bubbles: true}));
    seen.finds = await until(() => d.querySelector('.search-result'));
  }
}

async function inTheDark(seen, d, w) {
  const toggle = d.querySelector('.quarto-color-scheme-toggle');
  if (!toggle) return;
  toggle.click();
  const colour = () => w.getComputedStyle(d.body).backgroundColor;
  await until(() => colour() !== seen.background && d.querySelector('.quarto-dark'));
  await wait(SETTLE);
  seen.dark = {background: colour(), faint: faintText(d, w), axe: await axe(d, w, COLOURS), glare: await glare(d, w)};
  toggle.click();
  seen.dark.goes = await until(() => colour() === seen.background && !d.querySelector('.quarto-dark'));
}

async function onPhone(seen, d, w, frame) {
  frame.style.width = PHONE + 'px';
  await wait(SETTLE);
  seen.width = d.scrollingElement.scrollWidth;
  seen.sticksOut = [...d.querySelectorAll('main *')].filter(e => sticksOut(e, d, w))
    .map(e => e.tagName + '.' + e.className);
  seen.axe.push(...await axe(d, w, ['scrollable-region-focusable', 'meta-viewport', 'target-size']));
}

async function look(page) {
  const seen = {page}, frame = await open(page, DESK), d = frame.contentDocument, w = frame.contentWindow;
  await onDesk(seen, d, w);
  await inTheDark(seen, d, w);
  await onPhone(seen, d, w, frame);
  frame.remove();
  return seen;
}

(async () => {
  const all = [];
  for (const page of PAGES) {
    try { all.push(await look(page)); }
    catch (error) { all.push({page, error: String(error)}); }
  }
  await wait(SETTLE);  // for the last report of a request to another host
  await fetch('/-/seen', {method: 'POST', body: JSON.stringify(all)});
})();
