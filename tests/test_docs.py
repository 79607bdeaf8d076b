"What the tools make of a small project, and what they refuse."
import json
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from fastcore.nbio import mk_cell, new_nb, write_nb
from test_tools import PIXEL as DOT  # first: it lets the tools be imported

import api
import links
import polish
import readme
from docs import CLUTTER

PIXEL = DOT.format('NgAAAAAgABSK+kcQ')  # black
HOME, CDN = 'https://site.example', 'https://cdn.example'
SITE = {'b.html': '<p id="two">', 'a.css': 'a { background: url(a.css) }',
        'search.json': '[{"href": "b.html#two"}]',
        'a.html': '''<link rel="stylesheet" href="a.css"><h1 id="one">One</h1><a href="#one">up</a>
<a href="b.html#two">on</a> <a href="https://web.example/x#y">web</a><img src="a.css" alt="a">'''}
DRAWN = ('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="6" viewBox="0 0 9 6">'
         '<text>a &lt; b</text></svg>')
MODULE = '''__all__ = ['LIMIT', 'Box', 'make_box']
LIMIT = 3  # the most that a box holds
class Box:
    "Holds things."
    size: int = 2  # how many
    @property
    def full(self): return True
def make_box(
    size: int,  # how many
) -> 'Box':     # a box
    "Makes a box. Raises ValueError above `LIMIT`."
'''


def notebook(path, *cells):
    "Write a notebook: a text is Markdown, a pair is code and what it shows."
    cells = [mk_cell(cell, 'markdown') if isinstance(cell, str) else
             mk_cell(cell[0], outputs=[{'output_type': 'display_data', 'data': cell[1]}])
             for cell in cells]
    write_nb(new_nb(cells), path)
    return path


@pytest.mark.parametrize('file, old, new, fault', [
    ('a.html', '', '', None), ('a.html', '"#one"', '"#gone"', 'such anchor'),
    ('a.html', 'b.html#two', 'gone', 'not exist'), ('a.html', '#two', '#gone', 'such anchor'),
    ('a.html', 'b.html', '../up.html', 'not exist'), ('a.html', 'alt="a"', 'alt=""', 'no alt text'),
    ('a.html', 'src="a.css', 'src="gone', 'not exist'), ('a.html', 'src="', 'src="//x/', 'host'),
    ('a.html', 'href="', f'href="{CDN}/', 'host'), ('a.css', 'a.css', f'{CDN}/a', 'host'),
    ('a.css', 'a.css', 'gone', 'not exist'), ('search.json', '#two', '#gone', 'such anchor')])
def test_links(tmp_path, file, old, new, fault):
    for name, text in {**SITE, file: SITE[file].replace(old, new, 1)}.items():
        (tmp_path/name).write_text(text)
    found = links.check(tmp_path)
    assert len(found) == (fault is not None) and all(fault in line for line in found)


def test_polish(tmp_path):
    page = tmp_path/'workshop'/'page.html'
    page.parent.mkdir()
    page.write_text(f'''<html><head><script src="{CDN}/katex.js"></script>
<script src="{CDN}/jquery@3"></script><script>define('jquery', [])</script></head>
<nav class="navbar"><a class="nav-link active" aria-current="page" href="../b.html">b</a></nav>
<main><h1>a</h1><details class="code-fold" open><summary>Exported source</summary>
<pre>x = y = 1\ndef f(): z = 2</pre></details><div class="cell-output-markdown"><hr>
<p>source</p><h3 id="f">f</h3><pre>  a:b.c<span class="op">.</span>D=<span class="st">'e.F'</span>
</pre><p>f &lt; a</p></div><a href="{HOME}/b.html#c">b</a>
<img src="data:image/png;base64,{PIXEL}" alt="n"><table><th></th></table>
<span class="math inline">\\(x_i\\)</span></main>''')
    polish.polish(tmp_path, HOME)
    soup = BeautifulSoup(page.read_text(), 'html.parser')
    assert [tag['src'] for tag in soup('script')] == ['../page.js']
    assert soup.main.a['href'] == '../b.html#c' and soup.math and soup.td and not soup.hr
    assert soup.nav.a.attrs == {'class': ['nav-link'], 'href': '../b.html'}
    assert soup.select('.signature > h2:first-child#f') and not soup.details.has_attr('open')
    assert soup.summary.string == 'Source of x, y, f'
    assert soup.select_one('.signature pre').get_text() == "  a:D='e.F'\n"
    assert (soup.img['width'], soup.img['class'], soup.img['alt']) == ('1', ['is-dark'], 'n')
    assert (page.parent/soup.img['src']).is_file()
    top, f = json.loads((tmp_path/'search.json').read_text())
    assert top['href'] == 'workshop/page.html' and top['title'] == f['title'] == 'a'
    assert (f['href'], f['section']) == ('workshop/page.html#f', 'f') and 'f < a' in f['text']
    assert 'x_i' not in top['text'] + f['text'], 'no TeX to search'
    page.write_text('<head></head><span class="math inline">\\(\\nonsense\\)</span>')
    with pytest.raises(ValueError, match='cannot read the formula'): polish.polish(tmp_path, HOME)


