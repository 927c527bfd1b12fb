"""What the state machine does with claims: steps that meet each other more often than not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from hypothesis import strategies as st

from redset.interfaces import NOW, Terms
from redset.testing import _strategies as draw

if TYPE_CHECKING:
    from typing import Any

__all__ = ["LONG_WORK", "WORK", "Holder", "Step"]

Holder: TypeAlias = tuple[str, int]
"""Who has a claim, or had one, or never could; and which of these."""

Step: TypeAlias = tuple[str, "dict[str, Any]"]
"""A method of the machine, and what it is called with."""


def _step(method: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(method), st.fixed_dictionaries(arguments))


_NAMES = st.sampled_from(["a"] * 7 + ["b"])
_SCORES = st.sampled_from([-math.inf, -1.5, 0.0, 0.1, 1.0, 2.0, 123456.789, 1e12, math.inf])
_LEASES = st.sampled_from([0.5, 1.0, 60.0, 3600.0])
_LIMITS = st.sampled_from([1, 2, 6])
_HOLDER = st.tuples(
    st.sampled_from(["present", "present", "present", "former", "made up"]), st.integers(0, 5)
)
_HOLDERS = st.lists(_HOLDER, min_size=1, max_size=3)
# A call that is made again finds its claim ended.
_TIMES = st.sampled_from([1, 1, 2])

_CLAIM = _step(
    "claim",
    name=_NAMES,
    count=draw.COUNTS,
    terms=st.builds(
        Terms,
        lease=_LEASES,
        high=draw.HIGHS,
        merge=draw.MERGES,
        max_attempts=st.sampled_from([None, 1, 1, 2, 3]),
        dead_limit=_LIMITS,
    ),
    done=st.just([]) | st.lists(_HOLDER, max_size=2),
    waiting=st.booleans(),
)
_ADD_AGAIN = _step(
    "add_again",
    name=_NAMES,
    places=st.lists(st.tuples(st.integers(0, 5), _SCORES), min_size=1, max_size=5),
    merge=draw.MERGES,
)
_ADD = st.one_of(
    _ADD_AGAIN,
    _ADD_AGAIN,
    _step("add", name=_NAMES, entries=draw.ENTRIES, merge=draw.MERGES),
)
_RELEASE = _step(
    "release",
    name=_NAMES,
    holders=_HOLDERS,
    merge=draw.MERGES,
    score=st.sampled_from([None, None, NOW]) | _SCORES,
    delay=st.sampled_from([0.0, 0.5, 60.0, 3600.0]),
    attempts=st.sampled_from([None, None, 0, 1, 2]),
    times=_TIMES,
)
_END = st.one_of(
    _RELEASE,
    _RELEASE,
    _step("acknowledge", name=_NAMES, holders=_HOLDERS, merge=draw.MERGES, times=_TIMES),
    _step("extend", name=_NAMES, holders=_HOLDERS, lease=_LEASES),
    _step(
        "reject",
        name=_NAMES,
        holders=_HOLDERS,
        reason=draw.REASONS,
        merge=draw.MERGES,
        limit=_LIMITS,
        times=_TIMES,
    ),
)
_DISTURB = st.one_of(
    _step("pop", name=_NAMES, count=draw.COUNTS, high=draw.HIGHS),
    _step("remove_from", name=_NAMES, members=draw.SOME_MEMBERS, low=draw.BOUNDS),
    _step("redrive", name=_NAMES, members=draw.SOME_MEMBERS, merge=draw.MERGES),
    _step("clear", name=_NAMES),
    _step("stats", name=_NAMES, high=draw.BOUNDS | st.just(math.inf)),
    _step("finish", name=_NAMES, merge=draw.MERGES),
)
_MOVE = _step("move_the_clock", seconds=draw.MOVES)

_GO = _step("go_later", name=_NAMES, seconds=draw.LEFT)
_COME = _step("come_to_an_end", name=_NAMES)

# What is added again meets a claim, then what is parked, and all of it the end of that.
_MEETING = st.tuples(_ADD_AGAIN, _CLAIM, _ADD_AGAIN, _END)
# A set is to go, and is not left alone until then.
_MEANWHILE = st.lists(st.one_of(_CLAIM, _ADD_AGAIN, _END, _DISTURB), min_size=2, max_size=5)
_GOING = st.tuples(_GO, _MEANWHILE, _COME).map(lambda parts: (parts[0], *parts[1], parts[2]))
# Not one_of, which would weigh what these are made of.
_KINDS = st.sampled_from(
    [
        *map(st.tuples, [_CLAIM, _ADD, _END] * 3),
        st.tuples(_MOVE),
        st.tuples(_DISTURB),
        _MEETING,
        _MEETING,
        _GOING,
    ]
)
_STEPS = _KINDS.flatmap(lambda kind: kind)


def _work(least: int, most: int | None) -> st.SearchStrategy[list[Step]]:
    parts = st.lists(_STEPS, min_size=least, max_size=most)
    return parts.map(lambda given: [step for part in given for step in part])


WORK = _work(0, None)
LONG_WORK = WORK | _work(15, 30)
