#!/usr/bin/env python
"""Link the first use of each technical term in a lesson to the glossary, or check the links.

The terms are the fourth-level headings under `## Terms` in nbs/glossary.ipynb. A line `*also: ...*`
under a heading gives other forms of the word; the first link under it leads to the term's home, the
lesson that explains it. Words under other headings, such as rating and user, are not linked.

In every lesson (a numbered notebook that exports a module), the first use of a term in its prose
is a link to the glossary. Prose ends at the exercises. It has no titles, code, formulas, tables,
quotations, other links or texts of figures. A term is not linked in its home, nor where a longer
term is at home that has its name in it: the soft threshold is no threshold of ratings. A link to a
term in other words than the term's stays as it is, and the term counts as linked.

Files may be notebooks, or texts with cells after lines `#%%` (code) and `#%% md` (Markdown).
"""
import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from nb_project import Project, cell_text

PAGE = 'glossary.ipynb'
SECTION = re.compile(r'^## Terms$(.*)', re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r'^#### ([^\n]+)\n(.*?)(?=^#|\Z)', re.MULTILINE | re.DOTALL)
ALSO = re.compile(r'^\*also: (.+)\*$', re.MULTILINE)
HOME = re.compile(r'\]\(([^)#\s]+)\.ipynb(?:#[\w-]*)?\)')
LINKED = re.compile(rf'\[([^\[\]]+)\]\({re.escape(PAGE)}#([\w-]+)\)')
END = re.compile(r'^## Exercises$', re.MULTILINE)
CELL = re.compile(r'^#%%.*\n', re.MULTILINE)
NOT_PROSE = re.compile(r'''
    ^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[ ]*$      # a block of code
  | <!--.*?--> | <summary>.*?</summary> | <[a-zA-Z/][^>]*>
  | \$\$.+?\$\$ | (?<![\\$])\$(?!\s)[^$\n]+?(?<!\s)\$
  | (?<!`)(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)   # code in a line
  | !?\[(?:[^\[\]]|\[[^\]]*\])*\]\([^()\s]*(?:\([^()]*\))?[^()\s]*\)   # a link or a picture
  | ^\#{1,6}[ ].*?$ | ^:{3,}.*?$ | ^>.*?$ | ^\|.*?$ | ^\*\*(?:Needs|Takes)\*\*.*?$
  | https?://\S+
''', re.VERBOSE | re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Term:
    "A word of the glossary."
    name: str
    anchor: str    # its place in the page
    forms: tuple   # the words that are linked; a plural's `s` or `es` may follow
    home: str      # the notebook that explains it, without .ipynb


def anchor_of(heading: str) -> str:
    "The anchor that Quarto and smalldocs make of a plain heading."
    return re.sub(r'[^\w\s.-]', '', heading).strip().replace(' ', '-').lower()


def read_terms(page: Path) -> list:
    "The terms that are linked, in the page's order. Raises ValueError for a faulty entry."
    cells = json.loads(page.read_text(encoding='utf-8'))['cells']
    text = '\n\n'.join(cell_text(c['source']) for c in cells if c['cell_type'] == 'markdown')
    section = SECTION.search(text)
    if not section: raise ValueError(f'{page.name} has no section "## Terms"')
    terms = [as_term(name.strip(), entry) for name, entry in ENTRY.findall(section[1])]
    if not terms: raise ValueError(f'{page.name} has no term under "## Terms"')
    for key in ('name', 'anchor'):
        names = [getattr(term, key) for term in terms]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f'{page.name} has two entries of the {key} {twice[0]!r}')
    forms = [form.lower() for term in terms for form in term.forms]
    if twice := sorted({form for form in forms if forms.count(form) > 1}):
        raise ValueError(f'{page.name} gives {twice[0]!r} to two terms')
    names = [term.name.lower() for term in terms]
    if names != sorted(names):
        late = next(b for a, b in zip(names, names[1:]) if a > b)
        raise ValueError(f'{page.name}: {late!r} is not in alphabetical order')
    return terms


