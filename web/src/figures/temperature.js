// Lesson 11b: how often the network is right, by how sure it is, at each temperature.
import { figure, fixed, knobs, plot, sentence, slider } from './kit.js'

const over = (bins, what) => {
  let sum = 0, n = 0
  bins.n.forEach((count, k) => { sum += count * what(k); n += count })
  return sum / n
}
export const sums = {
  ece: bins => over(bins, k => Math.abs(bins.confidence[k] - bins.accuracy[k])),
  sure: bins => over(bins, k => bins.confidence[k]),
  right: bins => over(bins, k => bins.accuracy[k])
}

figure('temperature', sums, (stage, data) => {
  const { temperatures, bins, nll } = data, row = knobs(stage)
  let at = temperatures.indexOf(1)
  slider(row, { label: 'Temperature T', min: 0, max: temperatures.length - 1, step: 1, value: at,
    show: k => fixed(temperatures[k]) }, k => { at = k; update() })
  const percent = v => `${fixed(100 * v, 0)}%`
  const words = () => `${percent(sums.sure(bins[at]))} sure, ${percent(sums.right(bins[at]))} right. `
    + `Calibration error ${fixed(sums.ece(bins[at]), 3)}, log-loss ${fixed(nll[at], 3)}.`
  const most = Math.max(...bins.flatMap(b => b.n))
  const share = { from: 0, to: 1, ticks: [0, .2, .4, .6, .8, 1], show: percent }
  const chart = plot(stage, { height: 340, left: 60, right: 22, x: { ...share, from: .15, title: 'how sure' },
    y: { ...share, title: 'how often right' }, label: words }, p => {
    p.line([[.15, .15], [1, 1]], 'thin dashed')
    p.text(.93, .93, 'keeps its word', { anchor: 'end', dy: -10, look: 'soft' })
    const b = bins[at], points = b.confidence.map((v, k) => [v, b.accuracy[k]])
    for (const [sure, right] of points) p.line([[sure, sure], [sure, right]], 'others thin')
    p.line(points, 'ours')
    points.forEach(([sure, right], k) => p.mark(sure, right, 'o', 'ours', 3 + 9 * Math.sqrt(b.n[k] / most)))
  })
  const say = sentence(stage), update = () => { say(words()); chart.redraw() }
  update()
})
