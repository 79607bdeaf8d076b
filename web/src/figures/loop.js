// Lesson 20: what its owner measures, and the truth, round by round, for four kinds of lists.
import { choice, figure, fixed, knobs, plot, sentence, sketch, slider } from './kit.js'

export const sums = {
  mean: rows => rows[0].map((_, t) => rows.reduce((sum, row) => sum + row[t], 0) / rows.length),
  edges: rows => rows[0].map((_, t) => [Math.min(...rows.map(row => row[t])), Math.max(...rows.map(row => row[t]))])
}

figure('loop', sums, (stage, data, box) => {
  // data: names, and for each name and what ('true', 'measured', ...) a row of rounds for each world
  const last = data.runs[0].true[0].length - 1, rounds = Array.from({ length: last + 1 }, (_, t) => t)
  const mean = (k, what) => sums.mean(data.runs[k][what])
  const row = knobs(stage)
  const kind = choice(row, { label: 'The list of five', options: data.names }, () => update())
  const knob = slider(row, { label: 'After round', min: 0, max: last, step: 1, value: last, show: v => fixed(v, 0) },
    () => update())
  const y = { from: .7, to: 1.2, ticks: [.7, .8, .9, 1, 1.1, 1.2], show: v => fixed(v, 1), title: 'RMSE, in stars' }
  let errors
  const guess = sketch(stage, box, { xs: rounds, y, step: .01, where: t => `round ${t}: the true error of the five best` },
    () => update())
  errors = plot(stage, { height: 280, x: { from: 0, to: last, ticks: [0, 2, 4, 6, 8, 10], title: 'round' }, y,
    label: () => `Errors with “${data.names[kind.value]}” after ${knob.value} rounds: measured ${fixed(mean(kind.value, 'measured')[knob.value])}`
      + (guess.told ? `, true ${fixed(mean(kind.value, 'true')[knob.value])}` : ''), right: 20 }, p => {
    const k = guess.told ? kind.value : 0, to = guess.told ? knob.value : last
    const lines = [['measured', 'others', 's', 'measured'], ['true', 'ours', 'o', 'the truth']]
    for (const [what, look, shape, name] of lines.slice(0, guess.told ? 2 : 1)) {
      const values = mean(k, what), edges = sums.edges(data.runs[k][what])
      edges.slice(0, to + 1).forEach(([low, high], t) => p.line([[t, low], [t, high]], `thin ${look}`))
      p.line(rounds.slice(0, to + 1).map(t => [t, values[t]]), look)
      for (const t of rounds.slice(0, to + 1)) p.mark(t, values[t], shape, look, 4)
      p.text(.25, what === 'true' ? 1.13 : .74, name, { look: `mine ${look}` })
    }
    if (guess.told && k === 1) data.lot.slice(0, to + 1).forEach((v, t) => p.mark(t, v, 'D', 'warm', 3.5))
    if (guess.told && k === 1) p.text(3, 1.13, 'the place by lot', { look: 'mine warm' })
    if (!k) guess.paint(p)
  })
  const say = sentence(stage)
  const update = () => {
    const k = kind.value, t = knob.value, at = what => mean(k, what)[t]
    say(guess.told ? `After ${t} round${t === 1 ? '' : 's'} the owner measures ${fixed(at('measured'))}, the truth is ${fixed(at('true'))}. `
      + `The next list has ${fixed(at('watched'))} true stars; ${fixed(100 * at('overlooked'), 0)}% of the films have fewer than ten viewers.`
      : 'Grey: what the owner of the best lists measures. Draw the true error, the one on all that nobody has been asked about.')
    errors.redraw()
  }
  guess.attach(errors)
  update()
})