def as_term(name: str, entry: str) -> Term:
    "The term of a heading and of what stands under it. Raises ValueError if it has no home."
    home, also = HOME.search(entry), ALSO.search(entry)
    if not home: raise ValueError(f'the entry {name!r} has no link to a lesson')
    forms = (name, *(form.strip() for form in also[1].split(','))) if also else (name,)
    return Term(name, anchor_of(name), forms, home[1])


def pattern(terms: list) -> re.Pattern:
    "Finds any form of the terms, the longest first; a capital within a form has to match."
    def one(form):
        words = [re.escape(word) for word in form.split()]
        fixed = form[1:] != form[1:].lower()
        return (r'(?-i:%s)' if fixed else '%s') % r'\s+'.join(words) + '(?:e?s)?'
    forms = sorted((form for term in terms for form in term.forms), key=len, reverse=True)
    return re.compile(rf'(?<![\w-])(?:{"|".join(map(one, forms))})(?![\w-])', re.IGNORECASE)


def of_form(terms: list) -> dict:
    "Each form of each term, and its plurals, in small letters -> the term."
    return {form.lower() + end: term for term in terms for form in term.forms
            for end in ('', 's', 'es')}


def link(
    texts: list,   # a lesson's Markdown cells, in order
    terms: list,   # of Term
    lesson: str,   # the lesson's name, such as 03_dot_product
) -> list:         # the same with each first use linked
    "Link first uses, and no others."
    known = of_form(terms)
    def ours(m): return known.get(' '.join(m[1].lower().split()))
    def unlink(m): return m[1] if (term := ours(m)) and term.anchor == m[2] else m[0]
    texts = [LINKED.sub(unlink, text) for text in texts]
    done = {anchor for text in texts for _, anchor in LINKED.findall(text)}
    at_home = [term for term in terms if term.home == lesson]
    done |= {term.anchor for term in terms if any(contains(other, term) for other in at_home)}
    find, linked, ended = pattern(terms), [], False
    for k, text in enumerate(texts):
        stop = END.search(text)
        if k == 0 or ended: linked.append(text)   # the title with the finding
        else: linked.append(link_cell(text, stop.start() if stop else len(text), find, known, done))
        ended = ended or bool(stop)
    return linked


def contains(whole: Term, part: Term) -> bool:
    "Is `part` the same term, or a part of its name?"
    return set(part.name.lower().split()) <= set(whole.name.lower().split())


def link_cell(text: str, end: int, find: re.Pattern, known: dict, done: set) -> str:
    "Link the terms in one cell, up to `end`, that are not in `done`; adds them to it."
    prose = NOT_PROSE.sub(lambda m: '\0'*len(m[0]), text)
    new, last = [], 0
    for m in find.finditer(prose, 0, end):
        term = known[' '.join(m[0].lower().split())]
        if term.anchor in done: continue
        done.add(term.anchor)
        new += [text[last:m.start()], f'[{m[0]}]({PAGE}#{term.anchor})']
        last = m.end()
    return ''.join(new) + text[last:]


# files

@dataclass
class Lesson:
    "The Markdown cells of one file."
    path: Path
    ids: list         # of the cells; their order where they have none
    texts: list       # of the cells
    exports: bool     # whether it makes a module

    @property
    def name(self) -> str: return self.path.stem


def read(path: Path) -> Lesson:
    "Read a notebook, or a text with cells. Raises OSError, or ValueError that names the file."
    text = path.read_text(encoding='utf-8')
    exports = '#| default_exp' in text
    if path.suffix != '.ipynb':
        bodies = [body for is_md, body in text_cells(text) if is_md]
        return Lesson(path, list(range(1, len(bodies) + 1)), bodies, exports)
    try: cells = [c for c in json.loads(text)['cells'] if c['cell_type'] == 'markdown']
    except (ValueError, KeyError, TypeError) as e:
        raise ValueError(f'{path} is no notebook: {e}') from e
    return Lesson(path, [c['id'] for c in cells], [cell_text(c['source']) for c in cells], exports)


def text_cells(text: str) -> list:
    "(whether it is Markdown, the text after its first line) of each cell."
    starts = list(CELL.finditer(text))
    ends = [m.start() for m in starts[1:]] + [len(text)]
    return [(m[0].split() == ['#%%', 'md'], text[m.end():end]) for m, end in zip(starts, ends)]


