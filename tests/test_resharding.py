"""Sharded sets that are given another number of shards while they are used."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from redset import AsyncShardedSet, Merge, Retry, ShardedSet
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.backends.sharded import _async, _sync
from redset.backends.sharded._naming import Generation, leaving_name
from redset.exceptions import LeaseLost, SealedError
from redset.testing._blocking import Blocking
from tests.support.backends import make_set
from tests.support.dying import DeathError, Dying
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import ShardableBackend

    MakeSet = Callable[..., Any]

KINDS = ["memory", "memory-async", "valkey-9.1", "redis-6.2-async", "cluster", "cluster-async"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(autouse=True)
def small_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few members in a parcel, so that there are many."""
    for module in (_async.shards, _sync.shards):
        monkeypatch.setattr(module, "_PARCEL", 7)
        monkeypatch.setattr(module, "_PATIENCE", 0.02)


@pytest.fixture
def open_set(backend: ShardableBackend, name: str) -> MakeSet:
    """Give a function that opens the set anew, as another process would."""

    def open_set(store: Any = backend, **options: Any) -> Any:
        options = {"serializer": Numbers, "shards": 2} | options
        return make_set(store, "ShardedSet", name, **options)

    return open_set


@pytest.fixture
def dying(backend: ShardableBackend) -> Callable[..., Any]:
    """Give a function that returns the backend as a user has it who dies."""

    def dying(step: int, *, late: bool = False) -> Any:
        if isinstance(backend, Blocking):
            target = Dying(backend._target, step, late=late)  # noqa: SLF001  (there is no other way)
            return Blocking(backend._loop, target)  # noqa: SLF001  (see above)
        return Dying(backend, step, late=late)

    return dying


RETRY = Retry(max_attempts=9, backoff=3600, cap=7200, jitter=0)


def _in_all_states(s: Any) -> dict[str, Any]:
    """Fill a set with items in all states; return the claims on some."""
    s.update(range(40), range(40))
    held = {claim.item: claim for claim in s.claims(12, lease=600)}
    chosen = list(held.values())
    for claim in chosen[:3]:
        claim.nack()
    for claim in chosen[3:6]:
        claim.bury("hopeless")
    for claim in chosen[6:8]:
        s.add(claim.item, 500)
    return {"held": chosen[6:], "parked": chosen[6:8], "dead": chosen[3:6], "delayed": chosen[:3]}


def _check_states(s: Any, states: dict[str, Any]) -> None:
    counts = s.stats()
    # Those that were added again are not met by any claim yet, so they wait.
    assert counts.claimed == 6
    assert (counts.pending, counts.delayed, counts.dead) == (28 + 3 + 2, 3, 3)
    assert len(list(s)) == len(s) == 30
    assert {letter.raw for letter in s.dead()} == {b"%d" % each.item for each in states["dead"]}
    assert all(letter.score == float(letter.raw) for letter in s.dead())
    for claim in states["parked"]:
        assert s.score(claim.item) == 500.0


def _check_ends(s: Any, states: dict[str, Any]) -> None:
    """See to it that all claims are held, by their tokens, and that all items come out once."""
    top = max(claim.token for claim in states["held"])
    claims = s.claims(99, lease=600)
    assert len(claims) == 28
    assert min(claim.token for claim in claims) > top
    for claim in states["held"][:5]:
        claim.extend(700)
        claim.ack()
    s.ack_all(states["held"][5:] + claims)
    with pytest.raises(LeaseLost):
        states["held"][0].ack()
    assert sorted(s.take(99)) == sorted(claim.item for claim in states["parked"])
    assert s.redrive() == 3
    assert sorted(s.take(99)) == sorted(claim.item for claim in states["dead"])
    assert s.stats().pending == 3
    s.clear()


