"""Every backend passes the conformance kit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.testing import BackendConformance, ManualClock, blocking
from tests.support.backends import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends


class TestConformance(BackendConformance):
    @pytest.fixture(params=KINDS)
    def kind(self, request: pytest.FixtureRequest) -> str:
        kind: str = request.param
        return kind

    @pytest.fixture
    def backend(self, kind: str, backends: Backends) -> Backend:
        return backends.get(kind)

    @pytest.fixture(autouse=True)
    def no_key_is_left(
        self, kind: str, backends: Backends, backend: Backend, name: str
    ) -> Iterator[None]:
        """See to it that an emptied set leaves nothing behind, though nobody clears it."""
        yield
        while backend.pop(name, 1000):
            pass
        backend.forget(name, [letter.raw for letter in backend.dead(name, 0, 10**6)])
        assert backends.leaked_keys(kind, name) == []


class TestManualClock(BackendConformance):
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
