"""An instrumented backend does what the other does, and tells of it."""

from __future__ import annotations

import asyncio
import math
import pickle
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis

from redset import (
    AsyncSortedSet,
    Merge,
    Payload,
    Retry,
    ScheduledSet,
    ShardedSet,
    SortedSet,
    connect,
    pop_from_any,
)
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.exceptions import EmptySetError, LeaseLost, LockTimeout, ReplicationError
from redset.interfaces import DeadLetter, Terms
from redset.metrics import Outcome, instrument
from redset.testing import (
    BackendConformance,
    HandoverConformance,
    ManualClock,
    backend_machine,
    blocking,
)
from tests.support.backends import make_set
from tests.support.recording import Notes, instrumented
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends

    Make = Callable[..., Any]


class TestConformance(BackendConformance, HandoverConformance):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture(params=["blocking", "asyncio"])
    def backend(self, request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Backend]:
        notes = Notes()
        if request.param == "blocking":
            yield instrument(MemoryBackend(clock=clock), notes)
        else:
            with blocking(lambda: instrument(AsyncMemoryBackend(clock=clock), notes)) as backend:
                yield backend
        assert notes.under_way == []

    @pytest.fixture
    def advance(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance


TestAtRandom = backend_machine(lambda: instrument(MemoryBackend(), Notes())).TestCase


def test_it_is_of_one_process() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(instrument(MemoryBackend(), Notes()))


class Later:
    """Stands for the module `time`, with a clock that can be put on."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Give what decides how long claims have been held."""
    later = Later()
    monkeypatch.setattr("redset.metrics._work.time", later)
    return later


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture(
    params=[
        *("memory", "memory-async", "fakeredis", "redis-6.2"),
        *("valkey-9.1", "valkey-9.1-async", "cluster"),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(params=["plain", "keyed"])
def make(
    request: pytest.FixtureRequest, backends: Backends, kind: str, notes: Notes
) -> Iterator[Make]:
    """Give a function that makes sets on an instrumented backend, with or without keys."""
    backend = instrumented(backends.get(kind), notes)
    made: list[Any] = []
    key: dict[str, Any] = {"key": str.lower} if request.param == "keyed" else {}

    def make(name: str, kind: str = "SortedSet", **options: Any) -> Any:
        made.append(make_set(backend, kind, name, **key, **options))
        return made[-1]

    yield make
    for each in made:
        each.clear()
    assert notes.under_way == []


def test_adds_are_counted_and_what_was_new(make: Make, name: str, notes: Notes) -> None:
    jobs = make(name)
    jobs.add("a")
    jobs.update(["a", "b", "c"])
    assert jobs.add_new("a") is False
    assert (notes.counts[name, "given"], notes.counts[name, "new"]) == (5, 3)
    assert [call for call in notes.calls if call[1] == "add"] == [
        (name, "add", 1),
        (name, "add", 3),
        (name, "add", 1),
    ]


def test_adds_of_other_sets_are_counted(make: Make, name: str, notes: Notes) -> None:
    polls, seen = make(f"{name}-polls", "ScheduledSet"), make(f"{name}-seen", "TTLSet", ttl=60)
    polls.update(["a", "b", "a"])
    assert seen.add_unseen(["a", "a", "b"]) == ["a", "b"]
    assert notes.counts[polls.name, "given"] == notes.counts[seen.name, "given"] == 3
    assert notes.counts[polls.name, "new"] == notes.counts[seen.name, "new"] == 2


def test_what_is_taken_is_counted(make: Make, name: str, notes: Notes) -> None:
    jobs = make(f"{{{name}}}")
    other = make(f"{{{name}}}-other")
    jobs.update("abcdefg", range(7))
    assert jobs.pop() == "a"
    assert jobs.pop(timeout=1) == "b"
    assert jobs.take(2) == ["c", "d"]
    assert jobs.pop_max() == "g"
    assert jobs.pop_into(other) == "e"
    assert jobs.take(9) == ["f"]
    with pytest.raises(EmptySetError):
        jobs.pop()
    with pytest.raises(EmptySetError):
        jobs.pop_into(other)
    assert notes.counts[jobs.name, "taken"] == 7
    assert notes.counts[other.name, "taken"] == 0
    assert {"pop", "wait_pop", "pop_into"} <= set(notes.operations())


def test_what_is_taken_from_any_of_several_is_counted_where_it_was() -> None:
    notes = Notes()
    store = instrument(connect("memory://"), notes)
    first, second = SortedSet(store, "first"), SortedSet(store, "second")
    second.add("a")
    assert pop_from_any([first, second]) == (second, "a")
    with pytest.raises(EmptySetError):
        pop_from_any([first, second])
    assert (notes.counts["first", "taken"], notes.counts["second", "taken"]) == (0, 1)
    assert notes.operations().count("pop_any") == 2


def test_work_runs_from_its_claim_to_its_end(make: Make, name: str, notes: Notes) -> None:
    jobs = make(name)
    jobs.update(["a", "b"])
    claim = jobs.claim()
    assert notes.running() == [name]
    ((work, lease),) = notes.begun
    assert (work.name, work.label, work.attempt) == (name, name, 1)
    assert (lease.member, lease.token) == claim.hold == work.hold
    claim.ack()
    assert notes.running() == []
    assert notes.ends == [(name, Outcome.ACKNOWLEDGED)]


def test_each_end_has_its_outcome(make: Make, name: str, notes: Notes) -> None:
    jobs = make(name, retry=Retry(max_attempts=2, backoff=0))
    jobs.add("a")
    jobs.claim().nack(delay=0)
    jobs.claim().reschedule(0)
    jobs.claim().bury("hopeless")
    assert notes.ends == [
        (name, Outcome.RELEASED),
        (name, Outcome.RESCHEDULED),
        (name, Outcome.REJECTED),
    ]
    assert [work.attempt for work, _ in notes.begun] == [1, 2, 1]
    assert notes.counts[name, "buried"] == 1
    assert notes.running() == []


def test_what_was_not_begun_is_rescheduled(make: Make, name: str, notes: Notes) -> None:
    jobs = make(name, retry=Retry(backoff=0))
    jobs.update("ab", range(2))
    for claim in jobs.claims(2):
        claim.nack(0)
    for claim in jobs.consume(timeout=0, prefetch=2):
        claim.ack()
        break
    assert notes.ends == [
        *[(name, Outcome.RELEASED)] * 2,
        (name, Outcome.ACKNOWLEDGED),
        (name, Outcome.RESCHEDULED),
    ]


def test_claims_that_are_done_end_with_the_next(make: Make, name: str, notes: Notes) -> None:
    jobs = make(name)
    jobs.update("abcdef", range(6))
    assert [claim.item for claim in jobs.consume(timeout=0, prefetch=2)] == list("abcdef")
    assert notes.ends == [(name, Outcome.ACKNOWLEDGED)] * 6
    assert notes.running() == []


def test_many_claims_end_at_once(make: Make, name: str, notes: Notes) -> None:
    jobs = make(name)
    jobs.update("abcd", range(4))
    claims = jobs.claims(4)
    assert notes.running() == [name] * 4
    jobs.ack_all(claims)
    assert notes.ends == [(name, Outcome.ACKNOWLEDGED)] * 4
    assert (name, "acknowledge", 4) in notes.calls


def test_a_claim_that_is_lost_is_told_once(make: Make, name: str, notes: Notes) -> None:
    jobs = make(name)
    jobs.update("abc")
    claims = jobs.claims(3)
    jobs.clear()
    with pytest.raises(LeaseLost):
        claims[0].ack()
    with pytest.raises(LeaseLost):
        claims[1].nack()
    with pytest.raises(LeaseLost):
        claims[2].extend()
    assert notes.ends == [(name, Outcome.LOST)] * 3
    assert notes.running() == []


def test_what_cannot_be_decoded_is_counted_as_buried(make: Make, name: str, notes: Notes) -> None:
    jobs, numbers = make(name), make(name, serializer=Numbers)
    jobs.update(["a", "b"])
    with pytest.raises(EmptySetError):
        numbers.claim()
    assert notes.counts[name, "buried"] == 2
    jobs.update(["a", "b"])
    assert numbers.take(2) == []
    assert notes.counts[name, "buried"] == 4


def test_dropped_dead_letters_are_counted(backends: Backends, name: str, notes: Notes) -> None:
    jobs = SortedSet(instrumented(backends.get("memory"), notes), name, dead_limit=1)
    jobs.update(["a", "b", "c"], [1, 2, 3])
    for claim in jobs.claims(3):
        claim.bury("hopeless")
    assert (notes.counts[name, "buried"], notes.counts[name, "dropped"]) == (3, 2)


def test_dead_letters_that_a_claim_drops_are_counted(clock: ManualClock, notes: Notes) -> None:
    store = instrument(MemoryBackend(clock=clock), notes)
    jobs = SortedSet(store, "jobs", dead_limit=1, retry=Retry(max_attempts=1))
    jobs.update(["a", "b", "c"])
    jobs.claims(3, lease=1)
    clock.advance(2)
    assert jobs.claims(3) == []
    assert (notes.counts["jobs", "buried"], notes.counts["jobs", "dropped"]) == (0, 2)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_letters_are_counted_by_whoever_buries_them(notes: Notes) -> None:
    store = instrument(MemoryBackend(), notes)
    letters = [DeadLetter(b"a", "why", 0.0, 0.0), DeadLetter(b"b", "why", 0.0, 0.0)]
    assert store.bury("jobs", letters, 1) == 1
    assert (notes.counts["jobs", "buried"], notes.counts["jobs", "dropped"]) == (2, 1)


# Work that nobody ends


def test_a_claim_that_nobody_ends_is_given_up(
    make: Make, name: str, notes: Notes, later: Later
) -> None:
    jobs = make(name)
    jobs.update(["a", "b"], [1, 2])
    claims = jobs.claims(2, lease=60)
    later.passed = 110
    assert notes.running() == [name] * 2
    claims[1].extend()
    later.passed = 121
    assert notes.running() == [name]
    assert notes.ends == [(name, Outcome.LOST)]
    # Though it was given up, it is held, and ends well; it is not counted twice.
    claims[0].ack()
    claims[1].ack()
    assert notes.ends == [(name, Outcome.LOST), (name, Outcome.ACKNOWLEDGED)]


def test_what_nobody_ends_takes_no_memory_without_end(notes: Notes, later: Later) -> None:
    jobs = SortedSet(instrument(MemoryBackend(), notes), "jobs")
    for _ in range(30):
        jobs.update(map(str, range(200)))
        assert len(jobs.claims(200, lease=1)) == 200
        jobs.clear()
        later.passed += 1
    # Nobody has asked what is running, and yet most are forgotten.
    assert len(notes.ends) >= 30 * 200 - 1200
    later.passed += 2
    assert notes.running() == []
    assert notes.ends == [("jobs", Outcome.LOST)] * 30 * 200


def test_many_claims_that_are_held_are_all_known(notes: Notes) -> None:
    jobs = SortedSet(instrument(MemoryBackend(), notes), "jobs")
    jobs.update(map(str, range(3000)))
    assert len(jobs.claims(3000)) == 3000
    assert notes.running() == ["jobs"] * 3000


class Failing(MemoryBackend):
    """Ends no claims."""

    def acknowledge(self, *_: object) -> list[bool]:
        message = "no connection"
        raise ConnectionError(message)

    def claim(self, *arguments: Any, acknowledge: Any = (), **options: Any) -> Any:
        if acknowledge:
            message = "no connection"
            raise ConnectionError(message)
        return super().claim(*arguments, **options)


def test_work_goes_on_if_its_end_fails(notes: Notes) -> None:
    jobs = SortedSet(instrument(Failing(), notes), "jobs")
    jobs.add("a")
    claim = jobs.claim()
    with pytest.raises(ConnectionError):
        claim.ack()
    with pytest.raises(ConnectionError):
        jobs.claims(1, done=[claim])
    assert notes.running() == ["jobs"]
    claim.nack()
    assert notes.ends == [("jobs", Outcome.RELEASED)]


def test_what_is_done_when_a_wait_is_interrupted_is_done(notes: Notes) -> None:
    async def main() -> None:
        jobs = AsyncSortedSet(instrument(AsyncMemoryBackend(), notes), "jobs")
        await jobs.add("a")
        begun = asyncio.Event()

        async def work() -> None:
            async for _ in jobs.consume():
                begun.set()

        worker = asyncio.create_task(work())
        await begun.wait()
        # It has run until it waits, as nothing before that waits in memory.
        assert notes.under_way == ["wait_claim"]
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker

    asyncio.run(main())
    assert notes.ends == [("jobs", Outcome.ACKNOWLEDGED)]
    assert notes.running() == notes.under_way == []


class Replicated(MemoryBackend):
    """Has too few replicas."""

    def acknowledge(self, *arguments: Any) -> list[bool]:
        super().acknowledge(*arguments)
        raise ReplicationError


def test_what_too_few_replicas_know_of_has_ended(notes: Notes) -> None:
    jobs = SortedSet(instrument(Replicated(), notes), "jobs")
    jobs.add("a")
    with pytest.raises(ReplicationError):
        jobs.claim().ack()
    assert notes.ends == [("jobs", Outcome.ACKNOWLEDGED)]
    assert notes.running() == []


def test_claims_from_elsewhere_are_not_counted(notes: Notes) -> None:
    store = MemoryBackend()
    SortedSet(store, "jobs").add("a")
    (lease,) = store.claim("jobs", 1, _terms()).leases
    told = instrument(store, notes)
    held = [(lease.member, lease.token)]
    assert told.extend("jobs", [*held, (b"b", 1)], 60)[1] is None
    assert told.acknowledge("jobs", held, Merge.REPLACE) == [True]
    assert notes.ends == []


def _terms() -> Terms:
    return Terms(60.0, math.inf, Merge.REPLACE, None, 10)


def test_claims_go_with_a_set_that_is_renamed(make: Make, name: str, notes: Notes) -> None:
    jobs = make(f"{{{name}}}")
    make(f"{{{name}}}-other").add("c")
    jobs.update(["a", "b"])
    claims = jobs.claims(1)
    other = jobs.rename(f"{{{name}}}-new")
    assert notes.running() == [other.name]
    other.ack_all(claims)
    assert notes.ends == [(other.name, Outcome.ACKNOWLEDGED)]
    with pytest.raises(EmptySetError):
        jobs.rename(f"{{{name}}}-newer")
    other.clear()


def test_shards_count_as_their_set(notes: Notes) -> None:
    jobs = ShardedSet(instrument(MemoryBackend(), notes, timed=["jobs"]), "jobs", shards=3)
    jobs.update(map(str, range(20)), [time.time()] * 20)
    claims = jobs.claims(9)
    jobs.reshard(5)
    claims[0].extend(90)
    assert notes.running() == ["jobs"] * 9
    jobs.ack_all(claims)
    assert notes.ends == [("jobs", Outcome.ACKNOWLEDGED)] * 9
    assert len(jobs.take(99)) == 11
    assert {label for label, _, _ in notes.calls} == {"jobs"}
    # What wakes those who wait is no item.
    assert (notes.counts["jobs", "new"], notes.counts["jobs", "taken"]) == (20, 11)
    assert jobs.take(1, timeout=0.05) == []
    assert notes.counts["jobs", "taken"] == 11
    assert len(notes.waits) == 20


# How long items waited


def test_items_of_a_scheduled_set_tell_how_long_they_were_due(
    clock: ManualClock, notes: Notes
) -> None:
    polls = ScheduledSet(instrument(MemoryBackend(clock=clock), notes), "polls")
    polls.update(["a", "b"], [clock.time() + 10, clock.time() + 20])
    clock.advance(25)
    claims = polls.claims(2)
    assert notes.waits == [("polls", 15.0), ("polls", 5.0)]
    claims[0].nack(delay=10)
    clock.advance(13)
    polls.claim()
    assert notes.waits[2:] == [("polls", 3.0)]


def test_what_is_popped_when_due_tells_how_long_it_waited(
    make: Make, name: str, notes: Notes
) -> None:
    polls = make(name, "ScheduledSet")
    polls.add("a", time.time() - 100)
    assert polls.pop() == "a"
    ((label, seconds),) = notes.waits
    assert label == name
    assert 99 < seconds < 200


def test_scores_are_times_only_where_that_is_known(notes: Notes) -> None:
    store = instrument(MemoryBackend(), notes, timed={"news"})
    news, jobs = SortedSet(store, "news"), SortedSet(store, "jobs")
    news.update("abc", [time.time() - 100] * 3)
    jobs.update("ab")
    news.pop(), jobs.pop(), jobs.claim()
    news.claim().nack(delay=0)
    assert [label for label, _ in notes.waits] == ["news", "news"]
    assert all(99 < seconds < 200 for _, seconds in notes.waits)
    # It has its score, and would seem to have waited since it was added first.
    assert news.claim().attempt == 2
    assert len(notes.waits) == 2


def test_nothing_waited_less_than_no_time(notes: Notes) -> None:
    store = instrument(MemoryBackend(), notes, timed={"news"})
    news = SortedSet(store, "news")
    news.update("ab", [time.time() + 100] * 2)
    news.pop(), news.claim()
    assert notes.waits == [("news", 0.0)] * 2


def test_what_was_due_ever_since_has_waited_for_no_length_of_time(notes: Notes) -> None:
    polls = ScheduledSet(instrument(MemoryBackend(), notes), "polls")
    polls.update("ab", [-math.inf] * 2)
    polls.pop(), polls.claim()
    assert notes.waits == []


# The wrapping


def test_every_call_is_told(notes: Notes) -> None:
    store = instrument(MemoryBackend(), notes)
    jobs = SortedSet(store, "jobs")
    jobs.update("abc", range(3))
    assert ("a" in jobs, jobs.rank("b"), len(jobs), jobs[0]) == (True, 1, 3, "a")
    jobs.discard("a")
    with jobs.lock:
        assert notes.under_way == []
    for operation in ("add", "is_keyed", "scores", "rank", "length", "slice", "remove", "lock"):
        assert operation in notes.operations()
    assert ("jobs", "remove", 1) in notes.calls


def test_a_lock_that_cannot_be_had_is_told_by_its_error(notes: Notes) -> None:
    store = instrument(MemoryBackend(), notes)
    jobs = SortedSet(store, "jobs", lock_timeout=0)
    with jobs.lock, pytest.raises(LockTimeout), jobs.lock:
        raise AssertionError
    with pytest.raises(ZeroDivisionError), jobs.lock:
        1 / 0  # noqa: B018  (it is to raise)
    with jobs.lock:
        pass


def test_sets_have_the_label_they_are_given(notes: Notes) -> None:
    store = instrument(
        MemoryBackend(), notes, label=lambda name: name.partition(":")[0], timed=["jobs:2"]
    )
    for name in ("jobs:1", "jobs:2", "other"):
        SortedSet(store, name).add("a")
        SortedSet(store, name).claim()
    assert {label for label, _, _ in notes.calls} == {"jobs", "other"}
    assert sorted(notes.running()) == ["jobs", "jobs", "other"]
    assert [label for label, _ in notes.waits] == ["jobs"]


def test_stores_are_equal_if_what_they_wrap_is(notes: Notes) -> None:
    memory, other = MemoryBackend(), MemoryBackend()
    store = instrument(memory, notes)
    again = instrument(memory, Notes())
    assert store == again
    assert hash(store) == hash(again)
    assert store != instrument(other, notes)
    assert store.keyed(Payload.NEWEST) == again.keyed(Payload.NEWEST)
    assert store.keyed(Payload.NEWEST) != store.keyed(Payload.FIRST)
    assert store != memory
    later = AsyncMemoryBackend(memory)
    assert instrument(later, notes) == instrument(later, notes)
    assert instrument(later, notes) != store


def test_sets_on_equal_stores_are_combined_by_the_server(notes: Notes) -> None:
    memory = MemoryBackend()
    one = SortedSet(instrument(memory, notes), "one")
    two = SortedSet(instrument(memory, notes), "two")
    two.update("ab")
    assert one.union_update(two) == 2
    assert "union" in notes.operations()
    assert one.move("a", two) is True


def test_it_looks_like_what_it_is(notes: Notes) -> None:
    store = instrument(MemoryBackend(), notes)
    assert repr(store) == "<ShardableInstrumented <MemoryBackend sets=0>>"
    later = instrument(AsyncMemoryBackend(), notes)
    assert repr(later).startswith("<AsyncShardableInstrumented <AsyncMemoryBackend of")


class Closing(MemoryBackend):
    """Knows whether it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_it_closes_what_it_wraps(notes: Notes) -> None:
    memory = Closing()
    with instrument(memory, notes) as store:
        assert memory.closed == 0
        store.close()
    assert memory.closed == 2


def test_the_asyncio_one_closes_what_it_wraps(notes: Notes) -> None:
    memory = Closing()

    async def main() -> None:
        async with instrument(AsyncMemoryBackend(memory), notes):
            assert memory.closed == 0

    asyncio.run(main())
    assert memory.closed == 1


@pytest.mark.parametrize("wrong", [None, "redis://user:secret@host", object()])
def test_only_backends_are_instrumented(wrong: Any, notes: Notes) -> None:
    with pytest.raises(TypeError, match=r"is no backend: pass redset\.connect") as caught:
        instrument(wrong, notes)
    assert "secret" not in str(caught.value)


def test_classes_are_not_instrumented(notes: Notes) -> None:
    wrong: Any = MemoryBackend
    with pytest.raises(TypeError, match=r"is a class: make one, MemoryBackend\(…\)"):
        instrument(wrong, notes)


def test_clients_are_not_instrumented(notes: Notes) -> None:
    client: Any = redis.Redis()
    with pytest.raises(TypeError, match=r"RedisBackend\(client\)"):
        instrument(client, notes)


def test_arguments_are_checked(notes: Notes) -> None:
    wrong: Any = Notes
    with pytest.raises(TypeError, match=r"is a class: make one, Notes\(…\)"):
        instrument(MemoryBackend(), wrong)
    wrong = "jobs"
    with pytest.raises(TypeError, match="label is 'jobs', but must be callable with a name"):
        instrument(MemoryBackend(), notes, label=wrong)
    with pytest.raises(TypeError, match=r"timed is 'jobs', .* a collection of names: \['jobs'\]"):
        instrument(MemoryBackend(), notes, timed="jobs")
    assert notes.watched == []
