"The tools that build and check the site: each passes on a good page, and fails on a bad one."
import re
import sys

import pytest
import yaml
from bs4 import BeautifulSoup
from fastcore.nbio import mk_cell, new_nb, write_nb
from helpers import ROOT, run  # first: it lets the tools be imported
from nbdev.config import get_config

import links
import readme

HOME = 'https://collabdive.example/site'
CDN = 'https://cdn.example'
GOOD = '''<!doctype html><html><head><title>Data</title>
<link rel="stylesheet" href="a.css"><script src="a.js"></script></head><body>
<main><h1>Data</h1><h2 id="one">One</h2><p><a href="other.html#two">other</a> <a href="#one">up</a>
<a href="https://example.org/x#y">the web</a> <a href="mailto:a@example.org">mail</a></p>
<p>It costs $5 or $6; <code>$x$</code>
and <span class="math inline"><math><mi>x</mi></math></span>.</p>
<img src="a.png" alt="a curve that falls"><h3>Deep</h3></main></body></html>'''
OTHER = '''<html><head><title>Other</title></head><body><main><h1>Other</h1>
<h2 id="two">Two</h2><a href="index.html">back</a>
</main></body></html>'''


def make_site(folder, page=GOOD, css='body { color: red }', search='[{"href": "other.html#two"}]'):
    "Write a small site, and check it."
    files = {'index.html': page, 'other.html': OTHER, 'a.css': css, 'a.js': '', 'a.png': '',
             'search.json': search}
    for name, text in files.items(): (folder/name).write_text(text)
    return links.check(folder, HOME)


def test_good_site(tmp_path):
    report = make_site(tmp_path)
    assert report.problems == []
    assert str(report) == '2 pages, 6 links, 0 problems'


@pytest.mark.parametrize('old, new, problem', [
    ('other.html#two', 'gone.html', 'gone.html does not exist'),
    ('other.html#two', 'other.html#gone', 'other.html#gone has no such anchor'),
    ('href="#one"', 'href="#gone"', '#gone has no such anchor'),
    ('other.html#two', '../up.html', '../up.html leaves the site'),
    ('other.html#two', '/other.html', '/other.html starts at the root'),
    ('https://example.org/x#y', f'{HOME}/gone.html', 'gone.html does not exist'),
    ('https://example.org/x#y', f'{HOME}/other.html#no', 'other.html#no has no such anchor'),
    ('src="a.png"', 'src="gone.png"', 'gone.png does not exist'),
    ('src="a.js"', 'src="gone.js"', 'gone.js does not exist'),
    ('href="a.css"', 'href="gone.css"', 'gone.css does not exist'),
    ('alt="a curve that falls"', 'alt=" "', 'a picture without alt text'),
    ('alt="a curve that falls"', '', 'a picture without alt text'),
    ('"a.js"', f'"{CDN}/katex.js"', f'{CDN}/katex.js is fetched from another host'),
    ('"a.js"', '"//cdn.example/katex.js"', '//cdn.example/katex.js is fetched from another host'),
    ('"a.png"', f'"{CDN}/badge.svg"', 'badge.svg is fetched from another host'),
    ('src="a.js">', f'type="module">import x from "{CDN}/m.mjs"',
     'm.mjs is fetched from another host'),
    ('<p>It', f'<style>@import url({CDN}/f.css);</style><p>It',
     'f.css is fetched from another host'),
    ('<p>It', f'<p style="background: url({CDN}/b.png)">It', 'b.png is fetched from another host'),
    ('or $6;', 'or $x_i$;', "raw TeX: '$x_i$'"),
    ('or $6;', r'or \(x\);', 'raw TeX'),
    ('or $6;', r'or \frac12;', r"raw TeX: '\\frac'"),
    ('or $6;', 'or $$x;', "raw TeX: '$$'"),
    ('<mi>x</mi>', '<merror>x</merror>', 'a formula failed to convert'),
    ('<h1>Data</h1>', '', '0 first-level headings'),
    ('<h3>Deep</h3>', '<h1>Deep</h1>', '2 first-level headings'),
    ('<h2 id="one">One</h2>', '<h4 id="one">One</h4>', 'a heading of level 4 right after level 1'),
    ('<h3>Deep</h3>', '<h4>Deep</h4>', 'a heading of level 4 right after level 2'),
    ('<title>Data</title>', '<title> </title>', 'no title'),
])
def test_bad_page(tmp_path, old, new, problem):
    assert old in GOOD
    problems = make_site(tmp_path, GOOD.replace(old, new, 1)).problems
    assert len(problems) == 1 and problems[0].startswith('index.html: ') and problem in problems[0]


