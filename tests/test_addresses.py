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


@pytest.mark.parametrize('path', [p for p in LESSONS if p.name[:2].isdigit()],
                         ids=lambda p: p.name)
def test_colab_opens_this_lesson(path):
    repo, text = addresses()['Repository'].removeprefix('https://github.com/'), source(path)
    assert f'https://colab.research.google.com/github/{repo}/blob/main/nbs/{path.name}' in text
    assert f'git+https://github.com/{repo}"' in text


def test_a_stranger_is_found():
    other = 'https://github.com/somebody/collabdive/blob/main'
    assert strangers(f'see {other}') == [other]
    assert strangers(f"see {addresses()['Repository']}/issues") == []
