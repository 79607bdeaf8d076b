import os
import signal
import sys

# the command has much to import before `main` can end it in good order
if os.path.basename(sys.argv[0]) in ('collabdive', 'collabdive.exe'):
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from importlib.metadata import version as _version  # noqa: E402

__version__ = _version('collabdive')
