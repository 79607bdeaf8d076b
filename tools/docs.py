#!/usr/bin/env python
"Build the site into `_docs`: by Quarto (`nbdev-docs`) where it is installed, else by smalldocs."
import gzip
import re
import shutil
import subprocess
import sys
import time
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import yaml
from nbdev.config import get_config, nbpath2html
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs

import api
import links
import polish
from nbs import ROOT, sidebar

CLUTTER = re.compile(r'''<style.*?</style>\n?|<!--\s.*?\s-->\n*|(?<=\))\{target=[^}]*\}
    |<figure\sclass="answers"\sid="figure-\w+".*?</figure>\s*<script>.*?</script>\n?''',
                     re.S | re.X)


def build_by_smalldocs(out: Path) -> None:
    "Build without Quarto, from the same files."
    if not find_spec('smalldocs'): sys.exit('docs: install Quarto, or use Python 3.11 or newer')
    from smalldocs.config import load
    from smalldocs.site import Site

    class NounSite(Site):
        "smalldocs' site with nbdev's page names: 00_data.ipynb becomes data.html."
        def read(self, src):
            page = super().read(src)
            page.out = src.with_name(page.front.get('output-file', page.out.name))
            return page

    refresh_quarto_yml()
    processed = proc_nbs(n_workers=2, force=True)
    config = yaml.safe_load((processed/'_quarto.yml').read_text(encoding='utf-8'))
    config['format']['html']['theme'] = {'light': 'default', 'dark': 'default'}  # it reads no Sass
    (processed/'_quarto.yml').write_text(yaml.safe_dump(config), encoding='utf-8')
    NounSite(load(processed), quiet=True).build()
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(processed/out.name, out)


def name_copies(out: Path, home: str) -> None:
    "Name the pages' Markdown copies as the pages, data.html.md, and list them in llms.txt."
    for file in [*out.rglob('*.llms.md')]:
        text = CLUTTER.sub('', file.read_text(encoding='utf-8')).replace('.llms.md', '.html.md')
        page = nbpath2html(file.with_name(file.name.replace('.llms.md', '.ipynb')))
        file.rename(page.with_name(f'{page.name}.md')).write_text(text, encoding='utf-8')
    head = (out/'llms.txt').read_text(encoding='utf-8').partition('- [')[0]
    names = [nbpath2html(Path(name)).as_posix() for _, part in sidebar() for name in part]
    lines = [f"- [{links.soup(out/name).h1.get_text().strip()}]({home}/{name}.md)\n"
             for name in [*names, 'api.html']]
    (out/'llms.txt').write_text(head + ''.join(lines), encoding='utf-8')


@cache   # style sheets and fonts are those of every page
def sent(file: Path) -> int:
    "Bytes that a file is sent as."
    data = file.read_bytes()
    return min(len(data), len(gzip.compress(data)))


def weight(page: Path) -> int:
    "Bytes that a page and all that it loads by itself are sent as, packed by gzip where it helps."
    files, todo = set(), [page]
    while todo:
        file = todo.pop().resolve()
        if file in files or not file.is_file(): continue
        files.add(file)
        if file.suffix in ('.html', '.css'):
            todo += [file.parent/url.split('?')[0] for url in links.fetched(file)]
    return sum(map(sent, files))


def main() -> None:
    "Build, check the result, and say what was built."
    start, config = time.time(), get_config(ROOT)
    out, home = Path(config.doc_path), config.doc_url.rstrip('/')
    warnings.filterwarnings('error', 'Found cells containing imports')  # nbdev would run them
    api.write()
    quarto = shutil.which('quarto')
    if quarto: subprocess.run([Path(sys.executable).with_name('nbdev-docs')], cwd=ROOT, check=True)
    else: build_by_smalldocs(out)
    polish.polish(out, home)
    name_copies(out, home)
    shutil.copytree(ROOT/'web'/'dist', out/links.EXPLORER, dirs_exist_ok=True)
    if faults := links.check(out): sys.exit('\n'.join(['docs:', *faults]))
    pages = links.pages(out)
    size, heaviest = max((weight(page), page.stem) for page in pages)
    print(f'{len(pages)} pages in {out.name} by {"Quarto" if quarto else "smalldocs"}, '
          f'{time.time() - start:.0f} seconds; the heaviest is {heaviest}, {size/1e6:.2f} MB')


if __name__ == '__main__': main()
