// Lesson 29: error against seconds; who may take part, a budget, and one contender at a time.
import { choice, figure, fixed, knobs, make, plot, sentence, slider } from './kit.js'

export const sums = {
  frontier: (errors, seconds) => {            // those that no other beats in both, the fastest first
    const order = errors.map((_, k) => k).sort((a, b) => seconds[a] - seconds[b] || errors[a] - errors[b])
    let best = Infinity
    return order.filter(k => errors[k] < best && ((best = errors[k]), true))
  },
  best: (errors, seconds, budget) => errors.reduce((found, error, k) =>
    seconds[k] <= budget && (found < 0 || error < errors[found]) ? k : found, -1)
}

figure('race', sums, (stage, data) => {
  // data.contenders: name, ours (0 or 1), alone (ratings alone), sampling, rmse, seconds, mb
  const all = [...data.contenders].sort((a, b) => a.seconds - b.seconds)
  const rules = [['everything', () => true], ['ratings alone', c => c.alone], ['ratings alone, one fit', c => c.alone && !c.sampling]]
  const row = knobs(stage), time = s => (s < 10 ? fixed(s, s < 1 ? 2 : 1) : fixed(s, 0))
  const rule = choice(row, { label: 'What may be used', options: rules.map(([name]) => name) }, () => update())
  const budget = slider(row, { label: 'Budget, CPU seconds', min: -1, max: 2, step: .1, value: 0, show: v => time(10 ** v) }, () => update())
  const look = slider(row, { label: 'Look at', min: 1, max: all.length, step: 1, value: 1 + Math.max(0, all.findIndex(c => c.name === data.first)),
    show: k => `${k} of ${all.length}` }, () => update())
  const errors = all.map(c => c.rmse), seconds = all.map(c => c.seconds)
  const low = Math.floor(Math.min(...errors) * 100) / 100, high = Math.ceil(Math.max(...errors) * 100) / 100
  const there = () => all.filter(rules[rule.value][1])
  const best = () => { const list = there(), k = sums.best(list.map(c => c.rmse), list.map(c => c.seconds), 10 ** budget.value); return list[k] }
  const shape = c => (c.ours ? 'D' : c.sampling ? '^' : c.alone ? 'o' : 's')
  const race = plot(stage, { height: 330, left: 52,
    x: { from: Math.min(.08, seconds[0] * .8), to: Math.max(100, seconds.at(-1) * 1.3), log: true, ticks: [.1, 1, 10, 100], title: 'CPU seconds for a fold' },
    y: { from: low - .005, to: high + .005, show: v => fixed(v), title: 'RMSE, in stars' },
    label: () => `Errors against seconds of ${there().length} contenders` }, p => {
    const list = there(), front = sums.frontier(list.map(c => c.rmse), list.map(c => c.seconds)).map(k => list[k])
    const steps = front.flatMap((c, k) => [...(k ? [[c.seconds, front[k - 1].rmse]] : []), [c.seconds, c.rmse]])
    if (front.length) p.line([...steps, [1e4, front.at(-1).rmse]], 'thin others')
    const cut = 10 ** budget.value
    p.line([[cut, low - .1], [cut, high + .1]], 'thin dashed')
    for (const c of all) {
      const dot = p.mark(c.seconds, c.rmse, shape(c), list.includes(c) ? (c.ours ? 'ours' : 'others') : 'faint', 5)
      dot.addEventListener('pointerenter', () => at(c))
      dot.addEventListener('pointerdown', () => at(c))
    }
    const chosen = all[look.value - 1]
    p.mark(chosen.seconds, chosen.rmse, 'o', 'warm', 3)
    p.text(p.X.back(p.right), high + .005, chosen.name, { anchor: 'end', dy: 12, look: 'mine warm' })
  })
  stage.append(make('p', {}, '◆ this course, ● ratings alone, ▲ averages of samples, ■ more than ratings. On the line: nobody is both faster and better.'))
  const at = c => { if (all[look.value - 1] !== c) { look.set(all.indexOf(c) + 1); update() } }
  const say = sentence(stage)
  const update = () => {
    const found = best(), c = all[look.value - 1]
    say((found ? `Best in ${time(10 ** budget.value)} s: ${found.name}, ${fixed(found.rmse, 4)}. ` : `In ${time(10 ** budget.value)} s nobody is there yet. `)
      + `Looking at ${c.name}: ${fixed(c.rmse, 4)} after ${time(c.seconds)} s, with ${fixed(c.mb, 0)} MB.`)
    race.redraw()
  }
  update()
})
