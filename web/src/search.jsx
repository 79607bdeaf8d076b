// The search: a box, and a list below it that the arrow keys go through.
import { useMemo, useState } from 'preact/hooks'

export function Search({ find, pick, given }) {
  const [text, setText] = useState(''), [active, setActive] = useState(0)
  const [open, setOpen] = useState(false)
  const hits = useMemo(() => text.trim() ? find(text) : [], [text, find])
  const shown = open && text.trim() !== ''
  const choose = item => { pick(item.i); setText(''); setOpen(false); setActive(0) }
  const onKeyDown = event => {
    if (event.key === 'Escape') { setOpen(false); setText(''); return }
    if (!shown || !hits.length) return
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step) { event.preventDefault(); setActive((active + step + hits.length) % hits.length) }
    if (event.key === 'Enter') { event.preventDefault(); choose(hits[active]) }
  }
  return <div class="search">
    <label for="find">Find one you know</label>
    <input id="find" type="text" role="combobox" autocomplete="off" spellcheck={false}
      aria-expanded={shown && hits.length > 0} aria-controls="hits" aria-autocomplete="list"
      aria-activedescendant={shown && hits.length ? `hit-${hits[active]?.i}` : undefined}
      placeholder="such as godfahter" value={text} onKeyDown={onKeyDown}
      onInput={event => { setText(event.target.value); setActive(0); setOpen(true) }}
      onFocus={() => setOpen(true)} onBlur={() => setOpen(false)} />
    <ul id="hits" role="listbox" aria-label="Found" hidden={!shown || !hits.length}>
      {hits.map((item, k) => <li key={item.i} id={`hit-${item.i}`} role="option"
        aria-selected={k === active} onMouseDown={event => event.preventDefault()}
        onClick={() => choose(item)} onMouseMove={() => setActive(k)}>
        {item.short} <span class="faint">{item.year}{given.has(item.i) ? ' · yours already' : ''}</span>
      </li>)}
    </ul>
    <p class="said" role="status">{shown && !hits.length ? 'Nothing is called so here.' : ''}</p>
  </div>
}
