#!/usr/bin/env python
"""Make the page of the API: every exported name with its signature, what it does, and an example.

All is read from the package's source and from the notebooks; nothing is imported. An example is a
visible cell of a lesson that uses the name, after its definition.
"""
import argparse
import ast
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastcore.nbio import NbCell, read_nb

from nb_project import Project, code_cells, is_exported, parse
from nb_rules import default_module, number
from readme import fenced

PAGE = 'api.qmd'
WIDTH = 88  # a signature that is longer takes a line for each argument
HEAD = '''---
title: "API reference"
description: "Every name that the package exports, in the order of the lessons, each at work."
toc-depth: 2
---

The title of an entry leads to the page that explains it, where each argument has its note. An
example is a cell of a lesson, as it stands there: the names that it does not make come from the
cells before it.
'''
OUTSIDE = re.compile(r'^(:{3,}|`{3,})(?=[^\n]*\w).*?^\1\s*$', re.M | re.S)  # callouts and code
HEADING = re.compile(r'^(#{1,6})\s+(.+?)\s*(?:\{#([\w.-]+)[^}]*\})?$', re.M)


@dataclass(frozen=True)
class Name:
    "An exported name."
    module: str     # without the package's name
    name: str
    code: str       # how to call it, or its value
    about: str      # the first sentence of its docstring, or its comment
    defined: bool   # a function or a class, which has an anchor of its own
    returns: str    # what a function returns, as written


@dataclass(frozen=True)
class Cell:
    "A code cell of a lesson, and where it stands."
    notebook: Path
    place: int      # its number in the notebook
    section: str    # the heading above it
    anchor: str     # of that heading
    exercise: bool  # does it belong to the exercises?
    source: str     # without directives
    reads: frozenset    # the names that it uses
    defines: frozenset  # the names that it gives the package
    visible: bool   # does a reader see it, as a cell that exports nothing?
    hidden: bool    # is it left out of the page, with the anchor of what it exports?

    @property
    def title(self) -> str: return title_of(self.notebook)


# The package

def exports(
    module: Path,  # a module that nbdev wrote
) -> list:         # of Name, in the order of `__all__`
    "Read the exported names of a module. Raises ValueError for one that is not defined at its top."
    text = module.read_text(encoding='utf-8')
    tree, found = ast.parse(text), {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)): found[node.name] = node
        elif isinstance(node, ast.Assign): found |= {name: node for name in assigned(node)}
    wanted = ast.literal_eval(found.pop('__all__').value)
    if lost := [name for name in wanted if name not in found]:
        raise ValueError(f'{module}: {", ".join(lost)} in __all__, but not defined at the top')
    return [describe(module.stem, name, found[name], text) for name in wanted]


def assigned(node: ast.Assign) -> list:
    "The names that an assignment gives a value."
    return [part.id for target in node.targets for part in ast.walk(target)
            if isinstance(part, ast.Name)]


def describe(module: str, name: str, node: ast.AST, text: str) -> Name:
    "Say how one name is called, and what for."
    if isinstance(node, ast.Assign):
        comment = text.splitlines()[node.end_lineno - 1][node.end_col_offset:].strip()
        return Name(module, name, ast.get_source_segment(text, node), comment.lstrip('# '), False,
                    '')
    about = first_sentence(ast.get_docstring(node) or '')
    args, returns = (class_call(node), '') if isinstance(node, ast.ClassDef) else (
        node.args, annotation(node.returns))
    return Name(module, name, signature(name, args, returns), about, True, returns)


def first_sentence(text: str) -> str:
    "The first sentence of a docstring, in one line."
    line = ' '.join(text.partition('\n\n')[0].split())
    return re.match(r'.*?[.!?](?= [A-Z`\[]|$)|.*', line)[0]


def annotation(node: ast.AST|None) -> str:
    "An annotation as written, without the quotes of a name that comes later."
    if node is None: return ''
    return node.value if isinstance(node, ast.Constant) and node.value else ast.unparse(node)


