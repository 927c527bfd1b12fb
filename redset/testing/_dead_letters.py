"""Checks of dead letters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from redset.interfaces import DeadLetter, Merge
from redset.testing._claim_steps import claim, claim_one, hold
from redset.testing._model import dead_member
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend

__all__ = ["DeadLetterChecks"]


def _letter(raw: bytes, score: float = 1.0, reason: str = "broken") -> DeadLetter:
    return DeadLetter(raw=raw, reason=reason, score=score, time=0.0)


def _members(letters: list[DeadLetter]) -> list[bytes]:
    return [dead_member(letter) for letter in letters]


def _content(letter: DeadLetter) -> tuple[bytes, str, float, int]:
    return letter.raw, letter.reason, letter.score, letter.attempts


class DeadLetterChecks:
    """Burying, listing, redriving, forgetting."""

    def test_dead_letters_keep_everything(self, backend: Backend, name: str) -> None:
        _, before = backend.schedule(name, [], Merge.KEEP)
        letters = [
            _letter(b"\xff\x00", 0.1, "Error: line\nanother: ü \U0001f4a5"),
            _letter(b"", -math.inf, ""),
            _letter(b"x", 1763936000.123456, "\n"),
        ]
        for letter in letters:
            assert backend.bury(name, [letter], 10) == 0
        found = backend.dead(name, 0, 10)
        _, after = backend.schedule(name, [], Merge.KEEP)
        assert sorted(map(_content, found)) == sorted(map(_content, letters))
        assert sorted(_members(found)) == sorted(_members(letters))
        assert all(before <= letter.time <= after for letter in found)
        assert backend.dead_count(name) == 3
        assert backend.length(name) == 0

    def test_a_reason_may_be_any_text(self, backend: Backend, name: str) -> None:
        backend.bury(name, [_letter(b"a", reason="lone \ud800 surrogate")], 10)
        (letter,) = backend.dead(name, 0, 1)
        # Compared by their ASCII, as a failure with a surrogate in it cannot be shown.
        assert ascii(letter.reason) == ascii("lone \\ud800 surrogate")
        fill(backend, name, (b"a", 1.0))
        rejected = [(hold(claim_one(backend, name)), "lone \udcff surrogate")]
        assert backend.reject(name, rejected, Merge.REPLACE, 9) == ([True], 0)
        (letter,) = backend.dead(name, 0, 1)
        assert ascii(letter.reason) == ascii("lone \\udcff surrogate")

    def test_what_waits_is_set_aside(self, backend: Backend, name: str) -> None:
        letter = _letter(b"a", 7.0)
        assert backend.set_aside(name, b"a", letter, 9) is None
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        assert backend.set_aside(name, b"c", _letter(b"c"), 9) is None
        assert backend.dead(name, 0, 9) == []
        assert backend.set_aside(name, b"a", letter, 9) == 0
        assert everything(backend, name) == [(b"b", 2.0)]
        assert list(map(_content, backend.dead(name, 0, 9))) == [_content(letter)]
        assert backend.set_aside(name, b"b", _letter(b"b"), 1) == 1
        assert _members(backend.dead(name, 0, 9)) == [b"b"]
        assert backend.length(name) == 0

    def test_copies_elsewhere_are_not_set_aside(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        fill(backend, name, (b"a", 2.0))
        assert claim(backend, name) == []
        assert backend.set_aside(name, b"a", _letter(b"a"), 9) is None
        fill(backend, name, (b"a", 3.0))
        assert backend.set_aside(name, b"a", _letter(b"a"), 9) == 0
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        assert everything(backend, name) == [(b"a", 2.0)]

    def test_dead_letters_are_listed_in_pages(self, backend: Backend, name: str) -> None:
        backend.bury(name, [_letter(b"%d" % i) for i in range(5)], 10)
        listed = _members(backend.dead(name, 0, 10))
        assert sorted(listed) == [b"%d" % i for i in range(5)]
        assert _members(backend.dead(name, 1, 2)) == listed[1:3]
        assert backend.dead(name, 5, 2) == []

    def test_dead_letters_are_listed_oldest_first(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        for raw in (b"c", b"b", b"d", b"a", b"b"):
            backend.bury(name, [_letter(raw)], 10)
            advance(0.01)
        assert _members(backend.dead(name, 0, 10)) == [b"c", b"d", b"a", b"b"]
        backend.bury(name, [_letter(b"\xff"), _letter(b""), _letter(b"x")], 10)
        # Those of one time are in the order of their bytes.
        assert _members(backend.dead(name, 4, 10)) == [b"", b"x", b"\xff"]

    def test_burying_leaves_the_set_as_it_is(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0))
        backend.bury(name, [_letter(b"a", 2.0)], 10)
        backend.forget(name, [b"a"])
        assert everything(backend, name) == [(b"a", 1.0)]

    def test_burying_nothing_does_nothing(self, backend: Backend, name: str) -> None:
        assert backend.bury(name, [], 10) == 0
        assert backend.clear(name) is False
        backend.bury(name, [_letter(b"a"), _letter(b"b")], 10)
        assert backend.bury(name, [], 1) == 0
        assert backend.dead_count(name) == 2

    def test_a_member_is_dead_once(self, backend: Backend, name: str) -> None:
        backend.bury(name, [_letter(b"a", 1.0, "first"), _letter(b"b")], 10)
        backend.bury(name, [_letter(b"a", 2.0, "second")], 10)
        letters = {dead_member(letter): letter for letter in backend.dead(name, 0, 10)}
        assert (letters[b"a"].reason, letters[b"a"].score) == ("second", 2.0)
        assert backend.dead_count(name) == 2

    def test_the_oldest_are_dropped(self, backend: Backend, name: str) -> None:
        assert backend.bury(name, [_letter(b"a")], 3) == 0
        assert backend.bury(name, [_letter(b"b"), _letter(b"c")], 3) == 0
        assert backend.bury(name, [_letter(b"d"), _letter(b"e")], 3) == 2
        assert backend.dead_count(name) == 3
        assert {b"d", b"e"} <= set(_members(backend.dead(name, 0, 10)))
        assert backend.redrive(name, [b"a"], Merge.KEEP) == 0

    def test_redrive(self, backend: Backend, name: str) -> None:
        backend.bury(name, [_letter(b"a", 0.1), _letter(b"b", math.inf), _letter(b"c")], 10)
        assert backend.redrive(name, [b"a", b"b", b"missing"], Merge.REPLACE) == 2
        assert everything(backend, name) == [(b"a", 0.1), (b"b", math.inf)]
        assert _members(backend.dead(name, 0, 10)) == [b"c"]
        assert backend.redrive(name, [b"a"], Merge.REPLACE) == 0
        assert backend.redrive(name, [], Merge.REPLACE) == 0

    def test_redrive_merges(self, backend: Backend, name: str) -> None:
        for merge, expected in (
            (Merge.REPLACE, 5.0),
            (Merge.KEEP, 1.0),
            (Merge.EARLIEST, 1.0),
            (Merge.LATEST, 5.0),
        ):
            fill(backend, name, (b"a", 1.0))
            backend.bury(name, [_letter(b"a", 5.0)], 10)
            assert backend.redrive(name, [b"a"], merge) == 1
            assert backend.scores(name, [b"a"]) == [expected]

    def test_forget(self, backend: Backend, name: str) -> None:
        backend.bury(name, [_letter(b"a"), _letter(b"b")], 10)
        assert backend.forget(name, [b"a", b"missing"]) == 1
        assert _members(backend.dead(name, 0, 10)) == [b"b"]
        assert backend.forget(name, [b"b"]) == 1
        assert backend.dead_count(name) == 0
        assert backend.length(name) == 0

    def test_clear_drops_dead_letters(self, backend: Backend, name: str) -> None:
        backend.bury(name, [_letter(b"a")], 10)
        assert backend.clear(name) is True
        assert backend.dead(name, 0, 10) == []
        assert backend.dead_count(name) == 0
        assert backend.redrive(name, [b"a"], Merge.KEEP) == 0
