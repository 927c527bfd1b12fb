"""Wrong uses of claims. What is not marked is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset import (
    AsyncClaim,
    AsyncSortedSet,
    Claim,
    Merge,
    Retry,
    ScheduledSet,
    SortedSet,
    TTLSet,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redset import Stats
    from redset.backends import MemoryBackend


class Task:
    priority = 1


class UrgentTask(Task):
    """A kind of task."""


def items(text: SortedSet[str], jobs: SortedSet[Task]) -> None:
    one: Task = jobs.claim().item
    two: str = jobs.claim().item  # wrong: Task
    three: int = text.claim().item  # wrong: str
    four: Claim[str] = jobs.claim()  # wrong: of Task
    five: Task = jobs.claim()  # wrong: the claim, not its item
    six: Claim[Task] = jobs.claims(1)  # wrong: a list
    seven: list[Task] = jobs.claims(1)  # wrong: a list of claims
    eight: Claim[UrgentTask] = jobs.claim()  # wrong: any task
    nine: Iterator[Task] = jobs.consume()  # wrong: of claims
    jobs.claim().item.missing()  # wrong: Task has no such method
    print(jobs.claim().priority)  # wrong: of the item
    print(jobs.consume().item)  # wrong: an iterator
    jobs.consume()[0]  # wrong: an iterator
    for ten in jobs.consume():
        ten.item.missing()  # wrong: Task has no such method
        eleven: str = ten.item  # wrong: Task
        repr(eleven)
    with text.claim() as twelve:
        print(twelve.item.priority)  # wrong: str has no priority
    jobs.add(jobs.claim())  # wrong: the claim, not its item
    repr((one, two, three, four, five, six, seven, eight, nine))


def claiming(jobs: SortedSet[Task]) -> None:
    jobs.claim("60")  # wrong: a lease of str
    jobs.claim(lease="60")  # wrong: a lease of str
    jobs.claim(lease=None)  # wrong: no lease
    jobs.claim(60, "5")  # wrong: a timeout of str
    jobs.claim(60, 5, True)  # wrong: keyword only
    jobs.claim(keep_alive="yes")  # wrong: str
    jobs.claim(num=1)  # wrong: no such argument
    jobs.claims()  # wrong: no number
    jobs.claims("1")  # wrong: a number of str
    jobs.claims(1.5)  # wrong: no whole number
    jobs.claims(None)  # wrong: no number
    jobs.claims(1, lease="60")  # wrong: a lease of str
    jobs.claims(1, 60, 5, True)  # wrong: keyword only
    jobs.consume("60")  # wrong: a lease of str
    jobs.consume(timeout="5")  # wrong: a timeout of str
    jobs.consume(60, None, True)  # wrong: keyword only
    jobs.consume(prefetch="100")  # wrong: a number of str
    jobs.consume(prefetch=None)  # wrong: 1 is for none
    jobs.stats(1)  # wrong: no argument


def ending(claim: Claim[Task]) -> None:
    claim.ack(True)  # wrong: no argument
    claim.nack("5")  # wrong: a delay of str
    claim.nack(delay="5")  # wrong: a delay of str
    claim.nack(reason="why")  # wrong: no such argument
    claim.reschedule("5")  # wrong: a score of str
    claim.reschedule(delay="5")  # wrong: a delay of str
    claim.reschedule(5, 5)  # wrong: keyword only
    claim.extend("60")  # wrong: a lease of str
    claim.bury()  # wrong: no reason
    claim.bury(None)  # wrong: no reason
    claim.bury(b"why")  # wrong: a reason of bytes
    claim.bury(ValueError("why"))  # wrong: an error
    claim.release()  # wrong: no such method


def acknowledging(
    jobs: SortedSet[Task], text: SortedSet[str], later: AsyncSortedSet[Task], task: Task
) -> None:
    jobs.ack_all([jobs.claim()])
    jobs.ack_all(text.claims(1))  # wrong: claims of str
    jobs.ack_all([text.claim()])  # wrong: a claim of str
    jobs.ack_all([task])  # wrong: no claims
    jobs.ack_all([1])  # wrong: no claims
    jobs.ack_all(jobs.claim())  # wrong: one claim
    jobs.ack_all(jobs)  # wrong: no claims
    jobs.claims(1, done=text.claims(1))  # wrong: claims of str
    jobs.claims(1, done=jobs.claim())  # wrong: one claim
    jobs.claims(1, done=[task])  # wrong: no claims
    jobs.claims(1, done=None)  # wrong: None
    jobs.ack_all(later.claims(1))  # wrong: not awaited
    jobs.ack_all()  # wrong: no claims


def reading(claim: Claim[Task], stats: Stats, task: Task) -> None:
    claim.item = task  # wrong: read only
    claim.score = 1.0  # wrong: read only
    claim.token = 1  # wrong: read only
    claim.attempt = 1  # wrong: read only
    claim.deadline = 1.0  # wrong: read only
    claim.lost = False  # wrong: read only
    claim.is_over = True  # wrong: read only
    claim.lost()  # wrong: a property
    claim.item()  # wrong: a property
    one: str = claim.token  # wrong: int
    two: int = claim.deadline  # wrong: float
    stats.pending = 1  # wrong: read only
    three: float = stats.oldest_score  # wrong: may be None
    print(stats.missing)  # wrong: no such count
    repr((one, two, three))


def blocks(jobs: SortedSet[Task]) -> None:
    with jobs.claims(2):  # wrong: a list
        pass
    with jobs.claim() as claim:
        one: Claim[str] = claim  # wrong: of Task
        two: str = claim.item  # wrong: Task
        repr((one, two))
    with jobs.consume():  # wrong: an iterator
        pass


async def not_for_asyncio(jobs: SortedSet[Task], claim: Claim[Task]) -> None:
    await jobs.claim()  # wrong: cannot be awaited
    await claim.ack()  # wrong: cannot be awaited
    async with claim:  # wrong: a plain with
        pass
    async for _ in jobs.consume():  # wrong: a plain for
        pass


async def asyncio_items(jobs: AsyncSortedSet[Task], text: AsyncSortedSet[str]) -> None:
    one: str = (await jobs.claim()).item  # wrong: Task
    two: AsyncClaim[str] = await jobs.claim()  # wrong: of Task
    three: list[AsyncClaim[str]] = await jobs.claims(1)  # wrong: of Task
    async for each in jobs.consume():
        each.item.missing()  # wrong: Task has no such method
    async with await text.claim() as four:
        print(four.item.priority)  # wrong: str has no priority
    five: Claim[Task] = await jobs.claim()  # wrong: an asyncio claim
    await jobs.ack_all(await text.claims(1))  # wrong: claims of str
    await jobs.claims(1, done=await text.claims(1))  # wrong: claims of str
    repr((one, two, three, five))


async def missing_awaits(jobs: AsyncSortedSet[Task], claim: AsyncClaim[Task]) -> None:
    one: AsyncClaim[Task] = jobs.claim()  # wrong: not awaited
    two: list[AsyncClaim[Task]] = jobs.claims(1)  # wrong: not awaited
    three: float = claim.extend()  # wrong: not awaited
    four: Stats = jobs.stats()  # wrong: not awaited
    print(jobs.claim().item)  # wrong: not awaited
    jobs.claims(1)[0]  # wrong: not awaited
    print(jobs.stats().pending)  # wrong: not awaited
    await jobs.ack_all(jobs.claims(1))  # wrong: the claims are not awaited
    async with jobs.claim():  # wrong: not awaited
        pass
    for _ in jobs.claims(1):  # wrong: not awaited
        pass
    await jobs.consume()  # wrong: async for
    repr((one, two, three, four))


async def what_only_blocking_claims_have(jobs: AsyncSortedSet[Task]) -> None:
    with await jobs.claim():  # wrong: async with
        pass
    for _ in jobs.consume():  # wrong: async for
        pass
    next(jobs.consume())  # wrong: anext


async def asyncio_arguments(jobs: AsyncSortedSet[Task], claim: AsyncClaim[Task]) -> None:
    await jobs.claim(lease="60")  # wrong: a lease of str
    await jobs.claim(60, 5, True)  # wrong: keyword only
    await jobs.claims("1")  # wrong: a number of str
    jobs.consume(timeout="5")  # wrong: a timeout of str
    await claim.nack("5")  # wrong: a delay of str
    await claim.reschedule(5, 5)  # wrong: keyword only
    await claim.extend("60")  # wrong: a lease of str
    await claim.bury(None)  # wrong: no reason
    claim.item = Task()  # wrong: read only


def retries(memory: MemoryBackend, retry: Retry) -> None:
    Retry(max_attempts="3")  # wrong: str
    Retry(max_attempts=1.5)  # wrong: no whole number
    Retry(backoff="1")  # wrong: str
    Retry(cap=None)  # wrong: None
    Retry(jitter="none")  # wrong: str
    Retry(attempts=3)  # wrong: no such argument
    retry.backoff = 2.0  # wrong: read only
    retry.delay("1")  # wrong: str
    SortedSet(memory, "n", retry=3)  # wrong: no Retry
    SortedSet(memory, "n", retry=Retry)  # wrong: the class, not an object
    SortedSet(memory, "n", retry={"max_attempts": 3})  # wrong: no Retry
    ScheduledSet(memory, "n", None, None, None, None, retry)  # wrong: keyword only
    TTLSet(memory, "n", retry=retry)  # wrong: nothing is claimed from it


def handle(claim: Claim[UrgentTask]) -> None:
    claim.ack()


def kinds(jobs: SortedSet[Task], seen: TTLSet[Task], urgent: Claim[UrgentTask]) -> None:
    handle(urgent)
    handle(jobs.claim())  # wrong: any task
    seen.claim()  # wrong: nothing is claimed from it
    seen.consume()  # wrong: nothing is claimed from it
    one: AsyncClaim[UrgentTask] = urgent  # wrong: a blocking claim
    two: Claim[int] = urgent  # wrong: of UrgentTask
    jobs.claim(merge=Merge.KEEP)  # wrong: no such argument
    repr((one, two))
