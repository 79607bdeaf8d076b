// The map: a canvas, on which one can zoom, pan and walk from film to film.
import { quadtree } from 'd3-quadtree'
import { select } from 'd3-selection'
import { zoom, zoomIdentity } from 'd3-zoom'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { calm } from './ui.jsx'

const HUES = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8f7ee7', '#a39a00']
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }
const dark = matchMedia('(prefers-color-scheme: dark)')
const TAU = 2 * Math.PI

// From one star to five, as in all pictures of the lessons; a little lighter in the dark.
const STARS = ['#00224e', '#434e6c', '#7d7c78', '#bcaf6f', '#fee838']
  .map(hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)))

function ramp(t) {
  const x = 4 * (dark.matches ? .22 + .78 * t : .93 * t), k = Math.min(3, Math.floor(x))
  return `rgb(${[0, 1, 2].map(c => Math.round(STARS[k][c] + (x - k) * (STARS[k + 1][c] - STARS[k][c])))})`
}

// What each film is coloured by: a text for each, and what the legend says.
export function colours(by, items, stars, genreNames) {
  if (by === 'genre') return byGenre(items, genreNames)
  const value = { liking: i => stars[i], year: i => items[i].year,
                  popularity: i => Math.log10(Math.max(1, items[i].count)) }[by]
  const known = items.map(item => value(item.i)).filter(v => v !== null).sort((a, b) => a - b)
  const low = known[Math.floor(known.length * .02)], high = known[Math.floor(known.length * .98)]
  const steps = Array.from({ length: 64 }, (_, k) => ramp(k / 63))
  const pick = v => v === null ? null
    : steps[Math.round(63 * Math.min(1, Math.max(0, (v - low) / (high - low || 1))))]
  const tell = { liking: v => `${v.toFixed(1)} stars`, year: v => `${v}`,
                 popularity: v => `${Math.round(10 ** v)} ratings` }[by]
  return { of: items.map(item => pick(value(item.i))), ends: [tell(low), tell(high)], steps }
}

function byGenre(items, names) {
  const count = names.map(() => 0)
  for (const item of items) for (const g of item.genres) count[g]++
  const main = names.map((_, g) => g).sort((a, b) => count[b] - count[a]).slice(0, HUES.length)
  // of several the rarest, which tells most
  const own = items.map(item => main.findLastIndex(g => item.genres.includes(g)))
  return { of: own.map(k => k < 0 ? null : HUES[k]), shape: own,
           keys: main.map((g, k) => [names[g], HUES[k], k]) }
}

// A circle, a square, a diamond, a triangle: told apart without their colours too.
export function mark(ctx, x, y, r, shape) {
  if (!(shape > 0) || shape % 4 === 0) {
    ctx.moveTo(x + r, y)
    ctx.arc(x, y, r, 0, TAU)
    return
  }
  const turn = [0, Math.PI / 4, 0, -Math.PI / 2][shape % 4], n = shape % 4 === 3 ? 3 : 4, s = r * 1.2
  for (let k = 0; k <= n; k++) {
    const a = turn + k * TAU / n, at = [x + s * Math.cos(a), y + s * Math.sin(a)]
    k ? ctx.lineTo(...at) : ctx.moveTo(...at)
  }
}

