"""Asking several shards: at once with asyncio, one after the other in blocking code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

__all__ = ["gather", "gather_async"]

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
