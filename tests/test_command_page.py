"""What docs/command.md shows is what the commands print."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from redset.cli.program import app
from redset.cli.running import Code
from tests.support.command import Command
from tests.support.pages import sessions
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

PAGE = Path(__file__).parents[1] / "docs" / "command.md"
# What the page calls the two servers.
HERE, THERE = "redis://localhost:6379", "redis://backup:6379"


def blocks() -> Iterator[tuple[str, str]]:
    """Give the language and text of each block of the page, in order."""
    yield from re.findall(
        r"^```(console|python)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )


def constant(text: str) -> str:
    """Return a text without what is different each time: times, tokens and rates."""
    text = re.sub(r"[\d,.]+ (s|ms|min)\b", "#", text)
    text = re.sub(r"\d{19}", "#", text)
    text = re.sub(r"[\d,]+ +# +#$", "#", text, flags=re.MULTILINE)
    text = re.sub(r"Error \d+", "Error #", text)
    return re.sub(r" +", " ", text).strip()


def run(command: Command, line: str) -> str:
    """Run a line in which the last command of a pipe, if any, is redset."""
    before, _, last = line.rpartition(" | ")
    words = shlex.split(last)
    assert words.pop(0) == "redset"
    given = subprocess.run(before, shell=True, capture_output=True, check=True) if before else None  # noqa: S602  (our own text)
    done = command(*words, given=given.stdout if given else None)
    # A terminal shows both; what is an error goes before the end.
    code = f"(exit code {done.code})\n" if done.code else ""
    return done.output + done.errors + code


def test_the_page_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Server("valkey-9.1") as here, Server("redis-6.2") as there:
        command = Command(here.url)
        kept: list[object] = []
        for language, text in blocks():
            if language == "python":
                names: dict[str, object] = {}
                exec(text.replace(HERE, here.url), names)  # noqa: S102  (our own text)
                kept.append(names)
                continue
            for line, shown in sessions(text):
                printed = run(command, line.replace(THERE, there.url))
                printed = printed.replace(here.url.removesuffix("/0"), HERE)
                assert constant(printed) == constant(shown), line


def test_the_page_names_all_commands_and_exit_codes() -> None:
    text = PAGE.read_text()
    for command in app.registered_commands:
        assert f"`{command.name}" in text
    for code in Code:
        assert f"| {code.value} |" in text
