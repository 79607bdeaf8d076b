#!/usr/bin/env python
"""Check that each lesson (a notebook with a number) has its parts, and what is written twice.

The table on the home page is made from the sidebar and the lessons, what pip is told to install
from pyproject.toml's name and address: --write writes both anew.
"""
import argparse
import ast
import re
import sys
from pathlib import Path

from fastcore.nbio import read_nb, write_nb
from nbdev.config import get_config

from nbs import ROOT, code_cells, name, notebooks, sidebar

TITLE = re.compile(r'\A# ([^\n]+)\n+> (\S[^\n]+\.)\s*(?:\n|$)')
NEEDS, TAKES = re.compile(r'\*\*Needs\*\* (.*)'), re.compile(r'\*\*Takes\*\* (\d+) minutes\b')
PARTS = {'a title, and its finding as a quotation': TITLE, '**Needs**': NEEDS, '**Takes**': TAKES}
EXERCISES = {key: re.compile(pattern, re.M | re.S) for key, pattern in {
    'exercises': r'^\*\*(\d+)\. [A-Z]\w+\.\*\*', 'checkers': r'^def check_(\d+)\(',
    'attempts': r'^attempt\(check_(\d+), ',
    'proofs': r'^prove\(check_(\d+),'}.items()}
TABLE = re.compile(r'(?<=<!-- lessons -->\n\n).*?(?=\n\n<!-- /lessons -->)', re.S)
INSTALL = re.compile(r'(?<=pip install )((?:-\w+ )*)(.*git\+.*)')  # its options, what it installs


def texts(path: Path) -> tuple:
    "The notebook's Markdown and its code, each as one text."
    cells = read_nb(path).cells
    return tuple('\n\n'.join(c.source for c in cells if c.cell_type == kind) + '\n'
                 for kind in ('markdown', 'code'))


def requirement(config) -> str:
    "What pip is told to install, everywhere."
    return f'"{config.lib_name} @ git+{config.git_url.rstrip("/")}"'


def head(title: str, config) -> list:
    "What each lesson says at its top: where to run it, and how it installs the package there."
    repo = config.git_url.rstrip('/')
    file = f'{repo}/blob/main/nbs/{title}.ipynb'
    colab = file.replace('https://github.com', 'https://colab.research.google.com/github')
    return [f'[Open in Colab]({colab})',
            f'[Open in Kaggle](https://www.kaggle.com/kernels/welcome?src={file})',
            f'[Download the notebook]({repo}/raw/main/nbs/{title}.ipynb)',
            f'! [ -e /content -o -e /kaggle ] && pip install -Uqq {requirement(config)}\n']


def lax_proofs(code: str) -> list:
    "The exercises with fewer than three wrong answers, or without another right one."
    calls = [ast.parse(call).body[0].value
             for call in re.findall(r'^prove\(check_\d.*?(?=\n\n|\s*\Z)', code, re.M | re.S)]
    given = {c.args[0].id: {k.arg: len(k.value.elts) for k in c.keywords} for c in calls}
    return [name for name, n in given.items() if n.get('wrong', 0) < 3 or not n.get('also')]


def lesson_faults(title: str, text: str, code: str, earlier: list, modules: dict, config) -> list:
    "What is wrong with a lesson; `earlier`: those before it, `modules`: the notebook of each."
    lacks = [part for part, pattern in PARTS.items() if not pattern.search(text)]
    lacks += [x.strip() for x in head(title, config) if x not in text + code]
    needs = re.findall(r'\]\(([^)#]+)\.ipynb', ''.join(NEEDS.findall(text)))
    later = [n for n in needs if n not in earlier and not n.startswith('workshop/')]
    free = {m for m, n in modules.items() if n in (*earlier, title)
            or n.startswith('workshop/') and m not in ('cli', 'ladder')}
    lib = config.lib_name
    imports = re.findall(rf'^ *(?:from|import) (?:{lib}\.|{lib} import )([a-z]\w*)', code, re.M)
    numbers = {key: {*map(int, e.findall(text + code))} for key, e in EXERCISES.items()}
    wanted = set(range(1, len(numbers['exercises']) + 1))
    return ([f'lacks {part}' for part in lacks] + [f'needs {n}, not before it' for n in later]
            + [f'imports {m}, of no lesson before it' for m in imports if m not in free]
            + [f'{key} {n}, not {wanted}' for key, n in numbers.items() if n != wanted]
            + [f'{name} is to be proved with three wrong answers and one unusual right one'
               for name in lax_proofs(code)])


def faults(root: Path = ROOT) -> list:
    "What is to mend in the lessons and in the table of them, a text each."
    config, paths = get_config(root), {name(path, root): path for path in notebooks(root=root)}
    order = [n for _, names in sidebar(root) for n in names if n[0].isdigit()]
    modules = {cell.directive('default_exp'): n for n, path in paths.items()
               for cell in code_cells(path) if cell.has_directive('default_exp')}
    found = [f'{n}: in the sidebar or in nbs/, not in both'
             for n in sorted(set(order) ^ {n for n in paths if n[0].isdigit()})]
    for i, n in enumerate(order):
        if n in paths: found += [f'{n}: {fault}' for fault in lesson_faults(
            n, *texts(paths[n]), order[:i], modules, config)]
    wanted = requirement(config)
    found += [f'{n}: pip is to install {wanted}' for n, path in paths.items()
              if any(what != wanted for _, what in INSTALL.findall(''.join(texts(path))))]
    if not found and TABLE.findall(texts(paths['index'])[0]) != [table(root)]:
        found.append('index: the table is not the one that tools/anatomy.py --write makes')
    return found


def table(root: Path = ROOT) -> str:
    "The lessons by parts: number and title, finding, minutes. All must have them."
    lines = ['| Lesson | What you find out | Minutes |', '|---|---|---|']
    for part, names in sidebar(root):
        lessons = {n: texts(root/'nbs'/f'{n}.ipynb')[0] for n in names if n[0].isdigit()}
        lines += [f'| **{part}** | | |'] * bool(lessons)
        for n, text in lessons.items():
            title, finding = TITLE.match(text).groups()
            number, minutes = n.split('_')[0], TAKES.search(text)[1]
            lines.append(f'| [{number} {title}]({n}.ipynb) | {finding} | {minutes} |')
    return '\n'.join(lines)


def write(root: Path = ROOT) -> None:
    "Write the table between the marks on the home page, and what pip installs; nothing else."
    made, wanted = table(root), requirement(get_config(root))
    for path in notebooks(root=root):
        nb, changed = read_nb(path), False
        for cell in nb.cells:
            new = INSTALL.sub(lambda m: m[1] + wanted, TABLE.sub(lambda _: made, cell.source))
            changed |= new != cell.source
            cell.source = new
        if changed: write_nb(nb, path)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--write', action='store_true', help='write table and install lines')
    if parser.parse_args().write: write()
    problems = faults()
    print(*problems or ['the lessons have all their parts'], sep='\n')
    sys.exit(bool(problems))
