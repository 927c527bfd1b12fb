"""Asking several shards: at once with asyncio, one after the other in blocking code."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator, Sequence

__all__ = ["gather", "gather_async", "ignore", "kept", "rest_after", "told"]

# What has failed is left alone for so many times as long as that took: mostly nobody waits for it.
_TIMES: Final = 10

R = TypeVar("R")


async def gather_async(calls: Sequence[Awaitable[R]]) -> list[R]:
    """Return all results; if any call fails, its error is raised when all are over."""
    if len(calls) == 1:
        return [await calls[0]]
    results = await asyncio.gather(*calls, return_exceptions=True)
    found: list[R] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found


def gather(results: Sequence[R]) -> list[R]:
    """Return all results, which blocking calls have by now."""
    return list(results)


def ignore(*_: object) -> None:
    """Do nothing about an answer until all are there."""


@contextmanager
def kept(failures: list[Exception]) -> Generator[None, None, None]:
    """Keep an error for later, to go on with other shards."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (whatever a client raises)
        failures.append(error)


def rest_after(seconds: float) -> float:
    """Return for how many seconds to leave alone what took so many to fail."""
    return _TIMES * seconds


def told(error: Exception, *, done: int, failed: int) -> Exception:
    """Return the error of one of several shards, with a note of what became of the others.

    >>> told(ConnectionError("refused"), done=2, failed=1).__notes__
    ['2 of 3 shards have done their part; the error is that of the other']
    """
    if done:
        whose = "the other" if failed == 1 else f"the first of {failed} others"
        error.add_note(
            f"{done} of {done + failed} shards have done their part; the error is that of {whose}"
        )
    return error
