"What tools/api.py and tools/llms.py make of a small project with two lessons."
import ast

import pytest
from fastcore.nbio import mk_cell, new_nb, write_nb
from helpers import ROOT  # first: it lets the tools be imported

import api
import llms
from nb_project import Project

PYPROJECT = '''
[project]
name = "mini"
dynamic = ["version"]
[project.urls]
Documentation = "https://mini.example"
[tool.nbdev]
put_version_in_init = false
'''
MODULE = '''
__all__ = ['LIMIT', 'Box', 'double', 'fill', 'lonely']

LIMIT = 3  # the most that a box holds

class Box:
    "Holds things."
    def __init__(self, size: int = 2, *, name='box'): self.size = size

def double(
    x: float,                # a number
    times: "int|None" = 1,   # how often
) -> float:                  # the number, doubled
    """Two times `x`, as often as you
    like, see `fill`. Raises nothing.

    More."""
    return 2*x

def fill(box) -> 'Box':
    "Fill a `Box`."

def lonely(): pass
'''
LESSON = ['# Boxes\n\n> They hold.', '#| default_exp box', '#| export\nLIMIT = 3',
          '## One & *two*: [a link](x.ipynb), `code`!', '#| export\nclass Box: pass',
          '#| hide\ndouble(0)', 'double(1)',
          '::: {.callout-note}\n## No section\ndouble\n:::',
          '#| export\ndef double(x): pass', '#| hide\ndouble(2)', '#| echo: false\ndouble(3)',
          'from mini.box import double', 'total = 1\nother = 2\ndouble(total)', 'double(4)',
          '## Again', 'double(5)', '#| hide\n#| export\ndef fill(box): pass\ndef lonely(): pass',
          'fill(1)', '## Exercises', '5 < LIMIT']


@pytest.fixture
def project(tmp_path):
    "A package of one module, its lesson, and a second lesson."
    (tmp_path/'nbs').mkdir()
    (tmp_path/'mini').mkdir()
    (tmp_path/'pyproject.toml').write_text(PYPROJECT)
    (tmp_path/'mini'/'box.py').write_text(MODULE)
    write(tmp_path, '01_box', LESSON)
    write(tmp_path, '02_more', ['# More', 'double(6)', '1 < LIMIT'])
    return Project(tmp_path)


def write(root, name, cells):
    "Write a notebook; a text that begins like Markdown is a Markdown cell."
    made = [mk_cell(text, 'markdown' if text.startswith(('# ', '## ', ':')) else 'code')
            for text in cells]
    write_nb(new_nb(made), root/'nbs'/f'{name}.ipynb')


def entry(project, name):
    "What the page says of one name."
    text = api.make(project)[0]
    return text.partition(f'{{#box.{name}}}')[2].partition('\n### ')[0].strip()


def test_order_and_headings(project):
    text, lacking = api.make(project)
    heads = [line for line in text.splitlines() if line.startswith('##')]
    assert heads == ['## box', '### [LIMIT](01_box.ipynb#boxes) {#box.LIMIT}',
                     '### [Box](01_box.ipynb#box) {#box.Box}',
                     '### [double](01_box.ipynb#double) {#box.double}',
                     '### [fill](01_box.ipynb#again) {#box.fill}',
                     '### [lonely](01_box.ipynb#again) {#box.lonely}']
    assert lacking == ['box.lonely'] and '[Boxes](01_box.ipynb)' in text


def test_constant(project):
    assert entry(project, 'LIMIT').startswith('```python\nLIMIT = 3\n```\n\nthe most that a box')
    assert '1 < LIMIT' in entry(project, 'LIMIT'), 'rather in a later lesson than in an exercise'
    assert 'From [More](02_more.ipynb#more), “More”.' in entry(project, 'LIMIT')


def test_function(project):
    said = entry(project, 'double')
    assert said.startswith('```python\ndouble(x: float, times: int|None = 1) -> float\n```')
    assert 'Two times `x`, as often as you like, see [`fill`](#box.fill).\n' in said
    assert '```python\ndouble(4)\n```' in said, 'the shortest visible cell after the definition'
    assert 'From [Boxes](01_box.ipynb#one-two-a-link-code), “One' in said


def test_class_is_shown_where_a_function_returns_it(project):
    said = entry(project, 'Box')
    assert said.startswith("```python\nBox(size: int = 2, *, name='box')\n```\n\nHolds things.")
    assert '```python\nfill(1)\n```' in said
    assert 'Fill a [`Box`](#box.Box).' in entry(project, 'fill')


def test_without_example(project): assert 'details' not in entry(project, 'lonely')


