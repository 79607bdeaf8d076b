"Assignments of all lessons, and marks for what people hand in."
import json
import re

import pytest
from helpers import ROOT

from collabdive.teaching import assignment, grade

LESSONS = [p for p in sorted((ROOT/'nbs').glob('[0-9]*.ipynb')) if '### Solutions' in p.read_text()]
CHECKER = 'def check_1(answer):\n    "the number 3"\n    assert answer == 3, "it is not"\n'
OWN = ['from collabdive.exercises import attempt', '## Exercises', CHECKER,
       'my = ...\n\nattempt(check_1, my)', '### Solutions', 'prove(check_1, 3)']


def write(path, *texts):
    cells = [dict(cell_type='markdown' if text.startswith('#') and not text.startswith('#|')
                  else 'code', metadata={}, source=text.splitlines(True)) for text in texts]
    path.write_text(json.dumps(dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=4)))
    return path

@pytest.fixture
def lesson(tmp_path): return write(tmp_path/'lesson.ipynb', *OWN)

def marks(lesson, *texts, **kwargs):
    answers = write(lesson.with_name('answers.ipynb'), '## Exercises', *texts)
    table = grade(answers, lesson, **kwargs)
    return table.values.tolist()


def text_of(cells): return '\n'.join(''.join(c['source']) for c in cells)

@pytest.mark.parametrize('path', LESSONS, ids=lambda path: path.stem)
def test_an_assignment_keeps_every_question_and_no_solution(path):
    whole, left = json.loads(path.read_text())['cells'], text_of(assignment(path)['cells'])
    assert left.count('\nattempt(') == text_of(whole).count('\nattempt(') > 0
    assert 'prove(check' not in left and '### Solutions' not in left

def test_a_lesson_without_solutions_is_no_assignment(tmp_path):
    with pytest.raises(ValueError, match='Solutions'): assignment(write(tmp_path/'a.ipynb', '# A'))

def test_right_wrong_blank_and_missing(lesson):
    assert marks(lesson, 'attempt(check_1, 3)') == [['1', True, 'Right.']]
    assert marks(lesson, 'attempt(check_1, 4)') == [['1', False, 'Not yet: it is not']]
    assert marks(lesson, 'attempt(check_1, ...)')[0][2].startswith('Not yet: put your answer')
    assert marks(lesson, 'x = 3') == [['1', False, 'Not handed in.']]

def test_an_error_stops_nothing_else(lesson):
    got = marks(lesson, '1/0', 'my = 3\n\nattempt(check_1, my)')
    assert got == [['1', True, 'Right.']]
    assert 'NameError' in marks(lesson, 'attempt(check_1, nothing)')[0][2]

def test_a_checker_of_their_own_does_not_help(lesson):
    assert marks(lesson, 'def check_1(answer): "all"', 'attempt(check_1, 9)')[0][1] is False

def test_for_ever_and_out(lesson):
    with pytest.raises(TimeoutError, match='for ever'):
        marks(lesson, 'while True: pass', timeout=3)
    with pytest.raises(ValueError, match='run to its end'):
        marks(lesson, 'import os', 'os._exit(0)')

def test_what_is_no_notebook_is_named(lesson, tmp_path):
    for content in ('', '[]', '{"cells": []}', 'a,b\n1,2\n'):
        (tmp_path/'bad.ipynb').write_text(content)
        with pytest.raises(ValueError, match='bad.ipynb is no notebook'):
            grade(tmp_path/'bad.ipynb', lesson)
    with pytest.raises(ValueError, match="submission has no '## Exercises'"):
        grade(write(tmp_path/'b.ipynb', '# Nothing'), lesson)


def test_the_home_page_counts_hours_right():
    home = (ROOT/'nbs/index.ipynb').read_text()
    rows = dict(re.findall(r'\((\d\w+)\.ipynb\) \|.*\| (\d+) \|', home))
    minutes = {name: int(n) for name, n in rows.items()}
    assert len(minutes) > 30 and abs(sum(minutes.values())/60 - 10) < .5
    afternoon = ('03_embeddings', '04_dot_product', '08_recommend', '12_ordinal', '15_biases',
                 '19_cold_start')
    assert 90 < sum(minutes[name] for name in afternoon) < 120
