"""Check the build of the lessons: what each consists of, its exercises, the size of its cells.

A lesson is a notebook whose name begins with a number. It has, in this order: a title with the
finding under it as a quotation; a link to Colab; the lines **Needs** (unless it is the first) and
**Takes**; `## In three sentences`, which are three; `## Exercises`, five or more, numbered, of the
kinds predict, modify and extend; `### Solutions`; and links to the lessons before and after it. The
home page gives the same minutes. Where the reader is to **Guess**, the answer is folded under
"Check your guess", in the same cell.

Exercise k is a checker `check_k`, an `attempt(check_k, ...)` on a blank, and in the solutions a
`prove(check_k, solution, wrong=...)`, which insists that the blank and the wrong answer fail.

Of all code cells, hidden ones too, half have at most 6 lines and nine in ten at most 15. In each
lesson at least 30 % of them hold a check or are followed by one. All lessons together have at least
100 exercises.
"""
import argparse
import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from fastcore.nbio import read_nb

from nb_project import NoMatch, Project, code_lines, parse
from nb_rules import number
from prose_text import plain, split_sentences
from run_notebook import count_checks

EXERCISES, EACH, CHECKED = 100, 5, .3
MEDIAN_LINES, P90_LINES = 6, 15
LABEL = re.compile(r'^\*\*(\d+)\. (\w+)\.\*\*', re.MULTILINE)
KINDS = {'Predict', 'Modify', 'Extend'}
TAKES = re.compile(r'\*\*Takes\*\* (\d+) minutes to read and \d+ (?:seconds|minutes) of CPU\.')
GUESS = re.compile(r'\*\*Guess\b')
FOLD = re.compile(r'^<details>\n<summary>Check your guess</summary>\n\n\S.*?\n\n</details>$',
                  re.DOTALL | re.MULTILINE)
BLANK = re.compile(r'^my_\w+$|^My\w+$')


@dataclass(frozen=True)
class Lesson:
    "One numbered notebook."
    name: str
    cells: list
    trees: dict    # id of each code cell -> its syntax tree

    @property
    def markdown(self) -> list: return [c.source for c in self.cells if c.cell_type == 'markdown']

    @property
    def code(self) -> list: return [c for c in self.cells if c.cell_type == 'code']

    @property
    def text(self) -> str: return '\n\n'.join(self.markdown)

    def section(self, heading: str) -> str:
        "The Markdown under a heading, up to the next; empty where there is none."
        found = re.search(rf'^{heading}\n(.*?)(?=^##|\Z)', self.text, re.DOTALL | re.MULTILINE)
        return found[1].strip() if found else ''

    def calls(self, name: str) -> list:
        "The calls of a function, in the order of the notebook."
        return [node for cell in self.code for node in ast.walk(self.trees[cell.id])
                if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == name]

    def attempts(self) -> list:
        "The checkers that are tried on a blank, `my_...` or `My...`."
        return [name for call, name in called_on(self.calls('attempt'))
                if len(call.args) > 1 and BLANK.match(ast.unparse(call.args[1]))]


def read_lesson(path: Path) -> Lesson:
    "The lesson that a notebook holds."
    cells = read_nb(path).cells
    return Lesson(path.stem, cells, {c.id: parse(c) for c in cells if c.cell_type == 'code'})


def called_on(calls: list) -> list:
    "(call, name of its first argument) of each."
    return [(call, ast.unparse(call.args[0])) for call in calls if call.args]


# the parts

def missing_parts(lesson: Lesson, first: bool, last: bool) -> list:
    "What the lesson lacks."
    colab = rf'\(https://colab\.research\.google\.com/github/\S+/nbs/{lesson.name}\.ipynb\)'
    recap = split_sentences(plain(lesson.section('## In three sentences')))
    top, end = (lesson.markdown or [''])[0], (lesson.markdown or [''])[-1]
    parts = {
        'a title and, under it, the finding as a quotation':
            re.match(r'# [^\n]+\n+> \S[^\n]+\.$', top),
        'a link to itself on Colab': re.search(colab, lesson.text),
        '**Needs** with links to lessons':
            first or re.search(r'\*\*Needs\*\*.*\.ipynb', lesson.text),
        '**Takes** N minutes to read and N seconds of CPU.': TAKES.search(lesson.text),
        f'three sentences under "In three sentences", not {len(recap)}': len(recap) == 3,
        '## Exercises': lesson.section('## Exercises'),
        '### Solutions after them': re.search(r'^## Exercises$.*^### Solutions$', lesson.text,
                                              re.DOTALL | re.MULTILINE),
        'Previous: in the last cell': first or re.search(r'Previous: .*\.ipynb', end),
        'Next: in the last cell': last or re.search(r'Next: .*\.ipynb', end),
    }
    return [f'lacks {part}' for part, there in parts.items() if not there]


def guess_faults(lesson: Lesson) -> list:
    "The questions to guess at that have no folded answer in their cell."
    return [f'{asked} to guess and {folded} folded answers in: {source[:60]!r}'
            for source in lesson.markdown
            if (asked := len(GUESS.findall(source))) != (folded := len(FOLD.findall(source)))]