@pytest.mark.parametrize('shown', [
    '<img src="drawn.svg" alt="d">', DRAWN.replace(' width', ' alt="d" width')])
def test_polish_gives_a_drawing_a_file_whoever_built(tmp_path, shown):
    page, main = tmp_path/'page.html', f'<main><h1>a</h1><figure>{shown}</figure></main>'
    (tmp_path/'drawn.svg').write_text(DRAWN)
    page.write_text(f'<head></head>{main}')
    polish.polish(tmp_path, HOME)
    img, = BeautifulSoup(page.read_text(), 'html.parser').select('main figure > *')
    assert (img['width'], img['height'], img['alt'], img['loading']) == ('9', '6', 'd', 'lazy')
    file = tmp_path/img['src']
    assert file.parent.name == 'figures' and file.suffix == '.svg'
    drawing = ElementTree.fromstring(file.read_text())      # as a browser reads it: case counts
    assert drawing.attrib == ElementTree.fromstring(DRAWN).attrib and drawing[0].text == 'a < b'


def test_api(tmp_path):
    (tmp_path/'box.py').write_text(MODULE)
    names = api.exports(tmp_path/'box.py')
    assert names['LIMIT'] == ('LIMIT = 3', 'the most that a box holds')
    assert names['Box'] == ('class Box:\n    size: int = 2  # how many', 'Holds things.')
    assert names['make_box'][0].endswith("size: int,  # how many\n) -> 'Box':     # a box")
    cells = ['#| export\nmake_box', 'make_box(12)', '#| hide\nmake_box', 'a = 1\nmake_box(2)']
    path = notebook(tmp_path/'00_box.ipynb', *((cell, {}) for cell in cells),
                    '## Exercises', ('LIMIT', {}))
    text = api.chapter('00_box', names, {'00_box': api.examples(path)})
    assert text.count('make_box(12)\n') == 2 == text.count('<details'), 'no cell shows LIMIT'


def test_readme(tmp_path):
    table = '<table><tr><th></th><th>n_a</th></tr><tr><th>b</th><td>3</td></tr></table>'
    path = notebook(tmp_path/'index.ipynb', '# Dive', '[Data](00_data.ipynb#a) <!-- lessons -->',
                    ('#| hide\nsecret', {}), ('1', {'text/plain': '2', 'text/html': table}),
                    ('#| echo: false\n#| fig-alt: A map\nsecret', {'image/png': PIXEL}))
    files = readme.make(path, HOME)
    text = files['README.md'].decode()
    for part in (f'[Data]({HOME}/data.html#a)', '![A map](README_files/figure-1.png)', '| b | 3 |',
                 'n_a', '```python\n1\n```'): assert part in text
    assert 'secret' not in text and 'lessons' not in text
    assert readme.stale(files, tmp_path) == sorted(files)
    for cell in ('::: {.callout-note}\nx\n:::', '# A {#a}', ('p', {'image/png': PIXEL})):
        with pytest.raises(ValueError): readme.make(notebook(path, cell), HOME)


def test_copies_in_markdown_leave_out_what_only_a_browser_reads():
    source = "`<figure class=\"answers\" id=\"figure-{name}\">` and `</figure>` `<script>`"
    figure = ('<figure class="answers" id="figure-a" data-name="a">\n<script>1</script>\n'
              '</figure>\n<script>(()=>{})()</script>\n')
    text = f'{source}\n\n{figure}<style>b</style>\n[on](b.html){{target=_blank}}\n{source}'
    assert CLUTTER.sub('', text) == f'{source}\n\n[on](b.html)\n{source}'
