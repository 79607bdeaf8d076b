"""Run one notebook from top to bottom, as Jupyter and Colab do: every cell, directives or not.

`tools/colab.py` calls it with the Python of an environment that holds the package's wheel. It needs
nothing but ipykernel there. The kernel's working folder is this process's.
"""
import argparse
import json
import os
import queue
import sys
import time
from pathlib import Path

from jupyter_client.manager import start_new_kernel

CELL_SECONDS = 900


def code_of(notebook: Path) -> list:
    "The notebook's code cells: (number among all cells, source)."
    cells = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    return [(number, ''.join(cell['source'])) for number, cell in enumerate(cells)
            if cell['cell_type'] == 'code']


def execute(manager, client, source: str) -> dict:
    "Run one cell; the kernel's answer. Raises TimeoutError, and RuntimeError if the kernel dies."
    message, end = client.execute(source, allow_stdin=False), time.monotonic() + CELL_SECONDS
    while time.monotonic() < end:
        try: reply = client.get_shell_msg(timeout=1)
        except queue.Empty:
            if not manager.is_alive(): raise RuntimeError('the kernel died') from None
            continue
        if reply['parent_header'].get('msg_id') == message: return reply['content']
    raise TimeoutError(f'more than {CELL_SECONDS} seconds')


def run(notebook: Path) -> str:
    "Run the cells until one fails; what it said, or an empty text."
    cells = code_of(notebook)
    manager, client = start_new_kernel(kernel_name='python3')
    try:
        for number, source in cells:
            try: answer = execute(manager, client, source)
            except (TimeoutError, RuntimeError) as error: answer = dict(traceback=[str(error)])
            if answer.get('status') != 'ok':
                return '\n'.join([f'cell {number}:', source, *answer['traceback'][-3:]])
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return ''


def main() -> int:
    "Run the notebook named on the command line; write what happened to a JSON file."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('notebook', type=Path, help='the notebook to run; it is not changed')
    parser.add_argument('report', type=Path, help='JSON file to write: ok, error, cpu')
    args = parser.parse_args()
    error = run(args.notebook)
    report = dict(ok=not error, error=error, cpu=sum(os.times()[:4]))
    args.report.write_text(json.dumps(report), encoding='utf-8')
    return int(bool(error))


if __name__ == '__main__': sys.exit(main())
