"""Threads that add items, and threads that claim them."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from redset.exceptions import EmptySetError, LeaseLost
from tests.support.backends import make_set
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from redset.interfaces import Backend
    from tests.topologies.clients import Clients
    from tests.topologies.ledger import Ledger
    from tests.topologies.plan import Plan

__all__ = ["Load"]

_PAUSE = 0.002
_WAIT = 0.5
_BATCH = 20


class Load:
    """Producers, half of them blocking and half asyncio, and workers likewise."""

    def __init__(self, plan: Plan, clients: Clients, name: str, ledger: Ledger) -> None:
        self._plan = plan
        self._clients = clients
        self._name = name
        self._ledger = ledger
        self._stack = ExitStack()
        self._stop_adding = threading.Event()
        self._stop_working = threading.Event()
        self.longest_silence = 0.0
        self._producers = [self._thread(self._produce, i) for i in range(plan.producers)]
        turns = [self._claim_one, self._claim_many]
        if plan.fault == "reshard":
            # What is popped dies with its server, and is not promised otherwise.
            turns += [self._consume, self._pop]
        self._workers = [
            self._thread(self._work, i, turns[i // 2 % len(turns)]) for i in range(plan.workers)
        ]

    def __enter__(self) -> Self:
        for each in (*self._producers, *self._workers):
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_adding.set()
        self._stop_working.set()
        for each in (*self._producers, *self._workers):
            each.join()
        self._stack.close()

    def finish(self, limit: float = 120.0) -> None:
        """Add no more, and return when the set is empty."""
        self._stop_adding.set()
        for each in self._producers:
            each.join()
        deadline = time.monotonic() + limit
        with self._clients.open(0) as backend:
            s = self._set(backend)
            while (stats := s.stats()).pending + stats.claimed + stats.parked:
                if time.monotonic() > deadline:
                    message = f"not empty after {limit} seconds: {stats}"
                    raise TimeoutError(message)
                time.sleep(0.1)

    def _thread(self, target: Callable[..., None], i: int, *arguments: object) -> threading.Thread:
        backend = self._stack.enter_context(self._clients.open(i))
        return threading.Thread(target=target, args=(self._set(backend), *arguments), daemon=True)

    def _set(self, backend: Backend) -> Any:
        return make_set(backend, self._plan.kind, self._name, serializer=Numbers)

    def _produce(self, s: Any) -> None:
        ledger = self._ledger
        latest = time.monotonic()
        while not self._stop_adding.is_set():
            # Whether an add that fails was made is not known, so an item is never added again.
            item = next(ledger.numbers)
            try:
                s.add(item, item)
            except Exception as error:  # noqa: BLE001  (this is what is counted)
                ledger.note_failure(error)
            else:
                ledger.added.add(item)
                silence, latest = time.monotonic() - latest, time.monotonic()
                self.longest_silence = max(self.longest_silence, silence)
            time.sleep(_PAUSE)

    def _work(self, s: Any, turn: Callable[[Any], None]) -> None:
        while not self._stop_working.is_set():
            if not self._stop_adding.is_set() and self._ledger.backlog < self._plan.backlog:
                time.sleep(_PAUSE)
                continue
            try:
                turn(s)
            except (EmptySetError, LeaseLost):
                pass
            except Exception as error:  # noqa: BLE001  (this is what is counted)
                self._ledger.note_failure(error)
                time.sleep(_PAUSE)

    def _claim_one(self, s: Any) -> None:
        claim = s.claim(self._plan.lease, timeout=_WAIT)
        self._ledger.note_start(claim.item)
        claim.ack()
        self._ledger.note_done({claim.item})

    def _claim_many(self, s: Any) -> None:
        claims = s.claims(_BATCH, self._plan.lease, timeout=_WAIT)
        for claim in claims:
            self._ledger.note_start(claim.item)
        try:
            s.ack_all(claims)
        finally:
            self._ledger.note_done({each.item for each in claims if each.is_over and not each.lost})

    def _consume(self, s: Any) -> None:
        last = None
        for claim in s.consume(self._plan.lease, timeout=_WAIT):
            self._note_last(last)
            self._ledger.note_start(claim.item)
            last = claim
        self._note_last(last)

    def _note_last(self, claim: Any) -> None:
        if claim is not None and claim.is_over and not claim.lost:
            self._ledger.note_done({claim.item})

    def _pop(self, s: Any) -> None:
        item = s.pop(timeout=_WAIT)
        self._ledger.note_start(item)
        self._ledger.note_done({item})
