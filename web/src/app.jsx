// A recommender in a page: rate a few, see the list change, ask it why.
import { render } from 'preact'
import { memo } from 'preact/compat'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { read, searcher, titled, written } from './items.js'
import { FilmMap, colours, mark } from './map.jsx'
import { best, decode, doubt, explain, fold, nearest, scores, standing, worth } from './model.js'
import { Search } from './search.jsx'
import { Doubt, Stars, fixed, signed, useGlide } from './ui.jsx'

const data = globalThis.COLLABDIVE, m = decode(data), items = titled(data)
let index                                         // of the titles: made when there is time
const find = text => (index ??= searcher(items))(text)
const levels = data.levels, [low, high] = [levels[0], levels.at(-1)], films = data.name
const has = { year: data.year.some(Boolean), genre: data.genre_names.length > 0,
              popularity: data.counts !== null }
const average = data.counts
  ? m.plain.reduce((sum, s, i) => sum + s * data.counts[i], 0) / data.counts.reduce((a, b) => a + b)
  : m.plain.reduce((a, b) => a + b) / m.n
const TOP = 10, ASK = 5, ROWS = 50, NEAR = 6

function App() {
  const [cards, setCards] = useState(() => {
    const given = read(location.hash, data)
    return given.length ? given : data.ask.slice(0, ASK).map(i => ({ i, stars: null }))
  })
  const [knob, setKnob] = useState(0), [genre, setGenre] = useState('')
  const [selected, setSelected] = useState(null), [said, say] = useState('')
  const [by, setBy] = useState('liking'), [view, setView] = useState(() => items.map(item => item.i))
  const control = useRef()

  const rated = useMemo(() => new Map(cards.filter(c => c.stars !== null)
    .map(c => [c.i, c.stars])), [cards])
  const fit = useMemo(() => fold(m, [...rated.keys()], [...rated.values()]), [rated])
  const stars = useMemo(() => scores(m, fit.z), [fit])
  const you = useMemo(() => standing(m, fit.z), [fit])
  const dim = useMemo(() => {
    const g = data.genre_names.indexOf(genre)
    return items.map(item => g >= 0 && !item.genres.includes(g))
  }, [genre])
  const list = useMemo(() => {
    const value = worth(m, stars, data.counts, knob)
    return best(value, TOP, i => rated.has(i) || dim[i])
  }, [stars, rated, knob, dim])
  const near = useMemo(() => selected === null ? [] : nearest(m, selected, NEAR), [selected])

  const rate = useCallback((i, value) => setCards(now => now.some(c => c.i === i)
    ? now.map(c => c.i === i ? { i, stars: value } : c) : [{ i, stars: value }, ...now]), [])
  const drop = useCallback(i => setCards(now => now.filter(c => c.i !== i)), [])
  const add = i => {
    setCards(now => now.some(c => c.i === i) ? now : [{ i, stars: null }, ...now])
    setTimeout(() => {
      const own = [...document.getElementsByName(`mine-${i}`)]
      ;(own.find(radio => radio.checked) ?? own[0])?.focus()
    })
  }
  const asked = useRef(new Set(cards.map(c => c.i)))
  const more = () => {
    const next = [...data.ask, ...items.map(item => item.i)]
      .filter(i => !asked.current.has(i) && !rated.has(i)).slice(0, ASK)
    next.forEach(i => asked.current.add(i))
    setCards(now => [...next.map(i => ({ i, stars: null })), ...now.filter(c => c.stars !== null)])
    say(`${next.length} more to rate`)
  }
  const first = useRef(true)
  useEffect(() => {
    if (first.current) { first.current = false; return }
    if (list.length) say(`First on your list: ${items[list[0]].short}, `
      + `${fixed(stars[list[0]])} stars`)
  }, [list])
  const show = useCallback(i => {
    setSelected(i)
    if (i === null) return
    control.current.around([i, ...nearest(m, i, NEAR).map(([, other]) => other)])
    document.querySelector('.canvas').scrollIntoView({ block: 'nearest' })
  }, [])

  return <>
    <header>
      <h1>Rate five, and get your list</h1>
      <p>Give a few {films} your stars and watch the list change. All of it is computed in this page:
        nothing that you say is sent or kept.</p>
    </header>
    <main>
      <section class="rate" aria-labelledby="rate-head">
        <h2 id="rate-head">What you think</h2>
        <Search find={find} pick={add} given={rated} />
        <Cards {...{ cards, rate, drop }} />
        <div class="row">
          <button type="button" class="main" onClick={more}>
            {rated.size ? 'Show me more' : 'I know none of these'}</button>
          {rated.size > 0 && <Keep {...{ rated, say }} clear={() => setCards(data.ask.slice(0, ASK)
            .map(i => ({ i, stars: null })))} />}
        </div>
      </section>
      <section class="list" aria-labelledby="list-head">
        <h2 id="list-head">{rated.size ? 'Your list' : 'What the average person is told'}</h2>
        <Knob {...{ knob, setKnob, genre, setGenre }} />
        <List {...{ list, fit, stars, add, show }} />
      </section>
      <section class="map" id="map" aria-labelledby="map-head">
        <h2 id="map-head">Where you are among them</h2>
        <MapPart {...{ stars, you, rated, selected, near, dim, by, setBy, control, rate, fit, show,
                       setSelected, setView, view }} />
      </section>
    </main>
    <Foot />
    <p class="unseen" role="status" aria-live="polite">{said}</p>
  </>
}

