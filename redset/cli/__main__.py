"""Runs the command: ``python -m redset.cli``."""

from __future__ import annotations

from redset.cli import main

main()
