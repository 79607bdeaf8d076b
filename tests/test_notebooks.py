"Every notebook runs from top to bottom: `make test NB=00` for those with 00 in their names."
import re

import pytest
from helpers import ROOT  # first: it lets the tools be imported

from nbs import name, notebooks
from notebooks import Failed, run


def pytest_generate_tests(metafunc):
    "Those that say they take long come first, so that no core waits for the last."
    said = re.compile(r'(\d+) seconds of CPU')
    def seconds(path): return int((said.findall(path.read_text('utf-8')) or [20])[0])
    try: found = notebooks(metafunc.config.getoption('nb').split())
    except ValueError as error: raise pytest.UsageError(error) from None
    metafunc.parametrize('path', sorted(found, key=seconds, reverse=True), ids=name)


def test_notebook(path):
    try: run(path, ROOT)
    except Failed as error: pytest.fail(str(error), pytrace=False)