def write(path: Path, texts: list) -> None:
    "Put other texts into the Markdown cells of a file; all else stays."
    old, new = path.read_text(encoding='utf-8'), iter(texts)
    if path.suffix == '.ipynb':
        notebook = json.loads(old)
        for cell in notebook['cells']:
            if cell['cell_type'] != 'markdown': continue
            changed = next(new)
            if changed != cell_text(cell['source']):
                cell['source'] = changed.splitlines(keepends=True)
        ordered = list(notebook['cells'][0]) == sorted(notebook['cells'][0])
        text = json.dumps(notebook, sort_keys=ordered, indent=1, ensure_ascii=False) + '\n'
    else:
        parts = CELL.split(old)[:1]
        for m, (is_md, body) in zip(CELL.finditer(old), text_cells(old)):
            parts += [m[0], next(new) if is_md else body]
        text = ''.join(parts)
    path.write_text(text, encoding='utf-8')


def is_lesson(lesson: Lesson) -> bool:
    "Is it numbered, and does it make a module? A questionnaire uses all terms and links none."
    return bool(re.match(r'\d', lesson.name)) and lesson.exports


def links_of(texts: list) -> list:
    "(cell, words, anchor) of each link to the glossary."
    return [(k, *found) for k, text in enumerate(texts) for found in LINKED.findall(text)]


def faults(lesson: Lesson, terms: list) -> list:
    "Links to the glossary that are missing in a lesson, or not where a term is used first."
    want = link(lesson.texts, terms, lesson.name)
    there, wanted = links_of(lesson.texts), links_of(want)
    found = [f'{lesson.name}, cell {lesson.ids[k]}: {words!r} is used first here, without its link'
             for k, words, anchor in wanted if (k, words, anchor) not in there]
    found += [f'{lesson.name}, cell {lesson.ids[k]}: {words!r} is linked, but not used first here'
              for k, words, anchor in there if (k, words, anchor) not in wanted]
    if not found and want != lesson.texts:
        found.append(f'{lesson.name}: a cell links the second use of a term, and not the first')
    return found


def homeless(terms: list, lessons: dict) -> list:
    "Terms whose home is no notebook here, or does not use any form of the word."
    found = []
    for term in terms:
        if term.home not in lessons: found.append(f'{term.name}: there is no {term.home}.ipynb')
        elif not pattern([term]).search('\n'.join(lessons[term.home].texts).replace('_', ' ')):
            found.append(f'{term.name}: its home {term.home} does not use the word')
    return found


def main(argv: list = None) -> int:
    "Check or link; the exit status: 0 sound, 1 faults, 2 wrong usage."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('files', nargs='*', type=Path, help='lessons; none means all of nbs/')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--check', action='store_true', help='change nothing, list faults (default)')
    what.add_argument('--link', action='store_true', help='write the links into the files')
    parser.add_argument('--figures', action='store_true', help='print how many links each has')
    parser.add_argument('--root', type=Path, default=Path(__file__).resolve().parent.parent,
                        help='folder of the project')
    args = parser.parse_args(argv)
    try: return run(args)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2


def run(args) -> int:
    "Do what the parsed arguments ask for; the exit status."
    project = Project(args.root.resolve())
    terms = read_terms(project.nbs/PAGE)
    pages = {path.stem: read(path) for path in project.notebooks()}
    lessons = [read(path) for path in args.files] or list(filter(is_lesson, pages.values()))
    found = homeless(terms, pages)
    for lesson in lessons:
        if args.link:
            write(lesson.path, link(lesson.texts, terms, lesson.name))
            lesson = read(lesson.path)
        found += faults(lesson, terms)
        if args.figures: print(f'{lesson.name:20}{len(links_of(lesson.texts)):4} links')
    for fault in found: print(fault)
    print(f'{len(found)} to mend: run tools/glossary.py --link' if found
          else f'{len(lessons)} lessons link {len(terms)} terms at their first use')
    return int(bool(found))


if __name__ == '__main__': sys.exit(main())
