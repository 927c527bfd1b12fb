"""Wrong uses of sharded sets. What is not marked is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset import AsyncShardedSet, ShardedSet, SortedSet

if TYPE_CHECKING:
    from redset.backends import AsyncMemoryBackend, MemoryBackend
    from redset.interfaces import AsyncBackend, Backend
    from redset.metrics import AsyncInstrumented, Instrumented


def by_length(item: bytes) -> int:
    return len(item)


def making(memory: MemoryBackend, asyncio_memory: AsyncMemoryBackend) -> None:
    ShardedSet(memory)  # wrong: no name
    ShardedSet(memory, "n", shards="8")  # wrong: no int
    ShardedSet(memory, "n", by_length)  # wrong: takes bytes, not str
    ShardedSet(memory, "n", None, None, 10)  # wrong: it has no lock
    ShardedSet(memory, "n", lock_timeout=10)  # wrong: it has no lock
    ShardedSet(asyncio_memory, "n")  # wrong: an asyncio backend
    AsyncShardedSet(memory, "n")  # wrong: a blocking backend


def backends(
    any_backend: Backend,
    any_asyncio_backend: AsyncBackend,
    told: Instrumented,
    told_later: AsyncInstrumented,
) -> None:
    SortedSet(any_backend, "n")
    SortedSet(told, "n")
    ShardedSet(any_backend, "n")  # wrong: it need not hand sets over
    ShardedSet(any_backend, "n", shards=3, key=str.lower)  # wrong: it need not hand sets over
    ShardedSet(told, "n")  # wrong: the other need not hand sets over
    AsyncShardedSet(any_asyncio_backend, "n")  # wrong: it need not hand sets over
    AsyncShardedSet(told_later, "n")  # wrong: the other need not hand sets over


def calls(jobs: ShardedSet[str], usual: SortedSet[str]) -> None:
    jobs.add(1)  # wrong: int
    jobs.reshard()  # wrong: to how many
    jobs.reshard("16")  # wrong: no int
    jobs.move("a", usual)  # wrong: it has no move
    usual.move("a", jobs)  # wrong: nothing moves there
    jobs.pop_into(usual)  # wrong: it has no pop_into
    jobs.rename("other")  # wrong: it has no rename
    jobs.rank("a")  # wrong: it has no rank
    jobs.lock  # wrong: it has no lock  # noqa: B018
    jobs.union_update(usual)  # wrong: it has no union_update
    jobs.expire_at(0)  # wrong: it has no expire_at
    number: int = jobs.pop()  # wrong: str
    repr(number)


async def asyncio_calls(jobs: AsyncShardedSet[str]) -> None:
    count: int = jobs.shard_count()  # wrong: must be awaited
    await jobs.rank("a")  # wrong: it has no rank
    repr(count)