def test_bad_stylesheet_and_search(tmp_path):
    css = f'@font-face {{ src: url("{CDN}/f.woff2") }} a {{ background: url(b.png) }}'
    report = make_site(tmp_path, css=css, search='[{"href": "other.html#gone"}]')
    assert report.problems == [f'a.css: {CDN}/f.woff2 is fetched from another host',
                               'a.css: b.png does not exist',
                               'search.json: other.html#gone has no such anchor']
    assert make_site(tmp_path, search='[]').problems == ['search.json: it is empty']


def test_two_pages_with_one_title(tmp_path):
    report = make_site(tmp_path, GOOD.replace('<title>Data', '<title>Other'))
    assert report.problems == ["the site: 2 pages have the title 'Other'"]


def test_links_command(tmp_path):
    def check(folder): return run(sys.executable, ROOT/'tools'/'links.py', folder)
    (tmp_path/'empty').mkdir()
    make_site(tmp_path)
    done = check(tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, '2 pages, 6 links, 0 problems')
    make_site(tmp_path, GOOD.replace('#one"', '#gone"', 1))
    done = check(tmp_path)
    assert done.returncode == 1 and '2 pages, 6 links, 1 problems' in done.stdout
    done = check(tmp_path/'empty')
    assert done.returncode == 1 and 'holds no page' in done.stderr


# ---------------------------------------------------------------- formulas

@pytest.fixture(scope='module')
def smallsite():
    "The builder without Quarto. Its tests are skipped only where smalldocs cannot be installed."
    if sys.version_info < (3, 11): pytest.skip('smalldocs needs Python 3.11')
    import smallsite
    return smallsite


@pytest.fixture
def mathml(smallsite):
    "The converter, with the TeX and the kind of formula as arguments."
    def convert(tex, kind='inline'):
        left, right = (r'\(', r'\)') if kind == 'inline' else (r'\[', r'\]')
        formula = f'<span class="math {kind}">{left}{tex}{right}</span>'
        return smallsite.mathml(f'<p>Let {formula} be.</p>')
    return convert


def test_inline_formula(mathml):
    page = mathml(r'\mathbf{p}_u^\top \mathbf{q}_i &lt; 5')
    math = BeautifulSoup(page, 'html.parser').math
    assert math.get('display') is None
    assert math.get_text() == '𝐩u⊤𝐪i<5'  # bold letters, and the escaped < read back
    assert page.startswith('<p>Let ') and page.endswith(' be.</p>') and '\\' not in page


def test_aligned_formula(mathml):
    page = mathml(r'\begin{aligned} \hat{r} &amp;= \mu + b_u \\ L &amp;= \sum_i \frac{1}{2} e_i^2'
                  r' \end{aligned}', 'display')
    math = BeautifulSoup(page, 'html.parser').math
    assert math['display'] == 'block'
    assert [len(row.find_all('mtd')) for row in math.find_all('mtr')] == [2, 2]
    assert math.find('mfrac') and math.find('mover') and '\\' not in page and '&amp;' not in page


def test_unreadable_formula(mathml):
    with pytest.raises(ValueError, match=r"cannot read the formula '\\\\nonsense\{x\}'"):
        mathml(r'\nonsense{x}')


def test_formula_as_text(smallsite):
    text = smallsite.plain_math(r'About \hat{r}_{ui} and r, i', {r'\hat{r}_{ui}', 'r'})
    assert text == 'About rˆui and r, i'


def test_dark_theme(smallsite):
    css = smallsite.dark_theme()
    assert 'data-bs-theme=dark' not in css and re.search(r':root\{color-scheme:dark', css)
    assert css.startswith('@import url("default.min.css");') and len(css) < 10_000
    assert css.count('{') == css.count('}') > 5


def test_site_configuration():
    text = (ROOT/'_quarto.yml').read_text()
    assert yaml.safe_load(text)['format']['html']['html-math-method'] == 'mathml'
    assert set(re.findall(r'https?://[^\s"]+', text)) == {get_config(ROOT).git_url}
    assert (ROOT/'nbs'/'_quarto.yml').read_text() == text


# ---------------------------------------------------------------- README

def flat(source): return readme.flatten(source, HOME, 'nbs')


