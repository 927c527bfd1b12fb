"""What becomes of undecodable items when they cannot be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.interfaces import DeadLetter, Merge
from redset.testing import blocking
from tests.support.backends import make_set
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from redset.interfaces import Backend, Entry


class Full(MemoryBackend):
    """Keeps no dead letters."""

    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        message = f"no room for {len(letters)} of {name}, limit {limit}"
        raise OSError(message)


@pytest.fixture(params=["blocking", "asyncio"])
def full(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "blocking":
        yield Full()
    else:
        with blocking(lambda: AsyncMemoryBackend(Full())) as backend:
            yield backend


@pytest.fixture(params=["blocking", "asyncio"])
def memory(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "blocking":
        yield MemoryBackend()
    else:
        with blocking(AsyncMemoryBackend) as backend:
            yield backend


def test_their_bytes_are_logged_and_the_others_get_through(
    full: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    s: Any = make_set(full, "SortedSet", "jobs", serializer=Numbers)
    full.add("jobs", [(b"1", 1.0), (b"poison", 2.5), (b"3", 3.0)], Merge.KEEP)
    assert s.take(2) == [1, 3]
    assert "could not keep b'poison', score 2.5" in caplog.text


def test_the_error_surfaces_when_nothing_else_is_in_hand(full: Backend) -> None:
    s: Any = make_set(full, "SortedSet", "jobs", serializer=Numbers)
    full.add("jobs", [(b"poison", 2.5), (b"3", 3.0)], Merge.KEEP)
    with pytest.raises(OSError, match="no room for 1"):
        s.pop()
    assert s.pop() == 3


class DumbError(Exception):
    """Has no message that can be shown."""

    def __str__(self) -> str:
        return str(self.args[0])


class Dumb:
    dumps = str

    @staticmethod
    def loads(data: bytes) -> str:
        if data == b"poison":
            raise DumbError
        return data.decode()


@pytest.mark.parametrize("way", ["take", "claims"])
def test_an_error_that_cannot_be_shown_is_known_by_its_class(memory: Backend, way: str) -> None:
    s: Any = make_set(memory, "SortedSet", "jobs", serializer=Dumb)
    memory.add("jobs", [(b"poison", 1.0), (b"good", 2.0)], Merge.KEEP)
    assert len(getattr(s, way)(2)) == 1
    assert [(each.raw, each.reason) for each in s.dead()] == [(b"poison", "DumbError")]
    assert len(s) == 0


class Steering:
    dumps = str

    @staticmethod
    def loads(data: bytes) -> str:
        raise ValueError(data.decode())


@pytest.mark.parametrize("look", [lambda s: s.take(2), lambda s: s.claims(2), list])
def test_what_others_have_put_into_a_message_is_logged_in_one_line(
    memory: Backend, caplog: pytest.LogCaptureFixture, look: Callable[[Any], list[str]]
) -> None:
    s: Any = make_set(memory, "SortedSet", "jobs", serializer=Steering)
    memory.add("jobs", [(b"\x1b[2J\nERROR all is lost", 1.0)], Merge.KEEP)
    assert look(s) == []
    (record,) = caplog.records
    assert record.getMessage().endswith(r"the first: ValueError: \x1b[2J\nERROR all is lost")


def test_what_can_be_decoded_the_second_time_is_an_item(full: Backend) -> None:
    class Moody:
        dumps = str
        failures = iter([True])

        @classmethod
        def loads(cls, data: bytes) -> int:
            if next(cls.failures, False):
                raise MemoryError
            return int(data)

    s: Any = make_set(full, "SortedSet", "jobs", serializer=Moody)
    full.add("jobs", [(b"1", 1.0), (b"3", 3.0)], Merge.KEEP)
    assert s.take(2) == [1, 3]


class Leaving(MemoryBackend):
    """Gives members once, and is gone then."""

    is_gone = False

    def pop(self, name: str, count: int, **options: Any) -> list[Entry]:
        if self.is_gone:
            message = "gone away"
            raise OSError(message)
        self.is_gone = True
        return super().pop(name, count, **options)


@pytest.fixture(params=["blocking", "asyncio"])
def leaving(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "blocking":
        yield Leaving()
    else:
        with blocking(lambda: AsyncMemoryBackend(Leaving())) as backend:
            yield backend


@pytest.mark.parametrize(("call", "items"), [("take", [1, 2, 3]), ("take_max", [3, 2, 1])])
def test_what_is_in_hand_is_not_lost_when_there_is_no_more_to_be_had(
    leaving: Backend, call: str, items: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    s: Any = make_set(leaving, "SortedSet", "jobs", serializer=Numbers)
    leaving.add("jobs", [(b"1", 1.0), (b"2", 2.0), (b"poison", 2.5), (b"3", 3.0)], Merge.KEEP)
    assert getattr(s, call)(4) == items
    assert "took 3 items of 'jobs' and no more" in caplog.text
    with pytest.raises(OSError, match="gone away"):
        getattr(s, call)(4)


def test_a_long_reason_is_cut() -> None:
    class Verbose:
        dumps = str

        @staticmethod
        def loads(data: bytes) -> int:
            raise ValueError(data * 1000)

    s: Any = make_set(MemoryBackend(), "SortedSet", "jobs", serializer=Verbose)
    s.backend.add("jobs", [(b"poison" * 100, 2.5)], Merge.KEEP)
    assert s.take(1) == []
    (letter,) = s.dead()
    assert len(letter.reason) == 1000
