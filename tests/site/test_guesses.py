"Guesses in a browser: a result is covered until the reader has committed, or is in a hurry."
import pytest
from helpers import ROOT
from test_site import SHELL, axe

GUESS = '''<details class="guess" data-options="few|many" data-answer="2"><summary>few or many?
</summary><p>Many.</p></details><div class="cell"><pre>1 + 1</pre><div class="cell-output">
<p>seven</p></div></div><div class="cell"><details class="code-fold">
<summary>✓ checked: seven it is</summary></details></div>'''


@pytest.fixture
def guesses(look, tmp_path):
    "A page with two guesses; each covers an output and the line of its check."
    script = (ROOT/'nbs'/'page.js').read_text(encoding='utf-8')
    style = (ROOT/'nbs'/'styles.css').read_text(encoding='utf-8')
    (tmp_path/'index.html').write_text(f'{SHELL}<style>{style}</style>{GUESS*2}</main>'
                                       f'<script>{script}</script>', encoding='utf-8')
    return look(tmp_path, 'index.html')


def shown(page): return [text.is_visible() for text in page.get_by_text('seven').all()]


def test_a_result_is_covered_until_the_guess(guesses):
    assert shown(guesses) == [False]*4 and not guesses.get_by_text('Many.').first.is_visible()
    assert guesses.get_by_text('1 + 1').first.is_visible()
    first = guesses.get_by_role('group', name='Your guess').first.get_by_role('button')
    first.get_by_text('few').press('Enter')
    assert shown(guesses) == [True, True, False, False]
    assert guesses.get_by_text('Many.').first.is_visible()
    assert guesses.get_by_role('status').first.inner_text() == 'You guessed “few”. It is “many”.'
    assert not axe(guesses)
    guesses.reload()                                            # it is remembered
    assert shown(guesses) == [True, True, False, False]
    assert first.get_by_text('few').get_attribute('aria-pressed') == 'true'


def test_those_in_a_hurry_see_everything(guesses):
    guesses.get_by_role('button', name='Show all results').first.click()
    assert shown(guesses) == [True]*4
    guesses.reload()
    assert shown(guesses) == [True]*4


def test_without_scripts_nothing_is_covered(look, tmp_path):
    (tmp_path/'index.html').write_text(SHELL + GUESS, encoding='utf-8')
    page = look(tmp_path, 'index.html')
    assert page.get_by_text('seven').first.is_visible()
    assert page.locator('summary').first.is_visible()
