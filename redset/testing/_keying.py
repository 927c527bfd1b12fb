"""Checks of what is keyed and what is not, and of entries by their members."""

from __future__ import annotations

import math
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

import pytest

from redset.exceptions import KeyingError
from redset.interfaces import NOW, DeadLetter, KeyedMember, Merge, Payload
from redset.testing._claim_steps import claim, claim_one, finish, hold, is_empty, terms
from redset.testing._each import EACH_RULE
from redset.testing._keyed import copies, payloads, put
from redset.testing._keyed_claims import leased
from redset.testing._timing import present
from redset.testing._writing import everything, fill, pop_first_into

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Hold
    from redset.testing._keyed import Copy

__all__ = ["KeyingChecks"]


def _calls(view: Backend, name: str, held: Hold, other: str) -> dict[str, Callable[[], object]]:
    """Return every call, by its name, but for those that may be made on any data."""
    return {
        "add": lambda: view.add(name, [(b"a", 9.0), (b"x", 1.0)], Merge.REPLACE),
        "add nothing": lambda: view.add(name, [], Merge.REPLACE),
        "schedule": lambda: view.schedule(name, [(b"a", None)], Merge.REPLACE),
        "remember": lambda: view.remember(name, [(b"x", 1.0)], Merge.REPLACE),
        "increment": lambda: view.increment(name, b"a", 1.0),
        "remove": lambda: view.remove(name, [b"a"]),
        "remove_range": lambda: view.remove_range(name, -math.inf, math.inf),
        "pop": lambda: view.pop(name, 1),
        "pop last": lambda: view.pop(name, 1, reverse=True),
        "pop due": lambda: view.pop(name, 1, high=NOW),
        "wait_pop": lambda: view.wait_pop(name, 1, 0.0),
        "wait_pop due": lambda: view.wait_pop(name, 1, 0.0, high=NOW),
        "claim": lambda: view.claim(name, 1, terms()),
        "claim and acknowledge": lambda: view.claim(name, 1, terms(), acknowledge=[held]),
        "wait_claim": lambda: view.wait_claim(name, 1, terms(), 0.0),
        "acknowledge": lambda: view.acknowledge(name, [held], Merge.REPLACE),
        "release": lambda: view.release(name, held, Merge.REPLACE),
        "extend": lambda: view.extend(name, [held], 1000.0),
        "reject": lambda: view.reject(name, [(held, "")], Merge.REPLACE, 9),
        "scores": lambda: view.scores(name, [b"a"]),
        "lifetimes": lambda: view.lifetimes(name, [b"a"]),
        "rank": lambda: view.rank(name, b"a"),
        "length": lambda: view.length(name),
        "count": lambda: view.count(name, 0.0, 1.0),
        "slice": lambda: view.slice(name, 0, -1),
        "range": lambda: view.range(name, 0.0, 1.0),
        "sample": lambda: view.sample(name, 1),
        "entries": lambda: view.entries(name, [b"a"]),
        "union": lambda: view.union(name, [other], Merge.REPLACE),
        "union of it": lambda: view.union(other, [name], Merge.REPLACE),
        "intersect": lambda: view.intersect(name, [other]),
        "intersect with it": lambda: view.intersect(other, [name]),
        "set_aside": lambda: view.set_aside(name, b"a", DeadLetter(b"a", "", 1.0, 0.0), 9),
        "move": lambda: view.move(name, b"a", other, Merge.REPLACE),
        "move to it": lambda: view.move(other, b"a", name, Merge.REPLACE),
        "pop_into": lambda: view.pop_into(name, other, Merge.REPLACE, expected=b"a"),
        "pop_any": lambda: view.pop_any([(other, NOW), (name, NOW)], 0.0),
        "rename": lambda: view.rename(name, other, replace=True),
        "rename to it": lambda: view.rename(other, name, replace=True),
        "is_subset": lambda: view.is_subset(other, name),
        "expire": lambda: view.expire(name, None),
        "bury": lambda: view.bury(name, [DeadLetter(b"x", "", 1.0, 0.0, key=b"x")], 9),
        "redrive": lambda: view.redrive(name, [b"dead"], Merge.REPLACE),
    }


# Those that put payloads into a set that was empty.
_ADDING = {"add", "schedule", "remember", "increment"}


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except KeyingError:
        return True
    return False


