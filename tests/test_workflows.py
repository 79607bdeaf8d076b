"What the workflows and .ci/run call exists: targets, tools with their options, files, actions."
import re
import shutil
import sys
from configparser import ConfigParser

import pytest
import yaml
from helpers import ROOT, run
from nbdev.config import get_config

WORKFLOWS = {p.stem: p for p in sorted((ROOT/'.github'/'workflows').glob('*.yml'))}
ACTION = re.compile(r'[\w-]+/[\w./-]+@v\d+(?:\.\d+)*')
CRON = re.compile(r'(?:[\d*/,-]+ ){4}[\d*/,-]+')
PLAIN = {'mkdir', 'tar', 'source', 'quarto'}  # commands that say for themselves what they need


def load(name): return yaml.safe_load(WORKFLOWS[name].read_text(encoding='utf-8'))


def steps(workflow): return [step for job in workflow['jobs'].values() for step in job['steps']]


def targets():
    "What make can be asked for."
    return set(re.search(r'^\.PHONY: (.+)', (ROOT/'Makefile').read_text(), re.M)[1].split())


def command_problem(line):
    "What is wrong with a line of a `run`, or None."
    name, *words = line.split()
    if name == 'make': return next((f'no target {w}' for w in words if w not in targets()), None)
    if name == 'python' and words[:2] == ['-m', 'pytest']: words = words[2:]
    elif name == 'python': return tool_problem(words)
    elif name in PLAIN: return None
    else: return f'unknown command {name}'
    return next((f'no {w}' for w in words if w[0] != '-' and not (ROOT/w).exists()), None)


def tool_problem(words):
    "What is wrong with a call of a script in tools/, or None."
    script, *options = words
    if not (ROOT/script).is_file(): return f'no {script}'
    shown = run(sys.executable, ROOT/script, '--help', cwd=ROOT, check=True).stdout
    return next((f'{script} has no {o}' for o in options if o[0] == '-' and o not in shown), None)


def problems(workflow):
    "What is wrong with a workflow's steps."
    found = [f"no action: {step['uses']}" for step in steps(workflow)
             if 'uses' in step and not ACTION.fullmatch(step['uses'])]
    lines = [line for step in steps(workflow) for line in step.get('run', '').splitlines()]
    found += [problem for line in lines if (problem := command_problem(line))]
    return found + [f'{name} needs {needed}, which is no job' for name, job in
                    workflow['jobs'].items() for needed in [job.get('needs', name)]
                    if needed not in workflow['jobs']]


@pytest.mark.parametrize('name', WORKFLOWS)
def test_what_a_workflow_calls_exists(name):
    workflow = load(name)
    assert problems(workflow) == [] and len(steps(workflow)) > 4
    for job in workflow['jobs'].values(): assert job['runs-on'] == 'ubuntu-latest'
    for step in steps(workflow): assert ('uses' in step) != ('run' in step)


@pytest.mark.parametrize('step, problem', [
    (dict(run='make tset'), 'no target tset'),
    (dict(run='python tools/gone.py'), 'no tools/gone.py'),
    (dict(run='python tools/colab.py --oldest'), 'tools/colab.py has no --oldest'),
    (dict(run='mkdir a\npython -m pytest -q tests/gone.py'), 'no tests/gone.py'),
    (dict(run='curl x'), 'unknown command curl'),
    (dict(uses='actions/checkout'), 'no action: actions/checkout')])
def test_faults_are_found(step, problem):
    assert problems(dict(jobs=dict(a=dict(steps=[step])))) == [problem]
    assert problems(dict(jobs=dict(a=dict(needs='b', steps=[])))) == ['a needs b, which is no job']


def test_every_python_is_tested():
    config = ConfigParser(interpolation=None, delimiters=['='])
    config.read(ROOT/'settings.ini', encoding='utf-8')
    said = re.findall(r'Python :: (\d\.\d+)', config['DEFAULT']['classifiers'])
    matrix = load('test')['jobs']['test']['strategy']['matrix']['python']
    assert matrix == said and matrix[0] == config['DEFAULT']['min_python'] and len(matrix) == 5


def test_when_they_run():
    tests, docs = load('test')[True], load('docs')[True]  # YAML reads `on` as True
    assert tests['push'] == docs['push'] == {'branches': ['main']} and 'pull_request' in tests
    assert 'pull_request' not in docs, 'only what is merged is published'
    assert CRON.fullmatch(tests['schedule'][0]['cron'])
    assert 'newest' in load('test')['jobs'], 'the weekly run'


def test_the_site_is_built_by_quarto_and_published():
    docs = load('docs')
    build, deploy = docs['jobs']['build']['steps'], docs['jobs']['deploy']
    uses = [step.get('uses', '').partition('@')[0] for step in build]
    upload = build[uses.index('actions/upload-pages-artifact')]
    assert upload['with']['path'] == get_config(ROOT).doc_path.name
    commands = [step.get('run', '') for step in build]
    built = next(i for i, command in enumerate(commands) if 'tools/docs.py' in command)
    assert uses.index('quarto-dev/quarto-actions/setup') < built < build.index(upload)
    assert deploy['needs'] == 'build' and deploy['environment']['name'] == 'github-pages'
    assert docs['permissions'] == {'contents': 'read', 'pages': 'write', 'id-token': 'write'}


@pytest.mark.skipif(not shutil.which('bash'), reason='needs bash')
def test_what_ci_runs():
    script = (ROOT/'.ci'/'run').read_text()
    assert run('bash', '-n', ROOT/'.ci'/'run').returncode == 0
    called = re.findall(r'\bmake (\w+)', '\n'.join(
        line for line in script.splitlines() if not line.lstrip().startswith('#')))
    assert called[:2] == ['test', 'check'] and set(called) <= targets()
