"""Checks of many threads at once: every method is one atomic operation."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

from redset.interfaces import NOW, DeadLetter, Merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Entry

__all__ = ["ConcurrencyChecks", "at_once"]

T = TypeVar("T")

_THREADS = 8
# Python's threads take turns so often, in seconds, that they meet in few lines of code, too.
_TURN = 1e-5


def at_once(work: Callable[[int], T]) -> list[T]:
    """Run ``work`` in threads that start together; return what each returned."""
    barrier = Barrier(_THREADS)

    def run(number: int) -> T:
        barrier.wait()
        return work(number)

    turn = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(run, range(_THREADS)))
    finally:
        sys.setswitchinterval(turn)


class ConcurrencyChecks:
    """Nothing is lost, doubled or half done, whoever else is at work."""

    def test_a_member_is_new_to_one(self, backend: Backend, name: str) -> None:
        def work(number: int) -> int:
            return sum(
                backend.add(name, [(b"%d" % i, float(number))], Merge.KEEP) for i in range(50)
            )

        assert sum(at_once(work)) == 50
        assert backend.length(name) == 50

    def test_an_unseen_member_is_unseen_to_one(self, backend: Backend, name: str) -> None:
        def work(_: int) -> int:
            flags = [backend.remember(name, [(b"%d" % i, 60.0)], Merge.KEEP) for i in range(50)]
            return sum(flag for (flag,) in flags)

        assert sum(at_once(work)) == 50

    def test_a_member_is_popped_by_one(self, backend: Backend, name: str) -> None:
        entries = [(b"%04d" % i, float(i)) for i in range(800)]
        backend.add(name, entries, Merge.REPLACE)

        def work(number: int) -> list[Entry]:
            popped: list[Entry] = []
            while found := backend.pop(name, 1 + number, high=NOW, reverse=False):
                assert found == sorted(found)
                popped += found
            return popped

        assert sorted(entry for popped in at_once(work) for entry in popped) == entries

    def test_both_ends_are_popped_by_one(self, backend: Backend, name: str) -> None:
        entries = [(b"%04d" % i, float(i)) for i in range(400)]
        backend.add(name, entries, Merge.REPLACE)

        def work(number: int) -> list[Entry]:
            return [
                entry for _ in range(25) for entry in backend.pop(name, 2, reverse=number % 2 == 0)
            ]

        assert sorted(entry for popped in at_once(work) for entry in popped) == entries

    def test_producers_and_consumers(self, backend: Backend, name: str) -> None:
        def work(number: int) -> list[Entry]:
            if number % 2:
                for i in range(100):
                    backend.add(name, [(b"%d-%d" % (number, i), float(i))], Merge.KEEP)
                return []
            popped: list[Entry] = []
            while len(popped) < 100 and (found := backend.wait_pop(name, 1, 20.0)):
                popped += found
            return popped

        popped = [entry for part in at_once(work) for entry in part]
        assert len(popped) == len(set(popped)) == 400
        assert backend.length(name) == 0

    def test_increments_add_up(self, backend: Backend, name: str) -> None:
        def work(_: int) -> None:
            for _ in range(50):
                backend.increment(name, b"a", 1.0)

        at_once(work)
        assert backend.scores(name, [b"a"]) == [50.0 * _THREADS]

    def test_a_dead_letter_is_redriven_by_one(self, backend: Backend, name: str) -> None:
        members = [b"%d" % i for i in range(50)]
        backend.bury(name, [DeadLetter(member, "", 1.0, 0.0) for member in members], 100)
        moved = at_once(lambda _: [backend.redrive(name, [m], Merge.KEEP) for m in members])
        assert sum(map(sum, moved)) == 50
        assert backend.length(name) == 50

    def test_the_lock_excludes(self, backend: Backend, name: str) -> None:
        held: list[int] = []
        most: list[int] = []

        def work(number: int) -> None:
            for _ in range(2):
                with backend.lock(name, 60.0, 60.0):
                    held.append(number)
                    # Long enough for others to come in, if they could.
                    time.sleep(0.001)
                    most.append(len(held))
                    held.remove(number)

        at_once(work)
        assert most == [1] * (2 * _THREADS)
