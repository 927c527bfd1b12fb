"""Wrong uses of blocking sets. What is not marked is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset import DeadLetter, Merge, ScheduledSet, SortedSet, TTLSet

if TYPE_CHECKING:
    from collections.abc import Collection, Reversible, Sequence


class Task:
    priority = 1


def items(text: SortedSet[str], jobs: SortedSet[Task], task: Task) -> None:
    text.add("item")
    text.add(1)  # wrong: int
    text.add(b"item")  # wrong: bytes
    text.add(None)  # wrong: None
    text.add(task)  # wrong: Task
    jobs.add(task)
    jobs.add("item")  # wrong: str
    jobs.add(Task)  # wrong: the class, not an object
    jobs.add_new("item")  # wrong: str
    jobs.increment("item")  # wrong: str
    jobs.discard("item")  # wrong: str
    jobs.remove("item")  # wrong: str
    jobs.contains("item")  # wrong: str
    jobs.score("item")  # wrong: str
    jobs.rank("item")  # wrong: str
    jobs.scores(["item"])  # wrong: str
    jobs.update(["item"])  # wrong: str
    jobs.update("item")  # wrong: str
    jobs.update(task)  # wrong: one item
    jobs.update(text)  # wrong: str
    jobs.difference_update(["item"])  # wrong: str
    jobs.union_update(text)  # wrong: str
    jobs.union_update(task)  # wrong: one item
    jobs.intersection_update(text)  # wrong: str
    jobs.intersection_update({"item"})  # wrong: str


def results(text: SortedSet[str], jobs: SortedSet[Task], task: Task) -> None:
    one: int = text.pop()  # wrong: str
    two: str = jobs.pop()  # wrong: Task
    three: Task = jobs.take(1)  # wrong: a list
    four: list[str] = jobs.take(1)  # wrong: a list of Task
    five: float = jobs.score(task)  # wrong: may be None
    six: int = jobs.rank(task)  # wrong: may be None
    seven: list[float] = jobs.scores([task])  # wrong: may be None
    eight: Task = jobs[1:]  # wrong: a list
    nine: list[Task] = jobs[0]  # wrong: one item
    ten: str = jobs.peek()  # wrong: Task
    eleven: bool = jobs.add(task)  # wrong: float
    twelve: list[Task] = jobs.items()  # wrong: an iterator
    thirteen: dict[str, float] = dict(jobs.items())  # wrong: of Task
    for fourteen in jobs:
        fourteen.missing()  # wrong: Task has no such method
    jobs.pop().missing()  # wrong: Task has no such method
    print(text.pop().priority)  # wrong: str has no priority
    jobs.peek_score() + 1  # wrong: may be None
    repr((one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve))
    repr(thirteen)


def numbers(jobs: SortedSet[Task], task: Task) -> None:
    jobs.add(task, "1")  # wrong: a score of str
    jobs.add(task, score=b"1")  # wrong: a score of bytes
    jobs.add(task, 1, 2)  # wrong: too many arguments
    jobs.add_new(task, "1")  # wrong: a score of str
    jobs.update([task], ["1"])  # wrong: scores of str
    jobs.update([task], 1)  # wrong: one score
    jobs.increment(task, "1")  # wrong: str
    jobs.increment(task, None)  # wrong: None
    jobs.pop("5")  # wrong: a timeout of str
    jobs.pop(timeout="5")  # wrong: a timeout of str
    jobs.pop(timeout=[5])  # wrong: a timeout of list
    jobs.take()  # wrong: no number
    jobs.take("1")  # wrong: a number of str
    jobs.take(1.5)  # wrong: no whole number
    jobs.take(None)  # wrong: no number
    jobs.take(1, "5")  # wrong: a timeout of str
    jobs.take_max("1")  # wrong: a number of str
    jobs.peek("0")  # wrong: a position of str
    jobs.peek(0.5)  # wrong: no whole position
    jobs.at("0")  # wrong: a position of str
    jobs["0"]  # wrong: a position of str
    jobs[task]  # wrong: the item
    jobs.between("a", "b")  # wrong: bounds of str
    jobs.count(None)  # wrong: None
    jobs.remove_between(0)  # wrong: one bound
    jobs.sample(1.5)  # wrong: no whole number
    jobs.dead("all")  # wrong: a number of str


def merging(jobs: SortedSet[Task], seen: TTLSet[Task], task: Task) -> None:
    jobs.add(task, merge=Merge.KEEP)
    jobs.add(task, merge="keep")  # wrong: no Merge
    jobs.add(task, merge=True)  # wrong: no Merge
    jobs.add(task, 1, Merge.KEEP)  # wrong: keyword only
    jobs.update([task], merge="keep")  # wrong: no Merge
    jobs.add_new(task, merge=Merge.KEEP)  # wrong: it has its own
    seen.add(task, merge="keep")  # wrong: no Merge
    seen.add(task, 60, Merge.KEEP)  # wrong: keyword only


def letters(jobs: SortedSet[Task], letter: DeadLetter, task: Task) -> None:
    jobs.redrive([letter])
    jobs.redrive(letter)  # wrong: one letter
    jobs.redrive([task])  # wrong: no letters
    jobs.redrive([letter.raw])  # wrong: no letters
    jobs.forget(["raw"])  # wrong: no letters
    letter.score = 1.0  # wrong: read only
    text: str = letter.raw  # wrong: bytes
    repr(text)


def properties(jobs: SortedSet[Task]) -> None:
    jobs.name = "other"  # wrong: read only
    jobs.serializer = None  # wrong: read only
    jobs.lock = None  # wrong: read only
    jobs.lock()  # wrong: a property
    jobs.missing()  # wrong: no such method
    jobs[0] = Task()  # wrong: cannot be set
    del jobs[0]  # wrong: cannot be deleted


async def not_for_asyncio(jobs: SortedSet[Task]) -> None:
    await jobs.pop()  # wrong: cannot be awaited
    async with jobs.lock:  # wrong: a blocking lock
        jobs.clear()
    async for _ in jobs:  # wrong: a blocking iterator
        pass


def seen_for_a_time(seen: TTLSet[Task], task: Task) -> None:
    seen.add("item")  # wrong: str
    seen.add(task, "60")  # wrong: a time of str
    seen.update(["item"])  # wrong: str
    seen.ttl("item")  # wrong: str
    left: float = seen.ttl(task)  # wrong: may be None
    seen.sweep("all")  # wrong: a number of str
    seen.pop()  # wrong: nothing is taken from it
    seen[0]  # wrong: it has no order
    reversed(seen)  # wrong: it has no order
    repr(left)


def protocols(jobs: SortedSet[Task], seen: TTLSet[Task], polls: ScheduledSet[Task]) -> None:
    one: Sequence[Task] = jobs  # wrong: no sequence
    two: Collection[str] = jobs  # wrong: of Task
    three: Reversible[str] = jobs  # wrong: of Task
    four: Reversible[Task] = seen  # wrong: it has no order
    five: ScheduledSet[Task] = jobs  # wrong: any sorted set
    six: SortedSet[Task] = seen  # wrong: no sorted set
    seven: SortedSet[str] = polls  # wrong: of Task
    jobs.available()  # wrong: only if it is scheduled
    eight: set[str] = {*jobs}  # wrong: of Task
    repr((one, two, three, four, five, six, seven, eight))
