"""The programs in examples/, as a user starts them and as they can be imported."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.backends import Backends

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(params=["memory", "server"])
def url(request: pytest.FixtureRequest, backends: Backends, name: str) -> Iterator[str]:
    """Return an address; in the end, no key must be left at it."""
    if request.param == "memory":
        yield "memory://"
        return
    yield backends.server("valkey-9.1").url
    assert backends.leaked_keys("valkey-9.1", name) == []


@pytest.fixture
def run(url: str, name: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Give a function that runs an example, and returns what it prints."""

    def run(example: str, *arguments: str) -> str:
        main = runpy.run_path(str(EXAMPLES / f"{example}.py"))["main"]
        main(["--url", url, "--name", name, *arguments])
        return capsys.readouterr().out

    return run


def test_polling_comes_round_without_duplicates(run: Callable[..., str]) -> None:
    began = time.monotonic()
    output = run("polling", "--seconds", "2")
    seconds = time.monotonic() - began
    lines = re.findall(r"^(\w+) +every .* polled (\d+) times$", output, re.MULTILINE)
    polls = {account: int(times) for account, times in lines}
    # Every 0.1, 0.25 and 60 seconds; a slow machine polls less often, but never more.
    assert 1 <= polls["normal"] <= 1 + seconds / 0.25
    assert 1 <= polls["busy"] <= 1 + seconds / 0.1
    # Once at the start, and not twenty times, but few, for twenty refreshes at once.
    assert 2 <= polls["quiet"] < 15
    assert "each was added 100 times more" in output
    assert "polled by two at once: 0 times" in output
    assert "taken over from a poller that died: 1 time(s)" in output


@pytest.mark.parametrize("example", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_every_example_starts_as_a_program(example: str) -> None:
    command = [sys.executable, str(EXAMPLES / f"{example}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--url" in done.stdout
