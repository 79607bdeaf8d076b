// Lesson 19 in the page: somebody new, folded into a trained model. The same sums as cold_start.py.

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length)
  for (let k = 0; k < raw.length; k++) out[k] = raw.charCodeAt(k)
  return out
}

const float32 = text => new Float32Array(bytes(text).buffer)

export function float16(text) {
  const halves = new Uint16Array(bytes(text).buffer), out = new Float32Array(halves.length)
  for (let k = 0; k < out.length; k++) {
    const h = halves[k], power = h >> 10 & 31, part = h & 1023
    const size = power ? (1 + part / 1024) * 2 ** (power - 15) : part * 2 ** -24
    out[k] = h >> 15 ? -size : size
  }
  return out
}

// The data of a page, ready for sums: for each item the score of the average person (level), and
// what turns z, where somebody stands among people, into the rest (B, n rows of d).
export function decode(data) {
  const X = float16(data.factors), bias = float32(data.bias)
  const mean = float32(data.prior_mean), A = float32(data.prior_spread)
  const n = bias.length, d = mean.length, k = d - 1, wide = Math.sqrt(data.widen)
  const level = new Float64Array(n), B = new Float64Array(n * d)
  for (let i = 0; i < n; i++) {
    let sum = data.mean + bias[i] + mean[0]
    for (let c = 0; c < d; c++) B[i * d + c] = A[c] * wide
    for (let j = 0; j < k; j++) {
      const x = X[i * k + j]
      sum += x * mean[j + 1]
      for (let c = 0; c < d; c++) B[i * d + c] += x * A[(j + 1) * d + c] * wide
    }
    level[i] = sum
  }
  const m = { n, d, k, X, A, B, level, wide, noise: data.noise, range: data.y_range }
  m.plain = scores(m, new Float64Array(d))
  place(m, float32(data.axes))
  return m
}

// Where the items lie on the map, and what takes somebody there.
function place(m, axes) {
  const { n, k, d, X, A, wide } = m, centre = new Float64Array(k)
  for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) centre[j] += X[i * k + j] / n
  m.xy = new Float64Array(2 * n)
  let size = 0
  for (let i = 0; i < n; i++) for (let a = 0; a < 2; a++) {
    let sum = 0
    for (let j = 0; j < k; j++) sum += (X[i * k + j] - centre[j]) * axes[a * k + j]
    m.xy[2 * i + a] = sum
    size += sum ** 2 / n
  }
  m.way = [0, 1].map(a => {
    const way = new Float64Array(d)
    for (let c = 0; c < d; c++) for (let j = 0; j < k; j++)
      way[c] += axes[a * k + j] * A[(j + 1) * d + c] * wide
    return way
  })
  const people = dot(m.way[0], m.way[0]) + dot(m.way[1], m.way[1])
  m.step = people ? Math.sqrt(size / people) * 1.5 : 0
}

// People spread as far as films do; the direction is that in which films please you more.
export const standing = (m, z) => m.way.map(way => dot(way, z) * m.step)

function dot(a, b) {
  let sum = 0
  for (let c = 0; c < a.length; c++) sum += a[c] * b[c]
  return sum
}

function raw(m, i, z) {
  let sum = m.level[i]
  for (let c = 0, at = i * m.d; c < m.d; c++, at++) sum += m.B[at] * z[c]
  return sum
}

// Stars of a score, how fast they rise with it, and how fast that rises.
function curve(value, range) {
  if (!range) return [value, 1, 0]
  const [low, high] = range, p = 1 / (1 + Math.exp(-value)), slope = (high - low) * p * (1 - p)
  return [low + (high - low) * p, slope, slope * (1 - 2 * p)]
}

export const told = (m, i, z) => curve(raw(m, i, z), m.range)[0]

export function scores(m, z) {
  const out = new Float64Array(m.n)
  for (let i = 0; i < m.n; i++) out[i] = told(m, i, z)
  return out
}

const weight = (error, slope, bend) => Math.max(slope ** 2 - error * bend, slope ** 2 / 10)

function at(m, rows, stars, z) {
  const found = rows.map((i, r) => {
    const [pred, slope, bend] = curve(raw(m, i, z), m.range)
    return { error: stars[r] - pred, slope, bend }
  })
  const loss = found.reduce((sum, f) => sum + (f.error / m.noise) ** 2, dot(z, z))
  return { found, loss }
}

