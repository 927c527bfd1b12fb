"""Beside other libraries: to produce, consume and acknowledge items with which nothing is done.

Not run unless it is asked for, as it needs the packages in ``peers.txt``::

    pip install -e '.[suite]' -r benchmarks/peers.txt
    python -m benchmarks --only peers

Each contestant has the server for itself. One process adds all items, then another one, which
is ready by then, works them off. What counts is the sum of both times, without what it takes to
start and to stop. All use redis-py with hiredis; how each is set up is said in
`contestants` and `contestants_asyncio`.
"""

from __future__ import annotations

import multiprocessing
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import contestants, contestants_asyncio
from benchmarks.harness import Place, Result, apart
from benchmarks.watch import Watch
from tests.support.servers import Server
from tests.support.wire import pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.watch import Contestant

OURS = [*contestants.OURS, *contestants_asyncio.OURS]
PEERS = [*contestants.PEERS, *contestants_asyncio.PEERS]
SECONDS = 120


class Cost(NamedTuple):
    """What a number of items took, in seconds."""

    wall: float
    client: float
    server: float


def run(*, quick: bool) -> Iterator[Result]:
    """Time all in turn, again and again, and compare the medians."""
    rounds = 1 if quick else 3
    everybody = [contestants.BY_HAND, *OURS, *PEERS]
    costs: dict[str, list[Cost]] = {each.name: [] for each in everybody}
    failures: dict[str, str] = {}
    with Server() as server, apart(server):
        for _ in range(rounds):
            for each in everybody:
                if each.name not in failures:
                    try:
                        costs[each.name].append(
                            _cost(server, each, each.num // (4 if quick else 1))
                        )
                    except Exception as error:  # noqa: BLE001  (the others go on)
                        failures[each.name] = f"{type(error).__name__}: {error}"
    for name, failure in failures.items():
        yield Result(f"{name}: FAILED", failure, 0, limit=1, at_least=True)
        del costs[name]
    for name, runs in costs.items():
        place = Place("peers", "redset" if name.startswith("redset") else "other", name)
        yield Result(name, _shares(runs), _rate(runs), unit=" /s", place=place)
    yield from _compare(contestants.OURS, PEERS, costs)
    yield from _compare(contestants_asyncio.OURS, contestants_asyncio.PEERS, costs)


def _compare(
    ours: Sequence[Contestant], peers: Sequence[Contestant], costs: dict[str, list[Cost]]
) -> Iterator[Result]:
    for mine in ours:
        for peer in peers:
            if {mine.name, peer.name} <= costs.keys() and mine.batched >= peer.batched:
                yield _beside(mine, peer, costs)


def _beside(ours: Contestant, peer: Contestant, costs: dict[str, list[Cost]]) -> Result:
    ratio = _rate(costs[ours.name]) / _rate(costs[peer.name])
    by_cpu = sum(_cpu(costs[peer.name])) / sum(_cpu(costs[ours.name]))
    detail = f"by CPU time {by_cpu:.2f}"
    return Result(f"{ours.name} / {peer.name}", detail, ratio, ours.limit, at_least=True)


def _rate(runs: list[Cost]) -> float:
    return 1 / median(cost.wall for cost in runs)


def _cpu(runs: list[Cost]) -> tuple[float, float]:
    """Return the CPU time of client and server, which other programs hardly disturb."""
    return median(cost.client for cost in runs), median(cost.server for cost in runs)


def _shares(runs: list[Cost]) -> str:
    client, server = _cpu(runs)
    return f"CPU of the client {client * 1e6:.0f} µs, of the server {server * 1e6:.0f} µs"


def _cost(server: Server, contestant: Contestant, num: int) -> Cost:
    """Return what one item costs."""
    server.call("FLUSHALL")
    produced, _ = _phase(server, contestant.produce, num)
    consumed, worked = _phase(server, contestant.consume, num)
    if worked != num:
        message = f"worked off {worked} of {num} items"
        raise RuntimeError(message)
    return Cost(*(sum(parts) / num for parts in zip(produced, consumed, strict=True)))


def _phase(server: Server, phase: Callable[[int, int, Watch], None], num: int) -> tuple[Cost, int]:
    """Return what one phase costs, and how many items were worked off."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(phase, server.port, num, there))
    process.start()
    try:
        _reply(here)
        before = _server_seconds(server)
        here.send(None)
        wall, client, worked = _reply(here)
        return Cost(wall, client, _server_seconds(server) - before), worked
    finally:
        process.kill()
        process.join()


def _reply(pipe: Any) -> Any:
    if not pipe.poll(SECONDS):
        message = f"no answer for {SECONDS} seconds"
        raise TimeoutError(message)
    reply = pipe.recv()
    if isinstance(reply, str):
        raise RuntimeError(reply)  # noqa: TRY004  (it tells of an error in the other process)
    return reply


def _run(phase: Callable[[int, int, Watch], None], port: int, num: int, pipe: Any) -> None:
    """Run one phase, in a process of its own that is killed when it has told what it took."""

    def ready() -> None:
        pipe.send(None)
        pipe.recv()

    watch = Watch(num, ready, pipe.send)
    try:
        phase(port, num, watch)
        message = "ended early"
    except Exception as error:  # noqa: BLE001  (it is raised again on the other side)
        message = f"{type(error).__name__}: {error}"
    pipe.send(message)


def _server_seconds(server: Server) -> float:
    used = pairs(server.call("INFO", "cpu"))
    return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])
