"""Checks of sets that are sealed, and handed over to others in parcels."""

from __future__ import annotations

import math
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from redset.exceptions import SealedError, SetExistsError
from redset.interfaces import NOW, DeadLetter, Merge, Payload
from redset.testing._algebra import others
from redset.testing._claim_steps import claim, claim_one, finish, hold, holds, terms, tricky_entries
from redset.testing._concurrency import at_once
from redset.testing._ending import fill_all
from redset.testing._keyed import PAYLOADS, copies, put
from redset.testing._parcels import parcels
from redset.testing._timing import present, waiting
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from redset.interfaces import Parcel, ShardableBackend

__all__ = ["HandoverChecks", "changes", "forget", "is_refused", "seal"]

_LONG = 30.0
_MOST = 500


@contextmanager
def seal(backend: ShardableBackend, name: str) -> Generator[tuple[str, str], None, None]:
    """Seal a set; give the name it has then, and another in the same slot."""
    with others(backend, name, [], []) as (leaving, target):
        backend.seal(name, leaving)
        try:
            yield leaving, target
        finally:
            backend.clear(name)
            forget(backend, name, leaving, target)


def forget(backend: ShardableBackend, *names: str) -> None:
    """Let go what is remembered of handing over."""
    for name in names:
        backend.end_seal(name, name)
        backend.end_parcels(name)


def part_of(parcel: Parcel, place: int, places: int) -> Parcel:
    """Return what of a parcel goes to one of several sets."""
    states = [state for state in parcel.states if sum(state.member) % places == place]
    return parcel._replace(states=states)


def hand_over(backend: ShardableBackend, name: str, *targets: str, count: int = 2) -> list[bool]:
    """Hand a set over to others; return of each parcel for each of these whether it was stored."""
    stored: list[bool] = []
    for parcel in parcels(backend, name, count):
        for place, target in enumerate(targets):
            part = part_of(parcel, place, len(targets))
            stored.append(backend.unpack(target, name, part))
        backend.unload(name, parcel)
    return stored


def is_refused(call: Callable[[], object]) -> bool:
    """Tell whether a call says that the name is sealed."""
    try:
        call()
    except SealedError:
        return True
    return False


def changes(backend: ShardableBackend, name: str, other: str) -> dict[str, Callable[[], object]]:
    """Return calls that would store something in a set, or could say that it is empty."""
    entry, far = (b"a", 1.0), 1e12
    return {
        "add": lambda: fill(backend, name, entry),
        "add many": lambda: fill(backend, name, *((b"%d" % i, 1.0) for i in range(200))),
        "schedule": lambda: backend.schedule(name, [entry], Merge.KEEP),
        "remember": lambda: backend.remember(name, [entry], Merge.KEEP),
        "increment": lambda: backend.increment(name, b"a", 1.0),
        "bury": lambda: backend.bury(name, [DeadLetter(b"a", "", 1.0, 0.0)], 9),
        "redrive": lambda: backend.redrive(name, [b"a"], Merge.KEEP),
        "union": lambda: backend.union(name, [other], Merge.REPLACE),
        "union of it": lambda: backend.union(other, [name], Merge.REPLACE),
        "unpack": lambda: backend.unpack(name, other, backend.pack(other, 1)),
        "move": lambda: backend.move(other, b"a", name, Merge.KEEP),
        "pop into": lambda: backend.pop_into(other, name, Merge.KEEP, expected=b"a"),
        "rename": lambda: backend.rename(other, name, replace=True),
        "rename away": lambda: backend.rename(name, other, replace=True),
        "expire": lambda: backend.expire(name, far),
        "stay": lambda: backend.expire(name, None),
        "pop": lambda: backend.pop(name, 1),
        "pop last": lambda: backend.pop(name, 1, reverse=True),
        "pop due": lambda: backend.pop(name, 1, high=NOW),
        "pop any": lambda: backend.pop_any([(name, math.inf)], 0.0),
        "wait": lambda: backend.wait_pop(name, 1, 0.0),
        "claim": lambda: claim(backend, name),
        "claim one": lambda: claim(backend, name, 1),
        "remove": lambda: backend.remove(name, [b"a"]),
        "remove range": lambda: backend.remove_range(name, -math.inf, math.inf),
        "length": lambda: backend.length(name),
        "range": lambda: backend.range(name, -math.inf, math.inf),
        "slice": lambda: everything(backend, name),
        "scores": lambda: backend.scores(name, [b"a"]),
        "count": lambda: backend.count(name, -math.inf, NOW),
        "is keyed": lambda: backend.is_keyed(name),
    }


