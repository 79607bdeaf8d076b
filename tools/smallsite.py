"The site without Quarto: smalldocs' pages, with nbdev's page names, local doclinks, and MathML."
import html
import re
import shutil
import tempfile
import warnings
from pathlib import Path

import yaml
from math_core import LatexError, LatexToMathML
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs import config as sd_config
from smalldocs import site as sd_site

MATH = re.compile(r'<span class="math (inline|display)">(.*?)</span>', re.S)
QUARTO_ONLY = {'html-math-method', 'respect-user-color-scheme'}  # smalldocs does not read these
LIGHT = 'default'  # smalldocs' name for plain Bootstrap
DARK_RULE = re.compile(r'(?<=})\[data-bs-theme=dark\][^{}]*{[^{}]*}')
to_mathml = LatexToMathML(fancy_error=False)


def tex_of(
    formula: re.Match,  # of MATH
) -> str:               # its TeX, without the delimiters around it
    "Read a formula that smalldocs wrote."
    return html.unescape(formula[2]).strip()[2:-2].strip()


def convert(
    tex: str,               # TeX
    display: bool = False,  # whether it stands on a line of its own
) -> str:                   # MathML
    "Turn TeX into MathML. Raises ValueError that names the TeX if it cannot be read."
    try: return to_mathml.convert_with_local_state(tex, displaystyle=display)
    except LatexError as e: raise ValueError(f'cannot read the formula {tex!r}: {e}') from e


def mathml(
    text: str,  # HTML as smalldocs writes it: TeX in `<span class="math inline|display">`
) -> str:       # the same HTML, each formula as MathML
    "Turn the formulas of a page into MathML."
    def replace(m):
        return f'<span class="math {m[1]}">{convert(tex_of(m), m[1] == "display")}</span>'
    return MATH.sub(replace, text)


def plain_math(
    text: str,           # a heading, or text for the search: no markup, but TeX
    formulas: set[str],  # the TeX of the page's formulas
) -> str:                # the same, each formula as its bare letters
    "Write formulas as text, for places that can hold no MathML."
    for tex in sorted(formulas, key=len, reverse=True):
        if not set('\\{^_') & set(tex): continue  # reads the same
        text = text.replace(tex, html.unescape(re.sub('<[^>]+>', '', convert(tex))))
    return text


def smalldocs_config(
    folder: Path,  # holds `_quarto.yml` and the files that its `metadata-files` names
) -> dict:         # one configuration, without the keys that only Quarto reads
    "Merge the site's configuration; Bootstrap's own themes stand in for Quarto's two .scss."
    config = yaml.safe_load((folder/'_quarto.yml').read_text(encoding='utf-8'))
    for name in config.pop('metadata-files', []):
        config = sd_config.merge(yaml.safe_load((folder/name).read_text(encoding='utf-8')), config)
    config.pop('format-links', None)
    page = {k: v for k, v in config['format']['html'].items() if k not in QUARTO_ONLY}
    config['format'] = {'html': page | {'theme': {'light': LIGHT, 'dark': 'dark.css'}}}
    return config


def dark_theme() -> str:  # CSS: Bootstrap's own dark mode, over the stylesheet of the light one
    "Make a dark stylesheet from the Bootstrap that smalldocs carries; pages fetch that only once."
    css = sd_site.ASSETS/'vendor'/'bootstrap'/'bootstrap.min.css'
    rules = DARK_RULE.findall(css.read_text(encoding='utf-8'))
    dark = ''.join(rules).replace('[data-bs-theme=dark]', ':root')
    return f'@import url("{LIGHT}.min.css");\n{dark}\n'


class Site(sd_site.Site):
    "smalldocs' site, with nbdev's page names, doclinks that stay on the site, and MathML."

    def read(self, src):
        page = super().read(src)
        page.out = src.with_name(page.front.get('output-file', page.out.name))  # nbdev's: data.html
        return page

    def warn(self, message):
        if not message.endswith('output-file is not read by smalldocs'): super().warn(message)

    def find_page(self, target):
        by_name = {page.out: page for page in self.pages.values()}
        return super().find_page(target) or by_name.get(target)

    def resolve(self, href, page, record=True):
        home = self.project.website['site-url'].rstrip('/')
        if href == home or href.startswith(home+'/'): href = href[len(home):] or '/'
        return super().resolve('/index.ipynb' if href == '/' else href, page, record)

    def render_page(self, page):
        super().render_page(page)
        if not page.env.pop('math', None): return  # a page with `math` would load KaTeX
        try:
            formulas = {tex_of(m) for m in MATH.finditer(page.html)}
            for part in page.env.get('headings', []) + page.env.get('search', []):
                texts = {key: part[key] for key in ('text', 'title') if part.get(key)}
                part.update({key: plain_math(text, formulas) for key, text in texts.items()})
            page.html = mathml(page.html)
        except ValueError as e: raise ValueError(f'{page.src}: {e}') from e


def process_notebooks() -> Path:  # the folder of the notebooks that nbdev made ready
    "Let nbdev process the notebooks. It runs each cell that imports: no other code may be there."
    refresh_quarto_yml()
    with warnings.catch_warnings():
        warnings.filterwarnings('error', 'Found cells containing imports')
        try: return proc_nbs(n_workers=0, force=True)
        except Exception as e:
            raise ValueError(f'nbdev could not process a notebook. {type(e).__name__}: {e}') from e


def build(
    out: Path,  # the folder to write, replaced
) -> None:
    "Build the site. Raises ValueError that lists what is wrong with it."
    processed = process_notebooks()
    with tempfile.TemporaryDirectory() as tmp:
        root = Path(tmp)/'site'
        shutil.copytree(processed, root)
        config = smalldocs_config(root)
        (root/'_quarto.yml').write_text(yaml.safe_dump(config, sort_keys=False), encoding='utf-8')
        (root/'dark.css').write_text(dark_theme(), encoding='utf-8')
        try:
            site = Site(sd_config.load(root), quiet=True)
            site.build()
        except (sd_config.ConfigError, sd_config.BuildError) as e: raise ValueError(str(e)) from e
        sidebar = str(config['website']['sidebar'])
        problems = site.warnings + [f'{name} is in no part of the sidebar in _quarto.yml'
                                    for name in map(str, site.pages) if name not in sidebar]
        if problems: raise ValueError('\n'.join(problems))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(site.out, out)
