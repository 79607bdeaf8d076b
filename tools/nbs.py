"What the tools share: where the notebooks lie, what they are called, their order, their cells."
import ast
from fnmatch import fnmatch
from pathlib import Path

import yaml
from fastcore.nbio import NbCell, read_nb
from IPython.core.inputtransformer2 import TransformerManager
from nbdev.doclinks import nbglob

ROOT = Path(__file__).resolve().parent.parent
EXPORTS = 'export', 'exports', 'exporti', 'exportd'


def name(path: Path, root: Path = ROOT) -> str:
    "What a notebook is called: its path in nbs/ without the ending, as `workshop/cli`."
    return path.relative_to(root/'nbs').with_suffix('').as_posix()


def notebooks(
    patterns: list = (),  # parts of names or globs: '00', 'workshop/*'; none means all
    root: Path = ROOT,    # folder of the project
) -> list:                # paths, sorted; those in folders under nbs/ too
    "The notebooks that match any pattern. Raises ValueError for a pattern without a match."
    found = {name(path, root): path for path in sorted(nbglob(root/'nbs', as_path=True))}
    matched = {p: {n for n in found if fnmatch(n, f'*{p}*')} for p in patterns or ['']}
    for p, names in matched.items():
        if not names: raise ValueError(f'no notebook matches {p!r}; there are: {" ".join(found)}')
    return [path for n, path in found.items() if n in set().union(*matched.values())]


def code_cells(path: Path) -> list:
    "The notebook's code cells, each with `.id`, `.source`, `.outputs`, `.directive(name)`."
    return [cell for cell in read_nb(path).cells if cell.cell_type == 'code']


def is_exported(cell: NbCell) -> bool: return any(cell.has_directive(d) for d in EXPORTS)


def parse(cell: NbCell) -> ast.Module:
    "The cell's syntax tree; magics and shell lines become calls. Raises SyntaxError."
    source = '\n'.join(line for line in cell.source.splitlines() if not line.startswith('#|'))
    return ast.parse(TransformerManager().transform_cell(source.lstrip()))


def sidebar(root: Path = ROOT) -> list:
    "The parts of the site in _quarto.yml's order: (title, names of its notebooks) of each."
    config = yaml.safe_load((root/'_quarto.yml').read_text(encoding='utf-8'))
    return [(part['section'], [page.removesuffix('.ipynb') for page in part['contents']
                               if page.endswith('.ipynb')])
            for part in config['website']['sidebar']['contents'] if 'section' in part]
