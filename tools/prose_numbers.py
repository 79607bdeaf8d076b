"The numbers in a sentence, and which of them state a finding."
import re
from dataclasses import dataclass, replace

UNITS = dict(zip('''one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen'''.split(), range(1, 20)))
TENS = dict(zip('twenty thirty forty fifty sixty seventy eighty ninety'.split(), range(20, 99, 10)))
BIG = {'dozen': 12, 'hundred': 100, 'thousand': 1000, 'million': 10**6, 'billion': 10**9}
PARTS = {'half': 2, 'third': 3, 'quarter': 4, 'fifth': 5, 'sixth': 6, 'seventh': 7, 'eighth': 8,
         'ninth': 9, 'tenth': 10, 'twelfth': 12, 'twentieth': 20, 'hundredth': 100,
         'thousandth': 1000}
TIMES = {'twice': 2, 'double': 2, 'doubles': 2, 'doubled': 2, 'doubling': 2, 'thrice': 3,
         'triple': 3, 'triples': 3, 'tripled': 3, 'halve': .5, 'halved': .5, 'halving': .5}


def any_of(words: str) -> str:
    "A pattern for any of some words."
    return f"(?:{'|'.join(words.split())})"


def pattern(text: str) -> re.Pattern:
    "A pattern written over several lines; a blank is written `[ ]`. Case does not matter."
    return re.compile(text, re.VERBOSE | re.IGNORECASE)


COUNT = rf"(?:{any_of(' '.join(TENS))}(?:-{any_of(' '.join(UNITS))})?|{any_of(' '.join(UNITS))})"
SCALE, PART = any_of(' '.join(BIG)), rf"(?:{any_of(' '.join(PARTS))}s?|halves)"
NUMBER = pattern(rf'''
    (?P<digits>
        (?<![\w.,]) (?:(?<![\w)\]’'])[-−])?                    # not inside a word or a number
        (?:\d{{1,3}}(?:,\d{{3}})+(?!\d) | \d+ | (?=\.\d)) (?:\.\d+)? (?:e[-−]?\d+)? ½?
    )
    (?: (?P<percent>[ ]?% | [ ]?per[ ]?cent | [ ]points[ ]of       # 43%, 13 points of accuracy
            | (?=[ ](?:to|and|or)[ ][\d.]+[ ]?(?:%|per[ ]cent)))   # the 32 of "32 to 43 per cent"
      | [ -](?P<scale>{SCALE})\b )?
    (?!\w)
  | \b (?:(?P<n>{COUNT}|a|an)[ -])? (?P<part>{PART}) \b            # two thirds, a third, half
  | \b (?P<times>{any_of(' '.join(TIMES))}) \b
  | \b (?:(?P<m>{COUNT}|a|an|several|a[ ]few)[ ])? (?P<big>{SCALE}) (?:[ ](?P<big2>{SCALE}))? \b
  | \b (?P<count>{COUNT}) \b
''')

# What needs no check: names, years, ratings as such, and counts that only structure the text.
NAMES = any_of('''lesson exercise solution model user movie film seed split fold step part chapter
    page class row column factor level version item question series phase movielens python apache
    table figure''')
DEFINITE = any_of('''the these those both all its their his her our your my whose other last first
    next same such each every no which any''')
FUNCTION_WORD = any_of('''as and or is in to for becomes than that of from with on by at alone are
    were was may has got goes if lies stays where when will would''')