export function FilmMap({ m, items, paint, you, rated, selected, near, dim, pick, view, control }) {
  const canvas = useRef(), self = useRef({})
  const world = useMemo(() => extent(m), [m])
  const tree = useMemo(() => quadtree(items.map(item => item.i),
    i => m.xy[2 * i], i => m.xy[2 * i + 1]), [m, items])
  Object.assign(self.current, { m, items, paint, rated, selected, near, dim, pick, view, world, tree })

  useLayoutEffect(() => {
    const s = self.current, node = canvas.current
    s.node = node
    s.ctx = node.getContext('2d')
    s.t = zoomIdentity
    s.you = s.goal = you
    s.base = document.createElement('canvas')     // all but you, who may be walking
    s.zoom = zoom().scaleExtent([1, 40])
      .filter(event => event.type === 'wheel' ? event.ctrlKey || document.activeElement === node
        : event.touches ? event.touches.length > 1 : !event.button)
      .on('zoom', event => { s.t = event.transform; redraw(s) })
      .on('end', () => s.view(inView(s)))
    const chosen = select(node).call(s.zoom)
    control.current = {
      by: factor => chosen.call(s.zoom.scaleBy, factor),
      whole: () => chosen.call(s.zoom.transform, zoomIdentity),
      around: rows => {
        const at = rows.map(i => [px(s, s.m.xy[2 * i]), py(s, s.m.xy[2 * i + 1])])
        const [[x0, x1], [y0, y1]] = [0, 1].map(a => at.map(p => p[a]))
          .map(all => [Math.min(...all), Math.max(...all)])
        const k = Math.min(12, .7 * s.w / (x1 - x0 + 1), .7 * s.h / (y1 - y0 + 1))
        chosen.call(s.zoom.transform, zoomIdentity.translate(s.w / 2, s.h / 2).scale(Math.max(1, k))
          .translate(-(x0 + x1) / 2, -(y0 + y1) / 2))
      },
      to: (x, y, k = Math.max(s.t.k, 3)) => chosen.call(s.zoom.transform, zoomIdentity
        .translate(s.w / 2, s.h / 2).scale(k).translate(-px(s, x), -py(s, y)))
    }
    const size = () => {
      const { width, height } = node.getBoundingClientRect(), dpr = devicePixelRatio || 1
      if (!width || (s.w === width && s.h === height)) return
      Object.assign(s, { w: width, h: height, dpr })
      node.width = width * dpr
      node.height = height * dpr
      s.zoom.extent([[0, 0], [width, height]]).translateExtent([[0, 0], [width, height]])
      redraw(s)
      s.view(inView(s))
    }
    const watch = new ResizeObserver(size)
    watch.observe(node)
    size()
    const turned = () => { s.theme = null; s.repaint?.(); redraw(s) }
    dark.addEventListener('change', turned)
    return () => { watch.disconnect(); dark.removeEventListener('change', turned) }
  }, [])

  useEffect(() => redraw(self.current), [paint, rated, selected, near, dim])
  useEffect(() => walk(self.current, you), [you[0], you[1]])

  const place = event => [event.offsetX, event.offsetY]
  const onClick = event => {
    const i = under(self.current, ...place(event), 24)
    if (i !== undefined) pick(i)
  }
  const onPointerMove = event => {
    const s = self.current, i = event.buttons ? undefined : under(s, ...place(event), 14)
    s.node.style.cursor = i === undefined ? '' : 'pointer'
    if (i !== s.over) { s.over = i; redraw(s) }
  }
  const onKeyDown = event => {
    const s = self.current, way = ARROWS[event.key]
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (way && event.shiftKey) select(s.node).call(s.zoom.translateBy,
      -way[0] * 60 / s.t.k, -way[1] * 60 / s.t.k)
    else if (way) go(s, way, control.current)
    else if (event.key === '+' || event.key === '=') control.current.by(1.5)
    else if (event.key === '-') control.current.by(1 / 1.5)
    else if (event.key === '0') control.current.whole()
    else if (event.key === 'Escape') pick(null)
    else return
    event.preventDefault()
  }
  return <canvas ref={canvas} tabindex="0" role="application" aria-label="Map of films"
    aria-describedby="map-keys" {...{ onClick, onPointerMove, onKeyDown }}
    onPointerLeave={() => { self.current.over = undefined; redraw(self.current) }} />
}

function extent(m) {
  const middle = [0, 0], reach = [0, 0]
  for (let a = 0; a < 2; a++) {
    const all = Array.from({ length: m.n }, (_, i) => m.xy[2 * i + a]).sort((x, y) => x - y)
    middle[a] = (all[0] + all[m.n - 1]) / 2
    reach[a] = (all[m.n - 1] - all[0]) / 2 || 1
  }
  return { middle, reach }
}

