"""Checks of keyed sets: payloads are kept, and the right ones, and go with their keys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest

from redset.interfaces import NOW, KeyedMember, Merge, Payload
from redset.testing._claim_steps import claim, claim_one, finish, hold, terms
from redset.testing._concurrency import at_once
from redset.testing._each import EACH_MERGE, EACH_RULE
from redset.testing._model import replaces
from redset.testing._timing import present, waiting
from redset.testing._writing import TRICKY, everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from redset.interfaces import Backend, Bound, Entry

__all__ = ["PAYLOADS", "SCORES", "Copy", "copies", "met", "payloads", "put"]

Copy: TypeAlias = tuple[bytes, bytes | None, float]
"""A key, its payload, its score."""


SCORES: Final = {b"lower": 3.0, b"equal": 5.0, b"higher": 10.0}
"""With which score each key comes to one that waits with 5.0."""
PAYLOADS = [b"", bytes(range(256)), b"x" * 100_000, b"1 2", b"a\nb\r\n", b"\x00", b"\xff\xfe"]


def put(view: Backend, name: str, *given: Copy, merge: Merge = Merge.REPLACE) -> int:
    """Add keys with payloads; return how many were new."""
    return view.add(name, [(KeyedMember(key, payload), s) for key, payload, s in given], merge)


def copies(entries: Iterable[Entry]) -> list[Copy]:
    """Return entries with their payloads, which equality does not look at."""
    return [(bytes(member), _payload(member), score) for member, score in entries]


def payloads(entries: Iterable[Entry]) -> dict[bytes, bytes | None]:
    """Return the payload of each key."""
    return {key: payload for key, payload, _ in copies(entries)}


def met(rule: Payload, merge: Merge, *, is_newer: bool) -> dict[bytes, bytes]:
    """Return which payload each of `SCORES` has when one that comes has met one that waits."""
    return {
        key: b"coming" if replaces(rule, merge, 5.0, score, is_newer=is_newer) else b"waiting"
        for key, score in SCORES.items()
    }


def _payload(member: bytes) -> bytes | None:
    assert isinstance(member, KeyedMember), f"{member!r} has no payload"
    return member.payload


def _waiting() -> list[Copy]:
    return [(key, b"waiting", 5.0) for key in SCORES]


def _coming() -> list[Copy]:
    return [(key, b"coming", score) for key, score in SCORES.items()]


class KeyedChecks:
    """What is stored with a key, what stays of two that meet, and what takes it along."""

    def test_payloads_come_back_as_they_were(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        keys = [*TRICKY, *PAYLOADS[1:5]]
        given = [(key, PAYLOADS[i % 7], float(i)) for i, key in enumerate(dict.fromkeys(keys))]
        num = len(given)
        assert put(view, name, *given) == num
        assert copies(view.slice(name, 0, -1)) == given
        assert copies(view.slice(name, 0, 1, reverse=True)) == given[:-3:-1]
        assert copies(view.range(name, 2.0, 4.0)) == given[2:5]
        assert copies(view.range(name, -math.inf, NOW, offset=1, count=2)) == given[1:3]
        after = (KeyedMember(given[5][0], None), 5.0)
        found = view.range(name, -math.inf, math.inf, after=after, reverse=True)
        assert copies(found) == given[4::-1]
        assert sorted(copies(view.sample(name, 99))) == sorted(given)
        assert copies(view.entries(name, [key for key, _, _ in given])) == given
        # A view of a view is one of the backend.
        assert copies(view.keyed(Payload.FIRST).slice(name, 0, -1)) == given
        assert copies(view.pop(name, 2)) == given[:2]
        assert copies(view.pop(name, 1, reverse=True)) == given[-1:]
        assert copies(view.pop(name, 1, high=NOW)) == given[2:3]
        assert copies(view.wait_pop(name, 1, 0.0)) == given[3:4]
        assert copies(view.wait_pop(name, 1, 0.0, high=NOW)) == given[4:5]
        leases = claim(view, name, 2)
        leases += view.wait_claim(name, num, terms(), 0.0).leases
        assert copies((lease.member, lease.score) for lease in leases) == given[5:-1]
        assert view.acknowledge(name, [hold(lease) for lease in leases], Merge.KEEP)

    def test_a_member_without_a_payload_is_given_an_empty_one(
        self, backend: Backend, name: str
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        view.remember(name, [(b"remembered", math.inf)], Merge.KEEP)
        view.add(name, [(b"added", 1.0)], Merge.KEEP)
        view.schedule(name, [(b"due", 2.0)], Merge.KEEP)
        view.increment(name, b"counted", 3.0)
        assert payloads(everything(view, name)) == dict.fromkeys(
            [b"added", b"due", b"counted", b"remembered"], b""
        )

    def test_the_key_is_the_member(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        assert put(view, name, (b"a", b"1", 1.0), (b"b", b"1", 2.0), (b"a", b"2", 3.0)) == 2
        assert put(view, name, (b"a", b"3", 3.0)) == 0
        other = KeyedMember(b"a", b"other")
        assert view.scores(name, [other, b"b", b"3"]) == [3.0, 2.0, None]
        assert (view.rank(name, other), view.length(name)) == (1, 2)
        assert view.lifetimes(name, [other]) == [None]
        assert copies(view.entries(name, [other, b"b"])) == [(b"a", b"3", 3.0), (b"b", b"1", 2.0)]
        # To others, it is an ordinary set of keys.
        assert everything(backend, name) == [(b"b", 2.0), (b"a", 3.0)]
        assert view.remove(name, [other]) == 1
        assert copies(everything(view, name)) == [(b"b", b"1", 2.0)]

    @EACH_RULE
    @EACH_MERGE
    def test_the_payload_that_stays(
        self, backend: Backend, name: str, rule: Payload, merge: Merge
    ) -> None:
        view = backend.keyed(rule)
        expected = met(rule, merge, is_newer=True)
        put(view, name, *_waiting())
        assert put(view, name, *_coming(), merge=merge) == 0
        assert payloads(everything(view, name)) == expected
        assert view.clear(name) is True
        # In one call as in two.
        assert put(view, name, *_waiting(), *_coming(), merge=merge) == len(SCORES)
        assert payloads(everything(view, name)) == expected
        assert view.clear(name) is True
        put(view, name, *_waiting())
        due = [(KeyedMember(key, payload), score) for key, payload, score in _coming()]
        assert view.schedule(name, due, merge)[0] == 0
        assert payloads(everything(view, name)) == expected

    @EACH_RULE
    @EACH_MERGE
    def test_what_is_scheduled_for_now_meets_a_payload(
        self, backend: Backend, name: str, rule: Payload, merge: Merge
    ) -> None:
        view = backend.keyed(rule)
        there = {b"past": 5.0, b"future": 1e12}
        put(view, name, *((key, b"waiting", score) for key, score in there.items()))
        view.schedule(name, [(KeyedMember(key, b"coming"), None) for key in there], merge)
        assert payloads(everything(view, name)) == {
            key: b"coming" if replaces(rule, merge, score, 1e9, is_newer=True) else b"waiting"
            for key, score in there.items()
        }

    @EACH_RULE
    def test_what_is_as_it_was_moves(self, backend: Backend, name: str, rule: Payload) -> None:
        view = backend.keyed(rule)
        other = f"{{{name}}}:other"
        put(view, other, (b"a", b"there", 9.0))
        put(view, name, (b"a", b"1", 1.0), (b"b", b"", 3.0))
        backend.add(name, [(b"plain", 2.0)], Merge.REPLACE)

        def pop(key: bytes, payload: bytes | None) -> list[Copy]:
            expected = KeyedMember(key, payload)
            entry = view.pop_into(name, other, Merge.REPLACE, expected=expected)
            return [] if entry is None else copies([entry])

        before = copies(everything(view, name))
        assert pop(b"a", b"2") == pop(b"a", b"") == pop(b"a", None) == pop(b"b", b"1") == []
        assert copies(everything(view, name)) == before
        assert copies(everything(view, other)) == [(b"a", b"there", 9.0)]
        assert pop(b"a", b"1") == before[:1]
        assert pop(b"plain", b"plain") == pop(b"plain", b"") == []
        assert pop(b"plain", None) == before[1:2]
        assert pop(b"b", None) == []
        assert pop(b"b", b"") == before[2:]
        stays = b"there" if rule is Payload.FIRST else b"1"
        assert payloads(everything(view, other)) == {b"a": stays, b"plain": None, b"b": b""}
        assert view.clear(other) is True

    @EACH_RULE
    @EACH_MERGE
    def test_a_union_adds_payloads(
        self, backend: Backend, name: str, rule: Payload, merge: Merge
    ) -> None:
        view = backend.keyed(rule)
        others = [f"{{{name}}}:{i}" for i in range(2)]
        put(view, others[0], *_coming())
        put(view, others[1], (b"new", b"second", 1.0))
        put(view, name, *_waiting())
        assert view.union(name, others, merge) == 1
        expected = met(rule, merge, is_newer=True) | {b"new": b"second"}
        assert payloads(everything(view, name)) == expected
        assert sorted(copies(everything(view, others[0]))) == sorted(_coming())
        # Into an empty set, and one after the other.
        view.clear(name)
        assert view.union(name, [others[1], others[0], others[1]], merge) == 4
        expected = dict.fromkeys(SCORES, b"coming") | {b"new": b"second"}
        assert payloads(everything(view, name)) == expected
        assert all(view.clear(other) for other in others)

    @EACH_RULE
    def test_an_increment_is_an_add_whose_score_stays(
        self, backend: Backend, name: str, rule: Payload
    ) -> None:
        view = backend.keyed(rule)
        assert view.increment(name, KeyedMember(b"a", b"first"), 2.0) == 2.0
        assert copies(everything(view, name)) == [(b"a", b"first", 2.0)]
        for by, payload in ((1.0, b"up"), (-5.0, b"down"), (0.0, b"as it is")):
            view.increment(name, KeyedMember(b"a", payload), by)
            expected = b"first" if rule is Payload.FIRST else payload
            assert payloads(everything(view, name)) == {b"a": expected}

    @EACH_RULE
    @EACH_MERGE
    def test_what_is_remembered_meets_a_payload(
        self,
        backend: Backend,
        name: str,
        rule: Payload,
        merge: Merge,
        advance: Callable[[float], None],
    ) -> None:
        view = backend.keyed(rule)
        # More than is swept at once, so that some are still there when they are remembered.
        old: list[Entry] = [(KeyedMember(b"%03d" % i, b"old"), 0.05) for i in range(250)]
        assert view.remember(name, old, merge) == [True] * 250
        lives: list[Entry] = [(KeyedMember(key, b"waiting"), 500.0) for key in SCORES]
        assert view.remember(name, lives, merge) == [True] * 3
        advance(0.1)
        expected = {b"249": b"new", b"000": b"new"}
        for key, lifetime in ((b"249", 60.0), (b"000", 60.0), (b"lower", 300.0), (b"higher", 1e6)):
            is_new = key in expected
            payload = b"new" if is_new else b"coming"
            assert view.remember(name, [(KeyedMember(key, payload), lifetime)], merge) == [is_new]
        for key, lifetime in ((b"lower", 300.0), (b"higher", 1e6)):
            stays = not replaces(rule, merge, 500.0, lifetime, is_newer=True)
            expected[key] = b"waiting" if stays else b"coming"
        found = payloads(view.entries(name, [*expected]))
        assert found == expected

    @pytest.mark.parametrize(
        "way",
        [
            *("pop", "pop last", "pop due", "wait_pop", "wait_pop due"),
            *("remove", "remove_range", "intersect", "acknowledge", "reject", "clear"),
        ],
    )
    def test_what_leaves_takes_its_payload_along(
        self, backend: Backend, name: str, way: str
    ) -> None:
        view = backend.keyed(Payload.FIRST)
        ways: dict[str, Callable[[], object]] = {
            "pop": lambda: view.pop(name, 2),
            "pop last": lambda: view.pop(name, 3, reverse=True),
            "pop due": lambda: view.pop(name, 2, high=NOW),
            "wait_pop": lambda: view.wait_pop(name, 2, 0.0),
            "wait_pop due": lambda: view.wait_pop(name, 2, 0.0, high=NOW),
            "remove": lambda: view.remove(name, [b"a", b"b"]),
            "remove_range": lambda: view.remove_range(name, 1.0, 2.0),
            "intersect": lambda: view.intersect(name, [f"{{{name}}}:missing"]),
            "acknowledge": lambda: view.acknowledge(
                name, [hold(claim_one(view, name)) for _ in range(2)], Merge.KEEP
            ),
            "reject": lambda: view.reject(
                name, [(hold(claim_one(view, name)), "") for _ in range(2)], Merge.KEEP, 9
            ),
            "clear": lambda: view.clear(name),
        }
        put(view, name, (b"a", b"old", 1.0), (b"b", b"old", 2.0), (b"later", b"old", 1e12))
        ways[way]()
        view.forget(name, [b"a", b"b"])
        # Others, who know of no payloads, see whether there is still one.
        put(view, name, (b"y", b"y", 1.0))
        backend.add(name, [(b"a", 1.0)], Merge.REPLACE)
        put(view, name, (b"b", b"new", 1.0))
        found = view.entries(name, [b"a", b"b", b"y"])
        assert payloads(found) == {b"a": None, b"b": b"new", b"y": b"y"}

    def test_what_is_swept_takes_its_payload_along(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.FIRST)
        put(view, name, *((b"%d" % i, b"old", 1.0) for i in range(9)))
        view.remember(name, [(KeyedMember(b"x", b"x"), 60.0)], Merge.KEEP)
        keys = [b"%d" % i for i in range(9)]
        swept = [key for key, s in zip(keys, view.scores(name, keys), strict=True) if s is None]
        backend.add(name, [(key, 1.0) for key in swept], Merge.REPLACE)
        assert payloads(view.entries(name, swept)) == dict.fromkeys(swept)
        assert payloads(view.entries(name, [b"x"])) == {b"x": b"x"}

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_who_waits_is_given_the_payload(self, backend: Backend, name: str, high: Bound) -> None:
        view = backend.keyed(Payload.NEWEST)
        now = present(view, name)
        with waiting(lambda: view.wait_pop(name, 1, 30.0, high=high)) as results:
            put(view, name, (b"a", b"payload", now))
        assert copies(results[0]) == [(b"a", b"payload", now)]
        with waiting(lambda: view.wait_claim(name, 1, terms(high=high), 30.0)) as claims:
            put(view, name, (b"a", b"payload", now))
        (lease,) = claims[0].leases
        assert copies([(lease.member, lease.score)]) == [(b"a", b"payload", now)]
        assert view.acknowledge(name, [hold(lease)], Merge.KEEP) == [True]

    @pytest.mark.parametrize("takes", ["pop", "claim"])
    def test_key_score_and_payload_are_of_one_piece(
        self, backend: Backend, name: str, takes: str
    ) -> None:
        view = backend.keyed(Payload.WITH_SCORE)
        keys = [b"a", b"b", b"c"]

        def take() -> list[Entry]:
            if takes == "pop":
                return view.pop(name, 1)
            leases = claim(view, name, 1)
            for lease in leases:
                assert view.release(name, hold(lease), Merge.REPLACE)
            return [(lease.member, lease.score) for lease in leases]

        def work(number: int) -> list[Copy]:
            seen: list[Copy] = []
            for i in range(number, 120, 8):
                put(view, name, *((key, b"%d" % i, float(i)) for key in keys))
                seen += copies(everything(view, name))
                seen += copies(take())
            return seen

        seen = [each for part in at_once(work) for each in part]
        assert {key for key, _, _ in seen} == set(keys)
        assert [each for each in seen if each[1] != b"%d" % each[2]] == []
        finish(view, name)
