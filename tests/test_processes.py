"""Many processes on one set."""

from __future__ import annotations

import multiprocessing
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import redis

from redset import ScheduledSet, SortedSet
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.backends import Backends

PROCESSES = 10
ITEMS = 1000


def take_all(kind: type[SortedSet[int]], port: int, name: str, results: Any) -> None:
    """Take items until there are none."""
    with closing(redis.Redis(port=port)) as client:
        s = kind(client, name, serializer=Numbers)
        taken: list[int] = []
        while items := s.take(7):
            taken += items
        results.put(taken)


@pytest.mark.parametrize("server", ["redis-6.2", "valkey-8.1", "valkey-9.1"])
@pytest.mark.parametrize("kind", [SortedSet, ScheduledSet])
def test_each_item_is_taken_by_one_process(
    backends: Backends, server: Any, kind: type[SortedSet[int]], name: str
) -> None:
    port = backends.server(server).port
    with closing(redis.Redis(port=port)) as client:
        s = kind(client, name, serializer=Numbers)
        s.update(range(ITEMS), range(ITEMS))
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()
        workers = [
            context.Process(target=take_all, args=(kind, port, name, results))
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()
        parts: Sequence[list[int]] = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        assert sorted(item for part in parts for item in part) == list(range(ITEMS))
        assert all(part == sorted(part) for part in parts)
        assert len(s) == 0