def class_call(node: ast.ClassDef) -> ast.arguments|None:
    "The arguments that make an object: those of `__init__`, or a dataclass's fields."
    inits = [part for part in node.body
             if isinstance(part, ast.FunctionDef) and part.name == '__init__']
    if inits: return without_self(inits[0].args)
    if not any('dataclass' in ast.unparse(mark) for mark in node.decorator_list): return None
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    args = [ast.arg(field.target.id, field.annotation) for field in fields]
    defaults = [field.value for field in fields if field.value]
    return ast.arguments([], args, None, [], [], None, defaults)


def without_self(args: ast.arguments) -> ast.arguments:
    "The arguments of a method as its caller sees them."
    rest = args.args[1:]
    return ast.arguments(args.posonlyargs, rest, args.vararg, args.kwonlyargs, args.kw_defaults,
                         args.kwarg, args.defaults)


def signature(name: str, args: ast.arguments|None, returns: str) -> str:
    "Write a call in one line, or with a line for each argument. Without arguments: the name alone."
    if args is None: return name
    end, parts = f' -> {returns}' if returns else '', argument_texts(args)
    line = f"{name}({', '.join(parts)}){end}"
    if len(line) <= WIDTH: return line
    return '\n'.join([f'{name}(', *(f'    {part},' for part in parts), f'){end}'])


def argument_texts(args: ast.arguments) -> list:
    "Write each argument, with its annotation and its default."
    def text(arg, default=None, stars=''):
        kind = annotation(arg.annotation)
        equals = ' = ' if kind else '='
        return (f'{stars}{arg.arg}' + (f': {kind}' if kind else '')
                + (f'{equals}{ast.unparse(default)}' if default else ''))

    plain = args.posonlyargs + args.args
    missing = [None]*(len(plain) - len(args.defaults))
    found = [text(arg, default) for arg, default in zip(plain, missing + args.defaults)]
    if args.vararg: found.append(text(args.vararg, stars='*'))
    elif args.kwonlyargs: found.append('*')
    found += [text(arg, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults)]
    return found + ([text(args.kwarg, stars='**')] if args.kwarg else [])


# The lessons

def slug(heading: str) -> str:
    "The anchor that Pandoc gives a heading."
    text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading).lower()
    text = re.sub(r'[^\w\s.-]', '', text)
    return re.sub(r'^[^a-z]+', '', re.sub(r'\s+', '-', text.strip()))


def is_visible(cell: NbCell) -> bool:
    "Does a reader see this cell's code, and no exported one?"
    hidden = cell.has_directive('hide') or cell.directive('echo') == 'false'
    return not (hidden or is_exported(cell) or cell.directive('eval') == 'false')


def read_cells(
    notebook: Path,
) -> list:  # of Cell
    "Read a notebook's code cells, with the headings above them."
    found, section, anchor, exercise = [], '', '', False
    for place, cell in enumerate(read_nb(notebook).cells):
        if cell.cell_type == 'markdown':
            for marks, title, own in HEADING.findall(OUTSIDE.sub('', cell.source)):
                section, anchor = title, own or slug(title)
                if len(marks) < 3: exercise = title == 'Exercises'
        elif cell.cell_type == 'code':
            lines = [line for line in cell.source.splitlines() if line[:2] != '#|']
            found.append(Cell(notebook, place, section, anchor, exercise, '\n'.join(lines).strip(),
                              *names_in(cell), is_visible(cell), cell.has_directive('hide')))
    return found


