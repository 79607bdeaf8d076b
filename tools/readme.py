#!/usr/bin/env python
"Make README.md from nbs/index.ipynb, as GitHub Markdown: the same notebook gives the same bytes."
import argparse
import base64
import re
import sys
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from fastcore.nbio import read_nb
from nbdev.config import get_config
from nbdev.processors import FilterDefaults
from nbdev.readme_filter import doc_link

from nb_project import cell_text

PICTURES = 'README_files'
NOTE = '<!-- Made from nbs/index.ipynb by tools/readme.py: edit that, not this. -->'
FENCE = re.compile(r'^ {0,3}(`{3,}|~{3,})')
DIV = re.compile(r'^:{3,}\s*(?P<attrs>.*?)\s*$')
LINK = re.compile(r'(!?)(\[(?:[^\]\[]|\[[^\]]*\])*\])\(([^()\s]+)((?:\s+"[^"]*")?)\)(\{[^}]*\})?')


def fenced(
    text: str,       # the code
    lang: str = '',  # its language
) -> str:            # a code block whose fence the code cannot close
    "Write a code block."
    ticks = '`' * max([3, *(len(run)+1 for run in re.findall('`{3,}', text))])
    return f'{ticks}{lang}\n{text.rstrip()}\n{ticks}'


def map_links(
    line: str,  # a line of Markdown, outside code
    home: str,  # the published site
    nbs: str,   # the notebooks' folder, from the repository's root
) -> str:
    "Point links to notebooks at the site, pictures at their file; drop Quarto's attributes."
    def replace(m):
        bang, label, target, title, _ = m.groups()
        label = map_links(label[1:-1], home, nbs)  # a badge is a picture within a link
        local = not re.match(r'[a-zA-Z][\w+.-]*:|[/#]', target)
        target = f'{nbs}/{target}' if bang and local else doc_link(target, home)
        return f'{bang}[{label}]({target}{title})'
    line = LINK.sub(replace, line)
    return re.sub(r'^(#{1,6} .*?)\s*\{[^}]*\}$', r'\1', line)


def callout_title(
    attrs: str,   # what a block's first line gives in braces
) -> str | None:  # None if the block is no callout
    "The title of a callout, by default its kind."
    callout, named = re.search(r'callout-(\w+)', attrs), re.search(r'title="([^"]*)"', attrs)
    if not callout: return None
    return named[1] if named else callout[1].capitalize()


def flatten(
    source: str,  # Markdown with Quarto's `:::` blocks
    home: str,    # the published site
    nbs: str,     # the notebooks' folder, from the repository's root
) -> str:         # callouts as quotes with a bold title, other blocks without their fences
    "Turn a Markdown cell into GitHub Markdown."
    out, open_divs, fence, title = [], [], None, None
    for line in source.splitlines():
        mark, div = FENCE.match(line), None if fence else DIV.match(line)
        if div:
            if div['attrs']:
                opened = callout_title(div['attrs'])
                open_divs.append(opened is not None)
                if opened is not None: title = opened
            elif not open_divs: raise ValueError(f'a ::: that closes nothing in:\n{source}')
            else: open_divs.pop()
            continue
        quote = '> ' * sum(open_divs)
        if title is not None and line.strip():
            heading = re.match(r'#+\s+(.*)', line)  # a callout's first heading is its title
            out += [f'{quote}**{heading[1] if heading else title}**', quote.rstrip()]
            title = None
            if heading: continue
        if mark: fence = None if fence and mark[1].startswith(fence) else fence or mark[1]
        out.append((quote + (line if fence or mark else map_links(line, home, nbs))).rstrip())
    if open_divs: raise ValueError(f'a ::: block is never closed in:\n{source}')
    return re.sub(r'\n{3,}', '\n\n', '\n'.join(out)).strip('\n')


def pipe_table(
    table,   # a BeautifulSoup <table>
) -> str:    # the same as a GitHub table
    "Write a data frame's table as Markdown."
    def text(cell): return cell.get_text(' ', strip=True).replace('|', r'\|')
    rows = [[text(cell) for cell in row.find_all(['th', 'td'])] for row in table.find_all('tr')]
    if len({len(row) for row in rows}) > 1:
        raise ValueError('a table with merged cells has no GitHub form; show it in a lesson')
    n = max(1, len(table.select('thead tr')))  # a named index has a header row of its own
    header = [' '.join(filter(None, column)) for column in zip(*rows[:n])]
    lines = [header, ['---']*len(header), *rows[n:]]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in lines)


