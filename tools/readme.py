#!/usr/bin/env python
"Make README.md from nbs/index.ipynb, as GitHub Markdown: the same notebook gives the same bytes."
import argparse
import base64
import re
import sys
from pathlib import Path

from fastcore.nbio import read_nb
from markdownify import markdownify
from nbdev.config import get_config
from nbdev.readme_filter import doc_link

from nbs import ROOT

INDEX, PICTURES = 'nbs/index.ipynb', 'README_files'
NOTE = f'<!-- Made from {INDEX} by tools/readme.py: edit that, not this. -->'
LINK = re.compile(r'(?<=\]\()[^()\s]+')
NOT_ON_GITHUB = re.compile(r'^:::|\]\([^)]*\)\{|^#.*\{#', re.M)  # callouts, attributes


def prose(source: str, home: str) -> str:
    "A Markdown cell, its links to notebooks led to the site. Raises ValueError for a callout."
    if bad := NOT_ON_GITHUB.search(source):
        raise ValueError(f'{bad[0]!r} in {INDEX} has no form on GitHub; write it plainly')
    source = re.sub(r'\n*<!--.*?-->', '', source, flags=re.S)
    return LINK.sub(lambda m: doc_link(m[0], home), source)


def shown(output: dict, alt: str, pictures: dict) -> str:
    "An output; its picture goes to `pictures`, name -> bytes. Raises ValueError without alt text."
    data = output.get('data', {'text/plain': output.get('text', '')})
    kinds = {kind: ''.join(lines) for kind, lines in data.items()}
    if 'image/png' in kinds:
        if not alt: raise ValueError(f'a picture in {INDEX} has no #| fig-alt')
        name = f'{PICTURES}/figure-{len(pictures)+1}.png'
        pictures[name] = base64.b64decode(kinds['image/png'])
        return f'![{alt}]({name})'
    if 'text/markdown' in kinds: return kinds['text/markdown']
    if table := re.search('<table.*</table>', kinds.get('text/html', ''), re.S):
        return markdownify(table[0], escape_underscores=False, escape_asterisks=False)
    return f'```\n{kinds["text/plain"].rstrip()}\n```'


def make(index: Path, home: str) -> dict:
    "The README and its pictures: name -> bytes."
    pictures, blocks = {}, []
    for cell in read_nb(index).cells:
        if cell.cell_type == 'markdown': blocks.append(prose(cell.source, home))
        if cell.cell_type != 'code' or any(map(cell.has_directive, ('hide', 'code-fold'))): continue
        code = '\n'.join(line for line in cell.source.splitlines() if line[:2] != '#|').strip()
        if code and cell.directive('echo') != 'false': blocks.append(f'```python\n{code}\n```')
        alt = (cell.directive('fig-alt') or '').strip('"')
        blocks += [shown(output, alt, pictures) for output in cell.get('outputs', [])]
    title, _, rest = '\n\n'.join(b.strip() for b in blocks if b.strip()).partition('\n\n')
    return {'README.md': f'{title}\n\n{NOTE}\n\n{rest}\n'.encode(), **pictures}


def stale(files: dict, root: Path = ROOT) -> list:
    "The files that differ, are missing, or are there for nothing."
    have = [root/'README.md', *(root/PICTURES).glob('*')]
    found = {p.relative_to(root).as_posix(): p.read_bytes() for p in have if p.is_file()}
    return sorted(name for name in {*files, *found} if files.get(name) != found.get(name))


def main() -> None:
    "Write README.md, or check that it is what the notebook gives."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing; exit 1 if out of step')
    check = parser.parse_args().check
    files = make(ROOT/INDEX, get_config(ROOT).doc_url)
    old = stale(files)
    if check and old:
        sys.exit(f'readme: {", ".join(old)} out of step with {INDEX}: '
                 'run .venv/bin/python tools/readme.py')
    for name in [] if check else old:
        (ROOT/name).unlink(missing_ok=True)
        (ROOT/name).parent.mkdir(exist_ok=True)
        if name in files: (ROOT/name).write_bytes(files[name])


if __name__ == '__main__': main()
