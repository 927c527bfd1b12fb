"""Commands that look, and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from redset._printing import safe
from redset.backends.redis.operating import Operator
from redset.cli.items import Items, entry_record, member_of, report_entries
from redset.cli.opening import SERVER, opened
from redset.cli.options import AsJSON, Count, Name, Reading, Start, Url, argument, option
from redset.cli.output import (
    age,
    number,
    number_text,
    print_json,
    print_line,
    report,
    when,
)
from redset.cli.running import Code, complain
from redset.cli.states import counted, counts, nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["claims", "dead", "list_sets", "peek", "show"]

T = TypeVar("T")

_PAGE = 1000
# How many claims and dead letters `show` gives an idea of.
_FEW = 3


def list_sets(
    pattern: Annotated[str, argument(help="Which names: * ? and […] as in a shell.")] = "*",
    url: Url = SERVER,
    as_json: AsJSON = False,
) -> Code | None:
    """List the sets on the server, with their counts.

    Every sorted set is one, whoever made it. The server is looked through in small steps, and
    serves others meanwhile. What is due has a score up to the present time.
    """
    with opened(url) as backend:
        found = ((name, counts(backend, name)) for name in Operator(backend).names(pattern))
        titles = ["PENDING:", "DUE:", "DELAYED:", "CLAIMED:", "DEAD:", "NAME"]
        count = report(
            found,
            as_json,
            titles,
            lambda each: {"name": each[0], **counted(each[1])},
            lambda each: [*map("{:,}".format, counted(each[1]).values()), safe(each[0])],
        )
    if not count:
        complain("there is no set" + ("" if pattern == "*" else " of such a name"))
    return None if count else Code.NOTHING


def show(
    name: Name, url: Url = SERVER, as_json: AsJSON = False, serializer: Reading = "raw"
) -> Code | None:
    """Show one set: counts, first item, claims that end first, oldest dead letters."""
    items = Items(serializer)
    with opened(url) as backend:
        stats = counts(backend, name)
        if not stats.pending + stats.claimed + stats.dead:
            return nothing(name)
        operator = Operator(backend)
        now = operator.time(name)
        first = operator.view(name).slice(name, 0, 0)
        held = operator.claims(name, 0, _FEW) if stats.claimed else []
        letters = operator.dead(name, 0, _FEW) if stats.dead else []
        if as_json:
            print_json(
                {
                    "name": name,
                    **counted(stats),
                    "parked": stats.parked,
                    "first": entry_record(items, first[0]) if first else None,
                    "oldest_claim": stats.oldest_claim,
                    "oldest_dead": number(letters[0].time) if letters else None,
                    "time": now,
                }
            )
            return None
        width = max(len(f"{num:,}") for num in counted(stats).values())
        notes = {"due": "with scores up to now", "delayed": "until they are tried again"}
        if stats.parked:
            notes["claimed"] = f"{stats.parked:,} of them added again"
        print_line(safe(name))
        for state, num in counted(stats).items():
            print_line(f"  {state:<9}{num:>{width},}  {notes.get(state, '')}".rstrip())
        for member, score in first:
            time = when(score, now)
            print_line(f"  first    {number_text(score)}{time and f', {time}'}")
            print_line(f"           {items.text(member)}")
        for claim in held:
            print_line(f"  claim    {age(now - claim.since)} old, ends {when(claim.until, now)}")
            print_line(f"           {items.text(claim.member)}")
        for letter in letters:
            print_line(f"  dead     {when(letter.time, now)}: {safe(letter.reason)}")
            print_line(f"           {items.text(member_of(letter))}")
    return None


def peek(
    name: Name,
    num: Count = 10,
    start: Start = 0,
    last: Annotated[bool, option("--last", help="From the last item on.")] = False,
    url: Url = SERVER,
    as_json: AsJSON = False,
    serializer: Reading = "raw",
) -> Code | None:
    """Look at the first items, and leave them there."""
    items = Items(serializer)
    with opened(url) as server:
        backend = Operator(server).view(name)
        entries = _paged(
            lambda offset, count: backend.slice(name, offset, offset + count - 1, reverse=last),
            start,
            num,
        )
        count = report_entries(items, entries, as_json)
    return None if count else nothing(name)


def claims(
    name: Name,
    num: Count = 100,
    start: Start = 0,
    url: Url = SERVER,
    as_json: AsJSON = False,
    serializer: Reading = "raw",
) -> Code | None:
    """List which items are claimed, since when, until when.

    A holder is known by its token: it is claim.token there. The lease that is the first to run
    out comes first; what was held by one that has run out is put back when somebody claims.
    """
    items = Items(serializer)
    with opened(url) as backend:
        operator = Operator(backend)
        now = operator.time(name)
        held = _paged(lambda offset, count: operator.claims(name, offset, count), start, num)
        count = report(
            held,
            as_json,
            ["HELD FOR:", "ENDS:", "TRY:", "TOKEN:", "SCORE:", "ITEM"],
            lambda each: {
                **items.record(each.member),
                "score": number(each.score),
                "token": each.token,
                "attempt": each.attempt,
                "since": each.since,
                "until": each.until,
            },
            lambda each: [
                age(now - each.since),
                when(each.until, now),
                str(each.attempt),
                str(each.token),
                number_text(each.score),
                items.text(each.member),
            ],
        )
    return None if count else nothing(name, "claim")


def dead(
    name: Name,
    num: Count = 100,
    start: Start = 0,
    url: Url = SERVER,
    as_json: AsJSON = False,
    serializer: Reading = "raw",
) -> Code | None:
    """List what was set aside, oldest first, and why."""
    items = Items(serializer)
    with opened(url) as backend:
        operator = Operator(backend)
        now = operator.time(name)
        letters = _paged(lambda offset, count: operator.dead(name, offset, count), start, num)
        count = report(
            letters,
            as_json,
            ["DIED", "TRIES:", "SCORE:", "REASON", "ITEM"],
            lambda each: {
                **items.record(member_of(each)),
                "score": number(each.score),
                "time": number(each.time),
                "attempts": each.attempts,
                "reason": each.reason,
            },
            lambda each: [
                when(each.time, now),
                str(each.attempts),
                number_text(each.score),
                safe(each.reason),
                items.text(member_of(each)),
            ],
        )
    return None if count else nothing(name, "dead letter")


def _paged(page: Callable[[int, int], Sequence[T]], start: int, num: int) -> Iterator[T]:
    """Give what is on the pages from a place on."""
    for offset in range(start, start + num, _PAGE):
        found = page(offset, min(_PAGE, start + num - offset))
        if not found:
            return
        yield from found