// The curvature where z is, as its Cholesky factor L, row by row.
function curvature(m, rows, found) {
  const { d, B, noise } = m, L = new Float64Array(d * d)
  for (let c = 0; c < d; c++) L[c * d + c] = 1
  rows.forEach((i, r) => {
    const w = weight(found[r].error, found[r].slope, found[r].bend) / noise ** 2
    for (let a = 0; a < d; a++) {
      const s = w * B[i * d + a]
      for (let b = 0; b <= a; b++) L[a * d + b] += s * B[i * d + b]
    }
  })
  for (let a = 0; a < d; a++) for (let b = 0; b <= a; b++) {
    let sum = L[a * d + b]
    for (let c = 0; c < b; c++) sum -= L[a * d + c] * L[b * d + c]
    L[a * d + b] = a === b ? Math.sqrt(sum) : sum / L[b * d + b]
  }
  return L
}

function forward(L, d, y) {
  const x = Float64Array.from(y)
  for (let a = 0; a < d; a++) {
    for (let c = 0; c < a; c++) x[a] -= L[a * d + c] * x[c]
    x[a] /= L[a * d + a]
  }
  return x
}

function backward(L, d, y) {
  const x = Float64Array.from(y)
  for (let a = d - 1; a >= 0; a--) {
    for (let c = a + 1; c < d; c++) x[a] -= L[c * d + a] * x[c]
    x[a] /= L[a * d + a]
  }
  return x
}

// Newton to where the squared errors and the distance from the average person are least together.
export function fold(m, rows, stars) {
  const { d, B, noise } = m
  let z = new Float64Array(d), now = at(m, rows, stars, z)
  for (let round = 0; round < 100; round++) {
    const L = curvature(m, rows, now.found), down = z.map(v => -v)
    rows.forEach((i, r) => {
      const s = now.found[r].error * now.found[r].slope / noise ** 2
      for (let c = 0; c < d; c++) down[c] += s * B[i * d + c]
    })
    let step = backward(L, d, forward(L, d, down)), next
    const bound = now.loss * (1 + 1e-12) + 1e-12
    while ((next = at(m, rows, stars, z.map((v, c) => v + step[c]))).loss > bound)
      step = step.map(v => v / 2)
    z = z.map((v, c) => v + step[c])
    now = next
    if (Math.max(...step.map(Math.abs)) < 1e-7)
      return { z, L: curvature(m, rows, now.found), found: now.found, rows, stars }
  }
  throw new Error('no minimum after 100 steps')
}

// The standard deviation of a prediction, in stars.
export function doubt(m, fit, i) {
  const y = forward(fit.L, m.d, m.B.subarray(i * m.d, (i + 1) * m.d))
  return curve(raw(m, i, fit.z), m.range)[1] * Math.sqrt(dot(y, y))
}

// What each rating adds to a prediction, and the prediction had it not been given.
export function explain(m, fit, i) {
  const { rows, stars, z, L, found } = fit, d = m.d
  const b = backward(L, d, forward(L, d, m.B.subarray(i * d, (i + 1) * d)))
  const push = rows.map((row, r) => {
    const { error, slope, bend } = found[r], own = m.B.subarray(row * d, (row + 1) * d)
    const surprise = slope * error + weight(error, slope, bend) * dot(own, z)
    return dot(own, b) * surprise / m.noise ** 2
  })
  const whole = told(m, i, z) - m.plain[i], sum = push.reduce((a, c) => a + c, 0)
  return rows.map((row, r) => {
    const rest = fold(m, rows.filter((_, o) => o !== r), stars.filter((_, o) => o !== r))
    return { row, stars: stars[r], push: push[r] * whole / (sum || 1), without: told(m, i, rest.z) }
  }).sort((one, other) => Math.abs(other.push) - Math.abs(one.push))
}

// The items with the nearest factors, by cosine.
export function nearest(m, i, count) {
  const { n, k, X } = m, own = X.subarray(i * k, (i + 1) * k), size = Math.sqrt(dot(own, own))
  const like = []
  for (let o = 0; o < n; o++) {
    const other = X.subarray(o * k, (o + 1) * k), sizes = size * Math.sqrt(dot(other, other))
    if (o !== i) like.push([sizes ? dot(own, other) / sizes : 0, o])
  }
  return like.sort((a, b) => b[0] - a[0]).slice(0, count)
}

// The best few, in order.
export function best(value, count, left) {
  const top = []
  for (let i = 0; i < value.length; i++) {
    if (left(i) || (top.length === count && value[i] <= value[top[count - 1]])) continue
    let at = Math.min(top.length, count - 1)
    while (at > 0 && value[top[at - 1]] < value[i]) { top[at] = top[at - 1]; at-- }
    top[at] = i
  }
  return top
}

// What a list is sorted by. knob: -1 popular, 0 the prediction, 1 personal.
export function worth(m, stars, counts, knob) {
  const p = Math.max(0, -knob), q = Math.max(0, knob)
  return stars.map((s, i) => s + (p && p * Math.log10(Math.max(1, counts[i]))) - q * m.plain[i])
}
