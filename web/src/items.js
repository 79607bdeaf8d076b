// The items as they are shown and searched.
import MiniSearch from 'minisearch'

export function titled(data) {
  return data.items.map((title, i) => {
    const year = data.year[i]
    let short = year ? title.replace(new RegExp(` *\\(${year}\\)\\s*$`), '') : title
    short = short.replace(/^(.+), (The|An?|Les?|La|Il|Das|Der|Die|El)( \(.*\))?$/, '$2 $1$3')
    return { i, title, short: short || title, year, genres: data.genres[i],
             count: data.counts?.[i] ?? null }
  })
}

// Finds titles by their words' beginnings, with a slip or two; the well known first.
export function searcher(items) {
  const index = new MiniSearch({
    fields: ['short'], idField: 'i',
    processTerm: term => term.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
  })
  index.addAll(items)
  const known = i => items[i].count ? 1 + Math.log10(items[i].count) : 1
  return text => index.search(text, {
    prefix: term => term.length > 1,
    fuzzy: term => term.length < 3 || /\d/.test(term) ? 0 : term.length < 4 ? 1 : 2,
    maxFuzzy: 2, combineWith: 'AND', weights: { fuzzy: .2, prefix: .6 },
    boostDocument: known
  }).slice(0, 8).map(hit => items[hit.id])
}

// Ratings as the end of an address, such as #3f9ab2c1=12-5,40-3.5, and back.
export const written = (id, ratings) =>
  `#${id}=${ratings.map(({ i, stars }) => `${i}-${stars}`).join(',')}`

export function read(hash, data) {
  const [id, list] = hash.slice(1).split('=')
  if (id !== data.id || !list) return []
  const seen = new Set()
  return list.split(',').map(pair => pair.split('-').map(Number))
    .filter(([i, stars]) => i in data.items && data.levels.includes(stars)
      && !seen.has(i) && seen.add(i))
    .map(([i, stars]) => ({ i, stars }))
}
