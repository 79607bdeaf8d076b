// Small parts that several places use.
import { useLayoutEffect, useRef } from 'preact/hooks'

export const calm = matchMedia('(prefers-reduced-motion: reduce)')
export const fixed = (value, places = 1) => value.toFixed(places).replace('-', '−')
export const signed = value => (value < -.005 ? '−' : '+') + Math.abs(value).toFixed(2)

const SHAPE = 'M12 2.6l2.9 5.9 6.5.95-4.7 4.6 1.1 6.45L12 17.45 6.2 20.5l1.1-6.45-4.7-4.6 6.5-.95z'
const Star = () => <svg viewBox="0 0 24 24" aria-hidden="true"><path d={SHAPE} /></svg>

// Stars as radio buttons: the arrow keys go through them.
export function Stars({ item, levels, stars, rate, where }) {
  const plain = levels.length === 5 && levels.every((level, k) => level === k + 1)
  return <fieldset class={plain ? 'stars' : 'stars numbers'}>
    <legend class="unseen">Your stars for {item.short}</legend>
    {levels.map(level => <label key={level} class={stars !== null && level <= stars ? 'on' : ''}
      title={`${level} ${level === 1 ? 'star' : 'stars'}`}>
      <input type="radio" name={`${where}-${item.i}`} value={level} checked={level === stars}
        aria-label={`${level} ${level === 1 ? 'star' : 'stars'}`} onChange={() => rate(item.i, level)} />
      {plain ? <Star /> : level}
    </label>)}
  </fieldset>
}

// A prediction on the range of stars, with its doubt to both sides.
export function Doubt({ value, doubt, low, high }) {
  const at = v => `${Math.min(100, Math.max(0, (v - low) / (high - low) * 100))}%`
  return <span class="doubt" aria-hidden="true">
    <span class="band" style={{ left: at(value - doubt), right: `calc(100% - ${at(value + doubt)})` }} />
    <span class="dot" style={{ left: at(value) }} />
  </span>
}

// Lets the children of a list glide to their new places.
export function useGlide(key) {
  const list = useRef(), before = useRef(new Map())
  useLayoutEffect(() => {
    const now = new Map()
    if (calm.matches) { before.current = now; return }
    for (const child of list.current.children) {
      const name = child.dataset.row, top = child.offsetTop
      now.set(name, top)
      const old = before.current.get(name)
      if (old === undefined) {
        if (before.current.size) child.animate([{ opacity: 0 }, { opacity: 1 }], 300)
      } else if (old !== top) child.animate(
        [{ transform: `translateY(${old - top}px)` }, { transform: 'none' }],
        { duration: 350, easing: 'cubic-bezier(.2, .8, .2, 1)' })
    }
    before.current = now
  }, [key])
  return list
}