// From the map's own coordinates to pixels before any zoom; the same scale on both axes.
const unit = s => Math.min((s.w / 2 - 14) / s.world.reach[0], (s.h / 2 - 14) / s.world.reach[1])
const px = (s, x) => s.w / 2 + (x - s.world.middle[0]) * unit(s)
const py = (s, y) => s.h / 2 - (y - s.world.middle[1]) * unit(s)
const spot = (s, i) => [s.t.applyX(px(s, s.m.xy[2 * i])), s.t.applyY(py(s, s.m.xy[2 * i + 1]))]

function inView(s) {
  return s.items.filter(item => {
    const [x, y] = spot(s, item.i)
    return x >= 0 && y >= 0 && x <= s.w && y <= s.h
  }).map(item => item.i)
}

function under(s, x, y, reach) {
  const u = unit(s), [wx, wy] = s.t.invert([x, y])
  return s.tree.find((wx - s.w / 2) / u + s.world.middle[0],
    (s.h / 2 - wy) / u + s.world.middle[1], reach / (u * s.t.k))
}

// The next film in a direction, within a quarter turn.
function go(s, [dx, dy], control) {
  const from = s.selected ?? null, [x, y] = from === null ? [s.w / 2, s.h / 2] : spot(s, from)
  let best = null, least = Infinity
  for (const { i } of s.items) {
    if (i === from) continue
    const [ox, oy] = spot(s, i), along = (ox - x) * dx + (oy - y) * dy
    const across = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx)
    if (from !== null && (along <= .5 || across > along)) continue
    const far = Math.hypot(ox - x, oy - y)
    if (far < least) { least = far; best = i }
  }
  if (best === null) return
  const [bx, by] = spot(s, best)
  if (bx < 0 || by < 0 || bx > s.w || by > s.h) control.to(s.m.xy[2 * best], s.m.xy[2 * best + 1])
  s.pick(best)
}

// You walk to where your ratings put you.
function walk(s, goal) {
  cancelAnimationFrame(s.frame)
  s.goal = goal
  const from = s.you, begun = performance.now()
  if (calm.matches || (from[0] === goal[0] && from[1] === goal[1])) { s.you = goal; redraw(s); return }
  redraw(s)
  const step = now => {
    const t = Math.min(1, Math.max(0, (now - begun) / 600)), e = 1 - (1 - t) ** 3
    s.you = [0, 1].map(a => from[a] + (goal[a] - from[a]) * e)
    show(s)
    if (t < 1) s.frame = requestAnimationFrame(step)
  }
  s.frame = requestAnimationFrame(step)
}

function redraw(s) {
  if (!s.w || s.asked) return
  s.asked = requestAnimationFrame(() => { s.asked = 0; draw(s); show(s) })
}

function theme(s) {
  const css = getComputedStyle(s.node), of = name => css.getPropertyValue(`--cd-${name}`).trim()
  s.theme ??= { text: of('text'), page: of('page'), muted: of('muted'), line: of('line'),
                accent: of('accent'), blank: of('blank'), font: css.fontFamily }
  return s.theme
}

