"""Cutting long input into commands of a good size."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["CHUNK", "chunks"]

T = TypeVar("T")

# Members in one command: more gain little, and hold up a server for longer.
CHUNK = 1000


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut an iterable into lists of the size of one command, reading no further ahead.

    >>> [len(chunk) for chunk in chunks(range(2500))]
    [1000, 1000, 500]
    """
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
