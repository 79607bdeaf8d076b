// Lesson 16: the map of the films, to be searched; each film with those nearest to it.
import { figure, knobs, make, plot, sentence, slider } from './kit.js'

export const sums = {
  nearest: (places, k, n) => places.map(([x, y], j) => [(x - places[k][0]) ** 2 + (y - places[k][1]) ** 2, j])
    .filter(([, j]) => j !== k).sort(([a], [b]) => a - b).slice(0, n).map(([, j]) => j),
  found: (titles, words) => titles.map((title, k) => [title.toLowerCase(), k])
    .filter(([title]) => words.toLowerCase().split(' ').every(word => title.includes(word))).map(([, k]) => k)
}

figure('map', sums, (stage, data) => {
  const { titles, places } = data, across = places.map(([x]) => x), up = places.map(([, y]) => y)
  const order = titles.map((_, k) => k).sort((a, b) => across[a] - across[b])       // left to right
  let marked = [], chosen = titles.indexOf(data.first)
  const words = make('input', { type: 'search', placeholder: 'a title, or a part of it', oninput: () => find(),
    onkeydown: event => { if (event.key === 'Enter') next() },
    style: 'font:inherit;width:100%;padding:.2rem .5rem;color:inherit;background:none;border:1px solid currentColor;border-radius:.3rem' })
  const count = make('output', { style: 'font-weight:600' }, '')
  stage.append(make('label', { class: 'knob' }, make('span', {}, 'Search'), make('span', { style: 'grid-area:2/1/3/3' }, words), count))
  const knob = slider(knobs(stage), { label: 'Film, from left to right', min: 1, max: titles.length, step: 1,
    value: order.indexOf(chosen) + 1, show: v => `${v} of ${titles.length}` }, v => { chosen = order[v - 1]; update() })
  const short = (title, most) => (title.length > most ? `${title.slice(0, most - 1)}…` : title)
  const plain = title => title.replace(/( *[(][^()]*[)])+$/, '').replace(/^(.+), (The|An?)$/, '$2 $1')
  const room = values => { const most = Math.max(...values), least = Math.min(...values), more = .06 * (most - least); return { from: least - more, to: most + more } }
  const map = plot(stage, { height: 380, left: 50, x: { ...room(across), title: 'pc1: the well liked to the right' },
    y: { ...room(up), title: `pc2: ${data.above} above` }, label: () => `A map of ${titles.length} films; ${titles[chosen]} is chosen` }, p => {
    const near = sums.nearest(places, chosen, 5), put = (k, look, r) => {
      const dot = p.mark(...places[k], 'o', look, r)
      if (look === 'faint') dot.style.strokeOpacity = .2
      dot.addEventListener('pointerenter', () => choose(k))
      dot.addEventListener('pointerdown', () => choose(k))
    }
    places.forEach((_, k) => put(k, marked.includes(k) ? 'ours' : 'faint', marked.includes(k) ? 5 : 3.5))
    for (const k of near) p.line([places[chosen], places[k]], 'thin others')
    for (const k of near) put(k, 'others', 4.5)
    put(chosen, 'warm', 6)
    p.text(p.X.back(p.right), p.Y.back(p.top), short(titles[chosen], 38), { look: 'mine warm', anchor: 'end', dy: 10 })
  })
  const choose = k => { if (k !== chosen) { chosen = k; knob.set(order.indexOf(k) + 1); update() } }
  const find = () => {
    const asked = words.value.trim()
    marked = asked ? sums.found(titles, asked) : []
    count.textContent = asked ? `${marked.length} found` : ''
    next()
    update()
  }
  const next = () => { if (marked.length) choose(marked[(marked.indexOf(chosen) + 1) % marked.length]) }
  const say = sentence(stage)
  const update = () => {
    const near = sums.nearest(places, chosen, 2).map(k => short(plain(titles[k]), 18))
    say(`${short(plain(titles[chosen]), 30)}; near it ${near.join(' and ')}.`)
    map.redraw()
  }
  update()
})
