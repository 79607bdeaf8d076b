// What the figures of the lessons share: the frame, knobs, a plot, a line that the reader draws.
import css from './kit.css'

const fill = (element, set, children) => {
  for (const [name, value] of Object.entries(set)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (value !== false) element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children)
  return element
}
// An element of HTML, and one of SVG: attributes, on... as listeners, children.
export const make = (tag, set = {}, ...children) => fill(document.createElement(tag), set, children)
export const draw = (tag, set = {}, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), set, children)

export const fixed = (value, places = 2) =>
  (Math.round(value * 10 ** places) / 10 ** places || 0).toFixed(places).replace('-', '−')

const memory = {                  // an output's frame may have none, as on Colab
  get: key => { try { return localStorage.getItem(key) } catch { return null } },
  set: (key, value) => { try { localStorage.setItem(key, value) } catch { /* asked again then */ } }
}

// Builds each figure of this name that waits on the page, in the place of its still picture. `sums`
// holds the arithmetic, which tests/site/test_answers.py compares with Python's.
export function figure(name, sums, build) {
  for (const box of document.querySelectorAll(`figure.answers[data-name="${name}"]:not(.live)`)) {
    const data = JSON.parse(box.querySelector('script').textContent)
    const stage = make('div', { class: 'stage' }), last = box.querySelector('.finding')
    box.classList.add('live')
    box.append(make('style', {}, css), stage, last)
    box.style.display = ''
    Object.assign(box, { sums, data })
    build(stage, data, box)
    for (let around = box; (around = around.parentElement);) {
      const before = [...around.querySelectorAll('img')].filter(
        img => img.compareDocumentPosition(box) & Node.DOCUMENT_POSITION_FOLLOWING)
      if (!before.length) continue
      let still = before.pop()
      while (still.parentElement !== around) still = still.parentElement
      still.style.display = 'none'
      break
    }
  }
}

// A sentence that follows the knobs. Returns a function that sets it.
export function sentence(stage) {
  const said = make('p', { class: 'says', role: 'status' })
  stage.append(said)
  return text => { if (said.textContent !== text) said.textContent = text }
}

// A row for knobs: they stand side by side where there is room.
export function knobs(stage) {
  const row = make('div', { class: 'knobs' })
  stage.append(row)
  return row
}

// A slider; its `value` is a number, and `set` moves it.
export function slider(row, { label, min, max, step, value, show = fixed }, changed) {
  const out = make('output'), input = make('input', { type: 'range', min, max, step, value })
  const knob = {
    input,
    get value() { return +input.value },
    set(to) { input.value = to; tell() }
  }
  const tell = () => {
    out.textContent = show(knob.value)
    input.setAttribute('aria-valuetext', out.textContent)
  }
  input.addEventListener('input', () => { tell(); changed(knob.value) })
  row.append(make('label', { class: 'knob' }, make('span', {}, label), input, out))    // a label is for its first
  tell()
  return knob
}

let groups = 0
// One of several; its `value` is the number of the option, from 0.
export function choice(row, { label, options, value = 0 }, changed) {
  const name = `answers-${groups++}`, knob = { value }
  const all = options.map((text, k) => make('label', {}, make('input', {
    type: 'radio', name, checked: k === value,
    onchange: () => { knob.value = k; changed(k) } }), text))
  row.append(make('fieldset', {}, make('legend', {}, label), ...all))
  return knob
}

function scale({ from, to, log }, a, b) {
  const f = log ? Math.log : v => v, per = (b - a) / (f(to) - f(from))
  const map = v => a + (f(v) - f(from)) * per
  map.back = at => { const v = f(from) + (at - a) / per; return log ? Math.exp(v) : v }
  return map
}

function ticksOf({ from, to, ticks }) {
  if (ticks) return ticks.filter(v => v >= from && v <= to)
  const rough = (to - from) / 5, ten = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(m => m * ten).find(s => s >= rough - 1e-9), found = []
  for (let v = Math.ceil(from / step - 1e-9) * step; v <= to + step * 1e-6; v += step)
    found.push(+v.toFixed(9))
  return found
}

const SHAPES = {
  o: r => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
  s: r => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  '^': r => `M0,${-1.2 * r}L${1.15 * r},${.8 * r}H${-1.15 * r}z`,
  v: r => `M0,${1.2 * r}L${1.15 * r},${-.8 * r}H${-1.15 * r}z`,
  D: r => `M0,${-1.35 * r}L${1.35 * r},0L0,${1.35 * r}L${-1.35 * r},0z`
}

