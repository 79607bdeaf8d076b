// Builds the explorer into dist/, or into the folder that is named, and the lessons' figures into
// figures/ beside it; data.js comes from Python.
import { build, transform } from 'esbuild'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const out = process.argv[2] ?? join(here, 'dist')
mkdirSync(out, { recursive: true })

const settings = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: 'iife',                 // a classic script: modules do not load without a server
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  legalComments: 'none',          // all licences go into one file
  metafile: true
}
const explorer = await build({ ...settings, outdir: out,
  entryPoints: { explorer: 'src/app.jsx', style: 'src/style.css' } })
const plain = {                   // a figure brings its style along, as text
  name: 'plain', setup: ({ onLoad }) => onLoad({ filter: /\.css$/ }, async ({ path }) => ({
    contents: (await transform(readFileSync(path, 'utf8'), { loader: 'css', minify: true })).code,
    loader: 'text' }))
}
const figures = await build({ ...settings, outdir: join(out, '..', 'figures'), plugins: [plain],
  entryPoints: readdirSync(join(here, 'src', 'figures')).filter(f => f.endsWith('.js') && f !== 'kit.js')
    .map(f => join('src', 'figures', f)) })
cpSync(join(here, 'src', 'index.html'), join(out, 'index.html'))

const used = new Set([explorer, figures].flatMap(({ metafile }) => Object.keys(metafile.inputs))
  .map(file => file.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean))
const licences = [...used].sort().map(name => {
  const folder = join(here, 'node_modules', name)
  const file = readdirSync(folder).find(f => /^licen[cs]e/i.test(f))
  if (!file || !existsSync(join(folder, file))) throw new Error(`${name} has no licence file`)
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json')))
  const text = readFileSync(join(folder, file), 'utf8').replaceAll('\r', '').trim()
  return `${name} ${version}\n\n${text}\n`
})
writeFileSync(join(out, 'packages-licences.txt'), licences.join(`\n${'-'.repeat(72)}\n\n`))