class TestResharding:
    @pytest.mark.parametrize(("before", "after"), [(2, 5), (8, 3), (1, 2)])
    def test_everything_is_as_it_was(self, open_set: MakeSet, before: int, after: int) -> None:
        s, other = open_set(retry=RETRY, shards=before), open_set(retry=RETRY)
        states = _in_all_states(s)
        assert len(other) == 30
        s.reshard(after)
        assert s.shard_count() == open_set().shard_count() == after
        for each in (other, s, open_set(retry=RETRY)):
            _check_states(each, states)
        _check_ends(other, states)

    def test_as_many_shards_as_there_are_is_nothing_to_do(
        self, open_set: MakeSet, backend: ShardableBackend, name: str
    ) -> None:
        s = open_set()
        s.update(range(10))
        s.reshard(2)
        assert not backend.is_sealed(Generation(name, 1, 2).names[0])
        s.clear()

    def test_one_after_the_other(self, open_set: MakeSet) -> None:
        s, other = open_set(), open_set()
        s.update(range(50), range(50))
        for shards in (3, 1, 4):
            s.reshard(shards)
            assert other.add_new(3) is False
            assert list(other) == list(range(50))
        assert other.shard_count() == 4
        s.clear()

    @pytest.mark.parametrize("late", [False, True])
    def test_whoever_comes_after_a_death_goes_on(
        self, open_set: MakeSet, dying: Callable[..., Any], *, late: bool
    ) -> None:
        step, is_done = 0, False
        while not is_done:
            states = _in_all_states(open_set(retry=RETRY))
            store = dying(step, late=late)
            try:
                open_set(store, retry=RETRY).reshard(3)
            except DeathError:
                # What is left behind is a whole set to all others, whatever they do first.
                for use in _USES[step % len(_USES) :]:
                    use(open_set(retry=RETRY), states)
                _check_states(open_set(retry=RETRY), states)
            else:
                is_done = True
            open_set().reshard(3)
            _check_states(open_set(retry=RETRY), states)
            _check_ends(open_set(retry=RETRY), states)
            # Back to two, for the next time.
            open_set().reshard(2)
            step += 1
        assert step > 20

    def test_clearing_finishes_it(self, open_set: MakeSet, dying: Callable[..., Any]) -> None:
        s = open_set()
        s.update(range(60))
        with pytest.raises(DeathError):
            open_set(dying(9)).reshard(5)
        assert s.clear() is True
        assert (len(s), s.shard_count()) == (0, 5)

    def test_who_waits_for_another_for_too_long_helps(
        self, open_set: MakeSet, backend: ShardableBackend, dying: Callable[..., Any], name: str
    ) -> None:
        s = open_set()
        s.update(range(60))
        with pytest.raises(DeathError):
            open_set(dying(5)).reshard(5)
        with backend.lock(leaving_name(Generation(name, 1, 2).names[0]), 1, 60):
            assert sorted(s) == list(range(60))
        s.clear()

    def test_keyed_sets_keep_their_payloads(
        self, open_set: MakeSet, dying: Callable[..., Any]
    ) -> None:
        options: dict[str, Any] = {"key": lambda number: str(number % 100), "merge": Merge.KEEP}
        s = open_set(**options)
        s.update(range(1000, 1060))
        claim = s.claim()
        with pytest.raises(DeathError):
            open_set(dying(7), **options).reshard(5)
        assert sorted([*s, claim.item]) == list(range(1000, 1060))
        s.reshard(5)
        claim.ack()
        assert sorted([*s.take(99), claim.item]) == list(range(1000, 1060))

    def test_a_shard_that_is_sealed_by_somebody_else_is_an_error(
        self, open_set: MakeSet, backend: ShardableBackend, name: str
    ) -> None:
        s = open_set()
        s.add(1)
        for shard in Generation(name, 1, 2).names:
            backend.seal(shard, leaving_name(shard))
        with pytest.raises(SealedError, match="knows no other"):
            s.add(2)
        for shard in Generation(name, 1, 2).names:
            backend.clear(shard)
            backend.clear(leaving_name(shard))


def _count(s: Any, _: object) -> None:
    assert len(s) == 30


def _add_again(s: Any, _: object) -> None:
    assert s.add_new(39) is False


def _extend(_: object, states: dict[str, Any]) -> None:
    states["held"][0].extend(600)


def _put_back(s: Any, _: object) -> None:
    s.update(s.take_max(2), [500, 500])


def _look_at_dead(s: Any, _: object) -> None:
    assert s.dead_count() == len(s.dead()) == 3


_USES = [_count, _add_again, _extend, _put_back, _look_at_dead]


@pytest.mark.parametrize("takes", ["pop", "claim"])
class TestWaiting:
    """Who waits while shards are sealed goes on at the new ones."""

    def test_blocking(self, takes: str, monkeypatch: pytest.MonkeyPatch) -> None:
        store = MemoryBackend()
        jobs = ShardedSet(store, "jobs", shards=1)
        other = ShardedSet(store, "jobs")
        jobs.reshard(1)
        wait = store.wait_pop

        def reshard_before(*arguments: Any, **options: Any) -> Any:
            if other.shard_count() == 1:
                other.reshard(2)
                other.add("a")
            return wait(*arguments, **options)

        monkeypatch.setattr(store, "wait_pop", reshard_before)
        found: Any = getattr(jobs, takes)(timeout=10)
        assert (found if takes == "pop" else found.item) == "a"
        assert jobs.shard_count() == 2

    def test_asyncio(self, takes: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async def main() -> None:
            store = AsyncMemoryBackend()
            jobs = AsyncShardedSet(store, "jobs", shards=1)
            other = AsyncShardedSet(store, "jobs")
            await jobs.reshard(1)
            wait = store.wait_pop

            async def reshard_before(*arguments: Any, **options: Any) -> Any:
                if await other.shard_count() == 1:
                    await other.reshard(2)
                    await other.add("a")
                return await wait(*arguments, **options)

            monkeypatch.setattr(store, "wait_pop", reshard_before)
            found: Any = await getattr(jobs, takes)(timeout=10)
            assert (found if takes == "pop" else found.item) == "a"
            assert await jobs.shard_count() == 2

        asyncio.run(main())


class TestLayouts:
    def test_who_is_late_changes_nothing(
        self, open_set: MakeSet, backend: ShardableBackend, name: str
    ) -> None:
        s = open_set()
        s.update(range(30))
        s.reshard(3)
        # Somebody who was to re-shard the first generation, and was stopped for a while.
        assert backend.put_layout(name, b"1:2 2:9", 4) is False
        assert open_set().shard_count() == 3
        assert len(open_set()) == 30
        s.clear()

    def test_many_who_open_it_at_once_agree(self, open_set: MakeSet) -> None:
        with ThreadPoolExecutor(8) as pool:
            sets = list(pool.map(lambda shards: open_set(shards=shards), range(2, 10)))
            list(pool.map(lambda s: s.update(range(40)), sets))
        assert len({s.shard_count() for s in sets}) == 1
        assert [len(s) for s in sets] == [40] * 8
        sets[0].clear()

    def test_it_is_read_again_after_a_minute(
        self, open_set: MakeSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        s, other = open_set(), open_set()
        s.update(range(20))
        assert len(other) == 20
        s.reshard(3)
        for module in (_async.layouts, _sync.layouts):
            monkeypatch.setattr(module, "_FRESH", -1.0)
        assert len(other) == 20
        s.clear()