EXEMPT = [pattern(text) for text in (
    r'^(?-i:Needs|Takes)\b.*',                               # Takes 30 minutes to read
    r'^\|[ ](?:\d\d[ ])?[^|]*[ ]\|[ ][^|]*[ ]\|[ ]\d+[ ]\|$',     # home page: minutes to read
    rf'\bidea[ ]{COUNT}\b',                                  # idea three
    rf'\b{NAMES}s?[ ]\d+(?:(?:,?[ ](?:and|or|to)[ ]|,[ ]|/|-|–)\d+)*',   # models 2 and 3
    r'(?<![\d,.])(?:1[89]|20)\d\ds?(?!\d|,\d|\.\d|[ ]?%)',   # 1998, the 1970s
    rf'\b(?:{COUNT}|½|[0-5]½?|[0-5]?\.5)[ -](?:half-)?stars?\b',  # four stars
    r'\b(?:an?|the|that|every|each|no|as|only|say|says|said|gives?|gave)[ ](?:[1-5]½?|½)s?'
    rf'(?![.,]\d)(?=[^\w\s-]|\s{FUNCTION_WORD}\b|$)',        # a 4 is not a 5
    r'(?<![\w.,])[1-5]½?s(?!\w)',                            # the 4s
    r'(?<![\w.,%])[1-5][ ](?:to|and|or|is|becomes(?:[ ]an?)?|beside|from)[ ][1-5](?![\w%]|[.,]\d)',
    rf'\b{DEFINITE}(?:[ ](?:other|last|first|next|few|same|remaining))?[ ]{COUNT}'
    rf'(?!-|[ ](?:times|of|{PART}|{SCALE})\b)',              # the two models
    rf'\b{COUNT}[ -](?:\w+[ ])?(?:ways?|sentences|questions|steps?|commands?|columns?|panels?'
    r'|lines?|sided|dimensional|by)\b',                  # two ways, four vertical lines
    r'\b(?:the|each|either|one|other|first|second|both|lower|upper)[ ]hal(?:f|ves)\b',
    r'\bhalf(?:-|[ ]a[ ])stars?\b|\bhalf-?way\b|\bhalf-(?!life)\w+',
    r'\btenth[ ]to[ ]tenth\b|\b95%[ ]intervals?\b',
    r'\#\d+|\b\d+\(\d+\),[ ]\d{4}',                          # issue #3860; volume 5(4), 2015
)]

# What makes a number a finding: it is compared, shared or multiplied, or it is the whole answer.
ABOUT = pattern(r'''\b(?:about|around|nearly|almost|roughly|some|under|above|below|only|at[ ]least
    |at[ ]most|more[ ]than|fewer[ ]than|less[ ]than|better[ ]than|worse[ ]than|up[ ]to|exactly
    |hardly|barely|within|by|factor[ ]of|as[ ]many[ ]as|not[ ]even|another|beyond)
    \s+(?:the\s|an?\s)?$''')
SHARED = pattern(rf'''\s*(?:times|out[ ]of|of[ ](?:the|them|all|its|their|these|those|{COUNT}|\d+)
    |in[ ](?:{COUNT}|a[ ]hundred|\d+)|as[ ](?:many|much|often|large|long|small|bad|good)
    |percent|percentage)\b''')
ANSWER = 4   # a sentence of so few words is one
ONE_SIDED = pattern(r'''\b(?:more[ ]than|less[ ]than|fewer[ ]than|at[ ]least|at[ ]most|over|under
    |above|below|within|up[ ]to|beyond|better[ ]than|worse[ ]than|not[ ]even|nearly|almost|hardly
    |barely|(?:higher|lower|larger|smaller|wider|longer)[ ]than|exceeds?|reach(?:es)?)
    \s+(?:the\s|an?\s|its\s)?$''')
RATIO = pattern(r'(?:[ ](?!instead)\w+){0,2}[ ](?:in|of|out[ ]of|in[ ]a|of[ ]a)[ ](?:the[ ])?')
ONE_OF = pattern(r'\bone(?:[ ]\w+){0,2}[ ](?:in|of|out[ ]of)[ ](?:an?[ ])?$')   # one person in ten
MORE = pattern(r'\s*(?:\w+[ ])?(?:more|too|\w+er|again)\b')                     # a third too long
ORDINAL = pattern(r'''an?[ ]\w+[ ]                                              # a third model
    (?!of|more|less|too|as|and|or|the|than|in|is|are|to|by|again|at|\w+er\b)[a-z]+''')