// A plot as wide as the page allows, drawn anew by `paint(p)` at each change and width. `x` and `y`:
// { from, to, log, ticks, show, title }, x or a function of the plot's inner width and height that
// gives it; all that p draws is in their units. `label()`: in words.
export function plot(stage, options, paint) {
  const { height = 290, y, label, left = 46, right = 14, top = 14, bottom = 42 } = options
  const svg = draw('svg', { role: 'img' })
  const p = { svg }
  const redraw = () => {
    const width = Math.max(240, stage.clientWidth), high = height
    const x = typeof options.x !== 'function' ? options.x
      : options.x(width - left - right, high - top - bottom)
    svg.replaceChildren()
    for (const [name, value] of Object.entries({ viewBox: `0 0 ${width} ${high}`, height: high,
      'aria-label': label() })) svg.setAttribute(name, value)
    const X = p.X = scale(x, left, width - right), Y = p.Y = scale(y, high - bottom, top)
    Object.assign(p, { width, left, right: width - right, top, bottom: high - bottom })
    axes(p, svg, x, y)
    const [wide, tall] = [width - left - right, high - top - bottom]
    const inside = draw('svg', { x: left, y: top, width: wide, height: tall, viewBox: `${left} ${top} ${wide} ${tall}`,
      style: `width: ${wide}px !important; height: ${tall}px !important` })      // a page has its own rules
    svg.append(inside)
    const put = (element, free) => { (free ? svg : inside).append(element); return element }
    p.line = (points, look = '') => put(draw('path', { class: `trace ${look}`, d: points.map(
      ([a, b], k) => `${k ? 'L' : 'M'}${X(a).toFixed(1)},${Y(b).toFixed(1)}`).join('') }))
    p.mark = (a, b, shape = 'o', look = '', r = 5) => {       // whole at the edge, and not beyond it
      const mark = draw('path', { class: `mark ${look}`, d: SHAPES[shape](r),
        transform: `translate(${X(a).toFixed(1)},${Y(b).toFixed(1)})` })
      const out = X(a) < left - 1 || X(a) > p.right + 1 || Y(b) < top - 1 || Y(b) > p.bottom + 1
      return out ? mark : put(mark, true)
    }
    p.text = (a, b, text, { look = '', anchor = 'start', dx = 0, dy = 0 } = {}) => put(draw('text', {
      class: look, 'text-anchor': anchor, x: X(a) + dx, y: Y(b) + dy }, text), true)
    p.box = (a, b, c, d, look = '') => put(draw('rect', { class: `fill ${look}`, x: Math.min(X(a), X(c)),
      y: Math.min(Y(b), Y(d)), width: Math.abs(X(c) - X(a)), height: Math.abs(Y(d) - Y(b)) }))
    p.arrow = (a, b, look = '') => {               // from the origin
      const [u, v] = [X(a) - X(0), Y(b) - Y(0)], long = Math.hypot(u, v) || 1, [e, f] = [u / long, v / long]
      const head = Math.min(12, long), at = (back, side) =>
        `${(X(a) - back * e - side * f).toFixed(1)},${(Y(b) - back * f + side * e).toFixed(1)}`
      put(draw('path', { class: `trace ${look}`, d: `M${X(0)},${Y(0)}L${at(head * .8, 0)}` }), true)
      put(draw('path', { class: `fill ${look}`, d: `M${at(0, 0)}L${at(head, head * .45)}L${at(head, -head * .45)}z` }), true)
    }
    paint(p)
  }
  stage.append(svg)
  let seen = 0
  new ResizeObserver(() => { if (stage.clientWidth !== seen) { seen = stage.clientWidth; redraw() } }).observe(stage)
  redraw()
  return { svg, redraw, p }
}

function axes(p, svg, x, y) {
  const show = (axis, v) => (axis.show ?? (w => String(+w.toFixed(6)).replace('-', '−')))(v)
  for (const v of ticksOf(y)) {
    svg.append(draw('line', { class: 'grid', x1: p.left, x2: p.right, y1: p.Y(v), y2: p.Y(v) }),
      draw('text', { class: 'soft', 'text-anchor': 'end', x: p.left - 7, y: p.Y(v) + 4 }, show(y, v)))
  }
  for (const v of ticksOf(x)) {
    svg.append(draw('line', { class: 'grid', x1: p.X(v), x2: p.X(v), y1: p.bottom, y2: p.bottom + 5 }),
      draw('text', { class: 'soft', 'text-anchor': 'middle', x: p.X(v), y: p.bottom + 19 }, show(x, v)))
  }
  svg.append(draw('text', { class: 'title', 'text-anchor': 'middle', x: (p.left + p.right) / 2,
    y: p.bottom + (ticksOf(x).length ? 37 : 17) }, x.title ?? ''))
  if (y.title) svg.append(draw('text', { class: 'title', 'text-anchor': 'middle',
    transform: `translate(13,${(p.top + p.bottom) / 2}) rotate(-90)` }, y.title))
}

