"""The programs in examples/ start as a user starts them; each has its tests beside this file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize("example", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_every_example_starts_as_a_program(example: str) -> None:
    command = [sys.executable, str(EXAMPLES / f"{example}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--url" in done.stdout
