"""Check the prose of the notebooks: its numbers are asserted, and it is plain English.

NUMBERS. Every number that the text, a table or a figure's alt text states must be asserted near by.
Near is: among the last three and the next three code cells with assertions under the same heading,
and the very last and next one, whatever their heading. The finding under the title, the
introduction, the recap and the exercises may lean on the whole notebook, and so may a number of
three or more significant digits (523, 1,682, 0.858) on a cell that compares with it.

Asserted means that an `assert` (or `expect_fail`, `test_eq`, `prove`) there
- compares with the number, as precisely as it is written: `== 523`, `abs(x - .812) < .01`,
  `isclose`;
- or encloses it: `.80 < x < .83`, `x.between(.80, .83)`, or two bounds at most a quarter off;
- or bounds it on one side, at most a quarter off, where the text says no more than that ("within
  0.02", "at least 5%"), or says it in words or as a whole number up to 20 ("twice", "ten times").
A third is 1/3 or 3, 43% is .43 or 43, nine in ten is .9. A list of five that is written out is 5.

A number that is no finding but a setting (50 factors, three seeds) may stand in the code instead,
under the same heading, or anywhere above if it is larger than 12 or no whole number. It is a
finding if it is a share or a multiple ("a third", "twice", "two of ten"), if a word such as "about"
or "only" compares it, or if its sentence is so short that it must be an answer. Exempt are names
(model 4, user 196), years, ratings (four stars, a 4), "the two models", "two ways", and the line of
what a lesson takes: see EXEMPT in prose_numbers.py. For the rare rest, write
`<!-- asserted: where, or why not -->` into the paragraph, eight times at most.

What this cannot see is whether an assertion is about the same thing. So it misses slips: of the
numbers in these lessons, changed by a third or more, it refused 95% of those above 20, 72% of the
percentages, 67% of the decimals, and 44% of the shares in words; of the small counts, changed by 1
to 3, 27%.

EASE. A sentence has at most 36 words, the sentences of a notebook 16 on average, and Flesch's
reading ease is at least 70. (Ten paragraphs of a draft of the fast.ai book have 24 words on average
and an ease of 59.) Phrases that call something easy are refused: see AVOID in prose_ease.py.
"""
import argparse
import sys
from pathlib import Path

from nb_project import NoMatch, Project, parse
from prose_asserts import Between, Bound, Exact, assertions, literals
from prose_ease import AVOID, ease
from prose_numbers import numbers
from prose_text import Page, read_page

WINDOW, EXCUSES = 3, 8
MEAN_WORDS, MOST_WORDS, LEAST_EASE = 16, 36, 70
EVERYWHERE = 'In three sentences', 'Exercises', 'Solutions'


# numbers

class Evidence:
    "What the code of one notebook asserts and holds, by place."
    def __init__(self, page: Page):
        trees = [(c, parse(c.cell)) for c in page.code if c.cell.directive('eval') != 'false']
        self.asserted = [(c, found) for c, tree in trees if (found := assertions(tree))]
        self.literals = [(c, literals(tree)) for c, tree in trees]

    def near(self, s) -> list:
        "All that is asserted near the sentence `s`."
        if everywhere(s): return [e for _, found in self.asserted for e in found]
        before = [(c, e) for c, e in self.asserted if c.at < s.at][::-1]
        after = [(c, e) for c, e in self.asserted if c.at >= s.at]
        return [e for side in (before, after) for k, (c, found) in enumerate(side) for e in found
                if k == 0 or k < WINDOW and c.section == s.section]

    def supports(self, s, number) -> bool:
        "Does an assertion near `s` hold this number, or code show it where that is enough?"
        near = self.near(s)
        if any(asserts(near, x, number) for x in number.values): return True
        if number.exact and any(e.holds(x, number.unit*x) for x in number.values
                                for _, found in self.asserted for e in found
                                if isinstance(e, Exact)): return True
        return not number.finding and self.shows(s, number)

    def shows(self, s, number) -> bool:
        "Does the number stand in the code under the same headings, or above if it is large?"
        return any(x in found for c, found in self.literals for x in number.values
                   if everywhere(s) or c.section == s.section
                   or c.at < s.at and (x > 12 or x != int(x)))