class KeyingChecks:
    """Who may open what; members without payloads; `entries` and `is_keyed`."""

    @pytest.mark.parametrize("is_claimed", [False, True], ids=["waiting", "claimed"])
    def test_what_was_added_without_a_key_is_refused(
        self,
        backend: Backend,
        name: str,
        is_claimed: bool,  # noqa: FBT001  (a parameter)
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        other = f"{{{name}}}:other"
        put(view, other, (b"a", b"payload", 5.0))
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        if not is_claimed:
            fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        backend.bury(name, [DeadLetter(b"dead", "", 1.0, 0.0)], 9)

        def state() -> tuple[object, ...]:
            parts = (everything(backend, name), backend.dead(name, 0, 9))
            return (*parts, backend.stats(name, math.inf), copies(everything(view, other)))

        before = state()
        for what, call in _calls(view, name, hold(lease), other).items():
            assert _is_refused(call), f"{what} did not look whether the set is keyed"
            assert state() == before, f"{what} changed something"
        assert backend.is_keyed(name) is False
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        # Drained, it is anybody's.
        assert finish(backend, name) == ([] if is_claimed else [(b"a", 1.0), (b"b", 2.0)])
        put(view, name, (b"a", b"payload", 1.0))
        assert copies(view.pop(name, 1)) == [(b"a", b"payload", 1.0)]
        assert view.clear(other) is True

    def test_what_hands_nothing_out_is_for_any_data(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        claim_one(backend, name)
        letters = [DeadLetter(each, "", 1.0, 0.0) for each in (b"1", b"2")]
        backend.bury(name, letters, 9)
        assert view.stats(name, math.inf) == backend.stats(name, math.inf)
        assert [each.raw for each in view.dead(name, 0, 9)] == [b"1", b"2"]
        assert (view.dead_count(name), view.forget(name, [b"1", b"a"])) == (2, 1)
        assert [each.raw for each in backend.dead(name, 0, 9)] == [b"2"]
        # None of these has found out that it is keyed.
        assert _is_refused(lambda: view.length(name))
        assert view.clear(name) is True
        assert view.clear(name) is False
        is_empty(backend, name)

    @EACH_RULE
    def test_what_others_add_to_a_set_that_was_found_keyed(
        self, backend: Backend, name: str, rule: Payload
    ) -> None:
        view = backend.keyed(rule)
        other = f"{{{name}}}:{rule.value}"
        put(view, name, (b"a", b"payload", 1.0))
        assert copies(view.pop(name, 1)) == [(b"a", b"payload", 1.0)]
        keys = [b"%d" % i for i in range(6)]
        backend.add(name, [(key, 1.0) for key in keys], Merge.REPLACE)
        assert payloads(everything(view, name)) == dict.fromkeys(keys)
        # It is known to all views of the store, and of that set alone.
        for each in Payload:
            assert copies(backend.keyed(each).pop(name, 1)) == [(keys.pop(0), None, 1.0)]
        fill(backend, other, (b"a", 1.0))
        assert _is_refused(lambda: view.union(name, [other], Merge.REPLACE))
        assert view.clear(other) is True
        assert view.union(name, [other], Merge.REPLACE) == 0
        (lease,) = claim(view, name, 1)
        assert leased([lease]) == [(keys.pop(0), None, 1.0)]
        assert view.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        put(view, other, (b"a", b"payload", 1.0))
        entry = pop_first_into(view, name, other, Merge.REPLACE)
        assert entry is not None
        assert copies([entry]) == [(keys.pop(0), None, 1.0)]
        assert payloads(everything(view, other)) == {b"a": b"payload", b"4": None}
        # Whoever asks is in doubt, so the view looks again.
        assert backend.is_keyed(name) is False
        assert _is_refused(lambda: view.pop(name, 1))
        assert [view.clear(each) for each in (name, other)] == [True, True]

    @pytest.mark.parametrize("is_put", [False, True], ids=["nothing", "payloads"])
    def test_a_set_is_known_once_it_has_had_payloads(
        self,
        backend: Backend,
        name: str,
        is_put: bool,  # noqa: FBT001  (a parameter)
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        other = f"{{{name}}}:other"
        for what, call in _calls(view, name, (b"a", 1), other).items():
            if is_put:
                # Whoever asks is in doubt, so the call is the first that knows.
                put(view, name, (b"a", b"payload", 1.0))
                assert backend.is_keyed(name) is True
            call()
            backend.clear(name)
            backend.clear(other)
            fill(backend, name, (b"bare", 1.0))
            is_known = not _is_refused(partial(view.length, name))
            assert is_known is (is_put or what in _ADDING), f"{what} on {is_put=}"
            assert backend.clear(name) is True
            assert [backend.is_keyed(each) for each in (name, other)] == [None, None]

    def test_what_comes_to_other_sets_makes_them_known(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        other = f"{{{name}}}:other"
        calls: dict[str, Callable[[], object]] = {
            "union": lambda: view.union(other, [name], Merge.REPLACE),
            "move": lambda: view.move(name, b"a", other, Merge.REPLACE),
            "pop_into": lambda: pop_first_into(view, name, other, Merge.REPLACE),
            "rename": lambda: view.rename(name, other, replace=False),
        }
        for what, call in calls.items():
            put(view, name, (b"a", b"payload", 1.0))
            assert [backend.is_keyed(each) for each in (name, other)] == [True, None]
            call()
            for each in (name, other):
                backend.clear(each)
                fill(backend, each, (b"bare", 1.0))
                assert not _is_refused(partial(view.length, each)), f"{what} did not learn"
                backend.clear(each)
                assert backend.is_keyed(each) is None

    def test_a_set_that_is_not_there_is_anybodys(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        other = f"{{{name}}}:other"
        for call in _calls(view, name, (b"a", 1), other).values():
            call()
            view.clear(name)
            assert view.is_keyed(other) is None

    @EACH_RULE
    def test_members_without_payloads_have_none(
        self, backend: Backend, name: str, rule: Payload
    ) -> None:
        view = backend.keyed(rule)
        put(view, name, (b"mine", b"payload", 1.0), (b"last", b"", 99.0))
        backend.add(name, [(b"%d" % i, 2.0 + i) for i in range(5)], Merge.REPLACE)
        expected: list[Copy] = [(b"mine", b"payload", 1.0)]
        expected += [(b"%d" % i, None, 2.0 + i) for i in range(5)]
        expected += [(b"last", b"", 99.0)]
        assert copies(everything(view, name)) == expected
        assert copies(view.range(name, 0.0, 9.0)) == expected[:6]
        assert sorted(copies(view.sample(name, 9)), key=itemgetter(2)) == expected
        assert copies(view.entries(name, [b"0", b"mine"])) == expected[1::-1]
        assert copies(view.pop(name, 2)) == expected[:2]
        (lease,) = claim(view, name, 1)
        assert leased([lease]) == expected[2:3]
        # Nothing more is known of it than its key.
        assert view.reject(name, [(hold(lease), "no payload")], Merge.REPLACE, 9) == ([True], 0)
        assert [(each.key, each.raw) for each in view.dead(name, 0, 9)] == [(b"1", b"1")]
        lease = claim_one(view, name)
        assert view.release(name, hold(lease), Merge.REPLACE)
        assert payloads(view.entries(name, [lease.member])) == {b"2": None}
        # Whoever adds one anew gives it a payload.
        put(view, name, (b"3", b"new", 9.0), merge=Merge.KEEP)
        assert copies(view.entries(name, [b"3"])) == [(b"3", b"new", 5.0)]
        assert view.remove(name, [b"2", b"4"]) == 2
        assert finish(view, name) == [(b"3", 5.0), (b"last", 99.0)]

    def test_is_keyed(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)

        def told() -> list[bool | None]:
            return [backend.is_keyed(name), view.is_keyed(name)]

        assert told() == [None] * 2
        put(view, name, (b"a", b"", 1.0))
        assert told() == [True] * 2
        # All of it is claimed, then held back, then set aside.
        lease = claim_one(view, name)
        assert told() == [True] * 2
        assert view.release(name, hold(lease), Merge.REPLACE, delay=60.0)
        assert told() == [True] * 2
        assert view.remove(name, [b"a"]) == 1
        assert told() == [None] * 2
        put(view, name, (b"a", b"", 1.0))
        lease = claim_one(view, name)
        assert view.reject(name, [(hold(lease), "")], Merge.REPLACE, 9) == ([True], 0)
        assert told() == [None] * 2
        assert view.redrive(name, [b"a"], Merge.REPLACE) == 1
        assert told() == [True] * 2
        # Somebody's member without a payload leaves it a keyed set.
        backend.add(name, [(b"b", 2.0)], Merge.REPLACE)
        assert told() == [True] * 2
        assert view.clear(name) is True
        assert told() == [None] * 2
        fill(backend, name, (b"a", 1.0))
        assert told() == [False] * 2
        lease = claim_one(backend, name)
        assert told() == [False] * 2
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        assert told() == [None] * 2

    def test_clearing_drops_payloads(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        put(view, name, (b"a", b"payload", 1.0), (b"b", b"payload", 2.0))
        view.bury(name, [DeadLetter(b"payload", "", 1.0, 0.0, key=b"c")], 9)
        claim_one(view, name)
        # Those who know of none drop them, too.
        assert backend.clear(name) is True
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        assert backend.is_keyed(name) is False
        assert finish(backend, name) == [(b"a", 1.0), (b"b", 2.0)]

    @pytest.mark.parametrize("is_keyed", [False, True], ids=["plain", "keyed"])
    def test_entries(
        self,
        backend: Backend,
        name: str,
        is_keyed: bool,  # noqa: FBT001  (a parameter)
    ) -> None:
        backend = backend.keyed(Payload.NEWEST) if is_keyed else backend
        now = present(backend, name)
        assert backend.entries(name, [b"a"]) == []
        given = [(b"past", 5.0), (b"future", now + 60), (b"", -math.inf), (b"\xff", 0.1)]
        fill(backend, name, *given, (b"claimed", -1e300), (b"never", math.inf))
        lease = claim(backend, name, 2)[1]
        assert lease.member == b"claimed"
        fill(backend, name, (b"", -math.inf))
        members = [member for member, _ in given]
        assert backend.entries(name, []) == []
        assert backend.entries(name, members) == given
        assert backend.entries(name, [b"x", *members[::-1], b"claimed", b"past"]) == [
            *given[::-1],
            given[0],
        ]
        assert backend.entries(name, members, low=0.1) == [given[0], given[1], given[3]]
        assert backend.entries(name, members, low=5.0) == given[:2]
        assert backend.entries(name, members, low=NOW) == given[1:2]
        assert backend.entries(name, [b"never"], low=math.inf) == [(b"never", math.inf)]
        assert backend.entries(name, [KeyedMember(b"past", b"other")]) == given[:1]
        assert backend.clear(name) is True
        is_empty(backend, name)
