// Lesson 03: a person's and a film's factors, their product, and the stars it becomes.
import { drag, figure, fixed, knobs, plot, sentence, slider } from './kit.js'

export const sums = {
  dot: (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0),
  stars: (score, [low, high]) => low + (high - low) / (1 + Math.exp(-score))
}

figure('stars', sums, (stage, data) => {
  const state = { person: [...data.person], film: [...data.film] }, [low, high] = data.range
  const now = () => {
    const score = sums.dot(state.person, state.film)
    return { score, stars: sums.stars(score, data.range) }
  }
  const words = score => score > .05 ? 'agree' : score < -.05 ? 'disagree' : 'have nothing to do with each other'
  const row = knobs(stage), inputs = []
  for (const [who, name] of [['person', 'Person'], ['film', 'Film']])
    for (const k of [0, 1]) inputs.push([who, k, slider(row, { min: -2, max: 2, step: .1, show: v => fixed(v, 1),
      label: `${name}, ${k ? 'second' : 'first'} factor`, value: state[who][k] },
    v => { state[who][k] = v; update() })])
  const tall = 2.1, square = (wide, high) => {         // an angle of 90 degrees looks like one
    const to = tall * wide / high
    return { from: -to, to, ticks: [-2, 0, 2], title: 'first factor' }
  }
  const plane = plot(stage, { height: 270, bottom: 40, x: square, y: { from: -tall, to: tall, ticks: [-2, 0, 2], title: 'second factor' },
    label: () => `Arrows of a person and a film; they ${words(now().score)}` }, p => {
    p.line([[-9, 0], [9, 0]], 'thin faint')
    p.line([[0, -tall], [0, tall]], 'thin faint')
    for (const [who, look] of [['person', 'ours'], ['film', 'warm']]) {
      const [a, b] = state[who]
      p.arrow(a, b, look)
      p.mark(a * .6, b * .6, who === 'person' ? 'o' : 's', look)
      p.text(a, b, who, { look: `mine ${look}`, anchor: a < 0 ? 'end' : 'start', dx: a < 0 ? -8 : 8,
        dy: (b < 0 ? 14 : -4) + (who === 'film' ? 0 : b < 0 ? 12 : -12) })
    }
  })
  const curve = plot(stage, { height: 210, x: { from: -6, to: 6, title: 'score, the dot product' },
    y: { from: low, to: high, ticks: [0, 1, 2, 3, 4, 5], title: 'stars' },
    label: () => `The curve from score to stars; the dot is at ${fixed(now().stars)} stars` }, p => {
    const points = Array.from({ length: 121 }, (_, k) => -6 + k / 10).map(s => [s, sums.stars(s, data.range)])
    const { score, stars } = now(), at = Math.max(-6, Math.min(6, score))
    p.line(points, 'others')
    p.line([[at, low], [at, stars], [-6, stars]], 'thin dashed')
    p.mark(at, stars, 'o', 'ours', 7)
  })
  const say = sentence(stage)
  const update = () => {
    const { score, stars } = now(), [a, b] = state.person, [c, d] = state.film
    const n = (v, first) => (v < 0 && !first ? `(${fixed(v, 1)})` : fixed(v, 1))
    say(`${n(a, 1)} × ${n(c)} + ${n(b)} × ${n(d)} = ${fixed(score)}, and that becomes ${fixed(stars)} stars.`)
    plane.redraw()
    curve.redraw()
  }
  let held
  drag(plane, (x, y, begun) => {
    if (begun) held = ['person', 'film'].sort((one, two) => far(one, x, y) - far(two, x, y))[0]
    state[held] = [x, y].map(v => Math.max(-2, Math.min(2, Math.round(v * 10) / 10)))
    for (const [who, k, knob] of inputs) if (who === held) knob.set(state[who][k])
    update()
  })
  const far = (who, x, y) => Math.hypot(state[who][0] - x, state[who][1] - y)
  update()
})
