"""What commands print: tables for people, a JSON object a line for programs."""

from __future__ import annotations

import json
import math
import shutil
import sys
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "age",
    "number",
    "number_text",
    "print_json",
    "print_line",
    "print_table",
    "report",
    "when",
]

T = TypeVar("T")

_BLOCK = 1000
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
# Scores between these, in 2001 and 2096, are taken for times.
_FIRST_TIME, _LAST_TIME = 1e9, 4e9


def number(score: float) -> float | str:
    """Return a score as JSON can hold it: infinity is a text there."""
    return score if math.isfinite(score) else str(score)


def number_text(score: float) -> str:
    """Return a score for people, exactly."""
    return repr(score).removesuffix(".0")


def age(seconds: float) -> str:
    """Return a length of time for people.

    >>> age(0.25), age(90), age(7200), age(200_000)
    ('0.2 s', '1.5 min', '2.0 h', '2.3 d')
    """
    unit, size = next(each for each in _UNITS if seconds >= each[1] or each[1] == 1)
    return f"{seconds / size:.1f} {unit}"


def when(score: float, now: float) -> str:
    """Return how long ago a score was, or when it will be; nothing if it is no time."""
    if not _FIRST_TIME <= score <= _LAST_TIME:
        return ""
    return f"{age(now - score)} ago" if score <= now else f"in {age(score - now)}"


def print_json(record: dict[str, object]) -> None:
    """Print one JSON object on one line."""
    sys.stdout.write(json.dumps(record, allow_nan=False) + "\n")


def print_line(text: str) -> None:
    """Print one line, as wide as the terminal at most."""
    sys.stdout.write(_fit(text, _width()) + "\n")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Print rows under titles, and return how many there were.

    Titles that end with a colon are those of numbers, which are set to the right. On a terminal,
    and nowhere else, long cells but the last are cut, and then lines that are too wide. Many rows
    are set a thousand at a time.
    """
    wide = _width()
    given = iter(rows)
    right = [title.endswith(":") for title in titles]
    heads = [title.removesuffix(":") for title in titles]
    widths = [cell_len(head) for head in heads]
    count = 0
    while block := [_cut(row, wide) for row in islice(given, _BLOCK)]:
        widths = [
            max(width, *(cell_len(row[column]) for row in block))
            for column, width in enumerate(widths)
        ]
        lines = block if count else [heads, *block]
        for line in lines:
            cells = map(_set, line, widths, right)
            print_line("  ".join(cells).rstrip())
        count += len(block)
    return count


def report(
    found: Iterable[T],
    as_json: bool,
    titles: Sequence[str],
    record: Callable[[T], dict[str, object]],
    row: Callable[[T], Sequence[str]],
) -> int:
    """Print what was found, as it comes, for people or programs; return how much that was."""
    if not as_json:
        return print_table(titles, map(row, found))
    count = 0
    for each in found:
        print_json(record(each))
        count += 1
    return count


def _cut(row: Sequence[str], wide: int | None) -> list[str]:
    """Return a row whose cells leave room for the last one."""
    most = None if wide is None else wide * 2 // 5
    return [*(_fit(cell, most) for cell in row[:-1]), row[-1]]


def _set(cell: str, width: int, right: bool) -> str:
    room = " " * (width - cell_len(cell))
    return room + cell if right else cell + room


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fit(text: str, width: int | None) -> str:
    if width is None or cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…"