@pytest.mark.parametrize('source, want', [
    ('See [Data](00_data.ipynb#one).', f'See [Data]({HOME}/data.html#one).'),
    ('[web](https://example.org/00_data.ipynb)', '[web](https://example.org/00_data.ipynb)'),
    ('![a map](images/map.png){width=300}', '![a map](nbs/images/map.png)'),
    ('[![ci](images/ci.svg)](01_batches.ipynb)',
     f'[![ci](nbs/images/ci.svg)]({HOME}/batches.html)'),
    ('## Install {#install}', '## Install'),
    ('```md\n[x](00_data.ipynb)\n:::\n```', '```md\n[x](00_data.ipynb)\n:::\n```'),
    ('::: {.callout-note title="Why?" collapse="true"}\nBecause.\n\nSo.\n:::',
     '> **Why?**\n>\n> Because.\n>\n> So.'),
    ('::: {.callout-tip}\n## Guess\nTwo.\n:::\nAfter.', '> **Guess**\n>\n> Two.\nAfter.'),
    ('::: {.callout-warning}\nHot.\n:::', '> **Warning**\n>\n> Hot.'),
    ('::: {.panel-tabset}\n## CPU\nslow\n:::', '## CPU\nslow'),
])
def test_flatten(source, want):
    assert flat(source) == want


@pytest.mark.parametrize('source, error', [
    ('::: {.callout-note}\nx', 'never closed'), ('x\n:::', 'closes nothing')])
def test_unbalanced_block(source, error):
    with pytest.raises(ValueError, match=error): flat(source)


def test_table():
    html = '''<table><thead><tr><th></th><th>n</th></tr><tr><th>genre</th><th></th></tr></thead>
              <tbody><tr><th>Crime|Drama</th><td>3</td></tr></tbody></table>'''
    table = BeautifulSoup(html, 'html.parser').table
    assert readme.pipe_table(table) == '| genre | n |\n| --- | --- |\n| Crime\\|Drama | 3 |'
    table.td['colspan'] = '2'
    table.tbody.tr.th.decompose()
    with pytest.raises(ValueError, match='merged cells'): readme.pipe_table(table)


PNG = 'iVBORw0KGgo='


def index(folder, *cells):
    "Write an index notebook; a cell is Markdown, or a pair: code and its outputs."
    made = [mk_cell('# Dive\n\n> A line.', 'markdown')]
    for cell in cells:
        if isinstance(cell, str): made.append(mk_cell(cell, 'markdown'))
        else: made.append(mk_cell(cell[0], 'code', outputs=cell[1], execution_count=1, metadata={}))
    write_nb(new_nb(made), folder/'index.ipynb')
    return folder/'index.ipynb'


def shown(**data):
    "A cell's outputs: one picture or text; image_png stands for image/png."
    kinds = {key.replace('_', '/'): value for key, value in data.items()}
    return [dict(output_type='display_data', metadata={}, data=kinds)]


def test_readme(tmp_path):
    path = index(tmp_path, 'Hello [Data](00_data.ipynb).', ('#| hide\nsecret = 1', []),
                 ('1 + 1', shown(text_plain='2')),
                 ('#| echo: false\n#| fig-alt: A map\nplot()',
                  shown(image_png=PNG, text_plain='<Figure>')))
    text, pictures = readme.make(path, HOME)
    assert text == f'''# Dive

{readme.NOTE}

> A line.

Hello [Data]({HOME}/data.html).

```python
1 + 1
```

```
2
```

![A map](README_files/figure-1.png)
'''
    assert list(pictures) == ['README_files/figure-1.png']
    assert readme.make(path, HOME)[0] == text


def test_readme_without_alt_text(tmp_path):
    path = index(tmp_path, ('plot()', shown(image_png=PNG)))
    with pytest.raises(ValueError, match='fig-alt'): readme.make(path, HOME)


def test_stale_readme(tmp_path):
    figure = 'README_files/figure-1.png'
    text, pictures = 'new\n', {figure: b'png'}
    assert readme.stale(tmp_path, text, pictures) == ['README.md', figure]  # missing
    readme.write(tmp_path, text, pictures)
    assert readme.stale(tmp_path, text, pictures) == []
    (tmp_path/'README.md').write_text('newer\n')
    (tmp_path/'README_files'/'figure-9.png').write_text('left over')
    assert readme.stale(tmp_path, text, pictures) == ['README.md', 'README_files/figure-9.png']
    readme.write(tmp_path, text, pictures)
    assert readme.stale(tmp_path, text, pictures) == []
    assert not (tmp_path/'README_files'/'figure-9.png').exists()
