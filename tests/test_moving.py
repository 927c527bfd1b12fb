"""Items that move between sets, sets that are taken from together, renamed, or go at a time."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from fakeredis import FakeRedis

import redset
from redset import (
    AsyncSortedSet,
    Merge,
    ScheduledSet,
    SortedSet,
    TTLSet,
    pop_from_any,
    pop_from_any_async,
)
from redset.backends import AsyncMemoryBackend, MemoryBackend, RedisBackend
from redset.exceptions import EmptySetError, LeaseLost, SetExistsError
from redset.interfaces import KeyedMember, Payload
from redset.serializers import JSONSerializer
from redset.testing import ManualClock
from redset.testing._blocking import Blocking
from tests.support.serializers import Numbers
from tests.test_algebra import Untouchable

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend

    MakeSet = Callable[..., Any]


class TestMove:
    def test_an_item_moves_with_its_score(self, make: MakeSet) -> None:
        s, other = make(), make(suffix=":other", merge=Merge.EARLIEST)
        s.update(["a", "b"], [1, 5])
        other.add("b", 3)
        assert s.move("a", other) is True
        assert s.move("b", other) is True
        assert s.move("a", other) is False
        assert (list(s), list(other.items())) == ([], [("a", 1.0), ("b", 3.0)])
        assert other.move("a", other) is True
        assert len(other) == 2

    def test_what_is_claimed_does_not_move(self, make: MakeSet) -> None:
        s, other = make(), make(suffix=":other")
        s.add("a")
        claim = s.claim()
        assert s.move("a", other) is False
        claim.ack()
        assert len(other) == 0

    def test_a_consumer_of_the_other_is_woken(self, make: MakeSet) -> None:
        s, other = make(), make("ScheduledSet", suffix=":other")
        s.update(["a", "b"], [1, 2])
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(other.pop, 30)
            time.sleep(0.05)
            assert s.move("b", other) is True
            assert waiting.result() == "b"
            waiting = pool.submit(other.pop, 30)
            time.sleep(0.05)
            assert s.pop_into(other) == waiting.result() == "a"


class TestPopInto:
    def test_the_first_item_moves(self, make: MakeSet) -> None:
        s, other = make(), make(suffix=":other", merge=Merge.KEEP)
        s.update(["a", "b"], [2, 1])
        other.add("a", 9)
        assert [s.pop_into(other), s.pop_into(other)] == ["b", "a"]
        assert list(other.items()) == [("b", 1.0), ("a", 9.0)]
        with pytest.raises(EmptySetError, match="has no item"):
            s.pop_into(other)

    def test_only_what_is_due_moves(self, make: MakeSet) -> None:
        s, other = make("ScheduledSet"), make(suffix=":other")
        later = time.time() + 1000
        s.update(["later", "now"], [later, 1])
        assert s.pop_into(other) == "now"
        with pytest.raises(EmptySetError):
            s.pop_into(other)
        assert s.move("later", other) is True
        assert list(other) == ["now", "later"]

    def test_what_cannot_be_decoded_becomes_a_dead_letter(
        self, make: MakeSet, backend: Backend, caplog: pytest.LogCaptureFixture
    ) -> None:
        s, other = (make(serializer=Numbers, suffix=each) for each in ("", ":other"))
        backend.add(s.name, [(b"poison", 1.0), (b"7", 2.0), (b"more", 3.0)], Merge.REPLACE)
        with caplog.at_level(logging.WARNING, logger="redset"):
            assert s.pop_into(other) == 7
        assert "1 undecodable" in caplog.text
        with pytest.raises(EmptySetError):
            s.pop_into(other)
        assert [letter.raw for letter in s.dead()] == [b"poison", b"more"]
        assert (list(other), len(other), other.dead_count()) == ([7], 1, 0)

    @pytest.mark.parametrize("merge", list(Merge), ids=str)
    def test_what_cannot_be_decoded_leaves_the_other_set_alone(
        self, make: MakeSet, backend: Backend, merge: Merge
    ) -> None:
        s, other = make(serializer=Numbers), make(serializer=Numbers, suffix=":other", merge=merge)
        backend.add(s.name, [(b"poison", 1.0), (b"worse", 9.0)], Merge.REPLACE)
        there = [(b"poison", 7.0), (b"worse", 7.0)]
        backend.add(other.name, there, Merge.REPLACE)
        with pytest.raises(EmptySetError):
            s.pop_into(other)
        assert backend.range(other.name, -math.inf, math.inf) == there
        assert [(each.raw, each.score) for each in s.dead()] == [(b"poison", 1.0), (b"worse", 9.0)]
        assert (len(s), other.dead_count()) == (0, 0)

    def test_nor_does_the_set_itself_lose_another(self, make: MakeSet, backend: Backend) -> None:
        s = make(serializer=Numbers)
        backend.add(s.name, [(b"poison", 1.0), (b"7", 2.0)], Merge.REPLACE)
        assert s.pop_into(s) == s.pop_into(s) == 7
        assert (list(s), [letter.raw for letter in s.dead()]) == ([7], [b"poison"])

    @pytest.mark.parametrize("store", [MemoryBackend, lambda: RedisBackend(FakeRedis())])
    @pytest.mark.parametrize("first", [b'"good"', b"poison"])
    def test_what_is_taken_while_it_is_looked_at(
        self, store: Callable[[], Backend], first: bytes
    ) -> None:
        backend = store()
        options: Any = {"serializer": Meddling(lambda: backend.pop("pages", 1))}
        s, other = (SortedSet(backend, each, **options) for each in ("pages", "other"))
        backend.add("pages", [(first, 1.0), (b'"next"', 2.0)], Merge.REPLACE)
        assert s.pop_into(other) == "next"
        assert (list(other.items()), len(s), s.dead()) == ([("next", 2.0)], 0, [])


def url(page: Any) -> str:
    return str(page[0])


class Meddling(JSONSerializer):
    """Has something done before it first reads an item."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self.waiting = [meanwhile]

    def loads(self, data: bytes) -> Any:
        while self.waiting:
            self.waiting.pop()()
        return super().loads(data)


