"""Whoever does what docs/tutorial.md says gets what it shows."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tomllib
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.pages import ROOT, Page, constant, environment
from tests.support.servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = 60
# What may be fetched twice: what the killed worker had in its hands.
TWICE = "uniq -d"


class Shell:
    """A shell in a folder."""

    _END = "-- that was all --"

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["bash"],  # noqa: S607  (that of the user)
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, line: str) -> str:
        """Run a line, and return what it prints."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\necho '{self._END}'\n")
        self.process.stdin.flush()
        printed = iter(self.process.stdout.readline, f"{self._END}\n")
        return "".join(line for line in printed if "Killed" not in line)

    def end(self) -> None:
        """End it with all that it has started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@contextmanager
def shell(folder: Path) -> Iterator[Shell]:
    """Open a shell in a folder, and leave nothing running."""
    opened = Shell(folder)
    try:
        yield opened
    finally:
        opened.end()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_reader_gets_a_crawler_that_survives_kill_9(tmp_path: Path) -> None:
    site, store = free_port(), free_port()
    page = Page("tutorial.md", {"8000": str(site), "6379": str(store)})
    page.write_programs(tmp_path)
    with shell(tmp_path) as terminal:
        terminal.run(f"export REDSET_URL=redis://localhost:{store}")
        for line, shown in page.commands():
            if line.startswith("sleep"):
                wait_until(lambda: at_work(tmp_path), "all workers have fetched pages", timeout=60)
                continue
            printed = terminal.run(line)
            if printed or TWICE not in line:
                assert constant(printed) == constant(shown), line
            if line.endswith("visits.txt &"):
                wait_until(lambda: answers(site), "the site is there", timeout=60)
            if line.endswith("valkey.log &"):
                wait_until(lambda: answers(store), "the server is there", timeout=60)
    visits = Counter(re.findall(r"GET /(\d+)\.html .* 200", (tmp_path / "visits.txt").read_text()))
    assert len(visits) == PAGES
    assert visits.total() <= PAGES + 1


def at_work(folder: Path) -> bool:
    """Tell whether each worker has fetched a page."""
    return all((folder / f"{name}.log").read_text() for name in ("one", "two", "three"))


def test_what_the_tutorial_installs_is_there() -> None:
    page = Page("tutorial.md")
    [(_, text)] = page.blocks("sh")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    [(extra, server)] = re.findall(r"^pip install '\.\[(\w+)\]' (\w+)$", text, re.MULTILINE)
    assert extra in extras
    assert any(each.startswith(server) for each in extras["suite"])
    assert project["requires-python"].removeprefix(">=") in page.text
