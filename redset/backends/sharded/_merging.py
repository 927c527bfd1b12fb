"""Making one answer of those that several shards gave."""

from __future__ import annotations

import math
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

from redset._chunks import CHUNK
from redset.interfaces import Stats

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence

    from redset.interfaces import DeadLetter, Entry, Lease

__all__ = [
    "first_in_order",
    "first_of",
    "first_size",
    "in_turn",
    "merge_letters",
    "merge_pages",
    "merge_stats",
    "place_of",
    "sample",
]

R = TypeVar("R")

first_of: Final[Callable[[tuple[bytes, object]], bytes]] = itemgetter(0)
"""Returns the member of an entry or a hold."""


def place_of(entry: Entry | Lease) -> tuple[float, bytes]:
    """Return where something is in the order of a set."""
    return entry[1], entry[0]


def in_turn(answers: Iterable[tuple[Sequence[int], Sequence[R]]]) -> list[R]:
    """Put values together that several shards gave, each with its places in the whole."""
    placed = {
        place: value
        for places, values in answers
        for place, value in zip(places, values, strict=True)
    }
    return [placed[place] for place in range(len(placed))]


def merge_pages(pages: Iterable[Iterable[Entry]], *, reverse: bool) -> list[Entry]:
    """Return the entries of several shards in order."""
    return sorted(chain.from_iterable(pages), key=place_of, reverse=reverse)


def first_size(count: int, shards: int) -> int:
    """Return how many entries of each shard are most likely enough for the first ones of all.

    Members are spread by their hash, so this is the mean with three standard deviations.
    """
    mean = min(count / shards, CHUNK)
    return int(mean + 3 * math.sqrt(mean)) + 1


def first_in_order(
    pages: Sequence[Sequence[Entry]], size: int, *, reverse: bool
) -> tuple[list[Entry], bool]:
    """Return the entries that are sure to be the first of all shards, and whether that is all.

    Of each shard there is a page of up to a size: one that is full may have more behind it.
    """
    merged = merge_pages(pages, reverse=reverse)
    ends = [place_of(page[-1]) for page in pages if len(page) >= size]
    if not ends:
        return merged, True
    if reverse:
        end = max(ends)
        return [entry for entry in merged if place_of(entry) >= end], False
    end = min(ends)
    return [entry for entry in merged if place_of(entry) <= end], False


def merge_letters(pages: Iterable[Iterable[DeadLetter]]) -> list[DeadLetter]:
    """Return the dead letters of several shards, oldest first."""
    letters = chain.from_iterable(pages)
    return sorted(letters, key=lambda letter: (letter.time, letter.key or letter.raw))


def merge_stats(parts: Sequence[Stats]) -> Stats:
    """Add up the stats of several shards."""
    scores = [part.oldest_score for part in parts if part.oldest_score is not None]
    claims = [part.oldest_claim for part in parts if part.oldest_claim is not None]
    return Stats(
        pending=sum(part.pending for part in parts),
        due=sum(part.due for part in parts),
        delayed=sum(part.delayed for part in parts),
        claimed=sum(part.claimed for part in parts),
        parked=sum(part.parked for part in parts),
        dead=sum(part.dead for part in parts),
        oldest_score=min(scores, default=None),
        oldest_claim=min(claims, default=None),
    )


def sample(
    parts: Sequence[tuple[int, list[Entry]]], count: int, chance: random.Random
) -> list[Entry]:
    """Choose entries of several shards, each of which gave its length, and up to ``count``."""
    lengths = [length for length, _ in parts]
    left = [chance.sample(entries, len(entries)) for _, entries in parts]
    chosen: list[Entry] = []
    while len(chosen) < count and any(left):
        weights = [max(num, 1) if rest else 0 for num, rest in zip(lengths, left, strict=True)]
        (place,) = chance.choices(range(len(parts)), weights)
        chosen.append(left[place].pop())
        lengths[place] -= 1
    return chosen
