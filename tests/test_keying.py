"""Sets that are opened with keys on items without, or the reverse, are found out."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from fakeredis import FakeRedis

from redset import AsyncSortedSet, SortedSet, TTLSet, _keying
from redset.backends import AsyncMemoryBackend, MemoryBackend, RedisBackend
from redset.exceptions import EmptySetError, KeyingError, RedsetError, ScoreError
from redset.interfaces import Merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend

    MakeSet = Callable[..., Any]


def initial(text: str) -> str:
    return text[:1]


# Every call that has to do with the store.
CALLS: dict[str, Callable[[Any], object]] = {
    "add": lambda s: s.add("a"),
    "add_new": lambda s: s.add_new("a"),
    "update": lambda s: s.update(["a"]),
    "increment": lambda s: s.increment("a"),
    "pop": lambda s: s.pop(),
    "pop and wait": lambda s: s.pop(timeout=None),
    "take": lambda s: s.take(1),
    "pop_max": lambda s: s.pop_max(),
    "claim": lambda s: s.claim(),
    "claims": lambda s: s.claims(2, timeout=None),
    "consume": lambda s: next(iter(s.consume())),
    "len": len,
    "bool": bool,
    "in": lambda s: "a" in s,
    "score": lambda s: s.score("a"),
    "rank": lambda s: s.rank("a"),
    "peek": lambda s: s.peek(),
    "peek_score": lambda s: s.peek_score(),
    "index": lambda s: s[0],
    "slice": lambda s: s[:],
    "iteration": list,
    "reversed": lambda s: list(reversed(s)),
    "items": lambda s: list(s.items()),
    "between": lambda s: s.between(),
    "count": lambda s: s.count(),
    "sample": lambda s: s.sample(),
    "discard": lambda s: s.discard("a"),
    "difference_update": lambda s: s.difference_update(["a"]),
    "remove_between": lambda s: s.remove_between(0, 9),
    "union_update": lambda s: s.union_update(s),
    "intersection_update": lambda s: s.intersection_update(s),
}
# Those that hand nothing out, for which any data of a keyed set will do.
HARMLESS: dict[str, Callable[[Any], object]] = {
    "stats": lambda s: s.stats(),
    "dead": lambda s: s.dead(),
    "dead_count": lambda s: s.dead_count(),
    "forget": lambda s: s.forget(),
    "redrive": lambda s: s.redrive(),
    "clear": lambda s: s.clear(),
}
CALLS_OF_A_TTL_SET: dict[str, Callable[[Any], object]] = {
    "add": lambda s: s.add("a"),
    "update": lambda s: s.update(["a"]),
    "ttl": lambda s: s.ttl("a"),
    "sweep": lambda s: s.sweep(),
    "len": len,
    "in": lambda s: "a" in s,
    "iteration": list,
    "discard": lambda s: s.discard("a"),
}


@pytest.mark.parametrize("call", [*CALLS.values(), *HARMLESS.values()], ids=[*CALLS, *HARMLESS])
def test_a_plain_set_is_not_opened_on_keys(make: MakeSet, call: Callable[[Any], object]) -> None:
    plain, keyed = make(), make(key=initial)
    keyed.update(["a", "b"])
    with pytest.raises(KeyingError, match=r"were added with key=: open it with"):
        call(plain)
    assert list(keyed.items()) == [("a", 0.0), ("b", 0.0)]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_keyed_set_is_not_opened_on_what_has_none(
    make: MakeSet, call: Callable[[Any], object]
) -> None:
    keyed, plain = make(key=initial), make()
    plain.update(["a", "b"])
    with pytest.raises(KeyingError, match=r"were added without key=: open it without"):
        call(keyed)
    assert list(plain.items()) == [("a", 0.0), ("b", 0.0)]


def test_what_hands_nothing_out_is_for_any_data(make: MakeSet) -> None:
    keyed, plain = make(key=initial), make()
    plain.update(["a", "b", "c"])
    plain.claim().bury("why")
    assert (keyed.stats().pending, keyed.dead_count()) == (2, 1)
    assert [letter.raw for letter in keyed.dead()] == [b"a"]
    assert keyed.forget() == 1
    with pytest.raises(KeyingError, match=r"or clear\(\) them"):
        len(keyed)
    assert keyed.clear() is True
    assert keyed.add("a") == 0
    assert keyed.take(9) == ["a"]


def test_keys_that_others_add_to_an_empty_set_become_dead_letters(
    make: MakeSet, backend: Backend
) -> None:
    keyed = make(key=initial)
    keyed.add("a")
    assert keyed.pop() == "a"
    backend.add(keyed.name, [(b"b", 1.0), (b"c", 2.0), (b"d", 3.0)], Merge.REPLACE)
    for each in (keyed, make(key=initial)):
        with pytest.raises(EmptySetError):
            each.pop()
        assert each.claims(9) == []
        backend.add(keyed.name, [(b"e", 1.0)], Merge.REPLACE)
    assert {letter.key for letter in keyed.dead()} == {b"b", b"c", b"d", b"e"}
    # An add gives one its payload.
    keyed.add("each", 5)
    assert keyed.pop() == "each"


def test_what_others_add_to_a_set_that_was_empty_is_theirs(make: MakeSet) -> None:
    keyed, plain = make(key=initial, dead_limit=10), make()
    assert len(keyed) == 0
    assert keyed.take(1) == keyed.claims(1) == []
    plain.update([f"item {i}" for i in range(100)])
    for call, argument in ((keyed.take, 100), (keyed.claims, 100), (keyed.add, "a")):
        with pytest.raises(KeyingError):
            call(argument)
    assert (len(plain), keyed.dead_count()) == (100, 0)


@pytest.mark.parametrize("call", CALLS_OF_A_TTL_SET.values(), ids=CALLS_OF_A_TTL_SET)
def test_nor_a_set_of_items_seen(make: MakeSet, call: Callable[[Any], object]) -> None:
    one, other = make("TTLSet", ttl=60), make("TTLSet", ttl=60, key=initial)
    other.add("a")
    with pytest.raises(KeyingError):
        call(one)
    assert list(other) == ["a"]
    one, other = make("TTLSet", ttl=60, key=initial, suffix="2"), make("TTLSet", ttl=60, suffix="2")
    other.add("a")
    with pytest.raises(KeyingError):
        call(one)
    assert list(other) == ["a"]


@pytest.mark.parametrize("call", ["by_key", "discard_key", "keys"])
def test_nor_are_keys_looked_for_where_there_are_none(make: MakeSet, call: str) -> None:
    keyed, plain = make(key=initial), make()
    plain.add("a")
    arguments = [] if call == "keys" else ["a"]
    with pytest.raises(KeyingError):
        list(getattr(keyed, call)(*arguments))


def test_the_error_is_a_type_error(make: MakeSet) -> None:
    plain, keyed = make(), make(key=initial)
    keyed.add("a")
    with pytest.raises(KeyingError) as caught:
        len(plain)
    assert isinstance(caught.value, (RedsetError, TypeError))
    assert plain.name in str(caught.value)
    # It is an error for as long as it is so.
    with pytest.raises(KeyingError):
        len(plain)
    assert keyed.pop() == "a"
    assert len(plain) == 0


def test_the_lock_is_not_given_either(make: MakeSet) -> None:
    plain, keyed = make(), make(key=initial)
    keyed.add("a")
    with pytest.raises(KeyingError), plain.lock:
        pytest.fail("locked")
    with keyed.lock:
        assert keyed.pop() == "a"
    with make().lock, pytest.raises(TimeoutError), make(lock_timeout=0.01).lock:
        pytest.fail("locked twice")


def test_what_is_claimed_has_keys_too(make: MakeSet) -> None:
    plain, keyed = make(), make(key=initial)
    keyed.add("a")
    with keyed.claim(), pytest.raises(KeyingError):
        plain.add("a")
    plain.add("a")
    with make().claim(), pytest.raises(KeyingError):
        keyed.add("a")


def test_an_empty_set_can_be_opened_either_way(make: MakeSet) -> None:
    keyed, plain = make(key=initial), make()
    assert len(keyed) == len(plain) == 0
    for _ in range(2):
        keyed.add("a")
        assert keyed.take(1) == ["a"]
        plain.add("a")
        assert plain.take(1) == ["a"]


def test_a_loop_over_claims_can_be_the_first_use(make: MakeSet) -> None:
    plain, other = make(), make()
    other.update(["a", "b"])
    assert [claim.item for claim in plain.consume(timeout=0)] == ["a", "b"]
    assert plain.stats().claimed == 0


def test_sets_that_are_combined_are_looked_at(make: MakeSet) -> None:
    plain, keyed = make(suffix="1"), make(key=initial, suffix="1")
    keyed.add("a")
    other = make(suffix="2")
    for call in (other.union_update, other.intersection_update):
        with pytest.raises(KeyingError):
            call(plain)
    mistaken = make(key=initial, suffix="2")
    other = make(suffix="2")
    other.add("a")
    for call in (keyed.union_update, keyed.intersection_update):
        with pytest.raises(KeyingError):
            call(mistaken)
    assert list(keyed) == list(other) == ["a"]


class Counting(MemoryBackend):
    """Counts how often it is asked whether a set is keyed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def is_keyed(self, name: str) -> bool | None:
        self.asked.append(name)
        return super().is_keyed(name)


