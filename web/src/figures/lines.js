// Lesson 11: five lines over the score; the one on top is predicted.
import { choice, drag, figure, fixed, knobs, plot, sentence, slider } from './kit.js'

// The lines that are on top somewhere, from left to right, and the scores from which they are.
function edge(w, b) {
  const steep = w.map((_, k) => k).sort((i, j) => w[i] - w[j] || b[i] - b[j]), top = []
  for (const k of steep) {
    let from = -Infinity
    while (top.length) {
      const last = top.at(-1)
      from = w[k] === w[last.k] ? -Infinity : (b[last.k] - b[k]) / (w[k] - w[last.k])
      if (from > last.from) break
      top.pop()
      from = -Infinity
    }
    top.push({ k, from })
  }
  return top
}

export const sums = {
  order: (w, b) => edge(w, b).map(({ k }) => k + 1),                   // in stars
  turns: (w, b) => edge(w, b).slice(1).map(({ from }) => from)
}

figure('lines', sums, (stage, data) => {
  const w = [...data.slopes], b = [...data.intercepts], [low, high] = data.range
  const { reach, tall } = data, row = knobs(stage)
  let k = 2
  const names = [1, 2, 3, 4, 5].map(n => `${n} ★`), shapes = ['o', 's', 'D', '^', 'v']
  const words = () => {
    const order = sums.order(w, b), from = sums.turns(w, b)
    const lost = [1, 2, 3, 4, 5].filter(n => !order.includes(n)), list = all => all.join(', ')
    return `As the score grows, on top come ${list(order)} stars, at ${list(from.map(v => fixed(v, 1)))}. `
      + (lost.length ? `Never: ${list(lost)}.` : 'All five have their turn.')
  }
  choice(row, { label: 'Which line do you turn?', options: names, value: k }, to => {
    k = to
    slope.set(w[k])
    height.set(b[k])
    update()
  })
  const slope = slider(row, { label: 'Its slope', min: -reach, max: reach, step: .05, value: w[k] },
    v => { w[k] = v; update() })
  const height = slider(row, { label: 'Its height at score 0', min: -reach, max: reach, step: .05, value: b[k] },
    v => { b[k] = v; update() })
  const chart = plot(stage, { height: 330, right: 40, top: 26, x: { from: low, to: high, title: 'score' },
    y: { from: -tall, to: tall, title: 'logit' }, label: words }, p => {
    const order = sums.order(w, b), from = sums.turns(w, b), edges = [low, ...from, high].map(v => Math.min(high, Math.max(low, v)))
    const over = n => [[low, low * w[n] + b[n]], [high, high * w[n] + b[n]]]
    order.forEach((n, i) => {
      const [a, c] = [edges[i], edges[i + 1]]
      if (c <= a) return
      p.box(a, tall, c, tall * .93, `star${n} edged`)
      if (p.X(c) - p.X(a) > 26) p.text((a + c) / 2, tall, `${n} ★`, { anchor: 'middle', dy: -7 })
      p.line([[a, a * w[n - 1] + b[n - 1]], [c, c * w[n - 1] + b[n - 1]]], 'edge')
    })
    for (let n = 0; n < 5; n++) {
      p.line(over(n), `star${n + 1} lined ${n === k ? '' : 'thin'}`)
      const at = low + (high - low) * (.12 + .18 * n)
      if (Math.abs(at * w[n] + b[n]) < tall) p.mark(at, at * w[n] + b[n], shapes[n], `star${n + 1}`, n === k ? 7 : 5)
    }
    const ends = [0, 1, 2, 3, 4].map(n => ({ n, y: p.Y(high * w[n] + b[n]) })).sort((a, c) => a.y - c.y)
    ends.forEach((end, i) => { if (i) end.y = Math.max(end.y, ends[i - 1].y + 14) })
    for (const { n, y } of ends) if (y > p.top - 5 && y < p.bottom + 5)
      p.text(high, 0, names[n], { dx: 6, dy: y + 4 - p.Y(0) })
  })
  const say = sentence(stage), update = () => { say(words()); chart.redraw() }
  drag(chart, (s, z, begun) => {
    const clip = v => Math.min(reach, Math.max(-reach, Math.round(v * 20) / 20))
    if (begun) chart.held = Math.abs(s - (low + high) / 2) < (high - low) / 6 ? 'height' : 'slope'
    if (chart.held === 'height' || Math.abs(s) < .1) b[k] = clip(z - w[k] * s)
    else w[k] = clip((z - b[k]) / s)
    slope.set(w[k])
    height.set(b[k])
    update()
  })
  update()
})
