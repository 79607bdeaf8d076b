"The repository's and the site's addresses are pyproject.toml's; every copy agrees with them."
import json
import re

import pytest
from helpers import ROOT

LESSONS = sorted((ROOT/'nbs').glob('*.ipynb'))
PAGES = [*LESSONS, *(ROOT/name for name in ('README.md', '_quarto.yml', 'CONTRIBUTING.md'))]
HOSTS = r'(?:github\.com|colab\.research\.google\.com|github\.io)'
COPY = re.compile(rf'https://[\w.]*{HOSTS}/[\w./-]*collabdive[\w./-]*')


def addresses():
    "Repository and Documentation of pyproject.toml, read without tomllib for Python 3.10."
    text = (ROOT/'pyproject.toml').read_text(encoding='utf-8')
    return {key: re.search(rf'^{key} = "(.+)"', text, re.M)[1]
            for key in ('Repository', 'Documentation')}


def strangers(text):
    "Addresses on GitHub, Colab or Pages that name a collabdive other than pyproject's."
    repo, site = addresses().values()
    colab = repo.replace('https://github.com', 'https://colab.research.google.com/github')
    return [a for a in COPY.findall(text) if not a.startswith((repo, site, colab))]


def source(path):
    "What the file says; of a notebook, its cells' sources."
    text = path.read_text(encoding='utf-8')
    if path.suffix != '.ipynb': return text
    return '\n'.join(''.join(cell['source']) for cell in json.loads(text)['cells'])


@pytest.mark.parametrize('path', PAGES, ids=lambda p: p.name)
def test_no_stranger(path): assert strangers(source(path)) == []


def elsewhere(name):
    "The line under a lesson's title: where to run it, and how to have it."
    repo = addresses()['Repository']
    file = f'{repo}/blob/main/nbs/{name}'
    colab = file.replace('https://github.com', 'https://colab.research.google.com/github')
    return (f'[Open in Colab]({colab}) · '
            f'[Open in Kaggle](https://www.kaggle.com/kernels/welcome?src={file}) · '
            f'[Download the notebook]({repo}/raw/main/nbs/{name})')


def head_problems(name, text):
    "What is missing under a lesson's title."
    install = ('! [ -e /content -o -e /kaggle ] && pip install -Uqq '
               f'"collabdive @ git+{addresses()["Repository"]}"')
    lines = text.splitlines()
    wanted = {'the links': elsewhere(name), 'the install cell': install}
    return [what for what, line in wanted.items() if lines.count(line) != 1]


def offers_links(path): return path.name[:2].isdigit() or 'Open in' in source(path)


@pytest.mark.parametrize('path', list(filter(offers_links, LESSONS)), ids=lambda p: p.name)
def test_lesson_opens_elsewhere(path): assert head_problems(path.name, source(path)) == []


def test_a_wrong_head_is_found():
    path = next(p for p in LESSONS if p.name[:2].isdigit())
    text = source(path)
    assert head_problems('other.ipynb', text) == ['the links']
    assert head_problems(path.name, text.replace('kernels/welcome?src=', '')) == ['the links']
    assert head_problems(path.name, text.replace('/raw/', '/blob/')) == ['the links']
    assert head_problems(path.name, text.replace('-e /kaggle', '')) == ['the install cell']


def test_a_stranger_is_found():
    other = 'https://github.com/somebody/collabdive/blob/main'
    assert strangers(f'see {other}') == [other]
    assert strangers(f"see {addresses()['Repository']}/issues") == []