// Calls at(x, y, begun) while the pointer is down on a plot, in the plot's units.
export function drag({ svg, p }, at) {
  let down = false
  const told = (event, begun) => {
    const frame = svg.getBoundingClientRect(), size = p.width / frame.width
    at(p.X.back((event.clientX - frame.left) * size), p.Y.back((event.clientY - frame.top) * size), begun)
  }
  svg.addEventListener('pointerdown', event => {
    down = true
    svg.setPointerCapture(event.pointerId)
    event.preventDefault()
    told(event, true)
  })
  svg.addEventListener('pointermove', event => { if (down) told(event, false) })
  for (const end of ['pointerup', 'pointercancel']) svg.addEventListener(end, () => { down = false })
}

// How far a drawn line is from the curve, on average.
export const miss = (drawn, curve) =>
  drawn.reduce((sum, v, k) => sum + Math.abs(v - curve[k]), 0) / curve.length

// The reader draws a line over `xs`, by pointer or by keyboard, before the curve is shown; the line
// stays, and the browser keeps it. Call `attach(plot)` once, `paint(p)` in the plot's paint.
// `told`: whether the curve may be shown. `y`: the plot's axis, `where(x)`: a place in words.
export function sketch(stage, box, { xs, y, step, where }, changed) {
  const key = `collabdive drawn ${location.pathname} ${box.id}`, n = xs.length
  const kept = JSON.parse(memory.get(key) ?? 'null')
  const right = kept?.length === n && kept.every(Number.isFinite)
  const finding = box.querySelector('.finding')
  const s = { drawn: right ? kept : Array(n).fill(NaN), given: right,
    told: right || memory.get('collabdive guesses') === 'shown' }
  const full = () => s.drawn.every(Number.isFinite)
  const clip = v => Math.min(y.to, Math.max(y.from, Math.round(v / step) * step))
  const inputs = xs.map((x, k) => make('input', { type: 'range', min: y.from, max: y.to, step,
    value: (y.from + y.to) / 2, 'aria-label': `Your guess at ${where(x)}`,
    oninput: () => { s.drawn[k] = +inputs[k].value; update() },
    onfocus: () => { s.at = k; changed() }, onblur: () => { s.at = null; changed() } }))
  const keys = make('div', { class: 'unseen', role: 'group', 'aria-label': 'Your line, point by point' }, ...inputs)
  const tell = given => {
    s.told = true
    s.given = given
    if (given) memory.set(key, JSON.stringify(s.drawn))
    update()
    again.focus({ preventScroll: true })
  }
  const ready = make('button', { type: 'button', onclick: () => tell(true) }, 'Show what came out')
  const skip = make('button', { type: 'button', onclick: () => tell(full()) }, 'Show it without a guess')
  const again = make('button', { type: 'button', onclick: () => {
    Object.assign(s, { told: false, given: false, drawn: Array(n).fill(NaN) })
    update()
    inputs[0].focus({ preventScroll: true })
  } }, 'Draw a line anew')
  let plotted
  const update = () => {
    ready.disabled = !full()
    ready.hidden = skip.hidden = keys.hidden = s.told
    again.hidden = !s.told
    finding.classList.toggle('veiled', !s.told)
    plotted?.svg.classList.toggle('asks', !s.told)
    changed()
  }
  stage.append(make('div', { class: 'buttons' }, keys, ready, skip, again))
  let last = null
  s.attach = made => {
    plotted = made
    drag(made, (x, value, begun) => {
      if (s.told) return
      const far = xs.map(v => Math.abs(made.p.X(v) - made.p.X(x))), k = far.indexOf(Math.min(...far))
      s.drawn[k] = clip(value)
      if (!begun && last !== null) {                 // a quick hand skips places
        const a = Math.min(last, k), b = Math.max(last, k)
        for (let j = a + 1; j < b; j++)
          s.drawn[j] = clip(s.drawn[a] + (s.drawn[b] - s.drawn[a]) * (j - a) / (b - a))
      }
      last = k
      inputs.forEach((input, j) => { if (Number.isFinite(s.drawn[j])) input.value = s.drawn[j] })
      update()
    })
    update()
  }
  s.paint = p => {
    const points = xs.map((x, k) => [x, s.drawn[k]]).filter(([, v]) => Number.isFinite(v))
    if (points.length && (s.given || !s.told)) {
      p.line(points, 'warm dashed')
      for (const [x, v] of points) p.mark(x, v, 'D', 'warm', 3.5)
    }
    if (!s.told && s.at != null) {
      const v = +inputs[s.at].value
      p.mark(xs[s.at], v, 'o', 'faint', 10)
    }
  }
  return s
}