def output_md(
    out: dict,       # one output of a code cell
    pictures: dict,  # file name -> bytes; a picture is added to it
    alt: str,        # the cell's `fig-alt`
) -> str:            # Markdown
    "Write one output. Raises ValueError for an error, or a picture without alt text."
    if out['output_type'] == 'error':
        raise ValueError(f"a cell of the index failed: {out['ename']}: {out['evalue']}")
    if out['output_type'] == 'stream': return fenced(cell_text(out['text']))
    data = out['data']
    if 'image/png' in data:
        if not alt: raise ValueError('a picture in the index has no #| fig-alt')
        name = f'{PICTURES}/figure-{len(pictures)+1}.png'
        pictures[name] = base64.b64decode(cell_text(data['image/png']))
        return f'![{alt}]({name})'
    if 'text/markdown' in data: return cell_text(data['text/markdown']).strip()
    table = BeautifulSoup(cell_text(data.get('text/html', '')), 'html.parser').table
    return pipe_table(table) if table else fenced(cell_text(data['text/plain']))


def cell_md(
    cell: dict,      # a cell that nbdev has processed
    pictures: dict,  # file name -> bytes of the pictures so far
    home: str,       # the published site
    nbs: str,        # the notebooks' folder, from the repository's root
) -> list[str]:      # blocks of Markdown
    "Write one cell, and what it shows."
    if cell.cell_type == 'raw': return []
    if cell.cell_type == 'markdown': return [flatten(cell.source, home, nbs)]
    lines = cell.source.splitlines()
    n = next((i for i, line in enumerate(lines) if not line.startswith('#|')), len(lines))
    options = yaml.safe_load('\n'.join(line[2:].strip() for line in lines[:n])) or {}
    if options.get('include') is False: return []
    code = '\n'.join(lines[n:]).strip()
    blocks = [fenced(code, 'python')] if code and options.get('echo') is not False else []
    if options.get('output') is not False:
        alt = options.get('fig-alt', '')
        blocks += [output_md(out, pictures, alt) for out in cell.get('outputs', [])]
    return blocks


def make(
    path: str|Path,         # the notebook
    home: str,              # the published site's address
    nbs: str = 'nbs',       # the notebooks' folder, from the repository's root
) -> tuple[str, dict]:      # README.md; its pictures, file name -> bytes
    "Make the README from a notebook. Raises ValueError for what has no form on GitHub."
    nb, pictures = read_nb(path), {}
    FilterDefaults()(nb)
    about = nb.frontmatter_
    if 'title' not in about: raise ValueError(f'{path} has no title: begin it with "# Title"')
    blocks = [f"# {about['title']}", NOTE]
    if about.get('description'): blocks.append(f"> {map_links(about['description'], home, nbs)}")
    for cell in nb.cells: blocks += cell_md(cell, pictures, home, nbs)
    blocks = [block for block in blocks if block and not block.startswith('<!-- WARN')]  # nbdev's
    return '\n\n'.join(blocks) + '\n', pictures


def stale(
    root: Path,      # the repository
    text: str,       # what README.md should be
    pictures: dict,  # what README_files should hold: file name -> bytes
) -> list[str]:      # the files that differ, are missing, or are there for nothing
    "Compare the README and its pictures with the files."
    want = {'README.md': text.encode(), **pictures}
    have = {name: (root/name).read_bytes() for name in want if (root/name).is_file()}
    left = [f'{PICTURES}/{p.name}' for p in sorted((root/PICTURES).glob('*'))]
    differ = [name for name in want if have.get(name) != want[name]]
    return differ + [name for name in left if name not in want]


def write(root: Path, text: str, pictures: dict) -> None:
    "Write the README and its pictures; remove pictures it no longer shows."
    for name in stale(root, text, pictures): (root/name).unlink(missing_ok=True)
    for name, data in {'README.md': text.encode(), **pictures}.items():
        (root/name).parent.mkdir(exist_ok=True)
        (root/name).write_bytes(data)


def main() -> None:
    "Write README.md, or check that it is what the notebook gives."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing; exit 1 if out of sync')
    args = parser.parse_args()
    cfg = get_config()
    nbs = cfg.nbs_path.relative_to(cfg.config_path).as_posix()
    try: text, pictures = make(cfg.nbs_path/cfg.readme_nb, cfg.doc_url, nbs)
    except (FileNotFoundError, ValueError) as e: sys.exit(f"readme: {e}")
    if not args.check: write(cfg.config_path, text, pictures)
    elif names := stale(cfg.config_path, text, pictures):
        sys.exit(f"readme: {', '.join(names)} not in sync with {nbs}/{cfg.readme_nb}: "
                 'run .venv/bin/python tools/readme.py')


if __name__ == '__main__': main()
