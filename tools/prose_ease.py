"""How a text reads: lengths of its sentences, Flesch's reading ease, and phrases to leave out.

Flesch's reading ease is 206.8 - 1.015 * (words a sentence) - 84.6 * (syllables a word): 60 to 70 is
plain English, 30 the style of a journal. Code and formulas count as one short word each; numerals
count as words, but have no syllables. Syllables are guessed from the spelling: over all words of
these lessons that stand in CMU's pronouncing dictionary, they add up to 0.4 % more than there.
"""
import re
from dataclasses import dataclass
from statistics import mean

from prose_text import IT

SILENT = [                                    # letters that are not heard; what stays of them
    (re.compile(r"['’](?:s|t|re|ve|ll|d|m)$"), ''),
    (re.compile(r'(?<=\w{3})(?<![aeiouy])e(?=(?:ly|ness|ment|ful|less)s?$)'), ''),   # like-ly
    (re.compile(r'(?<=\w{2})(?<![aeiouycgszxl])(?<!sh|ch)es$'), 's'),                # mak-es
    (re.compile(r'(?<=\w{2})(?<![aeiouytdl])ed$'), 'd'),                             # play-ed
    (re.compile(r'(?<=\w{2})(?<=[aeiouyl]l)e(?=[sd]?$)|(?<=\w{2})(?<![aeiouyl])e$'), ''),
]
VOWELS = re.compile(r'[aeiouy]+')
HIATUS = re.compile(r'(?<![tcsg])i(?:a|o(?!n)|u|e[ntr])|[aeouy]ing|[^aeiouq]u[ao](?=[^aeiouy])'
                    r'|eo(?=[^u])|yi|crea')   # vowels side by side that are heard one by one
AVOID = re.compile(r'''\b(
    simply | obvious(?:ly)? | clearly | trivial(?:ly)? | of\ course | needless\ to\ say | evidently
  | as\ (?:everyone|you)\ (?:knows?|can\ see)(?!\ them) | easily | basically | actually
  | we(?:\ will|\ shall|['’]ll)\ (?:later\ |soon\ )?see | note\ that | in\ order\ to
  | (?:is|are|do|does|can|you|it)\ just(?!\ as\b) | just\ (?:add|call|do|run|use)
)\b''', re.VERBOSE | re.IGNORECASE)


def syllables(word: str) -> int:
    "About how many syllables a word has; at least 1."
    word = word.lower()
    for pattern, new in SILENT: word = pattern.sub(new, word)
    return max(1, len(VOWELS.findall(word)) + len(HIATUS.findall(word)))


@dataclass(frozen=True)
class Ease:
    "Figures of a text."
    sentences: int
    words: int
    mean: float      # words a sentence
    longest: int     # words
    flesch: float


def ease(sentences: list) -> Ease:
    "The figures of some sentences, each a list of words."
    sizes = [len(words) for words in sentences]
    heard = [1 if w == IT else syllables(w) for words in sentences for w in words
             if w == IT or w[0].isalpha()] or [0]
    flesch = 206.835 - 1.015*mean(sizes) - 84.6*mean(heard)
    return Ease(len(sizes), sum(sizes), mean(sizes), max(sizes), flesch)
