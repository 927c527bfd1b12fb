"""Cutting long input into commands of a good size."""

from __future__ import annotations

from collections.abc import Sized
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["CHUNK", "chunks", "paired_chunks"]

T = TypeVar("T")
U = TypeVar("U")

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


def paired_chunks(
    items: Iterable[T], scores: Iterable[U], size: int = CHUNK
) -> Iterator[tuple[list[T], list[U]]]:
    """Cut items and their scores into as many of each at a time.

    Raises:
        ValueError: if there are not as many scores as items; at once if that can be known.

    >>> list(paired_chunks("abc", [1, 2, 3], 2))
    [(['a', 'b'], [1, 2]), (['c'], [3])]
    """
    if isinstance(items, Sized) and isinstance(scores, Sized) and len(items) != len(scores):
        message = f"there are {len(items)} items, but {len(scores)} scores: give one for each"
        raise ValueError(message)
    rest, theirs = iter(items), iter(scores)
    while True:
        chunk, given = list(islice(rest, size)), list(islice(theirs, size))
        if len(chunk) != len(given):
            which = "fewer" if len(given) < len(chunk) else "more"
            message = f"there are {which} scores than items: give one for each"
            raise ValueError(message)
        if not chunk:
            return
        yield chunk, given