def names_in(cell: NbCell) -> tuple:
    "The names that a cell reads; and those that it exports."
    tree = parse(cell)
    reads = frozenset(node.id for node in ast.walk(tree)
                      if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    if not is_exported(cell): return reads, frozenset()
    made = [assigned(node) if isinstance(node, ast.Assign) else [getattr(node, 'name', '')]
            for node in tree.body]
    return reads, frozenset(name for part in made for name in part)


def find_home(name: Name, cells: list, modules: dict) -> Cell:
    "The cell that defines a name."
    return next(cell for cell in cells
                if modules[cell.notebook] == name.module and name.name in cell.defines)


def find_example(
    name: str,    # an exported name
    home: Cell,   # its definition
    cells: list,  # of all lessons, in their order
) -> Cell|None:   # the shortest visible cell that uses it, in the first lesson that has any
    "Find a name at work, after its definition; in an exercise or an error only if nowhere else."
    hits = [cell for cell in cells[cells.index(home)+1:] if cell.visible and name in cell.reads]
    def rank(cell):
        called = re.search(rf'\b{name}\(', cell.source)
        return (cell.exercise, cells.index(cell) if cell.notebook != first else 0,
                'expect_fail' in cell.source, not called, len(cell.source.splitlines()))
    first = next((cell.notebook for cell in hits if not cell.exercise), None)
    return min(hits, key=rank, default=None)


# The page

def linked(text: str, anchors: dict) -> str:
    "Make a link of each exported name in a text. A name of two modules is left as it is."
    def link(m): return f'[{m[0]}](#{anchors[m[1]]})' if anchors.get(m[1]) else m[0]
    return re.sub(r'`(\w+)`', link, text)


def entry(name: Name, home: Cell, example: Cell|None, anchors: dict) -> str:
    "Write what the page says of one name; `anchors` are those of all names."
    anchor = name.name.lower() if name.defined and not home.hidden else home.anchor
    link = f'{home.notebook.name}#{anchor}'.rstrip('#')
    blocks = [f'### [{name.name}]({link}) {{#{name.module}.{name.name}}}',
              fenced(name.code, 'python')]
    if name.about: blocks.append(linked(name.about, anchors))
    if example:
        where = f'[{example.title}]({example.notebook.name}#{example.anchor})'
        blocks += ['<details class="example">\n<summary>Example</summary>',
                   fenced(example.source, 'python'),
                   f'From {where}, “{example.section}”.', '</details>']
    return '\n\n'.join(blocks)


@cache
def title_of(notebook: Path) -> str:
    "A notebook's first heading."
    return HEADING.search(read_nb(notebook).cells[0].source)[2]


def chapter(
    names: list,    # of Name, all of one module
    cells: list,    # of all lessons
    modules: dict,  # notebook -> module
    anchors: dict,  # name -> its anchor on the page
) -> tuple:         # its home; its part of the page; the names that no example shows
    "Write what the page says of one module."
    homes = [find_home(name, cells, modules) for name in names]
    examples = {name.name: find_example(name.name, home, cells)
                for name, home in zip(names, homes)}
    makers = {name.returns: name.name for name in reversed(names) if name.returns}
    for name in examples:  # an object is shown where a function that returns it is
        if examples[name] is None and name in makers: examples[name] = examples[makers[name]]
    entries = [entry(name, home, examples[name.name], anchors)
               for name, home in zip(names, homes)]
    lacking = [f'{name.module}.{name.name}' for name in names if examples[name.name] is None]
    return homes[0], entries, lacking


def make(
    project: Project,
) -> tuple:  # the page's text; the names without an example
    "Make the page from the package and the notebooks."
    notebooks = sorted((p for p in project.notebooks() if p.stem != 'index'),
                       key=lambda p: (number(p), p.name))
    modules = {p: default_module(code_cells(p)) for p in notebooks}
    cells = [cell for notebook in notebooks for cell in read_cells(notebook)]
    names = {p.stem: exports(p) for p in project.lib.glob('*.py') if p.name[0] != '_'}
    anchors = {}
    for name in (name for part in names.values() for name in part):  # a name of two has none
        anchors[name.name] = '' if name.name in anchors else f'{name.module}.{name.name}'
    chapters = {module: chapter(part, cells, modules, anchors)
                for module, part in names.items() if part}
    blocks, lacking = [HEAD.strip()], []
    for module, (home, entries, without) in sorted(
            chapters.items(), key=lambda item: cells.index(item[1][0])):
        blocks += [f'## {module}', f'`{project.config.lib_name}.{module}`, '
                   f'of the lesson [{home.title}]({home.notebook.name})', *entries]
        lacking += without
    return '\n\n'.join(blocks) + '\n', lacking


def write(project: Project) -> list:
    "Write the page beside the notebooks; the names without an example."
    text, lacking = make(project)
    (project.nbs/PAGE).write_text(text, encoding='utf-8')
    return lacking


def main() -> int:
    "Write the page, and list the names that no visible cell uses."
    argparse.ArgumentParser(description=__doc__,
                            formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    lacking = write(Project(Path(__file__).resolve().parent.parent))
    print('\n'.join(lacking) or 'every name has an example')
    return 0


if __name__ == '__main__': sys.exit(main())