@dataclass(frozen=True)
class Number:
    "A number that a sentence states."
    text: str         # as written
    values: tuple     # what may stand for it in code: 43% is .43 or 43, a third 1/3 or 3
    unit: float       # half of the last digit that is written, as a share of the value
    finding: bool     # compared, shared, multiplied, or an answer; else it may be a mere count
    one_sided: bool   # a bound on one side is all that it says, or all that words can say
    exact: bool       # written with so many digits that another place may assert it


def numbers(text: str) -> list:
    "The numbers in a sentence that need something to stand on; names, years and stars do not."
    free = [m.span() for exempt in EXEMPT for m in exempt.finditer(text)]
    found = [(m, number) for m in NUMBER.finditer(text)
             if not any(a <= m.start() < b for a, b in free) and (number := as_number(m))]
    return [number for _, number in with_ratios(found, text)]


def with_ratios(found: list, text: str) -> list:
    "Let both numbers of `nine rows in ten` also stand for their ratio, and ten in `one in ten`."
    found = [(m, also(n, 1/n.values[0]) if ONE_OF.search(text[:m.start()]) else n)
             for m, n in found]
    for k, ((a, first), (b, second)) in enumerate(zip(found, found[1:])):
        x, y = first.values[0], second.values[0]
        if x < y and RATIO.fullmatch(text[a.end():b.start()]):
            found[k:k + 2] = (a, also(first, x/y)), (b, also(second, x/y))
    return found


def also(number: Number, value: float) -> Number:
    "The number with one more value that may stand for it; so it is a share, and a finding."
    return replace(number, values=(*number.values, value), finding=True)


def as_number(m: re.Match):
    "The number that was matched; None for `one`, and for `third` without a count before it."
    values, unit = of_digits(m) if m['digits'] else (of_words(m), .02)
    if not values: return None
    before, after = m.string[:m.start()], m.string[m.end():]
    finding = bool(m['part'] or m['times'] or ABOUT.search(before) or SHARED.match(after)
                   or len(re.findall(r'\w+', m.string)) <= ANSWER)
    coarse = not m['digits'] or values[0] <= 20 and not re.search(r'[.%]', m[0])
    significant = re.sub(r'\D', '', m['digits'] or '').lstrip('0')
    return Number(m[0].strip(), values, unit, finding, coarse or bool(ONE_SIDED.search(before)),
                  m['percent'] is None and len(significant) > 2)


def of_digits(m: re.Match) -> tuple:
    "The values of a number in digits, of a percentage also as a share; and its precision."
    raw = m['digits'].replace(',', '').replace('−', '-').lstrip('-')
    body, _, power = raw.removesuffix('½').partition('e')
    x, scale = float(body or 0), 10**int(power or 0)*BIG.get((m['scale'] or '').lower(), 1)
    unit = .5*10**-len(body.partition('.')[2])
    if raw.endswith('½'): x, unit = x + .5, .01
    values = (x*scale,) if m['percent'] is None else (x/100, x)
    return values, unit/x if x else 0


def of_words(m: re.Match) -> tuple:
    "What a number in words may be in code; empty for `one` and for ordinals."
    word = {k: (v or '').lower() for k, v in m.groupdict().items()}
    if part := word['part']:
        d = 2 if part == 'halves' else PARTS.get(part) or PARTS[part.removesuffix('s')]
        share, after = counted(word['n'])/d, m.string[m.end():]
        if not share and part != 'half' or ORDINAL.match(m[0] + after): return ()
        share = share or .5
        return (share, 1/share, 1 + share) if MORE.match(after) else (share, 1/share)
    if times := TIMES.get(word['times']): return times, 1/times
    if big := BIG.get(word['big']):
        return (counted(word['m'] or 'a')*big*BIG.get(word['big2'], 1),)
    return (counted(word['count']),) if counted(word['count']) > 1 else ()


def counted(word: str) -> int:
    "48 for `forty-eight`, 1 for an article, 0 for no word."
    if word in ('a', 'an', 'several', 'a few'): return 1
    return sum((UNITS | TENS).get(w, 0) for w in word.split('-'))