def exercise_faults(lesson: Lesson) -> list:
    "What is wrong with the lesson's exercises."
    labels = LABEL.findall(lesson.section('## Exercises'))
    names = [f'check_{k}' for k, _ in labels]
    found = [] if len(labels) >= EACH else [f'{len(labels)} exercises, at least {EACH}']
    if [int(k) for k, _ in labels] != list(range(1, len(labels) + 1)):
        found.append(f"exercises numbered {' '.join(k for k, _ in labels)}")
    found += [f'exercise {k} is of no known kind: {kind}'
              for k, kind in labels if kind not in KINDS]
    defined = [node.name for tree in lesson.trees.values() for node in ast.walk(tree)
               if isinstance(node, ast.FunctionDef) and re.fullmatch(r'check_\d+', node.name)]
    proofs = called_on(lesson.calls('prove'))
    proved = list(dict.fromkeys(name for _, name in proofs))
    for what, there in (('checkers', defined), ('attempts on a blank', lesson.attempts()),
                        ('proofs', proved)):
        if there != names: found.append(f"{what} of {' '.join(there) or 'nothing'}, where the text "
                                        f"has {' '.join(names) or 'no exercise'}")
    return found + [f'{ast.unparse(call)[:60]} has no wrong answer' for call, _ in proofs
                    if not has_wrong(call)]


def has_wrong(call: ast.Call) -> bool:
    "Does this call of `prove` give a wrong answer?"
    return len(call.args) > 2 or any(k.arg == 'wrong' for k in call.keywords)


# the cells

def cell_lines(lessons: list) -> list:
    "The lines of each code cell of some lessons."
    return [len(code_lines(cell)) for lesson in lessons for cell in lesson.code]


def checked_share(lesson: Lesson) -> float:
    "The share of code cells that hold a check or an attempt, or are followed by one that does."
    has = [count_checks(lesson.trees[c.id]) > 0 or 'attempt(' in c.source for c in lesson.code]
    return sum(a or b for a, b in zip(has, has[1:] + [False]))/max(1, len(has))


def p90(sizes: list) -> float:
    "Nine in ten are at most as large."
    return quantiles(sizes, n=10, method='inclusive')[-1] if len(sizes) > 1 else max(sizes)


def size_faults(sizes: list) -> list:
    "What is too large about the sizes of some cells."
    return [f'{what} has {value:g} lines, at most {most}'
            for what, value, most in (('the median code cell', median(sizes), MEDIAN_LINES),
                                      ('the ninth code cell of ten', p90(sizes), P90_LINES))
            if value > most]


# all lessons

def minutes(project: Project) -> dict:
    "The minutes that the home page gives for each lesson."
    home = project.nbs/'index.ipynb'
    text = '\n'.join(c.source for c in read_nb(home).cells) if home.exists() else ''
    return {name: int(n) for name, n in
            re.findall(r'^\| \[[^\]]*\]\((\d\S*)\.ipynb\) \|.*\| (\d+) \|$', text, re.MULTILINE)}


def read_lessons(project: Project) -> list:
    "The project's lessons, in order. Raises NoMatch if it has no notebook."
    return [read_lesson(path) for path in project.notebooks() if number(path) >= 0]


def faults(lessons: list, told: dict) -> list:
    "Everything to mend in these lessons, a text for each; `told` are the home page's minutes."
    found = []
    for lesson in lessons:
        wrong = missing_parts(lesson, lesson is lessons[0], lesson is lessons[-1])
        share, takes = checked_share(lesson), TAKES.search(lesson.text)
        if share < CHECKED: wrong.append(f'{share:.0%} of the code cells are checked')
        if takes and int(takes[1]) != told.get(lesson.name): wrong.append(
            f'takes {takes[1]} minutes, the home page says {told.get(lesson.name)}')
        wrong += guess_faults(lesson) + exercise_faults(lesson)
        found += [f'{lesson.name}: {fault}' for fault in wrong]
    total = sum(len(lesson.attempts()) for lesson in lessons)
    if total < EXERCISES: found.append(f'{total} exercises in all, at least {EXERCISES}')
    return found + size_faults(cell_lines(lessons))


def table(lessons: list) -> str:
    "A line of figures for each lesson, and one for all."
    lines = ['lesson              cells  median  p90  checked  exercises']
    for name, some in [*((lesson.name, [lesson]) for lesson in lessons), ('all', lessons)]:
        sizes = cell_lines(some)
        checked = sum(checked_share(lesson)*len(lesson.code) for lesson in some)
        lines.append(f'{name:20}{len(sizes):5}{median(sizes):8g}{p90(sizes):5g}'
                     f'{checked/len(sizes):9.0%}{sum(len(x.attempts()) for x in some):11}')
    return '\n'.join(lines)


def main(argv: list = None) -> int:
    "Check the project's lessons; the exit status: 0 sound, 1 faults, 2 no notebooks."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--figures', action='store_true', help='print figures of each lesson')
    parser.add_argument('--root', type=Path, default=Path(__file__).resolve().parent.parent,
                        help='folder of the project')
    args = parser.parse_args(argv)
    project = Project(args.root.resolve())
    try: lessons = read_lessons(project)
    except NoMatch as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    if args.figures: print(table(lessons))
    found = faults(lessons, minutes(project))
    for fault in found: print(fault)
    print(f'{len(found)} to mend' if found else 'the lessons have all their parts')
    return int(bool(found))


if __name__ == '__main__': sys.exit(main())
