// Lesson 12: a liking, four cuts, and the probabilities of five stars.
import { drag, draw, figure, fixed, knobs, plot, sentence, slider } from './kit.js'

const GAP = .1, MOST = 4

const below = v => 1 / (1 + Math.exp(-v))
export const sums = {
  probs: (score, cuts) => [...cuts.map(cut => below(cut - score)), 1].map((v, k, all) => v - (all[k - 1] ?? 0)),
  density: (felt, score) => below(felt - score) * below(score - felt),
  mean: probs => probs.reduce((sum, p, k) => sum + p * (k + 1), 0),
  moved: (cuts, k, to) => {                   // the others make room: cuts do not cross
    const found = [...cuts], last = cuts.length - 1
    found[k] = Math.max(-MOST + GAP * k, Math.min(MOST - GAP * (last - k), to))
    for (let j = k + 1; j <= last; j++) found[j] = Math.max(found[j], found[j - 1] + GAP)
    for (let j = k - 1; j >= 0; j--) found[j] = Math.min(found[j], found[j + 1] - GAP)
    return found.map(v => Math.round(v * 10) / 10)
  }
}

figure('cuts', sums, (stage, data) => {
  let cuts = [...data.cuts], score = data.score
  const row = knobs(stage), show = v => fixed(v, 1), shares = () => sums.probs(score, cuts)
  const likeliest = all => all.indexOf(Math.max(...all))
  slider(row, { label: 'Score', min: -3, max: 5, step: .1, value: score, show }, v => { score = v; update() })
  const sliders = cuts.map((cut, k) => slider(row, { min: -MOST, max: MOST, step: .1, show, value: cut,
    label: `Cut between ${k + 1} and ${k + 2} stars` }, v => move(k, v)))
  const x = { from: -5, to: 7, ticks: [-4, -2, 0, 2, 4, 6], title: 'what the user feels: score + noise' }
  const curve = plot(stage, { height: 230, x, y: { from: 0, to: .3, ticks: [0, .1, .2], title: 'density' },
    label: () => `A bell around ${show(score)}, cut at ${cuts.map(show).join(', ')}` }, p => {
    const ends = [x.from, ...cuts, x.to], at = v => `${p.X(v).toFixed(1)},${p.Y(sums.density(v, score)).toFixed(1)}`
    ends.slice(1).forEach((high, k) => {
      const low = ends[k], places = Array.from({ length: 41 }, (_, i) => low + (high - low) * i / 40)
      p.svg.append(draw('path', { class: `fill edged star${k + 1}`,
        d: `M${p.X(low)},${p.bottom}L${places.map(at).join('L')}L${p.X(high)},${p.bottom}z` }))
    })
    cuts.forEach((cut, k) => {
      p.line([[cut, 0], [cut, .265 - .02 * (k % 2)]], 'thin dashed')
      p.mark(cut, .265 - .02 * (k % 2), 'v', 'warm', 6)
    })
  })
  const bars = plot(stage, { height: 190, x: { from: .4, to: 5.6, ticks: [1, 2, 3, 4, 5], title: 'stars' },
    y: { from: 0, to: 1, ticks: [0, .5, 1], title: 'probability' },
    label: () => `Probabilities: ${shares().map((v, k) => `${k + 1} stars ${fixed(v)}`).join(', ')}` }, p => {
    shares().forEach((v, k) => {
      p.box(k + .65, 0, k + 1.35, v, `edged star${k + 1}`)
      p.text(k + 1, v, fixed(v), { anchor: 'middle', dy: -6 })
    })
  })
  const say = sentence(stage)
  const update = () => {
    const all = shares(), k = likeliest(all)
    say(`Likeliest: ${k + 1} star${k ? 's' : ''}, with probability ${fixed(all[k])}. On average ${fixed(sums.mean(all))} stars.`)
    curve.redraw()
    bars.redraw()
  }
  const move = (k, to) => {
    cuts = sums.moved(cuts, k, to)
    sliders.forEach((knob, j) => { if (knob.value !== cuts[j]) knob.set(cuts[j]) })
    update()
  }
  let held = 0
  drag(curve, (v, _, begun) => {
    if (begun) held = cuts.reduce((near, cut, k) => Math.abs(cut - v) < Math.abs(cuts[near] - v) ? k : near, 0)
    move(held, Math.round(v * 10) / 10)
  })
  update()
})
