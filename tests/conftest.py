"The same examples in every run; a line for each notebook; what ran, as `531 passed, 0 failed`."
import pytest
from hypothesis import settings

settings.register_profile('repeatable', derandomize=True)  # so that a failure can be repeated
settings.load_profile('repeatable')


def is_notebook(ran): return 'test_notebooks.py::' in ran.nodeid


def pytest_addoption(parser):
    parser.addoption('--nb', default='', help='parts of names: run only the notebooks with these')


def pytest_collection_modifyitems(items): items.sort(key=lambda item: not is_notebook(item))


def pytest_report_teststatus(report):
    "A line for a notebook, where another test has a dot."
    if not is_notebook(report) or report.when != 'call': return None
    title = report.nodeid.partition('[')[2].rstrip(']')
    line = f'\n{title:20} {report.duration:6.1f} s  {report.outcome} '
    return report.outcome, line, report.outcome


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter, exitstatus):
    "The last line. A bad end is at least one failure."
    yield
    passed, failed, errors, skipped = (terminalreporter.stats.get(kind, [])
                                       for kind in ('passed', 'failed', 'error', 'skipped'))
    notebooks = sum(map(is_notebook, passed + failed))
    others = len(passed + failed) - notebooks
    bad = max(len(failed + errors), int(exitstatus != 0))
    skip = f', {len(skipped)} skipped' if skipped else ''
    terminalreporter.write_line(f'{notebooks} notebooks, {others} other tests\n'
                                f'{len(passed)} passed, {bad} failed{skip}')
