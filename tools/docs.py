#!/usr/bin/env python
"Build the site into `_docs`: by Quarto (`nbdev-docs`) where it is installed, else by smalldocs."
import argparse
import shutil
import sys
import time

import api
import links
import llms
import polish
from nbdev.config import get_config
from nbdev.quarto import nbdev_docs

from nb_project import Project


def build_without_quarto(
    out,  # the folder to write, replaced
) -> None:
    "Build with smalldocs, or exit with what is wrong."
    try: import smallsite
    except ModuleNotFoundError as e:
        sys.exit(f'docs: {e}. Without Quarto the site needs smalldocs and math-core, '
                 'and so Python 3.11 or newer')
    try: smallsite.build(out)
    except ValueError as e: sys.exit(f'docs: {e}')


def main() -> None:
    "Build, check the result, and say what was built."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--smalldocs', action='store_true', help='build without Quarto in any case')
    args = parser.parse_args()
    start, cfg = time.time(), get_config()
    api.write(Project(cfg.config_path))
    quarto = not args.smalldocs and shutil.which('quarto')
    if quarto: nbdev_docs.__wrapped__()
    else: build_without_quarto(cfg.doc_path)
    polish.polish(cfg.doc_path, cfg.nbs_path/polish.SCRIPT)
    llms.write(cfg.doc_path, cfg.config_path/'_proc')
    report = links.check(cfg.doc_path, cfg.doc_url)
    if report.problems: sys.exit('\n'.join(['docs:', *report.problems]))
    name = 'Quarto' if quarto else 'smalldocs'
    size, page = report.heaviest
    took = time.time() - start
    print(f'{report.pages} pages in {cfg.doc_path.name} by {name}, {took:.0f} seconds; '
          f'the heaviest is {page}, {size/1e6:.2f} MB')


if __name__ == '__main__': main()
