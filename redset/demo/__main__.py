"""Runs the program: ``python -m redset.demo``."""

from __future__ import annotations

import os
import sys

from redset.demo import main

try:
    code = main()
    sys.stdout.flush()
except BrokenPipeError:
    # Nobody reads on, as with ``| head -1``; the flush at the end must not fail, either.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    code = 1
sys.exit(code)
