"Rules of notebooks that are not run: the order of the lessons, and the form of their cells."
import ast
import re
from pathlib import Path

from nb_compare import parts
from nb_project import (
    EXPORTS, Project, code_cells, code_lines, is_exported, parse, raw_notebook)

EXPORTED_LINES, LESSON_LINES = 25, 15
FREE = {'index', 'glossary', 'errata'}   # pages about all lessons, which no lesson imports
UNWANTED = {
    'a warning': re.compile(r'\w*Warning:'),
    'a path of installed packages': re.compile(r'(?:site|dist)-packages'),
    'terminal colours': re.compile('\x1b\\['),
    'a progress bar': re.compile(r'\d+%\||█|\r(?!\n)|<progress|progress \{'),
}


# layers

def number(notebook: Path) -> int:
    "3 of 03_dot_product; -1 for a notebook without a number, which comes before all lessons."
    found = re.match(r'(\d+)', notebook.stem)
    return int(found[1]) if found else -1


def default_module(cells: list):
    "The module that the notebook's bare `#| export` cells go to; None if it has none."
    targets = (cell.directive('default_exp') for cell in cells if cell.has_directive('default_exp'))
    return next((target.strip() for target in targets), None)


def export_target(cell, default: str):
    "The module that this cell is exported to; None if it is not exported."
    if not is_exported(cell): return None
    return next(filter(None, (cell.directive(name) for name in EXPORTS)), default)


def module_owners(lessons: dict) -> dict:
    "Each module's first lesson: module name -> lesson number."
    owners = {}
    for notebook, cells in lessons.items():
        default = default_module(cells)
        for module in {default, *(export_target(cell, default) for cell in cells)} - {None}:
            owners[module] = min(number(notebook), owners.get(module, number(notebook)))
    return owners


def imported_modules(tree: ast.AST, lib: str) -> list:
    "Names imported from the package, without its own name: `a.b` of `from lib.a.b import c`."
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import): found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == lib:
            found += [f'{lib}.{alias.name}' for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level: found.append(node.module)
    return [name.removeprefix(f'{lib}.') for name in found if name.startswith(f'{lib}.')]


def layers(project: Project) -> list:
    "Imports that break the order; a cell of a module counts as its first lesson's."
    lessons = {p: code_cells(p) for p in project.notebooks() if p.stem not in FREE}
    owners, lib = module_owners(lessons), project.config.lib_name
    return [fault for notebook, cells in lessons.items() for cell in cells
            for fault in misplaced_imports(lib, notebook, cells, cell, owners)]


def misplaced_imports(lib: str, notebook: Path, cells: list, cell, owners: dict) -> list:
    "The imports of one cell that its place among the lessons does not allow."
    where = f'{notebook.stem}, cell {cell.id}'
    try: tree = parse(cell)
    except SyntaxError as error: return [f'{where}: {error}']
    target = export_target(cell, default_module(cells))
    limit = owners[target] if target else number(notebook)
    found = []
    for module in imported_modules(tree, lib):
        owner = owners.get(module, owners.get(module.split('.')[0]))
        if owner is None:
            if is_dunder(module): continue
            found.append(f'{where}: imports {lib}.{module}, which no lesson exports')
        elif owner > limit:
            found.append(f'{where}: imports {lib}.{module}, of the later lesson {owner:02}')
    return found


def is_dunder(name: str) -> bool:
    "Is it a name that every package has, as `__version__`?"
    return name.startswith('__') and name.endswith('__')


# style

def style(project: Project) -> list:
    "Faults in the form of the notebooks' cells and of their stored outputs."
    found = []
    for notebook in project.notebooks():
        cells = raw_notebook(notebook)['cells']
        ids = [cell.get('id') for cell in cells]
        found += [f'{notebook.stem}: {ids.count(i)} cells have the id {i}'
                  for i in set(ids) if ids.count(i) > 1]
        found += [f'{notebook.stem}, cell {i}: the source is one text, not a list of lines'
                  for i, cell in zip(ids, cells) if not isinstance(cell['source'], list)]
        for cell in code_cells(notebook):
            found += [f'{notebook.stem}, cell {cell.id}: {fault}' for fault in cell_faults(cell)]
    return found


def cell_faults(cell) -> list:
    "What is wrong with one code cell."
    return [*length_faults(cell), *import_faults(cell), *output_faults(cell)]


def length_faults(cell) -> list:
    "Is the cell longer than its kind may be? Directives and blank lines do not count."
    exported = is_exported(cell)
    kind, most = ('an exported', EXPORTED_LINES) if exported else ('a lesson', LESSON_LINES)
    lines = len(code_lines(cell))
    return [f'{lines} lines, where {kind} cell has at most {most}'] if lines > most else []


def import_faults(cell) -> list:
    "Do imports stand alone? nbdev runs cells that import, for the docs, with all that is in them."
    if is_exported(cell) or cell.directive('eval') == 'false': return []
    kinds = {type(node) for node in cell.parsed_() or []}
    mixed = kinds & {ast.Import, ast.ImportFrom} and kinds & {ast.Expr, ast.Assign}
    return ['imports and other code in one cell'] if mixed else []


def output_faults(cell) -> list:
    "What the cell's stored outputs should not hold."
    found = []
    for output in cell.outputs:
        if output['output_type'] == 'error': found.append(f"a stored error: {output['ename']}")
        for kind, data in parts(output).items():
            if kind.startswith('image/'):
                if not cell.directive('fig-alt'): found.append('a figure without #| fig-alt:')
            else: found += [f'{what} in the stored {kind}' for what, pattern in UNWANTED.items()
                            if pattern.search(str(data))]
    return list(dict.fromkeys(found))