class TestAsking:
    def test_once_for_a_set_and_once_for_a_name(self) -> None:
        store = Counting()
        for _ in range(3):
            jobs = SortedSet(store, "jobs")
            jobs.add("a")
            assert len(jobs) == 1
            assert jobs.pop() == "a"
        assert store.asked == ["jobs"]
        assert TTLSet(store, "seen", ttl=1).add("a")
        assert store.asked == ["jobs", "seen"]

    def test_once_for_a_name_in_asyncio(self) -> None:
        store = Counting()

        async def main() -> None:
            backend = AsyncMemoryBackend(store)
            for _ in range(3):
                jobs = AsyncSortedSet(backend, "jobs")
                await jobs.add("a")
                assert await jobs.pop() == "a"

        asyncio.run(main())
        assert store.asked == ["jobs"]

    def test_not_when_nothing_is_asked_of_the_store(self) -> None:
        store = Counting()
        jobs = SortedSet(store, "jobs")
        with pytest.raises(ScoreError):
            jobs.add("a", math.nan)
        assert repr(jobs)
        assert jobs.take(0) == []
        assert store.asked == []

    def test_not_for_a_keyed_set(self) -> None:
        store = Counting()
        SortedSet(store, "jobs", key=initial).add("a")
        assert store.asked == []

    def test_again_when_a_keyed_set_of_the_name_was_made(self) -> None:
        store = Counting()
        SortedSet(store, "jobs").add("a")
        assert SortedSet(store, "jobs").take(1) == ["a"]
        SortedSet(store, "jobs", key=initial).add("b")
        with pytest.raises(KeyingError):
            SortedSet(store, "jobs").pop()

    def test_again_after_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store = Counting()
        jobs = SortedSet(store, "jobs")

        def fail(name: str) -> bool:
            raise ConnectionError(name)

        with monkeypatch.context() as patch:
            patch.setattr(store, "is_keyed", fail)
            with pytest.raises(ConnectionError):
                jobs.add("a")
        assert len(jobs) == 0
        assert store.asked == ["jobs"]

    def test_every_store_by_itself(self) -> None:
        one, two = Counting(), Counting()
        SortedSet(one, "jobs").add("a")
        SortedSet(two, "jobs", key=initial).add("a")
        with pytest.raises(KeyingError):
            SortedSet(two, "jobs").add("a")

    def test_what_was_found_goes_with_the_store(self) -> None:
        store = Counting()
        SortedSet(store, "jobs").add("a")
        alive = weakref.ref(store)
        del store
        gc.collect()
        assert alive() is None

    def test_a_store_that_cannot_be_referred_to_is_asked_by_every_set(self) -> None:
        class Unhashable(Counting):
            def __eq__(self, other: object) -> bool:
                return self is other

            __hash__ = None  # type: ignore[assignment]

        store = Unhashable()
        for _ in range(2):
            jobs = SortedSet(store, "jobs")
            jobs.add("a")
            jobs.pop()
        assert store.asked == ["jobs", "jobs"]

    def test_names_without_end_are_not_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_keying, "_MOST", 10)
        store = Counting()
        for number in range(25):
            SortedSet(store, f"jobs-{number}").add("a")
            assert len(_keying.keyless_names(store)) <= 10
        assert len(store.asked) == 25

    @pytest.mark.parametrize("store", [MemoryBackend, lambda: RedisBackend(FakeRedis())])
    def test_names_of_keyed_sets_are_not_kept_either(
        self, store: Callable[[], Backend], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_keying, "_MOST", 10)
        backend = store()
        sets = [SortedSet(backend, f"jobs-{number}", key=initial) for number in range(11)]
        for jobs in sets:
            jobs.add("a")
            assert jobs.pop() == "a"
            backend.add(jobs.name, [(b"b", 1.0)], Merge.REPLACE)
        with pytest.raises(KeyingError):
            len(sets[0])
        assert len(sets[10]) == 1

    def test_threads_that_use_a_set_first_at_once(self) -> None:
        store = Counting()
        jobs = SortedSet(store, "jobs")
        start = threading.Barrier(8)

        def work(number: int) -> None:
            start.wait()
            for score in range(50):
                jobs.add(f"{number} {score}", score)

        workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(jobs) == 400
        assert 1 <= len(store.asked) <= 8