def test_a_name_that_is_nowhere(project):
    (project.lib/'box.py').write_text("__all__ = ['gone']")
    with pytest.raises(ValueError, match='gone in __all__, but not defined'): api.make(project)


@pytest.mark.parametrize('code, want', [
    ('def f(a, b=1, *c, d: int = 2, **e): 0', 'f(a, b=1, *c, d: int = 2, **e)'),
    ('def f(*, a): 0', 'f(*, a)'), ('def f() -> "X": 0', 'f() -> X'),
    ('class f: 0', 'f'),
    ('@dataclass\nclass f:\n    a: int\n    b: str = ""', "f(a: int, b: str = '')"),
    ('def f(' + ', '.join(f'argument_{i}' for i in range(9)) + '): 0',
     'f(\n' + ''.join(f'    argument_{i},\n' for i in range(9)) + ')')])
def test_signatures(code, want):
    assert api.describe('m', 'f', ast.parse(code).body[0], code).code == want


@pytest.mark.parametrize('text, want', [
    ('One. Two.', 'One.'), ('Versions 1.2 and 3. `x` is one.', 'Versions 1.2 and 3.'),
    ('No end', 'No end'), ('Over\nlines. Two', 'Over lines.'), ('A\n\nB.', 'A'), ('', '')])
def test_first_sentence(text, want): assert api.first_sentence(text) == want


@pytest.mark.parametrize('heading, anchor', [
    ('Which range?', 'which-range'), ('Model 1: a dot product', 'model-1-a-dot-product'),
    ('`fit_quietly`, again', 'fit_quietly-again'), ('3 + bias', 'bias'),
    ('[Data](00_data.ipynb) first', 'data-first')])
def test_slugs(heading, anchor): assert api.slug(heading) == anchor


# llms.txt

QUARTO = '''
metadata-files: [nbdev.yml]
website:
  sidebar:
    contents:
      - section: Start
        contents: [index.ipynb, api.qmd]
      - section: Road
        contents: [01_box.ipynb]
'''
NBDEV = '''
website:
  title: mini
  description: A mini thing
  site-url: https://mini.example/
  repo-url: https://code.example/mini
'''
PNG = dict(output_type='display_data', metadata={}, data={'image/png': 'iVBO', 'text/plain': 'Fig'})
TABLE = dict(output_type='execute_result', metadata={}, execution_count=None,
             data={'text/html': '<table>', 'text/plain': 'a  b'})


def front(title, **more):
    lines = ''.join(f'{key}: {value}\n' for key, value in dict(title=title, **more).items())
    return f'---\n{lines}---\n'


@pytest.fixture
def site(tmp_path):
    "What a small site has for language models."
    processed, built = tmp_path/'_proc', tmp_path/'_docs'
    processed.mkdir()
    built.mkdir()
    for name, text in {'_quarto.yml': QUARTO, 'nbdev.yml': NBDEV,
                       'api.qmd': front('API', description='All names') + '\n### f {#f}'}.items():
        (processed/name).write_text(text)
    about = front('Boxes', description='They hold', **{'output-file': 'box.html'})
    cells = {'index': [mk_cell(front('mini', description='Why'), 'raw'),
                       mk_cell('Hello.', 'markdown')],
             '01_box': [mk_cell(about, 'raw'),
                        mk_cell('<!-- WARNING -->\nSee [api](index.ipynb).', 'markdown'),
                        mk_cell('#| fig-alt: A rise\nplot()', 'code', outputs=[PNG], metadata={}),
                        mk_cell('#| echo: false\ntable', 'code', outputs=[TABLE], metadata={}),
                        mk_cell('#| include: false\nsecret', 'code', outputs=[TABLE], metadata={})]}
    for name, made in cells.items(): write_nb(new_nb(made), processed/f'{name}.ipynb')
    llms.write(built, processed)
    return built


def test_llms_txt(site):
    assert (site/'llms.txt').read_text() == '''# mini

> A mini thing

Why

## Start

- [mini](https://mini.example/index.html.md): Why
- [API](https://mini.example/api.html.md): All names

## Road

- [Boxes](https://mini.example/box.html.md): They hold

## Optional

- [Everything on one page](https://mini.example/llms-full.txt): all of the above
- [Source](https://code.example/mini): the notebooks, and the package made from them
'''


def test_pages_as_markdown(site):
    text = (site/'box.html.md').read_text()
    assert text == '''# Boxes

> They hold

See [api](https://mini.example/index.html).

```python
plot()
```

*Figure: A rise*

```
a  b
```
'''
    assert text in (site/'llms-full.txt').read_text()
    assert sorted(p.name for p in site.iterdir()) == [
        'api.html.md', 'box.html.md', 'index.html.md', 'llms-full.txt', 'llms.txt']
