"""Reads the pages of docs/: the programs on them, and the commands with what they print."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ROOT", "Page", "constant", "environment", "sessions"]

ROOT = Path(__file__).parents[2]


class Page:
    """A page, on which some texts (addresses of servers) stand for others."""

    def __init__(self, name: str, instead: Mapping[str, str] | None = None) -> None:
        self.text = (ROOT / "docs" / name).read_text()
        for shown, meant in (instead or {}).items():
            self.text = self.text.replace(shown, meant)

    def blocks(self, language: str) -> list[tuple[str, str]]:
        """Return the titles and texts of the blocks of one language, in order."""
        found = re.findall(rf"^```{language}(.*)\n((?s:.*?))^```$", self.text, re.MULTILINE)
        return [(title.removeprefix(" title=").strip('"'), text) for title, text in found]

    def write_programs(self, folder: Path) -> None:
        """Write each program that has a name into a folder."""
        for title, text in self.blocks("python"):
            if title:
                (folder / title).write_text(text)

    def commands(self) -> Iterator[tuple[str, str]]:
        """Give the command lines with what they print."""
        for _, text in self.blocks("console"):
            yield from sessions(text)


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """Give the command lines of one block with what they print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield line, output


def constant(text: str) -> list[str]:
    """Return the lines of a text without numbers and spaces, each once."""
    lines = (re.sub(r"\s+", " ", re.sub(r"[\d.]+", "#", line)) for line in text.splitlines())
    return list(dict.fromkeys(lines))


def environment() -> dict[str, str]:
    """Return the environment of a user who has installed redset from here."""
    scripts = Path(sys.executable).parent
    return {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
