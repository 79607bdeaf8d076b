"""Make what a language model reads of the site: `llms.txt`, and each page as Markdown beside it.

`llms.txt` has the form of llmstxt.org: a title, a summary, then lists of links. `data.html.md` is
`data.html` as Markdown (the package's modules name these pages); `llms-full.txt` holds them all.
"""
import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from fastcore.nbio import read_nb

from nb_project import cell_text
from readme import fenced, flatten

FRONT = re.compile(r'\A---\n(.*?)\n---\n?', re.S)
SOURCE_LINK = re.compile(r'\A\s*---\s*\n+\[source\]\(([^)]*)\)\{[^}]*\}\s*', re.M)
COMMENT = re.compile(r'<!--.*?-->\s*', re.S)
MOST = 5_000  # characters of one output that are kept


@dataclass(frozen=True)
class Page:
    "A page of the site."
    part: str         # the part of the sidebar
    name: str         # `data`, without .html
    title: str
    finding: str      # its description: one line
    text: str         # Markdown, without the title


def sidebar(config: dict) -> list:
    "The pages of the site, in the order of its sidebar: (part, file)."
    sections = config['website']['sidebar']['contents']
    return [(section['section'], file) for section in sections for file in section['contents']]


def read_page(
    part: str,    # the part of the sidebar
    path: Path,   # a notebook that nbdev has processed, or a .qmd
    home: str,    # the site's address
) -> Page:
    "Read a page, as Markdown."
    if path.suffix == '.ipynb': cells = read_nb(path).cells
    else: cells = [dict(cell_type='markdown', source=path.read_text(encoding='utf-8'))]
    front = FRONT.match(cells[0]['source'])
    about = yaml.safe_load(front[1])
    name = about.get('output-file', f'{path.stem}.html').removesuffix('.html')
    cells[0]['source'] = cells[0]['source'][front.end():]
    blocks = [block for cell in cells for block in cell_blocks(cell, home)]
    return Page(part, name, about['title'], ' '.join(about.get('description', '').split()),
                '\n\n'.join(block for block in blocks if block.strip()))


def options_of(source: str) -> tuple:
    "A cell's options, and its code without them."
    lines = source.splitlines()
    n = next((i for i, line in enumerate(lines) if not line.startswith('#|')), len(lines))
    options = yaml.safe_load('\n'.join(line[2:].strip() for line in lines[:n])) or {}
    return options, '\n'.join(lines[n:]).strip()


def cell_blocks(cell: dict, home: str) -> list:
    "A cell as blocks of Markdown: what a reader sees of it."
    if cell['cell_type'] != 'code': return [flatten(COMMENT.sub('', cell['source']), home, 'nbs')]
    options, code = options_of(cell['source'])
    if options.get('include') is False: return []
    blocks = [fenced(code, 'python')] if code and options.get('echo') is not False else []
    if options.get('output') is False: return blocks
    alt = options.get('fig-alt', '')
    return blocks + [output_block(output, alt) for output in cell.get('outputs', [])]


def output_block(output: dict, alt: str) -> str:
    "What a cell shows, as Markdown: tables as text, a figure as its alternative text."
    if output['output_type'] == 'stream': return fenced(cell_text(output['text'])[:MOST])
    data = output.get('data', {})
    if any(kind.startswith('image/') for kind in data): return f'*Figure: {alt}*'
    if 'text/markdown' in data:
        return SOURCE_LINK.sub('', cell_text(data['text/markdown'])).strip()
    return fenced(cell_text(data.get('text/plain', ''))[:MOST])


def as_markdown(page: Page) -> str:
    "One page of Markdown."
    finding = f'> {page.finding}\n\n' if page.finding else ''
    return f'# {page.title}\n\n{finding}{page.text}\n'


def index(
    pages: list,   # of Page
    config: dict,  # the site's
    home: str,     # its address
) -> str:          # llms.txt
    "Write the list of the pages, by the parts of the sidebar."
    site = config['website']
    first = next(page for page in pages if page.name == 'index')
    blocks = [f"# {site['title']}", f"> {site['description']}", first.finding]
    for part in dict.fromkeys(page.part for page in pages):
        lines = [f'- [{page.title}]({home}/{page.name}.html.md): {page.finding}'
                 for page in pages if page.part == part]
        blocks += [f'## {part}', '\n'.join(lines)]
    rest = {f'[Everything on one page]({home}/llms-full.txt)': 'all of the above',
            f"[Source]({site['repo-url']})": 'the notebooks, and the package made from them'}
    lines = [f'- {link}: {what}' for link, what in rest.items()]
    blocks += ['## Optional', '\n'.join(lines)]
    return '\n\n'.join(blocks) + '\n'


def write(
    site: Path,       # the built site
    processed: Path,  # what nbdev made of the notebooks; with the site's configuration
) -> None:
    "Write llms.txt, llms-full.txt and a Markdown copy of each page."
    config = yaml.safe_load((processed/'_quarto.yml').read_text(encoding='utf-8'))
    for name in config.get('metadata-files', []):
        more = yaml.safe_load((processed/name).read_text(encoding='utf-8'))
        config['website'] = {**more.get('website', {}), **config['website']}
    home = config['website']['site-url'].rstrip('/')
    pages = [read_page(part, processed/file, home) for part, file in sidebar(config)]
    for page in pages:
        (site/f'{page.name}.html.md').write_text(as_markdown(page), encoding='utf-8')
    (site/'llms.txt').write_text(index(pages, config, home), encoding='utf-8')
    full = '\n\n'.join(as_markdown(page) for page in pages)
    (site/'llms-full.txt').write_text(full, encoding='utf-8')
