"""Random operations have the same outcome on every backend as on the kit's model."""

from __future__ import annotations

import math
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

import fakeredis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from redset.backends import AsyncMemoryBackend, MemoryBackend, RedisBackend
from redset.backends.redis import _async, _sync
from redset.interfaces import Merge, Payload, Terms
from redset.testing import ManualClock, backend_machine, blocking
from tests.support.plain import plain, plain_async

if TYPE_CHECKING:
    from redset.interfaces import Backend
    from tests.support.backends import Backends


def some(runs: int) -> settings:
    """Return the settings for so many runs: always the same ones on a build machine."""
    return settings(
        max_examples=runs,
        deadline=None,
        derandomize="CI" in os.environ,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.no_cover
def test_memory() -> None:
    run_state_machine_as_test(backend_machine(MemoryBackend), settings=some(50))


@pytest.mark.no_cover
def test_memory_in_time() -> None:
    clock = ManualClock()
    machine = backend_machine(lambda: MemoryBackend(clock=clock), clock=clock)
    run_state_machine_as_test(machine, settings=some(150))


def test_asyncio_memory_in_time() -> None:
    clock = ManualClock()
    machine = backend_machine(
        lambda: blocking(lambda: AsyncMemoryBackend(clock=clock)), clock=clock
    )
    run_state_machine_as_test(machine, settings=some(15))


@pytest.mark.no_cover
@pytest.mark.parametrize("payload", list(Payload))
def test_keyed_memory_in_time(payload: Payload) -> None:
    clock = ManualClock()
    machine = backend_machine(lambda: MemoryBackend(clock=clock), clock=clock, payload=payload)
    run_state_machine_as_test(machine, settings=some(60))


@pytest.mark.no_cover
def test_keyed_asyncio_memory() -> None:
    machine = backend_machine(lambda: blocking(AsyncMemoryBackend), payload=Payload.WITH_SCORE)
    run_state_machine_as_test(machine, settings=some(10))


@pytest.mark.parametrize("payload", [None, Payload.WITH_SCORE])
def test_a_backend_that_hands_nothing_over(payload: Payload | None) -> None:
    clock = ManualClock()
    machine = backend_machine(
        lambda: plain(MemoryBackend(clock=clock)), clock=clock, payload=payload
    )
    run_state_machine_as_test(machine, settings=some(20))


def test_an_asyncio_backend_that_hands_nothing_over() -> None:
    machine = backend_machine(lambda: blocking(lambda: plain_async(AsyncMemoryBackend())))
    run_state_machine_as_test(machine, settings=some(5))


class ServerClock(ManualClock):
    """Tells microseconds, as servers do, and goes on: they forget tokens when time has passed."""

    def time(self) -> float:
        return round(super().time(), 6)

    def set(self, now: float) -> None:
        super().set(max(now, self.time()))


@pytest.mark.no_cover
@pytest.mark.parametrize("payload", [None, Payload.WITH_SCORE])
def test_fakeredis_in_time(monkeypatch: pytest.MonkeyPatch, payload: Payload | None) -> None:
    clock = ServerClock()
    monkeypatch.setattr("time.time", clock.time)
    with RedisBackend(fakeredis.FakeRedis(server=fakeredis.FakeServer())) as backend:
        machine = backend_machine(lambda: nullcontext(backend), clock=clock, payload=payload)
        run_state_machine_as_test(machine, settings=some(6))


@pytest.mark.parametrize(
    ("kind", "runs"), [("fakeredis", 4), ("redis-6.2", 30), ("valkey-9.1", 30)]
)
def test_servers(backends: Backends, kind: str, runs: int) -> None:
    machine = backend_machine(lambda: nullcontext(backends.get(kind)))
    run_state_machine_as_test(machine, settings=some(runs))


@pytest.mark.parametrize("kind", ["valkey-9.1", "valkey-9.1-async"])
def test_servers_by_transactions(
    backends: Backends, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_async.taking, _sync.taking):
        monkeypatch.setattr(module, "_MANY", 2)
        monkeypatch.setattr(module, "_SEVERAL_DUE", 1)
    machine = backend_machine(lambda: nullcontext(backends.get(kind)))
    run_state_machine_as_test(machine, settings=some(15))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("redis-6.2", Payload.NEWEST),
        ("valkey-9.1", Payload.FIRST),
        ("valkey-9.1-async", Payload.WITH_SCORE),
    ],
)
def test_keyed_servers(backends: Backends, kind: str, payload: Payload) -> None:
    machine = backend_machine(lambda: nullcontext(backends.get(kind)), payload=payload)
    run_state_machine_as_test(machine, settings=some(15))


class NaNs(MemoryBackend):
    """Stores what is not a number."""

    def increment(self, name: str, member: bytes, by: float) -> float:
        score = (self.scores(name, [member])[0] or 0.0) + by
        self.add(name, [(member, score)], Merge.REPLACE)
        return score


@pytest.mark.parametrize("kind", [MemoryBackend, NaNs])
def test_errors_are_outcomes_to_compare(kind: type[MemoryBackend]) -> None:
    machine: Any = backend_machine(kind)()
    name = next(iter(machine._names))  # noqa: SLF001  (as the machine draws them)
    machine.increment(name, b"a", math.inf)
    with pytest.raises(AssertionError, match="nan") if kind is NaNs else nullcontext():
        machine.increment(name, b"a", -math.inf)
    machine.teardown()


def test_no_more_is_claimed_than_comes_back_at_once() -> None:
    machine: Any = backend_machine(MemoryBackend)()
    name = next(iter(machine._names))  # noqa: SLF001  (as the machine draws them)
    machine.add(name, [(b"%d" % i, 0.0) for i in range(150)], Merge.REPLACE)
    terms = Terms(60.0, math.inf, Merge.REPLACE, None, 10)
    for _ in range(3):
        machine.claim(name, 60, terms, [], waiting=False)
    claimed = machine._model.claims[machine._names[name]]  # noqa: SLF001  (see above)
    assert 0 < len(claimed) < 100
    machine.teardown()


def test_a_delay_ends_by_the_clock() -> None:
    clock = ManualClock()
    machine: Any = backend_machine(lambda: MemoryBackend(clock=clock), clock=clock)()
    name, full = next(iter(machine._names.items()))  # noqa: SLF001  (as the machine draws them)
    terms = Terms(60.0, math.inf, Merge.REPLACE, None, 10)
    machine.add(name, [(b"a", 0.0)], Merge.REPLACE)
    machine.claim(name, 1, terms, [], waiting=False)
    [hold] = machine._made[full]  # noqa: SLF001  (see above)
    machine._release(full, hold, Merge.REPLACE, score=None, delay=5.0, attempts=None)  # noqa: SLF001
    machine.move_the_clock(5.0)
    machine.claim(name, 1, terms, [], waiting=False)
    assert [member for member, _ in machine._made[full]] == [b"a", b"a"]  # noqa: SLF001
    machine.teardown()


class Bare:
    """A backend that is no context manager."""

    def __init__(self) -> None:
        self.store = MemoryBackend()
        self.closed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def close(self) -> None:
        self.closed += 1


def test_a_backend_is_cleared_and_closed_after_each_run() -> None:
    made: list[Bare] = []

    def make() -> Backend:
        made.append(Bare())
        return cast("Backend", made[-1])

    run_state_machine_as_test(backend_machine(make), settings=some(5))
    assert len(made) >= 5
    assert {bare.closed for bare in made} == {1}
    assert {repr(bare.store) for bare in made} == {"<MemoryBackend sets=0>"}
