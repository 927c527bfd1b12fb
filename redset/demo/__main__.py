"""Runs the program: ``python -m redset.demo``."""

from __future__ import annotations

import sys

from redset.demo import main

sys.exit(main())