function Cards({ cards, rate, drop }) {
  return <ul class="cards">
    {cards.map(({ i, stars }) => <li key={i}>
      <span class="what">{items[i].short} <span class="faint">{items[i].year}</span></span>
      <Stars item={items[i]} where="mine" {...{ levels, stars, rate }} />
      <button type="button" class="quiet" onClick={() => drop(i)}
        aria-label={`${stars === null ? 'Not seen' : 'Remove'}: ${items[i].short}`}
        title={stars === null ? 'not seen' : 'remove'}>×</button>
    </li>)}
  </ul>
}

function Keep({ rated, say, clear }) {
  const ratings = [...rated].map(([i, stars]) => ({ i, stars }))
  const copy = async () => {
    const link = location.href.split('#')[0] + written(data.id, ratings)
    try { await navigator.clipboard.writeText(link); say('The link is copied') }
    catch {
      history.replaceState(null, '', written(data.id, ratings))
      say('The link is in the address bar')
    }
  }
  const save = () => {
    const own = Object.fromEntries(ratings.map(r => [data.items[r.i], r.stars]))
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([JSON.stringify(own, null, 1)], { type: 'application/json' }))
    link.download = 'my-ratings.json'
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
    say('Saved as my-ratings.json')
  }
  return <>
    <button type="button" onClick={copy}>Copy as a link</button>
    <button type="button" onClick={save}>Save as a file</button>
    <button type="button" onClick={clear}>Start anew</button>
  </>
}

function Knob({ knob, setKnob, genre, setGenre }) {
  const formula = knob === 0 ? 'your stars'
    : knob < 0 ? `your stars + ${fixed(-knob)} × log₁₀(ratings it has)`
    : `your stars − ${fixed(knob)} × stars of the average person`
  return <div class="tools">
    <label class="knob" for="knob"><span>Surprise me</span>
      <span class="ends"><span>popular</span>
        <input id="knob" type="range" min={has.popularity ? -1 : 0} max="1" step="0.1" value={knob}
          aria-valuetext={`sorted by ${formula}`}
          onInput={event => setKnob(Number(event.target.value))} />
        <span>personal</span></span></label>
    {has.genre && <label>Only <select value={genre} onChange={e => setGenre(e.target.value)}>
      <option value="">all genres</option>
      {data.genre_names.map(g => <option key={g}>{g}</option>)}
    </select></label>}
    <p class="formula">Sorted by {formula}</p>
  </div>
}

function List({ list, fit, stars, add, show }) {
  const [open, setOpen] = useState(null)
  const ol = useGlide(list.join())
  return <ol class="films" ref={ol}>
    {list.map(i => {
      const item = items[i], off = doubt(m, fit, i)
      return <li key={i} data-row={i}>
        <details open={open === i} onToggle={event => {
          if (event.target.open) setOpen(i)
          else if (open === i) setOpen(null)
        }}>
          <summary>
            <span class="what">{item.short} <span class="faint">{item.year}</span></span>
            <span class="told"><b>{fixed(stars[i])}</b> <span class="faint">± {fixed(off)}</span></span>
            <Doubt value={stars[i]} doubt={off} low={low} high={high} />
          </summary>
          {open === i && <Why {...{ i, fit, stars, add, show }} />}
        </details>
      </li>
    })}
  </ol>
}

