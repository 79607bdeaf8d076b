#!/usr/bin/env python
"Make nbs/api.qmd: every exported name, in the sidebar's order, with what it takes and an example."
import ast
import re
from pathlib import Path

from fastcore.nbio import read_nb
from nbdev.config import nbpath2html
from nbdev.doclinks import NbdevLookup

from nbs import ROOT, is_exported, parse, sidebar

HEAD = '''---
title: "API reference"
description: "Every name that the package exports, in the order of the lessons, each at work."
toc-depth: 2
---

The title of an entry leads to the page that explains it. An example is a cell of a lesson, as it
stands there: the names that it does not make come from the cells before it.'''


def call(node: ast.AST, text: str) -> str:
    "The source of a definition without what it does: notes on arguments and fields stay."
    if isinstance(node, ast.Assign): return ast.get_source_segment(text, node)
    lines, first = text.splitlines(), node.body[0]
    above = [*lines[node.lineno-1:first.lineno-1], lines[first.lineno-1][:first.col_offset]]
    parts = ['\n'.join(above).rstrip()]
    if not isinstance(node, ast.ClassDef): return parts[0]
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    stop = min([part.lineno - len(part.decorator_list) for part in methods] + [node.end_lineno+1])
    fields = [part.lineno for part in node.body if isinstance(part, ast.AnnAssign)]
    if fields: parts.append('\n'.join(lines[fields[0]-1:stop-1]).rstrip())
    return '\n'.join(parts + [call(part, text) for part in methods if part.name == '__init__'])


def about(node: ast.AST, text: str) -> str:
    "A definition's docstring, or the comment behind a value; names in it become links."
    if not isinstance(node, ast.Assign): return NbdevLookup().linkify(ast.get_docstring(node) or '')
    return text.splitlines()[node.end_lineno-1][node.end_col_offset:].strip('# ')


def exports(module: Path) -> dict:
    "A module's exported names: name -> (how it is called, what it is for)."
    text, found = module.read_text(encoding='utf-8'), {}
    for node in ast.parse(text).body:
        names = [ast.Name(node.name)] if hasattr(node, 'name') else getattr(node, 'targets', [])
        found |= {part.id: node for name in names for part in ast.walk(name)
                  if isinstance(part, ast.Name)}
    names = ast.literal_eval(found['__all__'].value)
    return {name: (call(node, text), about(node, text)) for name in names
            if not dispatched(node := found[name])}


def dispatched(node: ast.AST) -> bool:
    "Is it for fastai to call, which looks it up by the types of its arguments?"
    return any(ast.unparse(part) == 'dispatch' for part in getattr(node, 'decorator_list', []))


def examples(notebook: Path) -> list:
    "The cells that a reader sees, up to the exercises: (source, names that it uses) of each."
    found = []
    for cell in read_nb(notebook).cells:
        if cell.source.startswith('## Exercises'): break
        unseen = any(map(cell.has_directive, ('hide', 'code-fold'))) or is_exported(cell)
        if cell.cell_type != 'code' or unseen or cell.directive('echo') == 'false': continue
        source = '\n'.join(line for line in cell.source.splitlines() if line[:2] != '#|').strip()
        found.append((source, {n.id for n in ast.walk(parse(cell)) if isinstance(n, ast.Name)}))
    return found


def find_example(name: str, home: str, cells: dict) -> str:
    "The shortest cell that uses a name, in its own notebook or the first that has any; or ''."
    for page in [home, *cells]:
        hits = [source for source, used in cells[page] if name in used]
        if hits: return (f'<details class="example">\n<summary>Example</summary>\n\n'
                         f'```python\n{min(hits, key=len)}\n```\n\n'
                         f'From [{nbpath2html(page).stem}]({page}.ipynb).\n\n</details>')
    return ''


def chapter(home: str, names: dict, cells: dict) -> str:
    "The page's part on one module."
    page = nbpath2html(home)
    blocks = [f'## {page.stem}']
    for name, (code, text) in names.items():
        place = NbdevLookup().doc(f'collabdive.{page.stem}.{name}') or page.as_posix()
        makers = [other for other in names if re.search(rf'-> .?{name}\b', names[other][0])]
        shown = [find_example(user, home, cells) for user in (name, *makers)]
        blocks += [f'### [{name}]({place}) {{#{page.stem}.{name}}}', f'```python\n{code}\n```',
                   text, next(filter(None, shown), '')]
    return '\n\n'.join(filter(None, blocks))


def write(root: Path = ROOT) -> None:
    "Write the page beside the notebooks."
    cells = {name: examples(root/f'nbs/{name}.ipynb') for _, part in sidebar(root) for name in part}
    modules = {name: root/f'collabdive/{nbpath2html(name).stem}.py' for name in cells}
    names = {name: exports(path) for name, path in modules.items() if path.is_file()}
    chapters = [chapter(name, found, cells) for name, found in names.items() if found]
    (root/'nbs'/'api.qmd').write_text('\n\n'.join([HEAD, *chapters]) + '\n', encoding='utf-8')


if __name__ == '__main__': write()
