// Lesson 06: how much decay, for three ranges. The reader draws the hidden ratings' line first.
import { choice, figure, fixed, knobs, miss, plot, sentence, sketch, slider } from './kit.js'

export const sums = { miss, best: curve => curve.indexOf(Math.min(...curve)) }

figure('decay', sums, (stage, data, box) => {
  const amounts = data.decay, names = Object.keys(data.train)
  const state = { range: names.length - 1, at: sums.best(data.valid[names.at(-1)]) }
  const say = sentence(stage)
  let chart
  const told = () => {
    const name = names[state.range], train = data.train[name], valid = data.valid[name], k = state.at
    const here = `Predictions ${name}, decay ${amounts[k]}: an error of ${fixed(train[k])} on training ratings and `
      + `${fixed(valid[k])} on hidden ones. The best decay here is ${amounts[sums.best(valid)]}.`
    if (!line.given || state.range !== names.length - 1) return here
    return `Your line is ${fixed(miss(line.drawn, valid))} off on average. ${here}`
  }
  const words = () => line.told ? told() : 'The line of the training ratings is here. Draw that of the hidden '
    + 'ratings from left to right, or set it point by point with the Tab and arrow keys.'
  const update = () => {
    row.classList.toggle('veiled', !line.told)
    say(words())
    chart?.redraw()
  }
  const axis = { from: .2, to: 1.4, ticks: [.2, .4, .6, .8, 1, 1.2, 1.4], title: 'error (MSE)' }
  const place = document.createElement('div')
  stage.append(place)
  const line = sketch(stage, box, { xs: amounts, y: axis, step: .01, where: wd => `decay ${wd}` }, () => update())
  const row = knobs(stage)
  choice(row, { label: 'Range of the predictions', options: names, value: state.range },
    k => { state.range = k; update() })
  slider(row, { label: 'Weight decay', min: 0, max: amounts.length - 1, step: 1, value: state.at,
    show: k => String(amounts[k]) }, k => { state.at = k; update() })
  chart = plot(place, { height: 300, x: { from: .09, to: 2.3, log: true, ticks: [.1, .2, .4, .8, 1.5], title: 'weight decay' },
    y: axis, label: words }, p => {
    const name = names[line.told ? state.range : names.length - 1]
    const train = data.train[name], valid = data.valid[name], last = amounts.length - 1
    const over = curve => amounts.map((wd, k) => [wd, curve[k]])
    p.line(over(train), 'others dashed')
    for (const [wd, v] of over(train)) p.mark(wd, v, 's', 'others', 4)
    p.text(amounts[3], train[3], 'training ratings', { dx: 8, dy: 18, look: 'soft' })
    if (line.told) {
      p.line(over(valid), 'ours')
      over(valid).forEach(([wd, v], k) => p.mark(wd, v, 'o', 'ours', k === state.at ? 8 : 4.5))
      p.text(amounts[0], valid[0], 'hidden ratings', { look: 'mine ours', dy: valid[0] > train[0] + .1 ? -12 : 22 })
      p.line([[amounts[state.at], train[state.at]], [amounts[state.at], valid[state.at]]], 'thin')
    }
    line.paint(p)
  })
  line.attach(chart)
})
