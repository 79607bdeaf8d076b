"""Run one notebook in this process as nbdev-test does, and save the executed copy somewhere else.

`tools/notebooks.py` starts one such process for each notebook.
"""
import argparse
import ast
import json
import os
import sys
from pathlib import Path

import nbdev.test
from fastcore.nbio import dict2nb, nb2dict, write_nb
from nbdev.clean import clean_nb

from nb_project import Project, is_exported, parse

CHECKS = 'expect_fail', 'test_eq', 'test_close', 'prove'


def count_checks(tree: ast.AST) -> int:
    "How many assertions and calls of a checking function the code has."
    return sum(isinstance(node, ast.Assert) or called_name(node) in CHECKS
               for node in ast.walk(tree))


def called_name(node: ast.AST):
    "The last part of the name that `node` calls; None where it is no call of a name."
    if not isinstance(node, ast.Call): return None
    return getattr(node.func, 'attr', None) or getattr(node.func, 'id', None)


def cpu_seconds() -> float:
    "CPU time of this process and of the children it waited for."
    return sum(os.times()[:4])


def save_cleaned(nb, target: Path, config):
    "Write the executed notebook `nb` to `target`, cleaned as nbdev-clean would clean it."
    plain = nb2dict(nb)
    clean_nb(plain, config.clear_all, config.get('allowed_metadata_keys') or [],
             config.get('allowed_cell_metadata_keys') or [], config.clean_ids,
             config.get('allowed_out_metadata_keys') or [])
    target.parent.mkdir(parents=True, exist_ok=True)
    write_nb(dict2nb(plain), target)


def run(
    project: Project,
    notebook: Path,
    target: Path,         # where the executed copy goes if all cells pass
    slow: bool = False,   # also the cells that a test leaves out?
) -> dict:                # ok, ran (ids of the cells to run), checks
    "Run the notebook's cells, with nbs/ as the current folder."
    config, forced = project.config, project.flags if slow else []
    cells = nbdev.test.nb_test_cells(notebook, project.flags, forced)
    nbdev.test.write_nb = lambda nb, _: save_cleaned(nb, target, config)
    ok, _ = nbdev.test.test_nb(notebook, project.flags, forced, basepath=project.root, save=True,
                               cell_timeout=config.cell_timeout or None)
    checks = sum(count_checks(parse(cell)) for cell in cells if not is_exported(cell)) if ok else 0
    return dict(ok=ok, ran=[cell.id for cell in cells], checks=checks)


def main():
    "Run the notebook named on the command line; write what happened to a JSON file."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('root', type=Path, help='folder of the project')
    parser.add_argument('notebook', type=Path, help='the notebook to run; it is not changed')
    parser.add_argument('target', type=Path, help='where the executed copy goes')
    parser.add_argument('report', type=Path, help='JSON file to write: ok, ran, checks, cpu')
    parser.add_argument('--slow', action='store_true', help='also run the slow cells')
    args = parser.parse_args()
    sys.path.append(sys.path.pop(0))  # last, so that no tool hides a module that a lesson imports
    os.chdir(args.notebook.parent)
    report = run(Project(args.root), args.notebook, args.target, args.slow)
    args.report.write_text(json.dumps({**report, 'cpu': cpu_seconds()}), encoding='utf-8')


if __name__ == '__main__': main()