// The sum of one prediction.
function Why({ i, fit, stars, add, show }) {
  const parts = useMemo(() => explain(m, fit, i), [fit, i])
  const item = items[i], bias = m.plain[i] - average
  const wide = Math.max(.3, Math.abs(bias), ...parts.map(p => Math.abs(p.push)))
  const bar = v => <span class={v < 0 ? 'push down' : 'push'} aria-hidden="true">
    <span style={{ width: `${Math.abs(v) / wide * 50}%` }} /></span>
  return <div class="why">
    <table>
      <caption>How {item.short} comes to {fixed(stars[i], 2)} stars</caption>
      <thead><tr><th scope="col">what</th><td class="bars" /><th scope="col">stars</th>
        {parts.length > 0 && <th scope="col">without it</th>}</tr></thead>
      <tbody>
        <tr><th scope="row">the average of all</th><td class="bars" /><td>{fixed(average, 2)}</td></tr>
        <tr><th scope="row">its bias: what everybody thinks of it</th>
          <td class="bars">{bar(bias)}</td><td>{signed(bias)}</td></tr>
        {parts.map(p => <tr key={p.row}>
          <th scope="row">you gave {items[p.row].short} {p.stars}</th>
          <td class="bars">{bar(p.push)}</td><td>{signed(p.push)}</td>
          <td>{fixed(p.without, 2)}</td></tr>)}
        <tr class="sum"><th scope="row">together</th><td class="bars" />
          <td>{fixed(stars[i], 2)}</td></tr>
      </tbody>
    </table>
    <div class="row">
      <button type="button" onClick={() => add(i)}>I know it</button>
      <button type="button" onClick={() => show(i)}>Show it on the map</button>
    </div>
  </div>
}

function MapPart({ stars, you, rated, selected, near, dim, by, setBy, control, rate, fit, show,
                   setSelected, setView, view }) {
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)'), flip = () => setTurn(n => n + 1)
    query.addEventListener('change', flip)
    return () => query.removeEventListener('change', flip)
  }, [])
  const late = useLater(stars)
  const paint = useMemo(() => colours(by, items, late, data.genre_names),
    [by, by === 'liking' ? late : null, turn])
  const choices = ['liking', 'year', 'genre', 'popularity'].filter(c => has[c] ?? true)
  return <>
    <div class="tools">
      <label>Colour by <select value={by} onChange={e => setBy(e.target.value)}>
        {choices.map(c => <option key={c} value={c}>{c === 'liking' ? 'what you would give' : c}</option>)}
      </select></label>
      <Legend {...{ paint }} />
      <span class="row buttons">
        <button type="button" onClick={() => control.current.by(1.6)} aria-label="Zoom in">+</button>
        <button type="button" onClick={() => control.current.by(1 / 1.6)} aria-label="Zoom out">−</button>
        <button type="button" onClick={() => control.current.whole()}>Whole map</button>
        <button type="button" onClick={() => control.current.to(...you)}>Where am I?</button>
      </span>
    </div>
    <div class="side"><div>
    <div class="canvas">
      <FilmMap {...{ m, items, paint, you, rated, selected, near, dim, control }}
        pick={setSelected} view={setView} />
      <span class="axis">liked by all →</span>
    </div>
    <p class="formula" id="map-keys">Near each other is what the same people like. You move the way
      of what you like more than others do. Drag it, pinch it, or click a dot; by keyboard: arrows go
      from dot to dot, Shift and arrows move the map, + and − zoom, 0 shows all.</p>
    </div><div class="beside">
      {selected !== null && <Card {...{ selected, near, stars, fit, rated, rate, show, setSelected }} />}
      <View {...{ view, stars: late, dim, show }} />
    </div></div>
  </>
}

function Legend({ paint }) {
  if (paint.keys) return <ul class="keys" aria-label="Colours">{paint.keys.map(([name, hue, k]) =>
    <li key={name}><svg viewBox="0 0 12 12" aria-hidden="true"><path fill={hue} d={shape(k)} /></svg>
      {name}</li>)}</ul>
  return <span class="ramp"><span>{paint.ends[0]}</span>
    <span class="strip" style={{ background: `linear-gradient(to right, ${paint.steps})` }} />
    <span>{paint.ends[1]}</span></span>
}

// The marks of the map, as a path.
function shape(k) {
  const parts = []
  mark({ moveTo: (x, y) => parts.push(`M${x} ${y}`), lineTo: (x, y) => parts.push(`L${x} ${y}`),
         arc: (x, y, r) => parts.push(`M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`) },
       6, 6, 4.5, k)
  return parts.at(-1).includes('a') ? parts.at(-1) : parts.join('')
}

