// Any curve that the reader draws before it is shown; one that is known may stand beside it.
import { figure, fixed, miss, plot, sentence, sketch } from './kit.js'

export const sums = { miss }

figure('curve', sums, (stage, data, box) => {
  const { x, y, known, truth } = data, say = sentence(stage), last = x.at.length - 1
  const off = () => `Your line is ${fixed(miss(line.drawn, truth.at), y.places)} off on average. `
  const words = () => line.told
    ? `${line.given ? off() : ''}The line of “${truth.name}” goes from ${fixed(truth.at[0], y.places)} to ${fixed(truth.at[last], y.places)}.`
    : `Draw the line for “${truth.name}” from left to right, or set it point by point with the Tab and arrow keys.`
  const place = document.createElement('div')
  stage.append(place)
  let chart
  const update = () => { say(words()); chart?.redraw() }
  const line = sketch(stage, box, { xs: x.at, y, step: y.step, where: v => `${v} ${x.unit}` }, update)
  chart = plot(place, { x: { ...x, from: x.at[0] - (x.at[last] - x.at[0]) * .03, to: x.at[last] * 1.03 }, y, label: words,
    left: 54 }, p => {
    const over = curve => x.at.map((v, k) => [v, curve.at[k]])
    for (const [curve, look, shape, dy] of [[known, 'others', 's', -12], [line.told && truth, 'ours', 'o', 20]]) {
      if (!curve) continue
      p.line(over(curve), look)
      for (const [a, b] of over(curve)) p.mark(a, b, shape, look, 4)
      p.text(x.at[last], curve.at[last], curve.name, { anchor: 'end', dy, look: `mine ${look}` })
    }
    line.paint(p)
  })
  line.attach(chart)
})
