"""Runs the redset command, in this process and in others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from redset.cli.program import app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.backends import Backends

__all__ = ["DOWN", "Command", "Done", "command"]

DOWN = "redis://:hunter2@127.0.0.1:1"
"""The URL of a server that is not there."""

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()

    @property
    def records(self) -> list[Any]:
        """What was printed as JSON, one object a line."""
        return [json.loads(line) for line in self.lines]


class Command:
    """The command on one server, by the URL in its environment."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *words: str, given: str | bytes | None = None) -> Done:
        """Run it in this process."""
        # What is given must be so even if it is nothing: a test has no terminal.
        result = CliRunner().invoke(app, words, input=given or "", env=self._environment())
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start it in a process of its own, with pipes that are text."""
        return subprocess.Popen(
            [sys.executable, "-m", "redset.cli", *words],
            env=os.environ | self._environment(),
            cwd=_ROOT,
            text=True,
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **options,
            },
        )

    def shell(self, line: str, **environment: str) -> Done:
        """Run a line of the shell, in which $redset is the command."""
        command = f"{sys.executable} -m redset.cli"
        done = subprocess.run(
            ["/bin/bash", "-c", f"set -o pipefail\n{line}"],
            env={**os.environ, **self._environment(), "redset": command, **environment},
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def _environment(self) -> Mapping[str, str]:
        # Output is kept back as it is in a shell, however the tests are run.
        return {"REDSET_URL": self.url, "PYTHONUNBUFFERED": ""}


@contextmanager
def command(backends: Backends, name: str, *kinds: str) -> Iterator[Command]:
    """Give the command on the first of some servers; what is left of a name there is removed."""
    yield Command(backends.server(kinds[0]).url)
    for kind in kinds:
        with closing(backends.client(kind)) as client:
            for key in client.scan_iter(f"*{name}*"):
                client.delete(key)
