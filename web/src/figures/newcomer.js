// Lesson 19: rate three films, and somebody new is placed among films. The sums are the explorer's.
import { fold, told } from '../model.js'
import { figure, fixed, knobs, make, plot, sentence, slider } from './kit.js'

const model = data => ({ ...data, n: data.level.length, d: data.B[0].length,
  B: Float64Array.from(data.B.flat()) })

export const sums = {
  person: (data, rows, stars) => [...fold(model(data), rows, stars).z],
  scores: (data, z) => data.level.map((_, i) => told(model(data), i, z))
}

figure('newcomer', sums, (stage, data) => {
  const stars = [...data.stars], row = knobs(stage), shown = 6
  let before = null, now
  const place = () => {
    const rated = data.asked.map((i, k) => [i, stars[k]]).filter(([, s]) => s)
    const z = sums.person(data, rated.map(([i]) => i), rated.map(([, s]) => s)), said = sums.scores(data, z)
    const seen = new Set(rated.map(([i]) => i))
    const order = data.items.map((_, i) => i).filter(i => !seen.has(i)).sort((a, b) => said[b] - said[a])
    return { z, said, order, seen, at: [1, 2].map(c => z[c] * data.spread[c]) }
  }
  data.asked.forEach((i, k) => slider(row, { label: data.items[i], min: 0, max: 5, step: 1, value: stars[k],
    show: s => s ? '★'.repeat(s) : 'not rated' }, s => { stars[k] = s; update() }))
  now = place()
  const far = 1.35, axis = k => ({ from: -far, to: far, ticks: [], title: data.axes[k] })
  const map = plot(stage, { height: 350, left: 26, bottom: 24, x: axis(0), y: axis(1),
    label: () => `A map of ${data.items.length} films; you stand ${now.at[0] < 0 ? 'left' : 'right'} of the middle and `
      + `${now.at[1] < 0 ? 'below' : 'above'} it` }, p => {
    const best = new Set(now.order.slice(0, 3))
    p.line([[-9, 0], [9, 0]], 'thin faint')
    p.line([[0, -2], [0, 2]], 'thin faint')
    data.items.forEach((title, i) => {
      const [a, b] = data.places[i], look = best.has(i) ? 'ours' : 'others', half = title.length * 3.4
      p.mark(a, b, now.seen.has(i) ? 's' : 'o', look, best.has(i) ? 6 : 4)
      p.text(a, b, title, { anchor: 'middle', dy: -9, look: best.has(i) ? 'mine ours' : 'soft',
        dx: Math.min(0, p.right - half - p.X(a)) + Math.max(0, p.left + half - p.X(a)) })
    })
    p.arrow(...now.at, 'warm')
    p.text(...now.at, 'you', { look: 'mine warm', anchor: 'middle', dy: now.at[1] < 0 ? 17 : -7 })
  })
  const list = make('ol'), say = sentence(stage)
  stage.append(list)
  const update = () => {
    now = place()
    const moved = i => {
      const was = before?.indexOf(i) ?? -1, is = now.order.indexOf(i)
      return was < 0 || was === is ? '' : was > is ? ` ▲ ${was - is}` : ` ▼ ${is - was}`
    }
    list.replaceChildren(...now.order.slice(0, shown).map((i, k) => make('li', {},
      `${k + 1}. ${data.items[i]}, ${fixed(now.said[i], 1)} stars${moved(i)}`)))
    const most = now.order[0], n = now.seen.size
    say(`After ${n} ${n === 1 ? 'rating' : 'ratings'} your list begins with ${data.items[most]}.`)
    before = now.order
    map.redraw()
  }
  update()
})
