"""A run: a server, a proxy, a register, and processes that are killed all the time."""

from __future__ import annotations

import multiprocessing
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import redis

from tests.chaos import worker
from tests.chaos.history import read
from tests.chaos.plan import Places
from tests.chaos.register import Register
from tests.chaos.report import Chaos, make_report
from tests.support.leaks import leaked_keys
from tests.support.proxy import Proxy
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset import SortedSet
    from tests.chaos.plan import Plan
    from tests.chaos.report import Report

__all__ = ["ChaosError", "run"]

# How likely these are when a worker is killed.
_FLUSH = 0.2
_DISCONNECT = 0.5
_LOOK = 0.02


class ChaosError(Exception):
    """A run came to no good end."""


def run(plan: Plan) -> Report:
    """Run until every item was worked on and the set is empty; return the counts."""
    began = time.monotonic()
    with ExitStack() as stack:
        server = stack.enter_context(Server(plan.server))
        apart = stack.enter_context(Server())
        proxy = stack.enter_context(
            Proxy(server.port, drop_replies=plan.drop, late_requests=plan.late, seed=plan.seed)
        )
        register = stack.enter_context(Register(apart.port))
        client = stack.enter_context(redis.Redis.from_url(server.unix_url))
        jobs = worker.open_set(client, plan.kind)
        crew = Crew(plan, Places(proxy.port, apart.port), register, jobs)
        stack.callback(crew.end)
        crew.begin()
        chaos = _disturb(plan, crew, server)
        crew.finish()
        chaos.replies_dropped = proxy.dropped_replies
        chaos.requests_late = proxy.delivered_late
        chaos.dead_letters = jobs.stats().dead
        chaos.keys_left = len(leaked_keys(client, worker.NAME))
        chaos.seconds = time.monotonic() - began
        return make_report(plan, read(register.history(), plan.lease), chaos)


def _disturb(plan: Plan, crew: Crew, server: Server) -> Chaos:
    """Kill workers and connections, and make the server forget scripts, until all is done."""
    chaos = Chaos()
    chance = random.Random(plan.seed)
    for _ in crew.until(crew.is_done, every=plan.kill_every):
        # A machine too slow to do any work meanwhile is given time, or there would be no end.
        if crew.has_progressed():
            crew.replace(chance.randrange(plan.workers))
            if chance.random() < _FLUSH:
                server.call("SCRIPT", "FLUSH")
                chaos.scripts_flushed += 1
            if chance.random() < _DISCONNECT:
                chaos.connections_killed += _disconnect(server, chance.random())
    return chaos


def _disconnect(server: Server, where: float) -> int:
    """Kill one of the connections that come through the proxy; return how many that were."""
    reply = server.call("CLIENT", "LIST")
    lines = reply.decode().splitlines() if isinstance(reply, bytes) else []
    found = [line.split()[0].removeprefix("id=") for line in lines if " addr=127.0.0.1:" in line]
    if not found:
        return 0
    return server.call("CLIENT", "KILL", "ID", found[int(where * len(found))]) == 1


class Crew:
    """The processes of a run."""

    def __init__(
        self, plan: Plan, places: Places, register: Register, jobs: SortedSet[int]
    ) -> None:
        self._plan = plan
        self._places = places
        self._register = register
        self._jobs = jobs
        self._limit = time.monotonic() + plan.limit
        self._ended = 0
        self._killed = 0
        self._started = 0
        self._running: dict[int, Any] = {}
        # Forked from a process that has all modules: a worker is there within milliseconds.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([worker.__name__])

    def begin(self) -> None:
        """Start the producer and the workers."""
        self._producer = self._start(worker.produce)
        self._workers = [self._start(worker.work) for _ in range(self._plan.workers)]

    def replace(self, place: int) -> None:
        """Kill a worker and start another."""
        number = self._workers[place]
        process = self._running.pop(number)
        process.kill()
        process.join()
        process.close()
        self._register.note(f"killed {number}")
        self._killed += 1
        self._workers[place] = self._start(worker.work)

    def has_progressed(self) -> bool:
        """Tell whether anything was done since this was last asked."""
        before = self._ended
        _, self._ended = self._register.progress()
        return self._ended > before

    def is_done(self) -> bool:
        """Tell whether every item was added, and worked on unless it is lost."""
        if self._killed < self._plan.kills or not self._register.is_said(worker.ALL_ADDED):
            return False
        return self._register.progress()[0] == self._plan.items or self._is_empty()

    def finish(self) -> None:
        """Wait until the set is empty and all processes have ended."""
        self._register.say(worker.STOP_ADDING)
        self._join(self._producer)
        for _ in self.until(self._is_empty, every=_LOOK):
            pass
        self._register.say(worker.STOP_WORKING)
        self._join(*self._workers)

    def end(self) -> None:
        """Kill what is left."""
        for process in self._running.values():
            process.kill()
            process.join()
            process.close()

    def until(self, condition: Callable[[], bool], every: float) -> Iterator[None]:
        """Iterate so many seconds apart until the condition holds; raise if it takes too long."""
        then = time.monotonic()
        while not condition():
            now = time.monotonic()
            if now > self._limit:
                message = f"not done after {self._plan.limit} seconds: {self._state()}"
                raise ChaosError(message)
            for number, process in self._running.items():
                if process.exitcode:
                    message = f"process {number} ended with code {process.exitcode}"
                    raise ChaosError(message)
            then = max(then + every, now)
            time.sleep(then - now)
            yield

    def _start(self, target: Callable[[Plan, Places, int], None]) -> int:
        self._started += 1
        process = self._context.Process(
            target=target, args=(self._plan, self._places, self._started), daemon=True
        )
        process.start()
        self._running[self._started] = process
        return self._started

    def _join(self, *numbers: int) -> None:
        processes = [self._running[number] for number in numbers]
        for _ in self.until(lambda: all(each.exitcode == 0 for each in processes), every=_LOOK):
            pass

    def _is_empty(self) -> bool:
        stats = self._jobs.stats()
        return not stats.pending + stats.claimed + stats.parked

    def _state(self) -> str:
        done, ended = self._register.progress()
        return f"{done} of {self._plan.items} items, {ended} executions, {self._jobs.stats()}"
