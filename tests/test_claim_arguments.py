"""Bad arguments of claims fail before anything is sent, naming the value and the remedy."""

from __future__ import annotations

import asyncio
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio

import redset
from redset import AsyncSortedSet, Retry, SortedSet
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.exceptions import ScoreError
from redset.testing import blocking
from tests.support.backends import make_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend

NAN, INFINITY = math.nan, math.inf
BAD_LEASES: list[tuple[Any, type[Exception], str]] = [
    (0, ValueError, "must be at least 0.001 seconds"),
    (-1, ValueError, "must be at least 0.001 seconds"),
    (0.0001, ValueError, "must be at least 0.001 seconds"),
    (-INFINITY, ValueError, "must be at least 0.001 seconds"),
    (INFINITY, ValueError, "keep_alive=True"),
    (1e10, ValueError, r"extend\(\) it"),
    (NAN, ScoreError, "lease must not be nan"),
    ("60", TypeError, r"convert it with float\(\)"),
    (b"60", TypeError, "lease is a number"),
    ([], TypeError, "lease is a number"),
]
BAD_TIMEOUTS: list[tuple[Any, type[Exception], str]] = [
    (-1, ValueError, "use None to wait for ever"),
    (-INFINITY, ValueError, "use None to wait for ever"),
    (NAN, ScoreError, "timeout must not be nan"),
    ("5", TypeError, r"convert it with float\(\)"),
]
BAD_DELAYS: list[tuple[Any, type[Exception], str]] = [
    (-1, ValueError, "must not be below 0 seconds"),
    (INFINITY, ValueError, "use a number of seconds"),
    (1e10, ValueError, "use a number of seconds"),
    (NAN, ScoreError, "delay must not be nan"),
    ("5", TypeError, r"convert it with float\(\)"),
]


class Untouchable(MemoryBackend):
    """A store that must not be used, once it is locked."""

    locked = False

    def __getattribute__(self, name: str) -> Any:
        if name in {"claim", "wait_claim", "acknowledge", "release", "extend", "reject"}:
            assert not self.locked, f"used {name}"
        return super().__getattribute__(name)


@pytest.fixture
def store() -> Untouchable:
    return Untouchable()


@pytest.fixture(params=["blocking", "asyncio"])
def backend(request: pytest.FixtureRequest, store: Untouchable) -> Iterator[Backend]:
    if request.param == "blocking":
        yield store
    else:
        with blocking(lambda: AsyncMemoryBackend(store)) as backend:
            yield backend


@pytest.fixture(params=["SortedSet", "TimeSortedSet", "ScheduledSet"])
def s(request: pytest.FixtureRequest, backend: Backend, store: Untouchable) -> Any:
    store.locked = True
    return make_set(backend, request.param, "jobs")


@pytest.fixture
def claim(backend: Backend, store: Untouchable) -> Any:
    """Return a claim that must not be used; that it still is one is checked in the end."""
    s = make_set(backend, "SortedSet", "jobs")
    s.add("a", 5)
    claim = s.claim()
    store.locked = True
    return claim


def fails(call: Callable[[], object], bad: object, error: type[Exception], remedy: str) -> None:
    with pytest.raises(error, match=remedy) as caught:
        call()
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize(("bad", "error", "remedy"), BAD_LEASES)
def test_leases(s: Any, bad: Any, error: type[Exception], remedy: str) -> None:
    for call in (
        lambda: s.claim(bad),
        lambda: s.claim(lease=bad, keep_alive=True),
        lambda: s.claims(3, bad),
        lambda: s.claims(0, bad),
        lambda: next(iter(s.consume(bad))),
    ):
        fails(call, bad, error, remedy)


@pytest.mark.parametrize(("bad", "error", "remedy"), BAD_TIMEOUTS)
def test_timeouts(s: Any, bad: Any, error: type[Exception], remedy: str) -> None:
    for call in (
        lambda: s.claim(timeout=bad),
        lambda: s.claims(3, timeout=bad),
        lambda: s.claims(0, timeout=bad),
        lambda: next(iter(s.consume(timeout=bad))),
    ):
        fails(call, bad, error, remedy)


@pytest.mark.parametrize("bad", [1.5, "one", None, NAN, INFINITY])
def test_numbers(s: Any, bad: Any) -> None:
    remedy = "round it" if isinstance(bad, float) else "give an int"
    fails(lambda: s.claims(bad), bad, TypeError, remedy)


@pytest.mark.parametrize("of", ["SortedSet", "AsyncSortedSet"])
def test_a_loop_fails_where_it_is_written(of: str) -> None:
    s = getattr(redset, of)(AsyncMemoryBackend() if "Async" in of else MemoryBackend(), "jobs")
    bad: Any
    for bad in ({"lease": 0}, {"timeout": -1}):
        with pytest.raises(ValueError, match="must"):
            s.consume(**bad)


def test_options_go_by_keyword(s: Any) -> None:
    call: Callable[[], object]
    for call in (
        lambda: s.claim(60, 0, True),
        lambda: s.claims(1, 60, 0, True),
        lambda: s.consume(60, 0, True),
    ):
        with pytest.raises(TypeError, match="positional"):
            call()


@pytest.mark.parametrize(("bad", "error", "remedy"), BAD_LEASES)
def test_extensions(claim: Any, bad: Any, error: type[Exception], remedy: str) -> None:
    fails(lambda: claim.extend(bad), bad, error, remedy)
    assert not claim.is_over


