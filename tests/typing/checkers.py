"""Five type checkers: how each is run, and how its report is read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["CHECKERS", "ROOT", "CheckerError", "Finding", "check"]

ROOT = Path(__file__).resolve().parents[2]


class CheckerError(Exception):
    """A checker did not run, or gave a report that cannot be read."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One error that a checker reports."""

    path: Path
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Checker:
    """A command line, to which files are added, and the reader of its report."""

    command: Sequence[str]
    read: Callable[[str], Iterable[tuple[str, int, str]]]


def check(name: str, files: Sequence[Path]) -> list[Finding]:
    """Run a checker on files and return what it finds in them.

    Raises:
        CheckerError: if it does not run.
    """
    checker = CHECKERS[name]
    command = [*checker.command, *(str(file.relative_to(ROOT)) for file in files)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        message = f"{name} cannot be run: {error}"
        raise CheckerError(message) from error
    # By common consent, 0 is "no errors", 1 "errors", and all else a failure to check.
    if done.returncode not in {0, 1}:
        message = f"{name} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        raise CheckerError(message)
    try:
        findings = sorted({_finding(*found) for found in checker.read(done.stdout)})
    except (ValueError, KeyError, TypeError) as error:
        message = f"{name} wrote what cannot be read ({error!r}):\n{done.stdout}{done.stderr}"
        raise CheckerError(message) from error
    if bool(findings) != bool(done.returncode):
        message = f"{name} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        raise CheckerError(message)
    return findings


def _finding(path: str, line: int, message: str) -> Finding:
    return Finding((ROOT / path).resolve(), line, " ".join(message.split()))


def _mypy(report: str) -> Iterator[tuple[str, int, str]]:
    for row in report.splitlines():
        found = json.loads(row)
        if found["severity"] == "error":
            yield found["file"], found["line"], f"{found['message']} [{found['code']}]"


def _pyright(report: str) -> Iterator[tuple[str, int, str]]:
    for found in json.loads(report)["generalDiagnostics"]:
        if found["severity"] == "error":
            message = f"{found['message']} [{found.get('rule')}]"
            yield found["file"], found["range"]["start"]["line"] + 1, message


def _ty(report: str) -> Iterator[tuple[str, int, str]]:
    for found in json.loads(report):
        place: dict[str, Any] = found["location"]
        yield place["path"], place["positions"]["begin"]["line"], found["description"]


def _pyrefly(report: str) -> Iterator[tuple[str, int, str]]:
    for found in json.loads(report)["errors"]:
        yield found["path"], found["line"], f"{found['concise_description']} [{found['name']}]"


def _zuban(report: str) -> Iterator[tuple[str, int, str]]:
    # The one without a report for machines; its lines are mypy's.
    for row in report.splitlines():
        if found := re.fullmatch(r"(.+?):(\d+): error: (.+)", row):
            yield found[1], int(found[2]), found[3]


_SCRIPTS = Path(sysconfig.get_path("scripts"))
_PYTHON = sys.executable

CHECKERS = {
    "mypy": Checker([_PYTHON, "-m", "mypy", "--strict", "--output=json"], _mypy),
    "pyright": Checker(
        [_PYTHON, "-m", "pyright", "--outputjson", "--pythonpath", _PYTHON], _pyright
    ),
    "ty": Checker(
        [
            _PYTHON,
            "-m",
            "ty",
            "check",
            "--python",
            sys.prefix,
            "--error-on-warning",
            "--output-format=gitlab",
        ],
        _ty,
    ),
    "pyrefly": Checker(
        [
            *(_PYTHON, "-m", "pyrefly", "check", "--preset=strict", "--output-format=json"),
            *("--python-interpreter-path", _PYTHON, "--summary=none"),
        ],
        _pyrefly,
    ),
    "zuban": Checker(
        [str(_SCRIPTS / "zuban"), "check", "--strict", "--python-executable", _PYTHON], _zuban
    ),
}