def everywhere(s) -> bool:
    "May the sentence lean on any cell of the notebook?"
    return s.section <= 1 or s.kind == 'finding' or s.heading in EVERYWHERE


def asserts(found: list, x: float, number) -> bool:
    "Do these assertions hold the value x of a number?"
    holding = [e for e in found if e.holds(x, number.unit*x)]
    if any(isinstance(e, (Exact, Between)) for e in holding): return True
    sides = {e.side for e in holding if isinstance(e, Bound)}
    return bool(sides) if number.one_sided else {1, -1} <= sides


def unasserted(page: Page) -> list:
    "Numbers that nothing near asserts, a text for each."
    evidence, found = Evidence(page), []
    for s in page.sentences:
        loose = [] if s.excuse else [n.text for n in numbers(s.text) if not evidence.supports(s, n)]
        found += [f'{page.name}, cell {s.cell}: no cell near asserts {text!r}: {s.text}'
                  for text in dict.fromkeys(loose)]
    return found


def excuses(page: Page) -> list:
    "(cell, reason) of each `asserted:` comment of a notebook."
    return list(dict.fromkeys((s.cell, s.excuse) for s in page.sentences if s.excuse))


# ease

def hard(page: Page) -> list:
    "What makes the notebook hard to read, a text for each."
    sentences = [s for s in page.sentences if s.kind in ('text', 'finding')]
    found = [f'{page.name}, cell {s.cell}: {len(s.words)} words, at most {MOST_WORDS}: {s.text}'
             for s in sentences if len(s.words) > MOST_WORDS]
    found += [f'{page.name}, cell {s.cell}: {m[0]!r}: {s.text}'
              for s in page.sentences for m in AVOID.finditer(s.text)]
    if not sentences: return found
    figures = ease([s.words for s in sentences])
    if figures.mean > MEAN_WORDS:
        found.append(f'{page.name}: {figures.mean:.1f} words a sentence, at most {MEAN_WORDS}')
    if figures.flesch < LEAST_EASE:
        found.append(f'{page.name}: reading ease {figures.flesch:.0f}, at least {LEAST_EASE}')
    return found


# the command line

def table(pages: list) -> str:
    "A line of figures for each notebook."
    lines = ['notebook            sentences  words  mean  longest  ease  numbers  excused']
    for page in pages:
        sentences = [s for s in page.sentences if s.kind in ('text', 'finding')]
        f, n = ease([s.words for s in sentences]), sum(len(numbers(s.text)) for s in page.sentences)
        lines.append(f'{page.name:20}{f.sentences:9}{f.words:7}{f.mean:6.1f}{f.longest:9}'
                     f'{f.flesch:6.0f}{n:9}{len(excuses(page)):9}')
    return '\n'.join(lines)


def faults(pages: list) -> list:
    "Everything to mend in these notebooks, a text for each."
    found = [fault for page in pages for fault in [*unasserted(page), *hard(page)]]
    given = [(page.name, cell, why) for page in pages for cell, why in excuses(page)]
    if len(given) > EXCUSES: found.append(f'{len(given)} numbers are excused, at most {EXCUSES}')
    return found + [f'{name}, cell {cell}: the comment should say where, or why not: {why!r}'
                    for name, cell, why in given if len(why.split()) < 3]


def main(argv: list = None) -> int:
    "Check the notebooks that `argv` names; the exit status: 0 sound, 1 faults, 2 wrong usage."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('patterns', nargs='*', metavar='PATTERN',
                        help='part of a notebook name; none means all')
    parser.add_argument('--figures', action='store_true', help='print figures of each notebook')
    parser.add_argument('--root', type=Path, default=Path(__file__).resolve().parent.parent,
                        help='folder of the project')
    args = parser.parse_args(argv)
    try: pages = [read_page(path) for path in Project(args.root.resolve()).notebooks(args.patterns)]
    except NoMatch as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    if args.figures: print(table(pages))
    found = faults(pages)
    for fault in found: print(fault)
    print(f'{len(found)} to mend' if found else
          f'{len(pages)} notebooks: their numbers are asserted, their English is plain')
    return int(bool(found))


if __name__ == '__main__': sys.exit(main())