function Card({ selected, near, stars, fit, rated, rate, show, setSelected }) {
  const item = items[selected]
  return <div class="card" role="region" aria-label="The chosen one">
    <button type="button" class="quiet" aria-label="Close" onClick={() => setSelected(null)}>×</button>
    <h3 aria-live="polite">{item.short} <span class="faint">{item.year}</span></h3>
    <p class="faint">{[item.genres.map(g => data.genre_names[g]).join(', '),
      item.count && `${item.count.toLocaleString('en')} ratings`].filter(Boolean).join(' · ')}</p>
    <p>{rated.has(selected) ? 'You would be told' : 'For you'} <b>{fixed(stars[selected], 2)}</b> ±{' '}
      {fixed(doubt(m, fit, selected), 2)}; the average person is told {fixed(m.plain[selected], 2)}.</p>
    <Stars item={item} where="map" levels={levels} stars={rated.get(selected) ?? null} rate={rate} />
    <h4>Its neighbours</h4>
    <ol class="plain">{near.map(([like, i]) => <li key={i}>
      <button type="button" class="link" onClick={() => show(i)}>{items[i].short}</button>{' '}
      <span class="faint">{items[i].year} · {fixed(like, 2)}</span></li>)}</ol>
  </div>
}

const View = memo(function View({ view, stars, dim, show }) {
  const shown = view.filter(i => !dim[i]).sort((a, b) => stars[b] - stars[a])
  return <div class="view" tabindex="0" role="region" aria-label="What the map shows, as a table">
    <table>
      <caption>{shown.length.toLocaleString('en')} {films} on the map now; the best for you
        first{shown.length > ROWS ? `, ${ROWS} of them` : ''}</caption>
      <thead><tr><th scope="col">title</th>{has.year && <th scope="col">year</th>}
        <th scope="col">stars</th>{has.popularity && <th scope="col">ratings</th>}</tr></thead>
      <tbody>{shown.slice(0, ROWS).map(i => <tr key={i}>
        <th scope="row"><button type="button" class="link" onClick={() => show(i)}>
          {items[i].short}</button></th>
        {has.year && <td>{items[i].year}</td>}<td>{fixed(stars[i])}</td>
        {has.popularity && <td>{items[i].count.toLocaleString('en')}</td>}</tr>)}</tbody>
    </table>
  </div>
})

const linked = text => text.split(/(https?:\/\/\S+|data-conditions\.txt)/).map((part, k) =>
  k % 2 ? <a key={k} href={part}>{part}</a> : part)

function Foot() {
  return <footer>
    <h2>How it works</h2>
    <p>A model has learnt {m.k} numbers for each of {m.n.toLocaleString('en')} {films} from
      who gave what how many stars. Your ratings are put into one small equation, whose answer is
      nearly what you would have got in that training: your own numbers, and the doubt that is left
      in them. The stars beside a title are the sum that opens below it, and ± is their doubt, one
      standard deviation; your mood on the day comes on top. The knob sorts by your stars + p · log₁₀(ratings)
      on the popular side, and by your stars − q · what the average person is told on the personal
      side; in the middle p = q = 0.</p>
    <p>Saved as a file, your ratings go on in a terminal, with the same numbers:{' '}
      <code>collabdive recommend --model model.safetensors --rate-file my-ratings.json</code>, in
      the folder of this page{data.about.length > 0 && <>, which <code>collabdive explorer --out
        FOLDER</code> writes for you, for these {films} or for a model of your own</>}.</p>
    {data.about.map((text, k) => <p key={k} class="faint">{linked(text)}</p>)}
    <p class="faint">Made by <a href="https://collabdive.github.io/collabdive">collabdive</a>, which
      teaches how all this works. <a href="packages-licences.txt">Licences of the packages in
      it</a>.</p>
  </footer>
}

// What may come a moment later than the list does.
function useLater(value) {
  const [late, setLate] = useState(value)
  useEffect(() => {
    const wait = setTimeout(() => setLate(value), 50)
    return () => clearTimeout(wait)
  }, [value])
  return late
}

render(<App />, document.getElementById('app'))
setTimeout(() => find('a'), 300)
// for tests: the same sums as Python's
globalThis.explorer = { data, m, fold, scores, doubt, explain, find, ready: performance.now() }
