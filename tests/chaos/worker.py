"""The processes of a run: workers, who may die at any time, and the producer."""

from __future__ import annotations

import logging
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from redset.backends import RedisBackend
from redset.exceptions import EmptySetError, LeaseLost
from tests.chaos.plan import SETS
from tests.chaos.register import Register
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset import Claim, SortedSet
    from tests.chaos.plan import Places, Plan
    from tests.chaos.register import Outcome

__all__ = [
    "ALL_ADDED",
    "NAME",
    "STOP_ADDING",
    "STOP_WORKING",
    "Numbers",
    "open_set",
    "produce",
    "work",
]

NAME = "chaos"
ALL_ADDED, STOP_ADDING, STOP_WORKING = "all added", "stop adding", "stop working"

# How long an idle worker waits until it looks whether it is to stop.
_WAIT = 0.5
# Who is too late with a slow item finds it in the hands of another, who will be late, too.
_SLOW_ATTEMPTS = 2
_TOO_LONG = 1.1
# How many items are added before some are added again, and the rest when there are no others.
_STRETCH = 20
_REST = 0.005
_FAILURES = (redis.ConnectionError, redis.TimeoutError)


def open_set(client: Any, kind: str) -> SortedSet[int]:
    """Return the set of the run."""
    return SETS[kind](client, NAME, serializer=Numbers)


def work(plan: Plan, places: Places, number: int) -> None:
    """Work until asked to stop, as worker number so and so."""
    with ExitStack() as stack:
        turn = {"claim": Worker.claim, "consume": Worker.consume, "pop": Worker.pop}[plan.use]
        worker = Worker(stack, plan, places, number)
        while not worker.register.is_said(STOP_WORKING):
            try:
                turn(worker)
            except EmptySetError:
                continue
            except _FAILURES as error:
                worker.register.note(f"failed {number} {type(error).__name__}")


class Process:
    """What workers and the producer need."""

    def __init__(self, stack: ExitStack, plan: Plan, places: Places, number: int) -> None:
        # Leases run out here; no need to tell of each.
        logging.getLogger("redset").setLevel(logging.ERROR)
        retry = Retry(ExponentialBackoff(cap=0.1, base=0.01), 10)  # as by default, but sooner
        client = stack.enter_context(redis.Redis(port=places.proxy, retry=retry))
        self.plan = plan
        self.number = number
        self.chance = random.Random(f"{plan.seed} {number}")
        # With connections beside the client's, and without.
        backend = RedisBackend(client, owns=[client] if number % 2 else [])
        self.set = open_set(stack.enter_context(backend), plan.kind)
        self.register = stack.enter_context(Register(places.register))


class Worker(Process):
    """Works on items, and tells the register."""

    def claim(self) -> None:
        """Claim an item, work, acknowledge."""
        claim = self.set.claim(self.plan.lease, timeout=_WAIT)
        self._execute(claim)
        try:
            claim.ack()
        except LeaseLost:
            pass
        finally:
            self._end(claim)

    def consume(self) -> None:
        """Work in a loop that acknowledges what is done when it takes what is next."""
        last: Claim[int] | None = None
        try:
            for claim in self.set.consume(self.plan.lease, timeout=_WAIT):
                if last is not None:
                    self._end(last)
                last = None
                self._execute(claim)
                last = claim
        finally:
            if last is not None:
                self._end(last)

    def pop(self) -> None:
        """Pop an item and work."""
        item = self.set.pop(timeout=_WAIT)
        token = time.time_ns()
        self.register.begin(item, token, self.number, 0.0, 1)
        self._work()
        self.register.check(item, token)

    def _execute(self, claim: Claim[int]) -> None:
        self.register.begin(claim.item, claim.token, self.number, claim.deadline, claim.attempt)
        if claim.attempt <= _SLOW_ATTEMPTS and self._is_slow(claim.item):
            time.sleep(self.plan.lease * _TOO_LONG)
        self._work()
        self.register.check(claim.item, claim.token)

    def _work(self) -> None:
        time.sleep(self.plan.work * self.chance.random())

    def _is_slow(self, item: int) -> bool:
        return random.Random(f"{self.plan.seed} {item}").random() < self.plan.slow

    def _end(self, claim: Claim[int]) -> None:
        outcome: Outcome = "acknowledged" if claim.is_over else "unknown"
        if claim.lost:
            outcome = "lost"
        self.register.end(claim.item, claim.token, outcome)


def produce(plan: Plan, places: Places, number: int) -> None:
    """Add every item once, and items that were added before until asked to stop."""
    with ExitStack() as stack:
        producer = Producer(stack, plan, places, number)
        for item in range(plan.items):
            producer.add(item)
            if item % _STRETCH == 0:
                producer.add_again()
        producer.register.say(ALL_ADDED)
        while not producer.register.is_said(STOP_ADDING):
            producer.add_again()
            time.sleep(_REST)


class Producer(Process):
    """Adds items, and tells the register."""

    known = 0
    _again = 0
    _unsaid: tuple[str, ...] = ()

    def add(self, item: int) -> None:
        """Add an item, come what may."""
        self.known = max(self.known, item + 1)
        score = self._score()
        while True:
            self.register.note(*self._unsaid, f"adding {item}")
            try:
                is_new = self._add(item, score)
            except _FAILURES as error:
                self._unsaid = (f"failed {self.number} {type(error).__name__}",)
            else:
                # Said with what comes next, which saves a round trip.
                self._unsaid = (f"added {item} {int(is_new)}",)
                return

    def add_again(self) -> None:
        """Add items that were added before, as many as work that is done allows."""
        done, ended = self.register.progress()
        allowed = min(int(self.plan.again * ended) - self._again, _STRETCH)
        # When all is done, there is no end to them until we are stopped.
        for _ in range(1 if done == self.plan.items else allowed):
            self.add(self.chance.choice(self._choice()))
            self._again += 1
        self.register.note(*self._unsaid)
        self._unsaid = ()

    def _choice(self) -> Sequence[int]:
        """Return items that are worked on, or likely to wait, or any."""
        anything = range(self.known)
        which = self.chance.random()
        if which < 0.5:
            return self.register.latest(self.plan.workers) or anything
        return anything[-_STRETCH:] if which < 0.75 else anything

    def _add(self, item: int, score: float | None) -> bool:
        if self.plan.use == "pop":
            return self.set.add_new(item, score)
        self.set.add(item, score)
        return True

    def _score(self) -> float | None:
        if self.plan.kind == "SortedSet":
            return self.chance.random()
        # Due now, or soon, or since a while.
        soon = time.time() + self.chance.uniform(-0.1, 0.1)
        return self.chance.choice([None, soon])
