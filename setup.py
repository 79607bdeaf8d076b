"Build script: everything it knows it reads from settings.ini."
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

here = Path(__file__).parent
config = ConfigParser(interpolation=None, delimiters=['='])
config.read(here/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
lib = cfg['lib_name']


def lines(key): return [line.strip() for line in cfg[key].splitlines() if line.strip()]


setup(
    version=cfg['version'],
    author=cfg['author'],
    license=cfg['license'],
    python_requires=f">={cfg['min_python']}",
    keywords=cfg['keywords'].split(', '),
    classifiers=lines('classifiers'),
    packages=[lib, f'{lib}.results', f'{lib}.web'],
    package_dir={f'{lib}.results': 'benchmarks/results', f'{lib}.web': 'web'},
    package_data={f'{lib}.results': ['*.json'], f'{lib}.web': ['dist/*', 'figures/*', '*.png']},
    install_requires=lines('requirements'),
    extras_require={key.removesuffix('_requirements'): lines(key) for key in cfg
                    if key.endswith('_requirements')},
    entry_points={'console_scripts': lines('console_scripts'),
                  'nbdev': [f'{lib}={lib}._modidx:d']},
    long_description=(here/'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    zip_safe=False,
)