function draw(s) {
  const { t, w, h, items, paint } = s, c = theme(s), ctx = s.base.getContext('2d')
  s.base.width = w * s.dpr                                      // which wipes it
  s.base.height = h * s.dpr
  ctx.setTransform(s.dpr, 0, 0, s.dpr, 0, 0)
  const grow = Math.min(2.2, t.k ** .35), most = Math.max(1, ...items.slice(0, 1).map(i => i.count))
  const radius = item => (1.6 + 3 * Math.sqrt((item.count ?? most / 4) / most)) * grow
  const places = new Map(), paths = new Map()                   // one path for each colour is quick
  for (const item of items) {
    const [x, y] = spot(s, item.i)
    if (x < -9 || y < -9 || x > w + 9 || y > h + 9) continue
    places.set(item.i, [x, y])
    const key = s.dim[item.i] ? '' : paint.of[item.i] ?? c.blank
    if (!paths.has(key)) paths.set(key, new Path2D())
    mark(paths.get(key), x, y, radius(item), paint.shape?.[item.i])
  }
  for (const [key, path] of paths) {
    ctx.globalAlpha = key ? .85 : .15
    ctx.fillStyle = key || c.muted
    ctx.fill(path)
  }
  ctx.globalAlpha = 1
  const ring = (i, r, width, colour) => {
    if (!places.has(i)) return
    ctx.lineWidth = width
    ctx.strokeStyle = colour
    ctx.beginPath()
    ctx.arc(...places.get(i), r, 0, TAU)
    ctx.stroke()
  }
  if (s.selected !== null) {
    ctx.strokeStyle = c.text
    ctx.lineWidth = 1
    for (const [, i] of s.near) {
      ctx.beginPath()
      ctx.moveTo(...spot(s, s.selected))
      ctx.lineTo(...spot(s, i))
      ctx.stroke()
    }
    ring(s.selected, 9, 2.5, c.text)
  }
  for (const i of s.rated.keys()) ring(i, 7, 2, c.accent)
  name(s, ctx, c, places)
}

// Names of the best known, where there is room; those that were asked for come first.
function name(s, ctx, c, places) {
  const { w, h, items } = s, boxes = []
  const [ux, uy] = [s.t.applyX(px(s, s.goal[0])), s.t.applyY(py(s, s.goal[1]))]
  boxes.push([ux - 24, uy - 16, ux + 24, uy + 26])
  ctx.textBaseline = 'middle'
  ctx.lineJoin = 'round'
  const write = (i, strong) => {
    const [x, y] = places.get(i), text = items[i].short
    ctx.font = `${strong ? 600 : 400} 12px ${c.font}`
    const wide = ctx.measureText(text).width, left = x + wide + 14 > w ? x - wide - 9 : x + 9
    const box = [left - 4, y - 9, left + wide + 4, y + 9]
    if (left < 2 || box[1] < 0 || box[3] > h) return false
    if (boxes.some(b => b[0] < box[2] && box[0] < b[2] && b[1] < box[3] && box[1] < b[3])) return false
    boxes.push(box)
    ctx.lineWidth = 4
    ctx.strokeStyle = c.page
    ctx.strokeText(text, left, y)
    ctx.fillStyle = c.text
    ctx.fillText(text, left, y)
    return true
  }
  const first = [s.over, s.selected, ...s.near.map(([, i]) => i), ...s.rated.keys()]
  for (const i of first) if (places.has(i)) write(i, i === s.selected || i === s.over)
  let left = Math.round(w * h / 16000)
  for (const { i } of items) {
    if (left <= 0) break
    if (places.has(i) && !s.dim[i] && !first.includes(i) && write(i)) left--
  }
}

function show(s) {
  const { ctx } = s, c = theme(s)
  const [ux, uy] = [s.t.applyX(px(s, s.you[0])), s.t.applyY(py(s, s.you[1]))]
  ctx.setTransform(1, 0, 0, 1, 0, 0)
  ctx.clearRect(0, 0, s.node.width, s.node.height)
  ctx.drawImage(s.base, 0, 0)
  ctx.setTransform(s.dpr, 0, 0, s.dpr, 0, 0)
  ctx.lineJoin = 'round'
  ctx.textBaseline = 'middle'
  ctx.lineWidth = 3
  ctx.strokeStyle = c.page
  ctx.fillStyle = c.accent
  ctx.beginPath()
  ctx.arc(ux, uy, 9, 0, TAU)
  ctx.stroke()
  ctx.fill()
  ctx.font = `700 13px ${c.font}`
  ctx.textAlign = 'center'
  ctx.strokeText('you', ux, uy + 19)
  ctx.fillText('you', ux, uy + 19)
  ctx.textAlign = 'start'
}
