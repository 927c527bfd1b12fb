"""Commands that change a set."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

from redis.exceptions import RedisError

from redset import SortedSet
from redset._chunks import CHUNK, chunks
from redset._printing import safe
from redset.backends.redis.operating import Operator
from redset.cli.items import Items, entry_record
from redset.cli.opening import SERVER, opened, refuse_shard
from redset.cli.options import AsJSON, Merging, Name, Reading, Url, argument, duration, option
from redset.cli.output import print_json, print_line
from redset.cli.running import Code, Failure, complain
from redset.cli.states import counts, nothing
from redset.exceptions import KeyingError
from redset.interfaces import NOW, Merge, Payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redset.backends import RedisBackend
    from redset.interfaces import Bound, Entry

__all__ = ["add", "clear", "pop", "redrive", "take"]

Timeout = Annotated[float, duration(min=0, help="For how many seconds to wait for the first item.")]
Due = Annotated[bool, option("--due", help="Only items with scores up to the present time.")]
Last = Annotated[bool, option("--last", help="From the last item on.")]


def add(
    name: Name,
    items: Annotated[
        list[str] | None,
        argument(help="The items; without any, the lines of the standard input."),
    ] = None,
    score: Annotated[
        str | None, option(help='The score of all: a number, inf, or "now"; 0 if it is not given.')
    ] = None,
    delay: Annotated[float | None, duration(help="Score by time: due in so many seconds.")] = None,
    merge: Merging = Merge.REPLACE,
    url: Url = SERVER,
    as_json: AsJSON = False,
    serializer: Reading = "raw",
) -> None:
    """Add items: arguments, or lines of the standard input; not to a set with keys, or a shard.

    They are stored as they are typed. With --serializer, they are typed as JSON. Those who wait
    for items are woken.
    """
    refuse_shard(name)
    if score is not None and delay is not None:
        raise Failure(Code.USAGE, "--score and --delay both give the score: choose one")
    given = iter([[os.fsencode(item) for item in items]]) if items else _lines()
    member = Items(serializer).member
    fixed = _score("0" if score is None else score) if delay is None else None
    count = new = 0
    with opened(url) as backend:
        if backend.is_keyed(name):
            message = f"the items of {name!r} have keys, which are not known here: add by a program"
            raise KeyingError(message)
        for chunk in (chunk for lines in given for chunk in chunks(map(member, lines))):
            count += len(chunk)
            if fixed is None:
                new += _schedule(backend, name, chunk, delay or 0.0, merge)
            else:
                new += backend.add(name, [(each, fixed) for each in chunk], merge)
    if as_json:
        print_json({"given": count, "new": new})
    else:
        print_line(f"{new:,} new, {count - new:,} there already")


def pop(
    name: Name,
    timeout: Timeout = 0.0,
    last: Last = False,
    due: Due = False,
    url: Url = SERVER,
    as_json: AsJSON = False,
    serializer: Reading = "raw",
) -> Code | None:
    """Remove the first item, and print it; after its key, if it has one.

    Then it is gone. Work that must survive its worker is claimed, by a program.
    """
    return take(name, 1, timeout, last, due, url, as_json, serializer)


def take(
    name: Name,
    num: Annotated[int, argument(min=1, help="How many to take at most.")],
    timeout: Timeout = 0.0,
    last: Last = False,
    due: Due = False,
    url: Url = SERVER,
    as_json: AsJSON = False,
    serializer: Reading = "raw",
) -> Code | None:
    """Remove the first items, and print them.

    Items that cannot be printed, such as when the reader of a pipe has gone, are put back.
    """
    if last and (due or timeout):
        raise Failure(Code.USAGE, "--last goes neither with --due nor with --timeout")
    items = Items(serializer)
    taken = 0
    with opened(url) as server:
        backend = Operator(server).view(name)
        while taken < num:
            want = min(num - taken, CHUNK)
            if last:
                entries = backend.pop(name, want, reverse=True)
            else:
                high: Bound = NOW if due else math.inf
                entries = backend.wait_pop(name, want, 0.0 if taken else timeout, high=high)
            if not entries:
                break
            _print_taken(backend, name, items, entries, as_json)
            taken += len(entries)
    return None if taken else nothing(name)


def redrive(
    name: Name, merge: Merging = Merge.REPLACE, url: Url = SERVER, as_json: AsJSON = False
) -> Code | None:
    """Put all dead letters back, with the scores they had."""
    with opened(url) as backend:
        moved = _set_of_dead(backend, name, merge).redrive()
    if not moved:
        return nothing(name, "dead letter")
    if as_json:
        print_json({"redriven": moved})
    else:
        print_line(f"{moved:,} put back")
    return None


def clear(
    name: Name,
    yes: Annotated[bool, option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = SERVER,
    as_json: AsJSON = False,
) -> Code | None:
    """Remove a set, its claims and dead letters; asks before."""
    with opened(url) as backend:
        stats = counts(backend, name)
        if not stats.pending + stats.claimed + stats.dead:
            return nothing(name)
        summary = f"{stats.pending:,} pending, {stats.claimed:,} claimed, {stats.dead:,} dead"
        if not yes and not _agrees(f"Remove {safe(name)} ({summary})?"):
            complain("nothing was removed")
            return Code.NOTHING
        backend.clear(name)
    if as_json:
        print_json({"pending": stats.pending, "claimed": stats.claimed, "dead": stats.dead})
    else:
        print_line(f"removed {safe(name)}: {summary}")
    return None


def _lines() -> Iterator[list[bytes]]:
    """Give the lines of the standard input, but for empty ones, as many as there are by now."""
    begun = b""
    source: Any = sys.stdin.buffer  # typeshed's has no read1
    while read := source.read1():
        *lines, begun = (begun + read).split(b"\n")
        yield list(filter(None, lines))
    if begun:
        yield [begun]


def _score(text: str) -> float | None:
    """Return a score that was typed, None for the present time."""
    if text == "now":
        return None
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if math.isnan(score):
        raise Failure(Code.USAGE, f'a score is a number, inf, -inf or "now", not {text!r}')
    return score


def _schedule(
    backend: RedisBackend, name: str, members: list[bytes], delay: float, merge: Merge
) -> int:
    if not delay:
        new, _ = backend.schedule(name, [(member, None) for member in members], merge)
        return new
    due = Operator(backend).time(name) + delay
    return backend.add(name, [(member, due) for member in members], merge)


def _set_of_dead(backend: RedisBackend, name: str, merge: Merge) -> SortedSet[str]:
    if not Operator(backend).has_keyed_letters(name):
        return SortedSet(backend, name, merge=merge)
    # No item is read, so the key of none is asked for.
    return SortedSet(backend, name, merge=merge, key=str, payload=Payload.WITH_SCORE)


def _print_taken(
    backend: RedisBackend, name: str, items: Items, entries: list[Entry], as_json: bool
) -> None:
    """Print what was taken; if that fails, put it back, as nobody has it."""
    try:
        for entry in entries:
            if as_json:
                print_json(entry_record(items, entry))
            else:
                print_line(items.text(entry[0]))
        sys.stdout.flush()
    except BaseException:  # also what a serializer of somebody else's leaves with
        try:
            backend.add(name, entries, Merge.KEEP)
        except RedisError:
            complain(f"taken, but neither all printed nor put back: {len(entries):,}")
            raise
        complain(f"put back, as they could not be printed: {len(entries):,}")
        raise


def _agrees(question: str) -> bool:
    """Ask on the terminal; who does not answer does not agree."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
