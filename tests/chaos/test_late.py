"""What is sent again may arrive twice, and the first of both long after the second."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import redis

from redset import SortedSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.backends import Backends


class Repeating(redis.Redis):
    """Remembers what it sent last, and can send that again."""

    sent: tuple[Any, ...] = ()

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        self.sent = arguments
        return super().execute_command(*arguments, **options)  # type: ignore[no-untyped-call]  # untyped in redis-py


@pytest.fixture(params=["valkey-9.1", "redis-6.2"])
def client(request: pytest.FixtureRequest, backends: Backends) -> Iterator[Repeating]:
    with closing(Repeating(port=backends.server(request.param).port)) as client:
        yield client


@pytest.fixture
def jobs(client: Repeating, name: str) -> Iterator[SortedSet[str]]:
    jobs = SortedSet(client, name)
    yield jobs
    jobs.clear()


def send_late(client: Repeating, sent: tuple[Any, ...]) -> None:
    with pytest.raises(redis.ResponseError, match="answered already"):
        client.execute_command(*sent)


def test_an_item_that_was_taken_is_not_added_again(client: Repeating, jobs: SortedSet[str]) -> None:
    jobs.add("a", 1)
    late = client.sent
    jobs.add("b", 2)
    assert jobs.take(2) == ["a", "b"]
    send_late(client, late)
    assert len(jobs) == 0


def test_nothing_is_claimed_for_nobody(client: Repeating, jobs: SortedSet[str]) -> None:
    jobs.update(["a", "b"])
    claim = jobs.claim()
    late = client.sent
    claim.ack()
    send_late(client, late)
    assert (jobs.stats().pending, jobs.stats().claimed) == (1, 0)


def test_what_was_answered_since_is_still_known(client: Repeating, jobs: SortedSet[str]) -> None:
    jobs.update(["a", "b", "c"])
    jobs.claim().ack()
    late = client.sent
    jobs.claim()
    latest = client.sent
    send_late(client, late)
    client.execute_command(*latest)
    assert (jobs.stats().pending, jobs.stats().claimed) == (1, 1)
