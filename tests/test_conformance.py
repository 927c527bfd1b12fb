"""Every backend passes the conformance kit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.interfaces import Merge, Payload, Stats, Terms
from redset.testing import (
    BackendConformance,
    HandoverConformance,
    KeyedViewConformance,
    ManualClock,
    blocking,
)
from tests.support.backends import KEYED_KINDS, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends

TERMS = Terms(60.0, math.inf, Merge.REPLACE, None, 10)


class LeavesNothing:
    """Sees to it that an emptied set leaves nothing behind, though nobody clears it."""

    @pytest.fixture
    def backend(self, kind: str, backends: Backends) -> Backend:
        return backends.get(kind)

    @pytest.fixture(autouse=True)
    def no_key_is_left(
        self, kind: str, backends: Backends, backend: Backend, name: str
    ) -> Iterator[None]:
        yield
        if backend.is_keyed(name) is not False:
            backend = backend.keyed(Payload.NEWEST)
        # By claims, and by pops.
        leases = backend.claim(name, 2, TERMS).leases
        done = [(lease.member, lease.token) for lease in leases]
        assert backend.acknowledge(name, done, Merge.REPLACE) == [True] * len(leases)
        while backend.pop(name, 1000):
            pass
        letters = backend.dead(name, 0, 10**6)
        backend.forget(name, [each.raw if each.key is None else each.key for each in letters])
        # A check leaves nothing that is claimed, parked or delayed.
        assert backend.stats(name, math.inf) == Stats(0, 0, 0, 0, 0, 0, None, None)
        assert backends.leaked_keys(kind, name) == []


class TestConformance(LeavesNothing, BackendConformance, HandoverConformance):
    @pytest.fixture(params=KINDS)
    def kind(self, request: pytest.FixtureRequest) -> str:
        kind: str = request.param
        return kind


class TestKeyedView(LeavesNothing, KeyedViewConformance, HandoverConformance):
    @pytest.fixture(params=KEYED_KINDS)
    def kind(self, request: pytest.FixtureRequest) -> str:
        kind: str = request.param
        return kind


class TestManualClock(BackendConformance, HandoverConformance):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture(params=["blocking", "asyncio"])
    def backend(self, request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Backend]:
        if request.param == "blocking":
            yield MemoryBackend(clock=clock)
        else:
            with blocking(lambda: AsyncMemoryBackend(clock=clock)) as backend:
                yield backend

    @pytest.fixture
    def advance(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance
