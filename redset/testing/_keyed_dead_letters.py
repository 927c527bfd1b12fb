"""Checks of dead letters of keyed sets, which have a key and a payload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from redset.interfaces import DeadLetter, KeyedMember, Merge, Payload
from redset.testing._claim_steps import (
    claim,
    claim_one,
    end,
    finish,
    hold,
    holds,
    is_empty,
    release_all,
    terms,
    tricky_entries,
)
from redset.testing._each import EACH_MERGE, EACH_RULE
from redset.testing._keyed import SCORES, copies, met, payloads, put
from redset.testing._keyed_claims import leased
from redset.testing._writing import everything

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend

__all__ = ["KeyedDeadLetterChecks"]


def _letter(
    key: bytes | None, payload: bytes, score: float = 1.0, reason: str = "broken"
) -> DeadLetter:
    return DeadLetter(payload, reason, score, 0.0, key=key)


def _pairs(letters: list[DeadLetter]) -> list[tuple[bytes | None, bytes]]:
    return [(letter.key, letter.raw) for letter in letters]


class KeyedDeadLetterChecks:
    """Rejecting, burying, redriving, forgetting: by the key, and with the payload."""

    def test_a_rejected_key_leaves_its_payload(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        keys = [key for key, _ in tricky_entries()]
        put(view, name, *((key, b"payload\n" + key[::-1], 1.5) for key in keys))
        leases = claim(view, name)
        put(view, name, (b"a", b"added", 2.0))
        rejected = [(hold(lease), "one line\nand another") for lease in leases]
        assert view.reject(name, rejected, Merge.REPLACE, 100)[0] == [True] * len(keys)
        letters = view.dead(name, 0, 100)
        assert dict(_pairs(letters)) == {key: b"payload\n" + key[::-1] for key in keys}
        assert {letter.reason for letter in letters} == {"one line\nand another"}
        assert {(letter.score, letter.attempts) for letter in letters} == {(1.5, 1)}
        assert copies(everything(view, name)) == [(b"a", b"added", 2.0)]
        assert finish(view, name) == [(b"a", 2.0)]

    def test_the_last_attempt_leaves_its_payload(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        put(view, name, (b"a", b"claimed", 1.5))
        end(view, name, claim(view, name), "expire", Merge.REPLACE, advance)
        put(view, name, (b"a", b"added", 2.0))
        leases = claim(view, name, 9, terms(max_attempts=1))
        assert leased(leases) == [(b"a", b"added", 2.0)]
        (letter,) = view.dead(name, 0, 9)
        assert (letter.key, letter.raw, letter.score) == (b"a", b"claimed", 1.5)
        assert view.acknowledge(name, holds(leases), Merge.REPLACE) == [True]
        is_empty(view, name)

    def test_a_key_is_dead_once(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        letters = [_letter(b"b", b"1"), _letter(b"c", b"1"), _letter(b"a", b"9", reason="\n")]
        assert view.bury(name, letters, 9) == 0
        # Those of one time are in the order of their keys.
        assert _pairs(view.dead(name, 0, 9)) == [(b"a", b"9"), (b"b", b"1"), (b"c", b"1")]
        assert view.bury(name, [_letter(b"b", b"2", 7.0, "again")], 9) == 0
        assert view.dead_count(name) == 3
        (letter,) = [each for each in view.dead(name, 0, 9) if each.key == b"b"]
        assert (letter.raw, letter.score, letter.reason) == (b"2", 7.0, "again")
        assert view.length(name) == 0
        assert view.forget(name, [b"1", b"2", b"9"]) == 0
        assert view.forget(name, [b"a", b"b"]) == 2
        assert _pairs(view.dead(name, 0, 9)) == [(b"c", b"1")]
        assert view.clear(name) is True
        assert view.dead(name, 0, 9) == []

    @pytest.mark.parametrize("payload", [b"1", b"", None])
    def test_what_is_as_it_was_is_set_aside(
        self, backend: Backend, name: str, payload: bytes | None
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        put(view, name, (b"z", b"", 9.0))
        backend.add(name, [(b"a", 1.0)], Merge.REPLACE)
        put(view, name, (b"a", payload, 1.0))
        before = copies(everything(view, name))
        letter = _letter(b"a", b"raw", 7.0)
        for other in {b"1", b"", b"a", None} - {payload}:
            assert view.set_aside(name, KeyedMember(b"a", other), letter, 9) is None
        assert view.set_aside(name, KeyedMember(b"b", payload), letter, 9) is None
        assert (copies(everything(view, name)), view.dead_count(name)) == (before, 0)
        assert view.set_aside(name, KeyedMember(b"a", payload), letter, 9) == 0
        assert _pairs(view.dead(name, 0, 9)) == [(b"a", b"raw")]
        # What comes next under that key has nothing of it.
        backend.add(name, [(b"a", 2.0)], Merge.REPLACE)
        assert copies(view.pop(name, 1)) == [(b"a", None, 2.0)]

    @EACH_RULE
    def test_a_parked_copy_is_not_set_aside(
        self, backend: Backend, name: str, rule: Payload
    ) -> None:
        view = backend.keyed(rule)
        put(view, name, (b"a", b"held", 1.0))
        lease = claim_one(view, name)
        put(view, name, (b"a", b"parked", 2.0))
        assert claim(view, name) == []
        put(view, name, (b"a", b"parked", 3.0))
        assert view.set_aside(name, KeyedMember(b"a", b"parked"), _letter(b"a", b"x"), 9) == 0
        assert view.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        assert copies(everything(view, name)) == [(b"a", b"parked", 2.0)]

    def test_a_dropped_letter_takes_its_payload_along(self, backend: Backend, name: str) -> None:
        view = backend.keyed(Payload.NEWEST)
        view.bury(name, [_letter(b"a", b"old")], 9)
        assert view.bury(name, [_letter(b"b", b"1"), _letter(b"c", b"1")], 1) == 2
        assert view.redrive(name, [b"a"], Merge.REPLACE) == 0
        ((_, left),) = _pairs(view.dead(name, 0, 9))
        assert left == b"1"

    def test_a_letter_without_a_key_is_known_by_its_bytes(
        self, backend: Backend, name: str
    ) -> None:
        view = backend.keyed(Payload.NEWEST)
        view.bury(name, [_letter(None, b"a")], 9)
        view.bury(name, [_letter(None, b"a", reason="again"), _letter(None, b"b")], 9)
        assert _pairs(view.dead(name, 0, 9)) == [(b"a", b"a"), (b"b", b"b")]
        assert view.forget(name, [b"a"]) == 1
        assert view.redrive(name, [b"b"], Merge.KEEP) == 1
        assert everything(view, name) == [(b"b", 1.0)]

    @EACH_RULE
    @EACH_MERGE
    @pytest.mark.parametrize("where", ["set", "parked", "held back"])
    def test_what_is_redriven_was_there_first(
        self, backend: Backend, name: str, where: str, rule: Payload, merge: Merge
    ) -> None:
        view = backend.keyed(rule)
        view.bury(name, [_letter(key, b"coming", score) for key, score in SCORES.items()], 9)
        put(view, name, *((key, b"waiting", 5.0) for key in SCORES))
        leases = [] if where == "set" else claim(view, name)
        if where == "held back":
            release_all(view, name, leases, merge, delay=60.0)
        elif where == "parked":
            put(view, name, *((key, b"waiting", 5.0) for key in SCORES))
            assert claim(view, name) == []
        assert view.redrive(name, list(SCORES), merge) == 3
        assert view.dead_count(name) == 0
        assert payloads(everything(view, name)) == met(rule, merge, is_newer=False)
        if where == "parked":
            assert view.acknowledge(name, holds(leases), merge) == [True] * 3
        assert view.remove(name, list(SCORES)) == 3
        is_empty(view, name)

    @EACH_RULE
    @EACH_MERGE
    def test_what_is_redriven_has_its_payload(
        self, backend: Backend, name: str, rule: Payload, merge: Merge
    ) -> None:
        view = backend.keyed(rule)
        put(view, name, (b"a", b"first", 1.5))
        lease = claim_one(view, name)
        assert view.reject(name, [(hold(lease), "")], merge, 9) == ([True], 0)
        # While another copy is claimed, too.
        put(view, name, (b"a", b"second", 2.0))
        lease = claim_one(view, name)
        assert view.redrive(name, [b"a", b"missing"], merge) == 1
        assert copies(everything(view, name)) == [(b"a", b"first", 1.5)]
        assert view.acknowledge(name, [hold(lease)], merge) == [True]
        assert leased([lease]) == [(b"a", b"second", 2.0)]
        again = claim(view, name)
        assert leased(again) == [(b"a", b"first", 1.5)]
        assert view.acknowledge(name, holds(again), merge) == [True]
        is_empty(view, name)