class TestPopIntoWithKeys:
    @pytest.fixture(params=list(Payload), ids=str)
    def pages(self, request: pytest.FixtureRequest, make: MakeSet) -> tuple[Any, Any]:
        options = {"serializer": JSONSerializer(), "key": url, "payload": request.param}
        return make(**options), make(suffix=":other", **options)

    def spoil(self, backend: Backend, name: str, payload: bytes | None) -> None:
        """Put a key into a set that has a payload already, without one, or with a broken one."""
        if payload is None:
            backend.add(name, [(b"/", 1.0)], Merge.REPLACE)
        else:
            poison = KeyedMember(b"/", payload)
            backend.keyed(Payload.NEWEST).add(name, [(poison, 1.0)], Merge.REPLACE)

    @pytest.mark.parametrize("payload", [b"poison", b"", b"/", None])
    def test_what_cannot_be_decoded_leaves_the_other_set_alone(
        self, pages: tuple[Any, Any], backend: Backend, payload: bytes | None
    ) -> None:
        s, other = pages
        s.add(["/next", "good"], 2)
        other.add(["/", "good"], 5)
        self.spoil(backend, s.name, payload)
        assert s.pop_into(other) == ["/next", "good"]
        with pytest.raises(EmptySetError):
            s.pop_into(other)
        assert list(other.items()) == [(["/next", "good"], 2.0), (["/", "good"], 5.0)]
        raw = b"/" if payload is None else payload
        assert [(each.key, each.raw, each.score) for each in s.dead()] == [(b"/", raw, 1.0)]
        assert (len(s), other.dead_count()) == (0, 0)

    @pytest.mark.parametrize("payload", [b"poison", None])
    def test_nor_does_it_touch_what_is_parked_there(
        self, pages: tuple[Any, Any], backend: Backend, payload: bytes | None
    ) -> None:
        s, other = pages
        other.add(["/", "held"], 5)
        claim = other.claim()
        other.add(["/", "parked"], 6)
        assert other.claims(1) == []
        s.add(["/next", "good"], 2)
        self.spoil(backend, s.name, payload)
        assert s.pop_into(other) == ["/next", "good"]
        assert s.dead_count() == 1
        claim.ack()
        assert list(other.items()) == [(["/next", "good"], 2.0), (["/", "parked"], 6.0)]

    def test_into_the_set_itself(self, pages: tuple[Any, Any], backend: Backend) -> None:
        s, _ = pages
        s.add(["/next", "good"], 2)
        self.spoil(backend, s.name, b"poison")
        assert s.pop_into(s) == s.pop_into(s) == ["/next", "good"]
        assert (list(s), s.dead_count()) == ([["/next", "good"]], 1)

    def test_only_what_is_due(self, make: MakeSet) -> None:
        options = {"serializer": JSONSerializer(), "key": url}
        s, other = make("ScheduledSet", **options), make(suffix=":other", **options)
        s.add(["/", "later"], time.time() + 1000)
        with pytest.raises(EmptySetError):
            s.pop_into(other)
        s.add(["/", "now"])
        assert s.pop_into(other) == ["/", "now"]
        assert list(other) == [["/", "now"]]

    def test_beyond_the_limit_the_oldest_letters_are_dropped(
        self, make: MakeSet, backend: Backend, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make(serializer=JSONSerializer(), key=url, dead_limit=1)
        s.add(["/next", "good"], 2)
        s.claim().bury("why")
        self.spoil(backend, s.name, b"poison")
        with pytest.raises(EmptySetError):
            s.pop_into(s)
        assert [letter.raw for letter in s.dead()] == [b"poison"]
        assert "1 undecodable" in caplog.text
        assert "dropped 1 dead letters" in caplog.text

    @pytest.mark.parametrize("store", [MemoryBackend, lambda: RedisBackend(FakeRedis())])
    @pytest.mark.parametrize("first", [b'["/", "good"]', b"poison"])
    @pytest.mark.parametrize("is_taken", [False, True])
    def test_what_changes_while_it_is_looked_at(
        self,
        store: Callable[[], Backend],
        first: bytes,
        is_taken: bool,
    ) -> None:
        backend = store()
        view = backend.keyed(Payload.NEWEST)

        def change() -> None:
            if is_taken:
                view.pop("pages", 1)
            else:
                new = KeyedMember(b"/", b'["/", "new"]')
                view.add("pages", [(new, 2.0)], Merge.REPLACE)

        options: Any = {"serializer": Meddling(change), "key": url}
        s, other = (SortedSet(backend, each, **options) for each in ("pages", "other"))
        view.add("pages", [(KeyedMember(b"/", first), 1.0)], Merge.REPLACE)
        if is_taken:
            with pytest.raises(EmptySetError):
                s.pop_into(other)
            assert len(other) == 0
        else:
            assert s.pop_into(other) == ["/", "new"]
            assert list(other.items()) == [(["/", "new"], 2.0)]
        assert (len(s), s.dead()) == (0, [])

    @pytest.mark.parametrize("first", [b'["/", "good"]', b"poison"])
    def test_what_changes_meanwhile_in_asyncio(self, first: bytes) -> None:
        store = MemoryBackend()
        view = store.keyed(Payload.NEWEST)

        def change() -> None:
            new = KeyedMember(b"/", b'["/", "new"]')
            view.add("pages", [(new, 2.0)], Merge.REPLACE)

        async def main() -> list[Any]:
            backend, serializer = AsyncMemoryBackend(store), Meddling(change)
            s, other = (
                AsyncSortedSet(backend, each, serializer=serializer, key=url)
                for each in ("pages", "other")
            )
            return [await s.pop_into(other), await s.dead(), [item async for item in other]]

        view.add("pages", [(KeyedMember(b"/", first), 1.0)], Merge.REPLACE)
        assert asyncio.run(main()) == [["/", "new"], [], [["/", "new"]]]


@pytest.fixture
def pop_any(backend: Backend) -> Callable[..., Any]:
    """Give `pop_from_any` for sets of either kind."""
    if not isinstance(backend, Blocking):
        return pop_from_any

    def pop(sets: Any, *arguments: Any, **options: Any) -> Any:
        targets = [each._target for each in sets]  # noqa: SLF001  (there is no other way in)
        loop = backend._loop  # noqa: SLF001  (see above)
        found, item = loop.run(pop_from_any_async(targets, *arguments, **options))
        return sets[targets.index(found)], item

    return pop


class TestPopFromAny:
    def test_the_first_set_has_priority(self, make: MakeSet, pop_any: Callable[..., Any]) -> None:
        urgent, usual, idle = sets = [make(suffix=f":{i}") for i in range(3)]
        idle.add("c", -5)
        usual.update(["b", "a"], [2, 1])
        assert pop_any(sets) == (usual, "a")
        urgent.add("z", 99)
        assert pop_any(sets) == (urgent, "z")
        assert [pop_any(iter_of)[1] for iter_of in (sets, sets[::-1])] == ["b", "c"]
        with pytest.raises(EmptySetError, match="none of") as caught:
            pop_any(sets)
        assert all(each.name in str(caught.value) for each in sets)

    def test_sets_of_several_kinds(self, make: MakeSet, pop_any: Callable[..., Any]) -> None:
        due = make("ScheduledSet", suffix=":due")
        timed = make("TimeSortedSet", serializer=Numbers, suffix=":timed")
        due.add("later", time.time() + 1000)
        timed.add(7)
        assert pop_any([due, timed], 5) == (timed, 7)
        due.add("now")
        assert pop_any((due, timed), timeout=None) == (due, "now")
        assert list(due) == ["later"]

    def test_a_wait_is_over_in_time(self, make: MakeSet, pop_any: Callable[..., Any]) -> None:
        sets = [make(), make("ScheduledSet", suffix=":due")]
        began = time.monotonic()
        with pytest.raises(EmptySetError):
            pop_any(sets, timeout=0.3)
        assert 0.3 <= time.monotonic() - began < 3

    @pytest.mark.parametrize("which", [0, 1])
    def test_an_add_to_any_ends_a_wait(
        self, make: MakeSet, pop_any: Callable[..., Any], which: int
    ) -> None:
        sets = [make(), make("ScheduledSet", suffix=":due")]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(pop_any, sets, 30)
            time.sleep(0.05)
            sets[which].add("a")
            assert waiting.result() == (sets[which], "a")

    def test_a_due_time_ends_a_wait(self, make: MakeSet, pop_any: Callable[..., Any]) -> None:
        sets = [make(), make("ScheduledSet", suffix=":due")]
        due = sets[1].add("now") + 0.3
        assert pop_any(sets) == (sets[1], "now")
        sets[1].add("soon", due)
        assert pop_any(sets, 30) == (sets[1], "soon")
        assert time.time() >= due - 0.05

    def test_poison_is_set_aside(
        self, make: MakeSet, backend: Backend, pop_any: Callable[..., Any]
    ) -> None:
        one, two = sets = [make(serializer=Numbers, suffix=f":{i}") for i in range(2)]
        backend.add(one.name, [(b"poison", 1.0)], Merge.REPLACE)
        backend.add(two.name, [(b"more", 1.0), (b"7", 2.0)], Merge.REPLACE)
        assert pop_any(sets) == (two, 7)
        assert [each.dead_count() for each in sets] == [1, 1]
        backend.add(two.name, [(b"poison", 1.0)], Merge.REPLACE)
        began = time.monotonic()
        with pytest.raises(EmptySetError):
            pop_any(sets, timeout=0.2)
        assert time.monotonic() - began >= 0.2

    def test_tasks_wait_side_by_side(self) -> None:
        async def main() -> None:
            store = AsyncMemoryBackend()
            sets = [AsyncSortedSet(store, name) for name in ("one", "two")]
            waits = [asyncio.create_task(pop_from_any_async(sets, None)) for _ in range(3)]
            await asyncio.sleep(0)
            waits.pop().cancel()
            await sets[1].update(["a", "b"])
            found = await asyncio.gather(*waits)
            assert sorted(item for _, item in found) == ["a", "b"]
            assert {each for each, _ in found} == {sets[1]}

        asyncio.run(main())


class TestRename:
    @pytest.mark.parametrize("of", ["SortedSet", "ScheduledSet", "TTLSet"])
    def test_a_set_has_another_name(self, make: MakeSet, of: str) -> None:
        options = {"ttl": 60} if of == "TTLSet" else {}
        s = make(of, **options)
        new = make(of, suffix=":new", **options)
        s.update(["a", "b"])
        renamed = s.rename(new.name)
        assert (renamed.name, list(renamed), list(new)) == (new.name, ["a", "b"], ["a", "b"])
        assert repr(renamed) == repr(new)
        # The old one goes on, under its name.
        assert (len(s), s.name == new.name) == (0, False)
        s.add("c")
        with pytest.raises(SetExistsError, match="replace=True") as caught:
            s.rename(new.name)
        assert new.name in str(caught.value)
        assert list(s.rename(new.name, replace=True)) == list(new) == ["c"]
        with pytest.raises(EmptySetError, match="nothing that could be renamed") as empty:
            s.rename(new.name, replace=True)
        assert s.name in str(empty.value)
        assert list(new) == ["c"]

    def test_it_is_made_as_the_old_one(self, make: MakeSet) -> None:
        s = make(serializer=Numbers, merge=Merge.EARLIEST, scorer=lambda number: -number)
        s.add(1, 5)
        new = s.rename(make(suffix=":new").name)
        new.update([1, 2], [7, 9])
        assert new.add(3) == -3.0
        assert list(new.items()) == [(3, -3.0), (1, 5.0), (2, 9.0)]

    def test_claims_are_ended_under_the_new_name(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b", "c", "d"])
        a, b, c, d = s.claims(4)
        assert s.stats().claimed == 4
        new = s.rename(make(suffix=":new").name)
        assert (s.stats().claimed, new.stats().claimed) == (0, 4)
        with pytest.raises(LeaseLost):
            a.ack()
        new.ack_all([b])
        assert new.claims(1, done=[c]) == []
        assert new.stats().claimed == 2
        last = new.rename(make(suffix=":last").name)
        last.ack_all([d])
        # What was made by the new one is its own.
        last.add("e")
        claim = last.claim()
        assert claim.token > d.token
        with pytest.raises(ValueError, match="is of another set"):
            s.ack_all([claim])
        claim.ack()
        assert last.stats().claimed == 1
        last.clear()

    def test_a_batch_is_set_apart(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"])
        batch = s.rename(make(suffix=":batch").name)
        s.add("c")
        assert (list(s), batch.take(9)) == (["c"], ["a", "b"])


class TestExpireAt:
    def test_a_set_goes_at_its_time(self, make: MakeSet) -> None:
        s = make()
        assert s.expire_at(time.time() + 1000) is False
        assert s.persist() is False
        s.update(["a", "b"])
        claim = s.claim()
        assert s.expire_at(time.time() + 1000) is True
        assert s.persist() is True
        assert s.expire_at(0) is True
        assert (len(s), s.stats().claimed) == (0, 0)
        with pytest.raises(LeaseLost):
            claim.ack()
        s.add("c")
        assert s.expire_at(time.time() + 0.1) is True
        time.sleep(0.15)
        assert list(s) == []

    def test_by_the_clock_of_the_store(self) -> None:
        clock = ManualClock()
        store = MemoryBackend(clock=clock)
        s, other = SortedSet(store, "s"), SortedSet(store, "other")
        for each in (s, other):
            each.add("a")
        assert s.expire_at(clock.time() + 3600) is True
        clock.advance(3599)
        assert (len(s), len(other)) == (1, 1)
        clock.advance(1)
        assert (len(s), len(other)) == (0, 1)

    def test_a_clock_that_fails_does_not_hold_the_store(self) -> None:
        class Failing(ManualClock):
            fails = False

            def time(self) -> float:
                if self.fails:
                    raise InterruptedError
                return super().time()

        clock = Failing()
        s = SortedSet(MemoryBackend(clock=clock), "s")
        s.add("a")
        s.expire_at(clock.time() + 10)
        clock.fails = True
        with pytest.raises(InterruptedError):
            s.discard("a")
        clock.fails = False
        assert len(s) == 1
        # What may interrupt a call of this store waits for it, and does not hang.
        s.claim().nack()
        assert s.stats().delayed == 1


class TestArguments:
    @pytest.fixture
    def s(self) -> Any:
        return SortedSet(Untouchable(), "s")

    def test_targets(self, s: Any) -> None:
        kinds: list[Any] = [None, "other", s.backend, TTLSet(s.backend, "seen"), {"a"}]
        coded: Any = SortedSet(s.backend, "coded", serializer=JSONSerializer())
        for bad in (*kinds, SortedSet(MemoryBackend(), "far"), coded):
            is_set = bad not in kinds
            match = "equal serializer" if is_set else "no sorted set of this kind"
            for call in (partial(s.move, "a", bad), partial(s.pop_into, bad)):
                with pytest.raises(ValueError if is_set else TypeError, match=match) as caught:
                    call()
                assert repr(bad) in str(caught.value)

    def test_sets_to_pop_from(self, s: Any) -> None:
        wrong: Any
        with pytest.raises(ValueError, match="give at least one"):
            pop_from_any([])
        with pytest.raises(TypeError, match="no list of sets"):
            pop_from_any(5)  # type: ignore[arg-type]  # wrong on purpose
        for wrong in ("jobs", TTLSet(s.backend, "seen"), None):
            with pytest.raises(TypeError, match="no sorted set of this kind"):
                pop_from_any([s, wrong])
        with pytest.raises(ValueError, match="different backends"):
            pop_from_any([s, SortedSet(MemoryBackend(), "far")])
        for wrong in (-1, math.nan):
            with pytest.raises(ValueError, match="timeout"):
                pop_from_any([s], wrong)

    def test_the_same_for_asyncio(self) -> None:
        async def main() -> None:
            store, far = AsyncMemoryBackend(), AsyncSortedSet(AsyncMemoryBackend(), "far")
            s = AsyncSortedSet(store, "s")
            with pytest.raises(ValueError, match="equal serializer"):
                await s.move("a", far)
            with pytest.raises(ValueError, match="leave out weights"):
                await s.union_update(far, weights=[1, 1])
            with pytest.raises(ValueError, match="give at least one"):
                await pop_from_any_async([])
            with pytest.raises(ValueError, match="different backends"):
                await pop_from_any_async([s, far])

        asyncio.run(main())

    def test_names(self, s: Any) -> None:
        for bad, error in (("", ValueError), (b"new", TypeError), (None, TypeError)):
            with pytest.raises(error, match="the name of a set"):
                s.rename(bad)
        with pytest.raises(ValueError, match="called 's' already"):
            s.rename("s")

    def test_times(self, s: Any) -> None:
        for bad, error in ((math.inf, ValueError), (math.nan, ValueError), ("now", TypeError)):
            with pytest.raises(error, match="when"):
                s.expire_at(bad)
        with pytest.raises(ValueError, match=r"1000000000000\.0.*use persist\(\)"):
            s.expire_at(1e12)

    def test_a_ttl_set_has_ends_of_its_own(self) -> None:
        seen = TTLSet(MemoryBackend(), "seen")
        for name in ("expire_at", "persist", "union_update", "union", "move", "pop_into"):
            assert not hasattr(seen, name)

    def test_all_is_exported(self) -> None:
        for name in ("pop_from_any", "pop_from_any_async", "Aggregate"):
            assert name in redset.__all__
        assert issubclass(ScheduledSet, SortedSet)