@pytest.mark.parametrize(("bad", "error", "remedy"), BAD_DELAYS)
def test_delays(claim: Any, bad: Any, error: type[Exception], remedy: str) -> None:
    fails(lambda: claim.nack(bad), bad, error, remedy)
    fails(lambda: claim.nack(delay=bad), bad, error, remedy)
    fails(lambda: claim.reschedule(delay=bad), bad, error, remedy)
    assert not claim.is_over


@pytest.mark.parametrize(
    ("bad", "error", "remedy"),
    [
        (NAN, ScoreError, "neither before nor after"),
        ("5", TypeError, r"convert it with float\(\)"),
        (10**400, ScoreError, "use math.inf"),
        ([], TypeError, "a score is a number"),
    ],
)
def test_scores(claim: Any, bad: Any, error: type[Exception], remedy: str) -> None:
    fails(lambda: claim.reschedule(bad), bad, error, remedy)
    fails(lambda: claim.reschedule(score=bad), bad, error, remedy)
    assert not claim.is_over


def test_a_reschedule_takes_one_of_both(claim: Any) -> None:
    for call, shown in (
        (claim.reschedule, "not None and None"),
        (lambda: claim.reschedule(None, delay=None), "not None and None"),
        (lambda: claim.reschedule(3, delay=4), "not 3 and 4"),
        (lambda: claim.reschedule(0, delay=0), "not 0 and 0"),
    ):
        with pytest.raises(TypeError, match=f"a score or a delay, {shown}"):
            call()
    assert not claim.is_over


@pytest.mark.parametrize("bad", [None, b"why", 3, ValueError("why")])
def test_reasons(claim: Any, bad: Any) -> None:
    fails(lambda: claim.bury(bad), bad, TypeError, r"str\(error\) will do")
    assert not claim.is_over


@pytest.mark.parametrize(
    ("option", "bad", "error", "remedy"),
    [
        ("max_attempts", 0, ValueError, "or None for no end"),
        ("max_attempts", -1, ValueError, "or None for no end"),
        ("max_attempts", 1.5, TypeError, "round it"),
        ("max_attempts", "3", TypeError, "give an int"),
        ("max_attempts", INFINITY, TypeError, "round it"),
        ("backoff", -1, ValueError, "must not be below 0"),
        ("backoff", NAN, ScoreError, "backoff must not be nan"),
        ("backoff", INFINITY, ValueError, "use a number of seconds"),
        ("backoff", "1", TypeError, "backoff is a number"),
        ("cap", -1, ValueError, "must not be below 0"),
        ("cap", NAN, ScoreError, "cap must not be nan"),
        ("cap", INFINITY, ValueError, "use a number of seconds"),
        ("cap", None, TypeError, "cap is a number"),
        ("jitter", -0.1, ValueError, r"from 0 \(none\) to 1 \(all\)"),
        ("jitter", 1.1, ValueError, r"from 0 \(none\) to 1 \(all\)"),
        ("jitter", NAN, ScoreError, "jitter must not be nan"),
        ("jitter", "0.1", TypeError, "jitter is a number"),
    ],
)
def test_retries(option: str, bad: Any, error: type[Exception], remedy: str) -> None:
    fails(lambda: Retry(**{option: bad}), bad, error, remedy)


@pytest.mark.parametrize("bad", [3, "often", Retry, {"max_attempts": 3}, True])
@pytest.mark.parametrize("of", ["SortedSet", "TimeSortedSet", "ScheduledSet"])
def test_retries_of_sets(of: str, bad: Any) -> None:
    for kind, source in ((of, redis.Redis()), (f"Async{of}", redis.asyncio.Redis())):
        make = getattr(redset, kind)
        fails(lambda: make(source, "jobs", retry=bad), bad, TypeError, "must be a Retry")  # noqa: B023  (called here)


def test_seconds_of_all_kinds_are_leases_and_delays() -> None:
    s = SortedSet(MemoryBackend(), "jobs")
    s.add("a")
    odd: Any = Decimal("0.5")
    claim = s.claim(odd, odd, keep_alive=False)
    assert claim.extend(odd) == claim.deadline
    claim.nack(odd)
    assert s.claim(timeout=odd + 10).attempt == 2


@pytest.mark.parametrize("name", ["}", "a}b", "{}"])
def test_names_without_siblings_cannot_be_claimed_from(name: str) -> None:
    class Unused:
        def execute_command(self, *arguments: Any, **_: Any) -> int:
            # No more than whether there is such a set, which is asked before the first call.
            assert arguments[0] == "EXISTS"
            return 0

        lock = pipeline = __enter__ = execute_command

    s = SortedSet(Unused(), name)
    for call in (s.claim, lambda: s.claims(2), s.stats, lambda: next(s.consume())):
        with pytest.raises(ValueError, match="choose a name without it"):
            call()


def test_names_without_siblings_cannot_be_claimed_from_in_asyncio() -> None:
    class Unused:
        async def execute_command(self, *arguments: Any, **_: Any) -> int:
            assert arguments[0] == "EXISTS"
            return 0

        lock = pipeline = __aenter__ = execute_command

    async def main() -> None:
        s = AsyncSortedSet(Unused(), "a}b")
        for call in (s.claim, lambda: s.claims(2), s.stats, lambda: anext(s.consume())):
            with pytest.raises(ValueError, match="choose a name without it"):
                await call()

    asyncio.run(main())