class HandoverChecks:
    """What a set holds goes elsewhere in parcels, once, with all that is kept for it."""

    # Seals

    def test_a_sealed_name_has_no_set(self, backend: ShardableBackend, name: str) -> None:
        leases = list(fill_all(backend, name).values())
        before = backend.stats(name, math.inf)
        with seal(backend, name) as (leaving, other):
            assert backend.is_sealed(name) is True
            assert backend.is_sealed(leaving) is False
            assert backend.stats(leaving, math.inf) == before
            fill(backend, other, (b"a", 1.0))
            calls = changes(backend, name, other)
            refused = [what for what, call in calls.items() if is_refused(call)]
            assert refused == list(calls)
            for each in holds(leases):
                # Whether these say so or find nothing, they do nothing.
                with suppress(SealedError):
                    assert backend.acknowledge(name, [each], Merge.KEEP) == [False]
                with suppress(SealedError):
                    assert backend.release(name, each, Merge.KEEP) is False
                with suppress(SealedError):
                    assert backend.reject(name, [(each, "")], Merge.KEEP, 9) == ([False], 0)
            assert everything(backend, other) == [(b"a", 1.0)]
            assert backend.stats(leaving, math.inf) == before
            assert backend.is_sealed(name) is True
            forget(backend, other)
            # Nothing has been stored under the name.
            assert backend.clear(name) is False
            assert (everything(backend, name), backend.dead_count(name)) == ([], 0)

    def test_a_set_is_sealed_once(self, backend: ShardableBackend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        with seal(backend, name) as (leaving, target):
            backend.seal(name, leaving)
            assert everything(backend, leaving) == [(b"a", 1.0), (b"b", 2.0)]
            assert hand_over(backend, leaving, target, count=1) == [True, True]
            backend.seal(name, leaving)
            assert backend.is_sealed(name) is True
            assert everything(backend, leaving) == []

    def test_what_is_there_is_not_replaced(self, backend: ShardableBackend, name: str) -> None:
        fill(backend, name, (b"b", 2.0))
        with others(backend, name, [(b"a", 1.0)]) as (other,):
            with pytest.raises(SetExistsError):
                backend.seal(name, other)
            assert backend.is_sealed(name) is False
            assert everything(backend, other) == [(b"a", 1.0)]
            assert backend.pop(name, 9) == [(b"b", 2.0)]

    def test_a_name_that_is_cleared_is_not_sealed(
        self, backend: ShardableBackend, name: str
    ) -> None:
        with seal(backend, name) as (leaving, target):
            assert backend.is_sealed(name) is True
            assert hand_over(backend, leaving, target) == []
            backend.unload(leaving, backend.pack(leaving, 1))
            assert backend.clear(name) is False
            assert backend.is_sealed(name) is False
            # The same names are used again, and nothing is taken for what was there before.
            for score in (1.0, 2.0):
                fill(backend, name, (b"a", score))
                backend.seal(name, leaving)
                assert hand_over(backend, leaving, target) == [True]
                assert backend.pop(target, 9) == [(b"a", score)]
                backend.clear(name)

    @pytest.mark.parametrize("how", ["pop", "pop due", "pop any", "claim"])
    def test_who_waits_is_sent_away(self, backend: ShardableBackend, name: str, how: str) -> None:
        waits: dict[str, Callable[[], object]] = {
            "pop": lambda: backend.wait_pop(name, 1, _LONG),
            "pop due": lambda: backend.wait_pop(name, 1, _LONG, high=NOW),
            "pop any": lambda: backend.pop_any([(name, math.inf)], _LONG),
            "claim": lambda: backend.wait_claim(name, 1, terms(), _LONG),
        }
        with others(backend, name, []) as (leaving,):
            with waiting(partial(is_refused, waits[how])) as results:
                backend.seal(name, leaving)
            assert results == [True]
            backend.clear(name)
            forget(backend, leaving)

    def test_nothing_is_forgotten_until_it_may_be(
        self, backend: ShardableBackend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        with seal(backend, name) as (leaving, target):
            late = backend.pack(leaving, 1)
            for wait in (0.5, 0.0):
                # The same at any time, and when it is let go, for a day.
                assert backend.is_sealed(name) is True
                assert backend.pack(leaving, 2).states == late.states
                backend.unpack(target, leaving, late)
                advance(wait)
                forget(backend, name, leaving, target)
            assert backend.unpack(target, leaving, late) is False
            backend.end_seal(name, leaving)
            assert backend.is_sealed(name) is True
            # A set that is there stays.
            assert len(everything(backend, leaving)) == 2

    # Parcels

    def test_all_of_a_set_is_handed_over(self, backend: ShardableBackend, name: str) -> None:
        leases = fill_all(backend, name)
        stats, letters = backend.stats(name, math.inf), backend.dead(name, 0, 10)
        with seal(backend, name) as (leaving, target):
            assert all(hand_over(backend, leaving, target))
            assert backend.stats(target, math.inf) == stats
            assert backend.dead(target, 0, 10) == letters
            assert everything(backend, target) == [(b"tried", 1.0), (b"waits", 5.0)]
            assert backend.clear(leaving) is False
            # Who holds a claim holds it there, and what was tried is known to have been.
            tried = claim_one(backend, target)
            assert (tried.member, tried.attempt) == (b"tried", 2)
            assert tried.token > max(lease.token for lease in leases.values())
            given = [*holds(list(leases.values())), hold(tried)]
            assert None not in backend.extend(target, given, _LONG)
            assert backend.acknowledge(target, given, Merge.REPLACE) == [True] * 3
            assert backend.remove(target, [b"delayed"]) == 1
            assert finish(backend, target) == [(b"parked", 2.0), (b"waits", 5.0)]

    def test_all_members_and_scores_are_handed_over(
        self, backend: ShardableBackend, name: str
    ) -> None:
        fill(backend, name, *tricky_entries())
        before = everything(backend, name)
        with seal(backend, name) as (leaving, target):
            assert all(hand_over(backend, leaving, target, count=5))
            assert everything(backend, target) == before
            assert everything(backend, leaving) == []

    def test_parts_of_parcels_go_to_several_sets(
        self, backend: ShardableBackend, name: str
    ) -> None:
        entries = [(b"%04d" % i, float(i)) for i in range(1200)]
        fill(backend, name, *entries)
        with seal(backend, name) as (leaving, target):
            assert len(backend.pack(leaving, 10**6).states) <= _MOST
            backend.clear(name)
            assert all(hand_over(backend, leaving, name, target, count=10**6))
            halves = [everything(backend, each) for each in (name, target)]
            assert all(len(half) > 100 for half in halves)
            assert sorted(entry for half in halves for entry in half) == entries

    def test_a_parcel_is_the_same_until_it_is_unloaded(
        self, backend: ShardableBackend, name: str
    ) -> None:
        fill(backend, name, *((b"%d" % i, 1.0) for i in range(9)))
        with seal(backend, name) as (leaving, target):
            parcel = backend.pack(leaving, 3)
            assert len(parcel.states) == 3
            for count in (1, 3, 9):
                again = backend.pack(leaving, count)
                assert (again.number, again.states) == (parcel.number, parcel.states)
            assert backend.unpack(target, leaving, parcel)
            assert backend.length(leaving) == 9
            backend.unload(leaving, parcel)
            assert backend.length(leaving) == 6
            after = backend.pack(leaving, 9)
            assert (after.number > parcel.number, len(after.states)) == (True, 6)

    def test_a_parcel_is_stored_and_removed_once(
        self, backend: ShardableBackend, name: str
    ) -> None:
        fill(backend, name, *((b"%d" % i, float(i)) for i in range(6)))
        with seal(backend, name) as (leaving, target):
            # Two have the same parcel, and one of them is slow.
            first, late = backend.pack(leaving, 2), backend.pack(leaving, 2)
            assert backend.unpack(target, leaving, first) is True
            assert len(backend.pop(target, 9)) == 2
            assert backend.unpack(target, leaving, late) is False
            backend.unload(leaving, first)
            second = backend.pack(leaving, 2)
            backend.unload(leaving, late)
            assert backend.length(leaving) == 4
            assert backend.unpack(target, leaving, second) is True
            assert backend.unpack(target, leaving, late) is False
            assert backend.length(target) == 2
            backend.unload(leaving, late)
            backend.unload(leaving, second)
            assert (backend.length(leaving), backend.length(target)) == (2, 2)
            # Those of another set have numbers of their own.
            assert backend.unpack(target, f"{leaving}-2", late) is True
            assert backend.length(target) == 4

    def test_many_hand_a_set_over_at_once(self, backend: ShardableBackend, name: str) -> None:
        entries = [(b"%03d" % i, float(i)) for i in range(300)]
        fill(backend, name, *entries)
        with seal(backend, name) as (leaving, target):

            def work(_: int) -> tuple[Sequence[bool], list[tuple[bytes, float]]]:
                return hand_over(backend, leaving, target, count=7), backend.pop(target, 50)

            done = at_once(work)
            popped = [entry for _, part in done for entry in part]
            assert sum(map(sum, (stored for stored, _ in done))) == math.ceil(300 / 7)
            assert sorted([*popped, *everything(backend, target)]) == entries
            assert everything(backend, leaving) == []

    def test_what_is_handed_over_ends_a_wait(self, backend: ShardableBackend, name: str) -> None:
        fill(backend, name, (b"a", 1.0))
        with seal(backend, name) as (leaving, target):
            with waiting(partial(backend.wait_claim, target, 1, terms(), _LONG)) as results:
                hand_over(backend, leaving, target)
            ((lease,), _, _) = results[0]
            assert (lease.member, lease.score) == (b"a", 1.0)
            assert backend.acknowledge(target, [hold(lease)], Merge.KEEP) == [True]

    def test_the_later_end_counts(
        self, backend: ShardableBackend, name: str, advance: Callable[[float], None]
    ) -> None:
        leases = fill_all(backend, name)
        now = present(backend, name)
        assert backend.expire(name, now + 1.5)
        lasting = [f"{{{name}}}:{what}" for what in ("later", "never", "sooner")]
        with seal(backend, name) as (leaving, target):
            for each, when in zip(lasting, (now + 600, None, now + 0.6), strict=True):
                fill(backend, each, (b"own", 1.0))
                backend.expire(each, when)
            for parcel in parcels(backend, leaving, 3):
                for each in (target, *lasting):
                    assert backend.unpack(each, leaving, parcel)
                backend.unload(leaving, parcel)
            advance(0.7)
            assert [backend.length(each) for each in (target, *lasting)] == [2, 3, 3, 3]
            advance(0.9)
            assert [backend.length(each) for each in (target, *lasting)] == [0, 3, 3, 0]
            # Where there was nothing of its kind, it is as it was.
            for each in (target, *lasting):
                assert backend.dead_count(each) == 0
                given = holds(list(leases.values()))
                assert backend.acknowledge(each, given, Merge.KEEP) == [False, False]
                backend.clear(each)
            forget(backend, *lasting)

    # Keyed sets

    @pytest.mark.parametrize("by_view", [False, True])
    def test_payloads_are_handed_over(
        self,
        backend: ShardableBackend,
        name: str,
        by_view: bool,  # noqa: FBT001  (a parameter)
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        given = [(b"%d" % i, payload, 1.0) for i, payload in enumerate(PAYLOADS)]
        put(view, name, *given)
        leases = claim(view, name)
        put(view, name, *((key, payload + b"!", 2.0) for key, payload, _ in given[:5]))
        view.bury(name, [DeadLetter(b"payload", "why", 1.0, 0.0, key=b"dead")], 9)
        letters = view.dead(name, 0, 9)
        with seal(backend, name) as (leaving, target):
            assert all(hand_over(view if by_view else backend, leaving, target))
            assert copies(everything(view, target)) == [
                (key, payload + b"!", 2.0) for key, payload, _ in given[:5]
            ]
            assert view.dead(target, 0, 9) == letters
            assert view.length(leaving) == 0
            assert view.remove(target, [key for key, _, _ in given]) == 5
            for lease in leases:
                assert view.release(target, hold(lease), Merge.REPLACE)
            assert copies(everything(view, target)) == given
