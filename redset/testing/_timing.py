"""Checks of due times, lifetimes and waiting, by the backend's own clock."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

import pytest

from redset.exceptions import LockTimeout
from redset.interfaces import NOW, DeadLetter, Merge
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend

__all__ = [
    "TimingChecks",
    "does_not_spin",
    "lasts_as_long_as_asked",
    "present",
    "until",
    "waiting",
]

T = TypeVar("T")

# Longer than any wait that is to be ended by something else takes.
_LONG = 30.0
_TRIES = 3
# For how long it is looked whether a wait is idle, and how much it may compute meanwhile: more
# than one who sleeps, and less than one who spins gets of a machine that is busy otherwise.
_IDLE = 0.2
_BUSY = _IDLE / 5


def present(backend: Backend, name: str) -> float:
    """Return the time on the backend's clock."""
    return backend.schedule(name, [], Merge.KEEP)[1]


class TimingChecks:
    """What is due, what lives, and who waits."""

    def test_schedule(self, backend: Backend, name: str) -> None:
        new, now = backend.schedule(
            name, [(b"at once", None), (b"later", 1e12), (b"early", 1.0)], Merge.REPLACE
        )
        assert new == 3
        assert everything(backend, name) == [(b"early", 1.0), (b"at once", now), (b"later", 1e12)]
        new, later = backend.schedule(name, [(b"early", None), (b"new", None)], Merge.KEEP)
        assert (new, later >= now) == (1, True)
        assert backend.scores(name, [b"early", b"new"]) == [1.0, later]
        backend.schedule(name, [(b"later", None)], Merge.EARLIEST)
        (score,) = backend.scores(name, [b"later"])
        assert score is not None
        assert score < 1e12

    def test_pop_of_what_is_due(self, backend: Backend, name: str) -> None:
        now = present(backend, name)
        due = [(b"%d" % i, now - 10 + i) for i in range(5)]
        fill(backend, name, *due, (b"later", now + 60), (b"never", math.inf))
        assert backend.pop(name, 2, high=NOW) == due[:2]
        assert backend.pop(name, 10, high=NOW) == due[2:]
        assert backend.pop(name, 10, high=NOW) == []
        assert backend.length(name) == 2

    def test_time_makes_due(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        now = present(backend, name)
        backend.schedule(name, [(b"soon", now + 0.5), (b"later", now + 60)], Merge.REPLACE)
        assert backend.pop(name, 10, high=NOW) == []
        advance(0.55)
        assert backend.count(name, -math.inf, NOW) == 1
        assert backend.pop(name, 10, high=NOW) == [(b"soon", now + 0.5)]

    def test_the_present_is_due(self, backend: Backend, name: str) -> None:
        _, now = backend.schedule(name, [(b"a", None)], Merge.REPLACE)
        assert backend.count(name, -math.inf, NOW) == 1
        assert backend.count(name, NOW, math.inf) == 0
        assert backend.range(name, NOW, math.inf) == []
        assert backend.remove_range(name, NOW, math.inf) == 0
        assert backend.lifetimes(name, [b"a"]) == [None]
        assert backend.pop(name, 1, high=NOW) == [(b"a", now)]
        backend.schedule(name, [(b"a", None)], Merge.REPLACE)
        assert backend.entries(name, [b"a"], low=NOW) == []
        assert backend.remove(name, [b"a"], low=NOW) == 0
        # What is due now has lived its time.
        backend.schedule(name, [(b"a", None)], Merge.REPLACE)
        assert backend.remember(name, [(b"a", 60.0)], Merge.LATEST) == [True]

    def test_remember(self, backend: Backend, name: str, advance: Callable[[float], None]) -> None:
        assert backend.remember(name, [(b"a", 0.2), (b"b", 60.0)], Merge.KEEP) == [True, True]
        assert backend.remember(name, [(b"a", 60.0), (b"c", math.inf)], Merge.KEEP) == [False, True]
        assert backend.count(name, NOW, math.inf) == 3
        advance(0.25)
        assert backend.count(name, NOW, math.inf) == 2
        assert backend.remove(name, [b"a"], low=NOW) == 0
        assert backend.remember(name, [(b"a", 60.0), (b"a", 60.0)], Merge.KEEP) == [True, False]
        assert backend.remember(name, [], Merge.KEEP) == []
        assert backend.remove(name, [b"a", b"b", b"c"], low=NOW) == 3

    @pytest.mark.parametrize(
        ("merge", "shorter", "longer"),
        [
            (Merge.REPLACE, 50, 5000),
            (Merge.KEEP, 500, 500),
            (Merge.EARLIEST, 50, 500),
            (Merge.LATEST, 500, 5000),
        ],
    )
    def test_lifetimes_merge(
        self, backend: Backend, name: str, merge: Merge, shorter: int, longer: int
    ) -> None:
        backend.remember(name, [(b"a", 500.0), (b"b", 500.0), (b"c", math.inf)], merge)
        flags = backend.remember(name, [(b"a", 50.0), (b"b", 5000.0)], merge)
        assert flags == [False, False]
        first, second, third, fourth = backend.lifetimes(name, [b"a", b"b", b"c", b"d"])
        assert first is not None
        assert second is not None
        assert shorter - 5 < first <= shorter
        assert longer - 5 < second <= longer
        assert (third, fourth) == (math.inf, None)

    def test_expired_members_do_not_merge(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        for merge in Merge:
            backend.remember(name, [(b"a", 0.05)], merge)
            advance(0.1)
            assert backend.lifetimes(name, [b"a"]) == [None]
            assert backend.remember(name, [(b"a", 500.0)], merge) == [True]
            assert (backend.lifetimes(name, [b"a"])[0] or 0) > 400
            backend.clear(name)

    def test_expired_members_are_swept(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        entries = [(b"%d" % i, 0.1) for i in range(50)]
        backend.remember(name, [*entries, (b"stays", 60.0)], Merge.KEEP)
        advance(0.15)
        backend.remember(name, [(b"another", 60.0)], Merge.KEEP)
        assert backend.length(name) < 50
        backend.remove_range(name, -math.inf, NOW)
        assert backend.length(name) == 2

    def test_wait_ends_at_once_if_there_is_something(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", 3.0))
        assert backend.wait_pop(name, 2, None) == [(b"a", 1.0), (b"b", 2.0)]
        assert backend.wait_pop(name, 2, _LONG, high=NOW) == [(b"c", 3.0)]

    def test_wait_is_over_in_time(self, backend: Backend, name: str) -> None:
        with waiting(lambda: backend.wait_pop(name, 1, 0.0), settle=0) as results:
            pass
        fill(backend, name, (b"later", 1e12))
        with waiting(lambda: backend.wait_pop(name, 1, 0.0, high=NOW), settle=0) as more:
            pass
        assert results == more == [[]]
        assert backend.length(name) == 1

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_time_ends_a_wait(
        self, backend: Backend, name: str, advance: Callable[[float], None], high: float
    ) -> None:
        with waiting(lambda: backend.wait_pop(name, 1, 0.1, high=high)) as results:
            until(results, advance)
        assert results == [[]]

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_a_wait_lasts_as_long_as_asked(
        self, backend: Backend, name: str, advance: Callable[[float], None], high: float
    ) -> None:
        def wait() -> None:
            assert backend.wait_pop(name, 1, 0.3, high=high) == []

        lasts_as_long_as_asked(wait, advance)

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_a_wait_does_not_spin(self, backend: Backend, name: str, high: float) -> None:
        does_not_spin(lambda: backend.wait_pop(name, 1, None, high=high), backend, name)

    @pytest.mark.parametrize("high", [math.inf, NOW])
    @pytest.mark.parametrize("timeout", [_LONG, None])
    def test_an_add_ends_a_wait(
        self, backend: Backend, name: str, high: float, timeout: float | None
    ) -> None:
        with waiting(lambda: backend.wait_pop(name, 5, timeout, high=high)) as results:
            backend.schedule(name, [(b"a", 1.0)], Merge.REPLACE)
        assert results == [[(b"a", 1.0)]]
        assert backend.length(name) == 0

    def test_a_plain_add_ends_a_wait_for_due_members(self, backend: Backend, name: str) -> None:
        with waiting(lambda: backend.wait_pop(name, 1, _LONG, high=NOW)) as results:
            fill(backend, name, (b"a", 1.0))
        assert results == [[(b"a", 1.0)]]

    def test_due_time_ends_a_wait(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        now = present(backend, name)
        backend.schedule(name, [(b"soon", now + 0.3), (b"later", now + 60)], Merge.REPLACE)
        with waiting(lambda: backend.wait_pop(name, 5, _LONG, high=NOW)) as results:
            advance(0.3)
        assert results == [[(b"soon", now + 0.3)]]

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_a_redriven_member_ends_a_wait(self, backend: Backend, name: str, high: float) -> None:
        backend.bury(name, [DeadLetter(b"a", "", 1.0, 0.0)], 10)
        with waiting(lambda: backend.wait_pop(name, 1, _LONG, high=high)) as results:
            backend.redrive(name, [b"a"], Merge.REPLACE)
        assert results == [[(b"a", 1.0)]]

    def test_an_earlier_member_ends_a_wait_for_a_later_one(
        self, backend: Backend, name: str
    ) -> None:
        backend.schedule(name, [(b"later", present(backend, name) + 600)], Merge.REPLACE)
        with waiting(lambda: backend.wait_pop(name, 5, _LONG, high=NOW)) as results:
            backend.schedule(name, [(b"at once", 5.0)], Merge.REPLACE)
        assert results == [[(b"at once", 5.0)]]

    def test_a_member_that_is_brought_forward_ends_a_wait(
        self, backend: Backend, name: str
    ) -> None:
        later = present(backend, name) + 600
        backend.schedule(name, [(b"a", later)], Merge.REPLACE)
        with waiting(lambda: backend.wait_pop(name, 5, _LONG, high=NOW)) as results:
            backend.schedule(name, [(b"a", 5.0)], Merge.REPLACE)
        assert results == [[(b"a", 5.0)]]

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_an_increment_and_a_union_end_a_wait(
        self, backend: Backend, name: str, high: float
    ) -> None:
        with waiting(lambda: backend.wait_pop(name, 5, _LONG, high=high)) as results:
            backend.increment(name, b"a", 5.0)
        assert results == [[(b"a", 5.0)]]
        other = f"{{{name}}}:other"
        fill(backend, other, (b"b", 6.0))
        with waiting(lambda: backend.wait_pop(name, 5, _LONG, high=high)) as results:
            backend.union(name, [other], Merge.REPLACE)
        assert results == [[(b"b", 6.0)]]
        backend.clear(other)

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_each_of_many_waiters_gets_one(self, backend: Backend, name: str, high: float) -> None:
        entries = [(b"%d" % i, float(i)) for i in range(4)]
        with waiting(lambda: backend.wait_pop(name, 1, _LONG, high=high), times=4) as results:
            for entry in entries:
                backend.schedule(name, [entry], Merge.REPLACE)
        assert sorted(entry for result in results for entry in result) == entries

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_no_wake_up_is_lost(self, backend: Backend, name: str, high: float) -> None:
        for i in range(50):
            with waiting(lambda: backend.wait_pop(name, 1, _LONG, high=high), settle=0) as results:
                backend.schedule(name, [(b"%d" % i, 1.0)], Merge.REPLACE)
            assert results == [[(b"%d" % i, 1.0)]]

    def test_lock_is_held_by_one(self, backend: Backend, name: str) -> None:
        with backend.lock(name, 5.0, 60.0):
            with pytest.raises(LockTimeout), backend.lock(name, 0.0, 60.0):
                pytest.fail("the lock was held twice")
            with backend.lock(f"{name}:other", 0.0, 60.0):
                pass
        with backend.lock(name, 0.0, 60.0):
            pass

    def test_lock_is_passed_on(self, backend: Backend, name: str) -> None:
        def hold() -> str:
            with backend.lock(name, _LONG, 60.0):
                return "held"

        with backend.lock(name, 0.0, 60.0):
            waiter = waiting(hold)
            results = waiter.__enter__()
        waiter.__exit__()
        assert results == ["held"]

    def test_wait_for_the_lock_is_over_in_time(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        def hold() -> str:
            try:
                with backend.lock(name, 0.1, 60.0):
                    return "held"
            except LockTimeout:
                return "over"

        with backend.lock(name, 0.0, 60.0), waiting(hold) as results:
            until(results, advance)
        assert results == ["over"]

    def test_clear_leaves_a_held_lock(self, backend: Backend, name: str) -> None:
        with backend.lock(name, 0.0, 60.0):
            fill(backend, name, (b"a", 1.0))
            assert backend.clear(name) is True
            with pytest.raises(LockTimeout), backend.lock(name, 0.0, 60.0):
                pytest.fail("the lock was held twice")

    def test_lock_is_given_back_after_an_error(self, backend: Backend, name: str) -> None:
        with pytest.raises(ZeroDivisionError), backend.lock(name, 0.0, 60.0):
            raise ZeroDivisionError
        with backend.lock(name, 0.0, 60.0):
            pass

    def test_lock_expires(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        with backend.lock(name, 0.0, 0.05):
            advance(0.1)
            with backend.lock(name, 0.0, 60.0):
                pass
            with backend.lock(name, 0.0, 60.0):
                pass

    def test_an_expired_lock_is_not_given_back_by_its_late_holder(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        late, holder = backend.lock(name, 0.0, 0.05), backend.lock(name, 0.0, 60.0)
        late.__enter__()
        advance(0.1)
        with holder:
            late.__exit__(None, None, None)
            with pytest.raises(LockTimeout), backend.lock(name, 0.0, 60.0):
                pytest.fail("the lock was held twice")


def lasts_as_long_as_asked(wait: Callable[[], None], advance: Callable[[float], None]) -> None:
    """See that a wait of 0.3 s ends neither early nor late."""

    def timed() -> float:
        wait()
        return time.monotonic()

    # A machine that is busy otherwise is late, too, but not each time.
    for _ in range(_TRIES):
        began = time.monotonic()
        with waiting(timed) as results:
            advance(0.2)
            time.sleep(0.02)
            for ended in results:
                # With a real clock, time may have run on meanwhile.
                assert ended - began > 0.29, "the wait ended early"
            moves = until(results, advance)
        # One who began to wait only after the clock had moved is not late.
        if moves < 4:
            return
    pytest.fail("the wait ended late")


def does_not_spin(wait: Callable[[], object], backend: Backend, name: str) -> None:
    """See that a wait, which an add ends, leaves the processor to others."""
    used: list[float] = []
    # What else this process does counts, too, but is not done each time.
    while len(used) < _TRIES and min(used, default=_IDLE) > _BUSY:
        with waiting(wait):
            began = time.process_time()
            time.sleep(_IDLE)
            used.append(time.process_time() - began)
            fill(backend, name, (b"a", 1.0))
    assert min(used) <= _BUSY, f"a wait spins: of {_IDLE} s, it computes for {min(used):.2f} s"


def until(results: list[T], advance: Callable[[float], None]) -> int:
    """Let time pass in steps of 0.1 s until there is a result; return how many it took."""
    for moves in range(100):
        if results:
            return moves
        advance(0.1)
        # A clock that is moved by hand leaves no time for the one who waits.
        time.sleep(0.02)
    return 100


class waiting(Generic[T]):  # noqa: N801  (used like a function)
    """Runs calls that wait in threads; on leaving, all have come back."""

    def __init__(self, call: Callable[[], T], *, times: int = 1, settle: float = 0.05) -> None:
        self._call = call
        self._settle = settle
        self._errors: list[BaseException] = []
        self._results: list[T] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(times)]

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # noqa: BLE001  (shown by the thread that asked)
            self._errors.append(error)

    def __enter__(self) -> list[T]:
        for thread in self._threads:
            thread.start()
        # Most have begun to wait by then; the outcome must be the same for all others.
        time.sleep(self._settle)
        return self._results

    def __exit__(self, *_: object) -> None:
        deadline = time.monotonic() + _LONG / 2
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
        assert not self._errors, self._errors
        assert not any(thread.is_alive() for thread in self._threads), "a wait did not end"
