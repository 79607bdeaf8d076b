"What the notebook tools share: where a project keeps its notebooks, and how their cells are read."
import ast
import json
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from fastcore.nbio import NbCell, read_nb
from IPython.core.inputtransformer2 import TransformerManager
from nbdev.config import get_config

EXPORTS = 'export', 'exports', 'exporti', 'exportd'


class NoMatch(ValueError):
    "A pattern names no notebook."


@dataclass(frozen=True)
class Project:
    "An nbdev project: the folder that holds its pyproject.toml."
    root: Path

    @property
    def config(self): return get_config(self.root)

    @property
    def nbs(self) -> Path: return Path(self.config.nbs_path)

    @property
    def lib(self) -> Path: return Path(self.config.lib_path)

    @property
    def build(self) -> Path: return self.root/'_build'

    @property
    def flags(self) -> list:
        "Directives of the cells that a test leaves out."
        flags = self.config.tst_flags
        return flags.split() if isinstance(flags, str) else list(flags)

    def executed(self, notebook: Path, slow: bool = False) -> Path:
        "Where the executed copy of `notebook` lies."
        return self.build/('executed-slow' if slow else 'executed')/notebook.name

    def notebooks(
        self,
        patterns: list = (),  # parts of names, globs or paths; none means all notebooks
    ) -> list:                # paths, sorted by name
        "The notebooks that match any pattern. Raises NoMatch for a pattern without a match."
        found = sorted(p for p in self.nbs.glob('*.ipynb') if p.name[0] not in '_.')
        if not found: raise NoMatch(f'there is no notebook in {self.nbs}')
        matches = {pattern: [p for p in found if matches_name(p, pattern)] for pattern in patterns}
        for pattern, paths in matches.items():
            if not paths: raise NoMatch(f'no notebook matches {pattern!r}; there are: '
                                        + ' '.join(p.stem for p in found))
        return sorted({p for paths in matches.values() for p in paths}) if patterns else found


def matches_name(notebook: Path, pattern: str) -> bool:
    "Does `pattern` (a part of the name, a glob or a path) mean this notebook?"
    return fnmatch(notebook.stem, f"*{Path(pattern).name.removesuffix('.ipynb')}*")


def raw_notebook(path: Path) -> dict:
    "The notebook as its file has it: sources and texts stay lists of lines."
    return json.loads(path.read_text(encoding='utf-8'))


def code_cells(path: Path) -> list:
    "The notebook's code cells, each with `.id`, `.source`, `.outputs` and `.directives`."
    return [cell for cell in read_nb(path).cells if cell.cell_type == 'code']


def is_exported(cell: NbCell) -> bool: return any(cell.has_directive(name) for name in EXPORTS)


def code_lines(cell: NbCell) -> list:
    "The cell's lines without its directives and without blank ones."
    body = cell.source.splitlines()
    return [line for line in body if line.strip() and not line.lstrip().startswith('#|')]


def parse(cell: NbCell) -> ast.Module:
    "The cell's syntax tree; magics and shell lines become calls. Raises SyntaxError."
    source = '\n'.join(line for line in cell.source.splitlines() if not line.startswith('#|'))
    return ast.parse(TransformerManager().transform_cell(source.lstrip()))


def cell_text(source) -> str:
    "A text that a notebook file keeps as one string or as a list of lines."
    return source if isinstance(source, str) else ''.join(source)
