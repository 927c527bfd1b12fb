"""An asyncio object used from blocking code, so that one test serves both kinds."""

from __future__ import annotations

import asyncio
import inspect
import threading
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, cast, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from redset.interfaces import (
        AsyncBackend,
        AsyncShardableBackend,
        Backend,
        ShardableBackend,
    )

__all__ = ["blocking"]


# What tells asyncio objects from values. A backend has the last, and need not have another.
_ASYNCHRONOUS = ("__aenter__", "__aiter__", "keyed")


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, awaitable: Any) -> Any:  # noqa: ANN401  (whatever it is, its result is returned)
        async def main() -> object:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(main(), self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Blocking:
    """Stands for an asyncio object: its coroutines are run, its iterators walked."""

    def __init__(self, loop: _Loop, target: object) -> None:
        self._loop = loop
        self._target = target

    def __getattr__(self, name: str) -> object:
        return self._wrap(getattr(self._target, name))

    def __repr__(self) -> str:
        return repr(self._target)

    def __eq__(self, other: object) -> bool:
        return bool(self._target == self._unwrap(other))

    def __hash__(self) -> int:
        return hash(self._target)

    def __iter__(self) -> Iterator[object]:
        return self._walk(self._target)

    def __reversed__(self) -> Iterator[object]:
        return self._walk(self._call("backwards"))

    def __enter__(self) -> object:
        return self._wrap(self._loop.run(self._call("__aenter__")))

    def __exit__(self, *error: object) -> bool | None:
        result: bool | None = self._loop.run(self._call("__aexit__", *error))
        return result

    def __len__(self) -> int:
        length: int = self._loop.run(self._call("length"))
        return length

    def __bool__(self) -> bool:
        return not hasattr(self._target, "length") or len(self) > 0

    def __contains__(self, item: object) -> bool:
        found: bool = self._loop.run(self._call("contains", item))
        return found

    def __getitem__(self, index: object) -> object:
        return self._loop.run(self._call("at", index))

    def _call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401  (an awaitable, or an iterator)
        return getattr(self._target, name)(*arguments)

    def _wrap(self, value: object) -> object:
        if inspect.isawaitable(value):
            return self._wrap(self._loop.run(value))
        if isinstance(value, list):
            return [self._wrap(each) for each in cast("list[object]", value)]
        if hasattr(value, "__anext__"):
            return self._walk(value)
        if any(hasattr(value, each) for each in _ASYNCHRONOUS):
            return Blocking(self._loop, value)
        return self._wrap_call(value) if inspect.ismethod(value) else value

    def _unwrap(self, value: object) -> object:
        if isinstance(value, list):
            return [self._unwrap(each) for each in cast("list[object]", value)]
        return value._target if isinstance(value, Blocking) else value  # noqa: SLF001  (our own)

    def _wrap_call(self, call: Callable[..., object]) -> Callable[..., object]:
        @wraps(call)
        def wrapped(*arguments: object, **options: object) -> object:
            given = [self._unwrap(each) for each in arguments]
            named = {name: self._unwrap(each) for name, each in options.items()}

            async def invoke() -> object:
                # Called on the loop, as asyncio objects are.
                return call(*given, **named)

            return self._wrap(self._loop.run(invoke()))

        return wrapped

    def _walk(self, iterable: Any) -> Iterator[object]:  # noqa: ANN401  (an async iterable)
        iterator = aiter(iterable)
        try:
            while True:
                try:
                    yield self._wrap(self._loop.run(anext(iterator)))
                except StopAsyncIteration:
                    return
        finally:
            if hasattr(iterator, "aclose"):
                self._loop.run(iterator.aclose())


@overload
def blocking(
    make: Callable[[], AsyncShardableBackend],
) -> AbstractContextManager[ShardableBackend]: ...
@overload
def blocking(make: Callable[[], AsyncBackend]) -> AbstractContextManager[Backend]: ...
@contextmanager
def blocking(make: Callable[[], AsyncBackend]) -> Generator[ShardableBackend, None, None]:
    """Make an asyncio backend on a loop of its own, and let blocking code use it.

    So an `redset.interfaces.AsyncBackend` can be given to `BackendConformance`.

    Args:
        make: called on the loop, returns the backend.

    Yields:
        What has the backend's methods and blocks in them: a `redset.interfaces.ShardableBackend`
        if sets can be sharded on that. The backend is closed in the end. It does the same for any
        other asyncio object: coroutines return their results, and asyncio's iterators and
        context managers are plain ones.

    >>> from redset.backends import AsyncMemoryBackend
    >>> from redset.interfaces import Merge
    >>> with blocking(AsyncMemoryBackend) as backend:
    ...     backend.add("jobs", [(b"sweep", 1.0)], Merge.KEEP)
    1
    """
    loop = _Loop()

    async def build() -> AsyncBackend:
        return make()

    backend: AsyncBackend = loop.run(build())
    try:
        yield cast("ShardableBackend", Blocking(loop, backend))
    finally:
        loop.run(backend.close())
        loop.close()
