"""Re-sharding that is interrupted for days, and what is left when it has been finished."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from redset import ShardedSet
from redset.backends import AsyncMemoryBackend, MemoryBackend, RedisBackend
from redset.backends.sharded import _sync
from redset.backends.sharded._naming import Generation, leaving_name
from redset.testing import ManualClock, blocking
from tests.support.backends import make_set
from tests.support.dying import DeathError, Dying
from tests.support.serializers import Numbers
from tests.support.servers import Server

DAY = 86400.0


@pytest.fixture(autouse=True)
def small_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few members in a parcel, so that there are many."""
    monkeypatch.setattr(_sync.shards, "_PARCEL", 7)
    monkeypatch.setattr(_sync.shards, "_PATIENCE", 0.02)


def names(store: MemoryBackend) -> list[str]:
    """Return all names but those of the layout and the bell."""
    return [name for name in store._sets if name not in {"jobs", "{jobs:bell}"}]  # noqa: SLF001  (there is no other way)


def open_set(store: Any) -> ShardedSet[int]:
    return ShardedSet(store, "jobs", serializer=Numbers, shards=2)


@pytest.mark.parametrize("late", [False, True])
def test_an_interrupted_one_is_whole_for_ever(*, late: bool) -> None:
    step, is_done = 0, False
    while not is_done:
        clock = ManualClock()
        store = MemoryBackend(clock=clock)
        old = open_set(store)
        old.update(range(40))
        done = old.take(5)
        try:
            open_set(Dying(store, step, late=late)).reshard(3)
            is_done = True
        except DeathError:
            pass
        for _ in range(3):
            clock.advance(100 * DAY)
            for s in (open_set(store), old):
                assert sorted([*s, *done]) == list(range(40))
                assert not any(s.add_new(number) for number in list(s))
        assert len({claim.item for claim in old.claims(99)} | set(done)) == 40
        open_set(store).reshard(3)
        assert old.shard_count() == 3
        step += 1
    assert step > 20


def test_a_parcel_is_unpacked_once_however_long_it_takes() -> None:
    clock = ManualClock()
    store = MemoryBackend(clock=clock)
    s = open_set(store)
    s.update(range(40))
    first = Generation("jobs", 1, 2).names[0]
    # Somebody packs a parcel, and is stopped for days.
    with pytest.raises(DeathError):
        open_set(Dying(store, 3)).reshard(3)
    late = store.pack(leaving_name(first), 7)
    assert late.states
    s.reshard(5)
    finished = s.take(99)
    assert len(finished) == 40
    homes = Generation("jobs", 2, 3)
    for wait in (0.0, DAY - 1):
        clock.advance(wait)
        for home in homes.names:
            states = [state for state in late.states if homes.home(state.member) == home]
            with suppress(LookupError):  # as it may be sealed by now
                assert (
                    store.unpack(home, leaving_name(first), late._replace(states=states)) is False
                )
        assert len(s) == 0


def test_nothing_is_left_of_a_finished_one() -> None:
    clock = ManualClock()
    store = MemoryBackend(clock=clock)
    s = open_set(store)
    s.update(range(40))
    for step in (9, 30, 45, 999, 60):
        with suppress(DeathError):
            open_set(Dying(store, step)).reshard(2 + step % 3)
    s.reshard(4)
    assert any(map(store.is_sealed, names(store)))
    clock.advance(DAY + 1)
    assert len(s) == 40
    assert all(name.endswith("}") and not store.is_sealed(name) for name in names(store))
    assert len(names(store)) == 4
    assert not store._parcels  # noqa: SLF001  (there is no other way)
    # What was given to others is forgotten when something is given again.
    generation = int(names(store)[0].split(":")[1])
    s.reshard(5)
    given = {name for name, _ in store._unpacked}  # noqa: SLF001  (there is no other way)
    assert given <= set(Generation("jobs", generation + 1, 5).names)


def test_nothing_is_left_on_a_server() -> None:
    with Server() as server, closing(redis.Redis(port=server.port)) as client:
        store = RedisBackend(client)
        s = open_set(store)
        s.update(range(40))
        with pytest.raises(DeathError):
            open_set(Dying(store, 12)).reshard(3)
        keys: list[Any] = list(client.scan_iter(_type="string"))
        sealed = [key for key in keys if str(client.get(key)).startswith("b'SEALED")]
        # As long as it is not finished, nothing of it may go.
        assert len(sealed) > 1
        assert [client.pttl(key) for key in sealed] == [-1] * len(sealed)
        s.reshard(3)
        s.take(99)
        stay = [key for key in client.scan_iter() if client.pttl(key) < 0]
        assert [key for key in stay if key != b"{jobs:bell}"] == [b"jobs"]
        assert client.get("jobs") == b"SEALED by redset, layout 6: 2:3"
        assert all(client.pttl(key) <= DAY * 1000 for key in client.scan_iter())


@pytest.mark.parametrize("is_async", [False, True])
def test_who_is_late_by_days_leaves_nothing_for_ever(*, is_async: bool) -> None:
    clock = ManualClock()
    store = MemoryBackend(clock=clock)
    s = open_set(store)
    s.update(range(40))

    class Late(Dying):
        """Is stopped for days before it seals the first shard."""

        is_late = False

        def __getattr__(self, method: str) -> Any:
            # Not when it is looked for, but when the new layout is there.
            if method == "seal" and self._left < 999 and not self.is_late:
                self.is_late = True
                s.reshard(3)
                clock.advance(2 * DAY)
            return super().__getattr__(method)

    if is_async:
        with blocking(lambda: Late(AsyncMemoryBackend(store), 999)) as late:
            make_set(late, "ShardedSet", "jobs", serializer=Numbers).reshard(3)
    else:
        open_set(Late(store, 999)).reshard(3)
    assert (len(s), len(open_set(store))) == (40, 40)
    assert any(store.is_sealed(name) for name in Generation("jobs", 1, 2).names)
    clock.advance(DAY + 1)
    assert not any(store.is_sealed(name) for name in Generation("jobs", 1, 2).names)


def test_the_layout_is_read_again_after_a_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """One clock stands still while the machine sleeps, another may be set."""
    for shift in (90.0, -90.0):
        store = MemoryBackend(clock=ManualClock())
        s, other = open_set(store), open_set(store)
        s.update(range(40))
        assert len(other) == 40
        s.reshard(3)
        for name in Generation("jobs", 1, 2).names:
            store.clear(name)  # as after a day
        later = SimpleNamespace(time=lambda: time.time() + shift)  # noqa: B023  (called in the loop)
        with monkeypatch.context() as patch:
            patch.setattr(_sync.layouts, "time", later)
            assert other.add_new(3) is False
            assert len(other) == 40
