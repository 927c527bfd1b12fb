"""Checks of what sharded sets ask of a backend besides: layouts, and a clock."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import pytest

from redset.exceptions import SetExistsError
from redset.interfaces import Payload
from redset.testing._algebra import others
from redset.testing._claim_steps import claim
from redset.testing._concurrency import at_once
from redset.testing._ending import fill_all
from redset.testing._handover import changes, forget, is_refused, seal
from redset.testing._writing import everything

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import ShardableBackend

__all__ = ["LayoutChecks"]

_LONG = 30.0


class LayoutChecks:
    """A layout stands where no set can be, and time goes on."""

    def test_the_clock_of_timeouts_moves_on(
        self, backend: ShardableBackend, name: str, advance: Callable[[float], None]
    ) -> None:
        began = backend.monotonic()
        assert backend.keyed(Payload.NEWEST).monotonic() - began < _LONG
        advance(0.2)
        elapsed = backend.monotonic() - began
        assert 0.19 < elapsed < _LONG
        assert backend.wait_pop(name, 1, 0.0) == []

    def test_a_layout_is_no_set(self, backend: ShardableBackend, name: str) -> None:
        with others(backend, name, [(b"a", 1.0)]) as (other,):
            assert backend.layout(name) is None
            assert backend.put_layout(name, b"1:8", 3) is True
            views = [backend, *(backend.keyed(rule) for rule in Payload)]
            try:
                for view in views:
                    calls = changes(view, name, other) if view is backend else {}
                    calls["pop"] = partial(view.pop, name, 1)
                    calls["claim"] = partial(claim, view, name)
                    calls["length"] = partial(view.length, name)
                    calls["clear"] = partial(view.clear, name)
                    refused = [what for what, call in calls.items() if is_refused(call)]
                    assert refused == list(calls)
                    assert view.layout(name) == b"1:8"
                assert backend.is_sealed(name) is True
                # No handing over ends it.
                forget(backend, name, other)
                assert everything(backend, other) == [(b"a", 1.0)]
            finally:
                assert backend.drop_layout(name) is True
        assert backend.drop_layout(name) is False
        assert (backend.layout(name), backend.is_sealed(name)) == (None, False)
        assert backend.clear(name) is False

    def test_a_layout_gives_way_to_a_later_one(self, backend: ShardableBackend, name: str) -> None:
        odd = bytes(range(256))
        put = backend.put_layout
        try:
            assert [put(name, b"%d" % step, step) for step in (3, 3, 1, 4)] == [1, 0, 0, 1]
            assert backend.layout(name) == b"4"
            assert put(name, odd, 10**12) is True
            assert backend.layout(name) == odd
            # Many at once agree on one.
            assert sum(at_once(lambda place: put(name, b"%d" % place, 10**12 + 1))) == 1
        finally:
            backend.drop_layout(name)

    def test_what_is_there_gets_no_layout(self, backend: ShardableBackend, name: str) -> None:
        leases = list(fill_all(backend, name).values())
        before = backend.stats(name, math.inf)
        for _ in range(2):
            for call in (lambda: backend.layout(name), lambda: backend.put_layout(name, b"x", 9)):
                with pytest.raises(SetExistsError):
                    call()
            assert backend.drop_layout(name) is False
            assert backend.stats(name, math.inf) == before
            # What waits nowhere, but is claimed or dead, is there, too.
            backend.pop(name, 9)
            before = backend.stats(name, math.inf)
        backend.clear(name)
        assert leases
        with seal(backend, name), pytest.raises(SetExistsError):
            backend.put_layout(name, b"x", 9)
