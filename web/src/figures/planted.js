// Lesson 17: a planted picture of some rank, a share of wrong pixels, and what pcp makes of it.
import { draw, figure, fixed, knobs, make, sentence, slider } from './kit.js'

const zeros = (n, d) => Array.from({ length: n }, () => Array(d).fill(0))
const map = (f, ...tables) => tables[0].map((row, i) => row.map((_, j) => f(...tables.map(t => t[i][j]))))
const norm = X => Math.sqrt(X.flat().reduce((sum, v) => sum + v * v, 0))
const times = (A, B) => A.map(row => {
  const sums = Array(B[0].length).fill(0)
  row.forEach((v, k) => { const other = B[k]; for (let j = 0; j < sums.length; j++) sums[j] += v * other[j] })
  return sums
})
const turned = X => X[0].map((_, j) => X.map(row => row[j]))

// Eigenvalues and eigenvectors of a symmetric table, by rotations that make it diagonal (Jacobi).
function eigen(table) {
  const n = table.length, A = Float64Array.from(table.flat()), V = new Float64Array(n * n), all = norm(table)
  for (let k = 0; k < n; k++) V[k * n + k] = 1
  const rotate = (M, at, to, by, c, s) => {
    for (let k = 0; k < n; k++, at += by, to += by) {
      const a = M[at], b = M[to]
      M[at] = c * a - s * b
      M[to] = s * a + c * b
    }
  }
  for (let sweep = 0, off = Infinity; sweep < 30 && off > 1e-11 * all; sweep++) {
    off = 0
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
      const size = A[p * n + q]
      off = Math.max(off, Math.abs(size))
      if (Math.abs(size) < 1e-16 * all) continue
      const theta = (A[q * n + q] - A[p * n + p]) / (2 * size)
      const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1)), c = 1 / Math.sqrt(t * t + 1)
      rotate(A, p, q, n, c, t * c)
      rotate(A, p * n, q * n, 1, c, t * c)
      rotate(V, p, q, n, c, t * c)
    }
  }
  return { values: table.map((_, k) => A[k * n + k]), V: table.map((_, k) => [...V.subarray(k * n, k * n + n)]) }
}

function shrinkSingular(X, by) {
  const { values, V } = eigen(times(turned(X), X))
  const kept = values.map((v, k) => [Math.sqrt(Math.max(v, 0)), k]).filter(([s]) => s > by)
  const W = V.map(row => kept.map(([, k]) => row[k])), weights = kept.map(([s]) => 1 - by / s)
  if (!kept.length) return zeros(X.length, X[0].length)
  return times(times(X, W).map(row => row.map((v, k) => v * weights[k])), turned(W))
}
const shrink = (v, by) => Math.max(v - by, 0) + Math.min(v + by, 0)

export const sums = {
  picture: (rows, columns, rank) => rows.map(row => columns.map(column =>
    row.slice(0, rank).reduce((sum, v, k) => sum + v * column[k], 0) / Math.sqrt(rank))),
  broken: (low, order, errors, share) => {
    const X = low.map(row => [...row]), d = low[0].length
    for (const at of order.slice(0, Math.round(share * order.length))) X[Math.floor(at / d)][at % d] += errors[at]
    return X
  },
  split: given => {                          // the loop of collabdive.robust_pca.pcp: [L, S]
    const most = Math.max(...given.flat().map(Math.abs)), X = map(v => v / most, given)
    const size = norm(X), largest = Math.sqrt(Math.max(...eigen(times(turned(X), X)).values))
    const lam = 1 / Math.sqrt(Math.max(X.length, X[0].length))
    let Y = zeros(X.length, X[0].length), S = Y, L = Y, mu = 1.25 / largest, step = Infinity
    for (let n = 0; n < 500; n++) {
      const lastS = S, lastStep = step
      L = shrinkSingular(map((x, s, y) => x - s + y / mu, X, S, Y), 1 / mu)
      S = map((x, l, y) => shrink(x - l + y / mu, lam / mu), X, L, Y)
      const rest = map((x, l, s) => x - l - s, X, L, S), residual = norm(rest) / size
      Y = map((y, r) => y + mu * r, Y, rest)
      step = mu * norm(map((s, t) => s - t, S, lastS)) / norm(Y)
      if (residual < 1e-7 && step < 1e-4) break
      if (step < Math.max(5 * residual, .8 * lastStep)) mu = Math.min(1.5 * mu, 1e10 / largest)
      else if (step > 300 * residual) mu /= 1.5
    }
    return [L, S].map(part => map(v => v * most, part))
  },
  off: (A, B) => norm(map((a, b) => a - b, A, B)) / norm(B)
}

figure('planted', sums, (stage, data) => {
  const n = data.rows.length, d = data.columns.length, row = knobs(stage)
  const rank = slider(row, { label: 'Rank of the picture', min: 1, max: data.rows[0].length, step: 1, value: data.rank,
    show: v => fixed(v, 0) }, () => update())
  const share = slider(row, { label: 'Share of wrong pixels', min: 0, max: .5, step: .02, value: data.share,
    show: v => `${fixed(100 * v, 0)}%` }, () => update())
  const names = ['as given', 'low rank, L', 'sparse, S']
  stage.append(make('div', { style: 'display:grid;grid-template-columns:repeat(3,1fr);gap:2%;text-align:center;font-size:14px' },
    ...names.map(name => make('span', {}, name))))
  const gap = .02 * (3 * d) / .96, wide = 3 * d + 2 * gap
  const svg = draw('svg', { viewBox: `0 0 ${wide} ${n}`, role: 'img', 'shape-rendering': 'crispEdges' })
  stage.append(svg)
  const pixels = names.map((_, part) => Array.from({ length: n * d }, (_, at) => {
    const pixel = draw('rect', { x: part * (d + gap) + at % d, y: Math.floor(at / d), width: 1.02, height: 1.02 })
    svg.append(pixel)
    return pixel
  }))
  const grey = v => { const g = Math.round(255 * Math.max(0, Math.min(1, .5 + v / 4))); return `rgb(${g},${g},${g})` }
  const sign = v => (v === 0 ? '#808080' : v > 0 ? '#ffb000' : '#0b3f8a')
  const say = sentence(stage)
  let waits
  const update = () => {                     // after the knob has moved: it takes a moment
    clearTimeout(waits)
    waits = setTimeout(work, 30)
  }
  const work = () => {
    const low = sums.picture(data.rows, data.columns, rank.value), X = sums.broken(low, data.order, data.errors, share.value)
    const [L, S] = sums.split(X), wrong = new Set(data.order.slice(0, Math.round(share.value * n * d)))
    const tables = [X, L, S].map(table => table.flat())
    tables.forEach((table, part) => table.forEach((v, at) => pixels[part][at].setAttribute('fill', part < 2 ? grey(v) : sign(v))))
    const accused = tables[2].map((v, at) => (v !== 0 ? at : -1)).filter(at => at >= 0)
    const right = accused.filter(at => wrong.has(at)).length, error = sums.off(L, low)
    svg.setAttribute('aria-label', `Three pictures: as given, its low-rank part, its sparse part with ${accused.length} pixels`)
    say(`S holds ${right} of the ${wrong.size} wrong pixels and ${accused.length - right} innocent ones. L is off by ${error < 1e-4 ? 'nothing' : `${fixed(100 * error, 1)}%`}.`)
  }
  work()
})
