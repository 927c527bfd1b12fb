"""What a backend is, stated as tests.

Subclass `BackendConformance` in a test module, and give it a fixture ``backend``::

    from redset.testing import BackendConformance

    class TestMyBackend(BackendConformance):
        @pytest.fixture
        def backend(self):
            return MyBackend()

`KeyedViewConformance` runs most of them through a keyed view of the backend::

    class TestMyKeyedView(KeyedViewConformance):
        @pytest.fixture
        def backend(self):
            return MyBackend().keyed(Payload.NEWEST)

`HandoverConformance` states what is more of a backend on which sets can be sharded: a
`redset.interfaces.ShardableBackend`. A class may have both kinds of tests::

    class TestMyBackend(BackendConformance, HandoverConformance):
        ...

An asyncio backend is made blocking first, with `redset.testing.blocking`. A backend
whose clock is moved by hand overrides the fixture ``advance``.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import pytest

# So that a failed check shows the values it compared.
pytest.register_assert_rewrite(
    *(
        f"redset.testing.{module}"
        for module in (
            *("_algebra", "_claim_steps", "_claim_waiting", "_claimants", "_claiming"),
            *("_concurrency", "_copies", "_dead_letters", "_ending", "_handover", "_keyed"),
            *("_keyed_claims", "_keyed_dead_letters", "_keying", "_layouts", "_leases", "_moving"),
            *("_parting", "_reading", "_releasing", "_timing", "_writing"),
        )
    )
)

from redset.testing._algebra import AlgebraChecks
from redset.testing._claim_waiting import ClaimWaitingChecks
from redset.testing._claimants import ClaimantChecks
from redset.testing._claiming import ClaimingChecks
from redset.testing._concurrency import ConcurrencyChecks
from redset.testing._copies import CopyChecks
from redset.testing._dead_letters import DeadLetterChecks
from redset.testing._ending import EndingChecks
from redset.testing._handover import HandoverChecks
from redset.testing._keyed import KeyedChecks
from redset.testing._keyed_claims import KeyedClaimChecks
from redset.testing._keyed_dead_letters import KeyedDeadLetterChecks
from redset.testing._keying import KeyingChecks
from redset.testing._layouts import LayoutChecks
from redset.testing._leases import LeaseChecks
from redset.testing._moving import MovingChecks
from redset.testing._parting import PartingChecks
from redset.testing._reading import ReadingChecks
from redset.testing._releasing import ReleasingChecks
from redset.testing._timing import TimingChecks
from redset.testing._writing import WritingChecks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend

__all__ = ["BackendConformance", "HandoverConformance", "KeyedViewConformance"]


class _Conformance:
    """What the tests are given."""

    @pytest.fixture
    def backend(self) -> Backend:
        """Return the backend to be tested."""
        message = f"{type(self).__name__} needs a fixture called backend"
        raise NotImplementedError(message)

    @pytest.fixture
    def name(self, backend: Backend) -> Iterator[str]:
        """Give the name of a set that nobody else uses, and clear it in the end."""
        name = f"conformance-{uuid.uuid4().hex}"
        # Also the first word with a client that is not fit for many threads before it.
        assert backend.length(name) == 0
        yield name
        backend.clear(name)

    @pytest.fixture
    def advance(self) -> Callable[[float], None]:
        """Return what lets some seconds pass on the backend's clock."""
        return time.sleep


class KeyedViewConformance(
    WritingChecks,
    ReadingChecks,
    TimingChecks,
    DeadLetterChecks,
    ClaimingChecks,
    CopyChecks,
    LeaseChecks,
    ReleasingChecks,
    ClaimWaitingChecks,
    ConcurrencyChecks,
    ClaimantChecks,
    AlgebraChecks,
    MovingChecks,
    EndingChecks,
    PartingChecks,
    _Conformance,
):
    """The tests that every keyed view of a backend passes. Needs a fixture ``backend``.

    These are those of `BackendConformance` but for what is asked of the views themselves: to
    them, a view is a backend whose members happen to have empty payloads.
    """


class BackendConformance(
    KeyedViewConformance,
    KeyedChecks,
    KeyedClaimChecks,
    KeyedDeadLetterChecks,
    KeyingChecks,
):
    """The tests that every backend passes. Needs a fixture ``backend``."""


class HandoverConformance(HandoverChecks, LayoutChecks, _Conformance):
    """The tests that every backend passes, and every keyed view, on which sets can be sharded.

    They are those of what a `redset.interfaces.ShardableBackend` has besides, so they go with those
    of `BackendConformance` and `KeyedViewConformance`. Needs a fixture ``backend``.
    """
