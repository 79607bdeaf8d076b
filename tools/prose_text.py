"The prose of a notebook: its sentences without code, formulas and addresses."
import re
from dataclasses import dataclass
from pathlib import Path

from fastcore.nbio import read_nb

IT = '□'   # in place of code and formulas: a word, and may begin a sentence
ESCAPE = re.compile(r'<!--\s*asserted:\s*(.*?)\s*-->', re.DOTALL)
DROPPED = re.compile(r'''
    ^(`{3,}|~{3,}).*?^\1[ ]*$   # a block of code
  | <!--.*?-->                  # a comment
  | <(style|script).*?</\2>
''', re.VERBOSE | re.DOTALL | re.MULTILINE)
REPLACED = [
    (re.compile(r'^\*\*\d+\. \w+\.\*\*'), ''),                        # **1. Predict.**
    (re.compile(r'\$\$.+?\$\$', re.DOTALL), IT),                      # a formula on its own line
    (re.compile(r'(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)', re.DOTALL), IT),  # a span of code
    (re.compile(r'(?<![\\$])\$(?!\s)[^$\n]+?(?<!\s)\$'), IT),         # a formula in a sentence
    (re.compile(r'!\[[^\]]*\]\([^)]*\)'), ''),                        # a picture
    (re.compile(r'\[([^\]]*)\]\([^)\s]*\)'), r'\1'),                  # a link: its words stay
    (re.compile(r'https?://\S+'), ''),
    (re.compile(r'<[a-z/][^>]*>'), ''),
    (re.compile(r'\*{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)'), ''),   # bold, italics
]
ITEM = re.compile(r'^\s*(?:[-*+]|\d+[.)])\s+|^\s*>\s?', re.MULTILINE)
BLOCKS = re.compile(r'\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)])\s)')
ENDS = re.compile(r'(?:(?<=[.!?…])|(?<=[.!?…]["”’»)\]]))\s+'
                  r'(?=["“‘«(\[]*(?:[A-Z0-9½□]|fastai\b|fbpca\b|nbdev\b))')
NO_ENDS = re.compile(r'(?:\b(?:Dr|Mr|Mrs|Ms|St|vs|No|e\.g|i\.e|cf)|\b[A-HJ-Z])\.$')
HEADING = re.compile(r'(#+)\s+([^\n]*?)\s*(?:\{[^}\n]*\})?\s*(?:\n|$)')
WORD = re.compile(r"□|[^\W\d_]+(?:[’'][^\W\d_]+)*|[-−+]?[\d½.,]*[\d½]\S*")
ALT = re.compile(r'^#\|\s*fig-alt:\s*["\']?(.*?)["\']?\s*$', re.MULTILINE)


@dataclass(frozen=True)
class Sentence:
    "A sentence of a notebook, in plain words."
    text: str
    cell: str = ''       # id of its cell
    at: int = 0          # position of its cell in the notebook
    section: int = 0     # how many headings stand above it
    heading: str = ''    # the last of them
    kind: str = 'text'   # or 'finding' (the quoted line at the top), 'row' of a table, 'alt' text
    excuse: str = ''     # the reason in an `asserted:` comment of its paragraph

    @property
    def words(self) -> list: return WORD.findall(self.text)


@dataclass(frozen=True)
class CodeCell:
    "A code cell and its place among the headings."
    cell: object
    at: int
    section: int
    heading: str


@dataclass(frozen=True)
class Page:
    "What a notebook says, and the code around it."
    name: str
    sentences: list   # of Sentence
    code: list        # of CodeCell


def plain(markdown: str) -> str:
    "The text of some Markdown; code and formulas become a sign, links keep their words."
    text = DROPPED.sub('', markdown)
    for pattern, new in REPLACED: text = pattern.sub(new, text)
    return text


def split_sentences(
    block: str,  # a paragraph, or an item of a list
) -> list:       # of texts, each on one line
    "The block's sentences. A full stop after a title or an initial ends none."
    found, text = [], ' '.join(block.split())
    starts = [0, *(m.end() for m in ENDS.finditer(text)), len(text)]
    for part in (text[a:b].strip() for a, b in zip(starts, starts[1:])):
        if found and NO_ENDS.search(found[-1]): found[-1] += f' {part}'
        else: found.append(part)
    return [part for part in found if WORD.search(part)]


def read_page(path: Path) -> Page:
    "All sentences of a notebook, and its code cells, each with its place among the headings."
    sentences, code, section, heading = [], [], 0, ''
    for at, cell in enumerate(read_nb(path).cells):
        if cell.cell_type == 'code':
            code.append(CodeCell(cell, at, section, heading))
            sentences += [Sentence(s, cell.id, at, section, heading, 'alt')
                          for alt in ALT.findall(cell.source) for s in split_sentences(alt)]
        for block in blocks(cell.source) if cell.cell_type == 'markdown' else ():
            if title := HEADING.match(block):
                section, heading = section + 1, plain(title[2])
                block = block[title.end():]
            sentences += [Sentence(s, cell.id, at, section, heading, *more)
                          for s, *more in block_sentences(block)]
    return Page(path.stem, sentences, code)


def blocks(markdown: str) -> list:
    "Paragraphs, items of lists, tables and headings; blocks of code and other comments are gone."
    kept = DROPPED.sub(lambda m: m[0] if ESCAPE.match(m[0]) else '', markdown)
    return [block.strip() for block in BLOCKS.split(kept) if block.strip()]


def block_sentences(block: str) -> list:
    "(text, kind, excuse) of each sentence of a block."
    excuse = ' '.join(ESCAPE.findall(block))
    if block.startswith('|'): return [(plain(row), 'row', excuse) for row in block.splitlines()]
    kind = 'finding' if block.startswith('>') else 'text'
    return [(s, kind, excuse) for s in split_sentences(plain(ITEM.sub('', block)))]
