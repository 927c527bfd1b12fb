"""What sets and backends are made with: serializers, scorers, clocks and clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from typing_extensions import TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AsyncRedisClient",
    "Clock",
    "Dumper",
    "Loader",
    "RedisClient",
    "Scorer",
    "Serializer",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


class Loader(Protocol[T_co]):
    """The half of a `Serializer` that reads."""

    # A property, so that any attribute fits that can be called: a method, a function, a class.
    @property
    def loads(self) -> Callable[[bytes], T_co]:
        """Turn stored bytes into an item; raise any exception if they are none."""
        ...


class Dumper(Protocol[T_contra]):
    """The half of a `Serializer` that writes."""

    @property
    def dumps(self) -> Callable[[T_contra], str | bytes]:
        """Turn an item into bytes, or into text that is stored as UTF-8."""
        ...


class Serializer(Loader[T], Dumper[T], Protocol[T]):
    """Turns items into bytes and back.

    Modules such as `json` and `pickle`, objects of a class with ``loads = int; dumps = str``
    and objects of anything with these two methods all fit. An item's identity is its
    serialized form, so equal items should give equal bytes.
    """


class Scorer(Protocol[T_contra]):
    """Gives the score of an item that is added without one."""

    def __call__(self, item: T_contra, /) -> float:
        """Return the score; lower scores are handed out first."""
        ...


class Clock(Protocol):
    """Where a memory backend reads the time; see `redset.testing.ManualClock`."""

    def time(self) -> float:
        """Return the current time in unix seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds from any fixed point, by a clock that never goes back."""
        ...

    def pause(self, seconds: float | None) -> float | None:
        """Return how long a waiter may sleep, in real seconds, before it looks again.

        ``seconds`` is what is left on this clock, None for no limit. A clock that is
        moved by hand returns None: its waiters are woken by its moves alone.
        """
        ...

    def subscribe(self, callback: Callable[[], object], /) -> None:
        """Call ``callback`` after each move of a clock that is moved by hand."""
        ...


class RedisClient(Protocol):
    """What redset needs of a blocking Redis or Valkey client."""

    @property
    def execute_command(self) -> Callable[..., object]:
        """Send one command and return its reply."""
        ...

    @property
    def lock(self) -> Callable[..., object]:
        """Return a lock object as redis-py's ``Redis.lock`` does."""
        ...

    @property
    def pipeline(self) -> Callable[..., object]:
        """Return a pipeline as redis-py's ``Redis.pipeline`` does."""
        ...

    def __enter__(self) -> object: ...


class AsyncRedisClient(Protocol):
    """What redset needs of an asyncio Redis or Valkey client."""

    @property
    def execute_command(self) -> Callable[..., object]:
        """Send one command; awaiting the result gives its reply."""
        ...

    @property
    def lock(self) -> Callable[..., object]:
        """Return a lock object as redis-py's ``asyncio.Redis.lock`` does."""
        ...

    @property
    def pipeline(self) -> Callable[..., object]:
        """Return a pipeline as redis-py's ``asyncio.Redis.pipeline`` does."""
        ...

    async def __aenter__(self) -> object: ...
