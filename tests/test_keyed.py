"""What sets with keys do, for every backend, blocking and asyncio."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from redset import Merge, Payload, Retry
from redset.exceptions import DecodeError, EmptySetError
from redset.interfaces import KeyedMember
from redset.serializers import NamedtupleSerializer
from tests.support.backends import make_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend

    MakeSet = Callable[..., Any]


class Task(NamedTuple):
    url: str
    note: str = ""


def by_url(task: Task) -> str:
    return task.url


class Notes:
    """Cannot write some notes, and cannot read others."""

    def dumps(self, task: Task) -> str:
        assert task.note != "unwritable"
        return f"{task.url} {task.note}"

    def loads(self, data: bytes) -> Task:
        url, note = data.decode().split(" ")
        if note == "unreadable":
            raise ValueError(note)
        return Task(url, note)


KEYED: dict[str, Any] = {"serializer": Notes(), "key": by_url}


@pytest.fixture
def tasks(make: MakeSet) -> Any:
    return make(**KEYED)


class TestIdentity:
    @pytest.mark.parametrize("of", ["SortedSet", "TimeSortedSet", "ScheduledSet"])
    def test_items_with_one_key_are_one_item(self, make: MakeSet, of: str) -> None:
        s = make(of, **KEYED)
        s.add(Task("/", "old"), 5)
        s.add(Task("/", "new"), 3)
        assert len(s) == 1
        assert s.add_new(Task("/", "newest")) is False
        assert s.pop() == Task("/", "newest")
        assert s.update([Task("/a", "1"), Task("/b", "2"), Task("/a", "3")], [1, 2, 3]) == 2
        assert s.take(5) == [Task("/b", "2"), Task("/a", "3")]
        assert not s

    def test_a_key_is_all_that_an_item_is_known_by(self, tasks: Any) -> None:
        tasks.update([Task("/a", "here"), Task("/b", "here"), Task("/c", "here")], [1, 2, 3])
        # These cannot be serialized, and need not be.
        a, b, c, x = (Task(url, "unwritable") for url in ("/a", "/b", "/c", "/x"))
        assert a in tasks
        assert x not in tasks
        assert tasks.score(a) == 1.0
        assert tasks.scores([b, x]) == [2.0, None]
        assert tasks.rank(c) == 2
        assert tasks.discard(a) is True
        tasks.remove(b)
        assert tasks.difference_update([c, x]) == 1
        assert not tasks

    def test_incrementing_adds(self, tasks: Any) -> None:
        assert tasks.increment(Task("/", "old"), 2) == 2.0
        assert tasks.increment(Task("/", "new"), 3) == 5.0
        assert list(tasks.items()) == [(Task("/", "new"), 5.0)]

    def test_items_come_back_by_all_ways(self, tasks: Any) -> None:
        items = [Task(f"/{i}", f"note-{i}") for i in range(5)]
        tasks.update(items, range(5))
        assert list(tasks) == items
        assert list(reversed(tasks)) == items[::-1]
        assert [item for item, _ in tasks.items()] == items
        assert (tasks.peek(), tasks.peek(-1), tasks.peek_score()) == (items[0], items[-1], 0.0)
        assert tasks[1] == items[1]
        assert tasks[::-2] == items[::-2]
        assert tasks.between(1, 2) == items[1:3]
        assert sorted(tasks.sample(9)) == items
        assert tasks.pop(timeout=1) == items[0]
        assert tasks.pop_max() == items[4]
        assert tasks.take_max(1) == [items[3]]
        assert tasks.take(5, timeout=1) == items[1:3]
        with pytest.raises(EmptySetError):
            tasks.pop(timeout=0.01)

    def test_ties_go_by_the_keys(self, tasks: Any) -> None:
        tasks.update([Task("/b", "1"), Task("/a", "2")])
        assert tasks.take(2) == [Task("/a", "2"), Task("/b", "1")]

    def test_keys_of_many_kinds(self, make: MakeSet) -> None:
        s = make(key=lambda text: text[:1])
        s.update(["", "äb", "äc"])
        assert list(s.keys()) == [b"", "ä".encode()]
        assert s.by_key("") == ""
        raw = make(key=lambda text: text[:1].encode("utf-16"), suffix=":raw")
        raw.update(["ab", "ac"])
        assert list(raw) == ["ac"]
        assert raw.by_key("a".encode("utf-16")) == "ac"

    def test_a_scorer_sees_the_item(self, make: MakeSet) -> None:
        s = make(scorer=lambda task: len(task.note), **KEYED)
        s.update([Task("/a", "long"), Task("/b", "-")])
        assert s.take(2) == [Task("/b", "-"), Task("/a", "long")]

    def test_items_that_wait_for_their_time(self, make: MakeSet) -> None:
        s = make("ScheduledSet", **KEYED)
        s.add(Task("/later", "1"), time.time() + 60)
        s.add(Task("/now", "1"))
        s.add(Task("/now", "2"), 1)
        assert (s.available(), len(s)) == (1, 2)
        assert s.take(5, timeout=0.01) == [Task("/now", "2")]
        assert s.by_key("/later") == Task("/later", "1")
        assert s.peek_score() is None

    def test_repr_tells(self, tasks: Any, make: MakeSet) -> None:
        assert "with keys" in repr(tasks)
        assert "with keys" not in repr(make())

    def test_the_backend_is_the_one_given(self, tasks: Any, make: MakeSet) -> None:
        assert repr(tasks.backend) == repr(make(suffix=":plain").backend)


class TestByKey:
    def test_by_key(self, tasks: Any) -> None:
        tasks.add(Task("/", "note"), 3)
        assert tasks.by_key("/") == tasks.by_key(b"/") == Task("/", "note")
        with pytest.raises(KeyError, match="/x"):
            tasks.by_key("/x")
        assert len(tasks) == 1

    def test_discard_key(self, tasks: Any) -> None:
        tasks.update([Task("/a"), Task("/b")])
        assert tasks.discard_key("/a") is True
        assert tasks.discard_key(b"/a") is False
        assert list(tasks.keys()) == [b"/b"]

    def test_keys_are_in_order(self, make: MakeSet) -> None:
        s = make(serializer=NamedtupleSerializer(Task), key=by_url)
        s.update((Task(f"/{i}") for i in range(2345)), (i % 3 for i in range(2345)))
        expected = sorted(range(2345), key=lambda i: (i % 3, f"/{i}"))
        keys = list(s.keys())
        assert keys == [f"/{i}".encode() for i in expected]
        assert {type(key) for key in keys} == {bytes}

    def test_what_cannot_be_decoded(self, tasks: Any) -> None:
        tasks.add(Task("/", "unreadable"))
        with pytest.raises(DecodeError, match="ValueError: unreadable"):
            tasks.by_key("/")
        # It has a key all the same.
        assert list(tasks.keys()) == [b"/"]
        assert tasks.discard_key("/") is True

    def test_what_a_claim_holds_is_not_there(self, tasks: Any) -> None:
        tasks.add(Task("/", "note"))
        with tasks.claim():
            with pytest.raises(KeyError):
                tasks.by_key("/")
            assert tasks.discard_key("/") is False

    @pytest.mark.parametrize("of", ["SortedSet", "TTLSet"])
    def test_a_set_without_keys_has_none(self, make: MakeSet, of: str) -> None:
        s = make(of)
        for call in (lambda: s.by_key("a"), lambda: s.discard_key("a"), s.keys):
            with pytest.raises(TypeError, match="has no keys: make it with key="):
                call()

    def test_what_is_held_back_is_not_there(self, tasks: Any) -> None:
        tasks.add(Task("/", "note"))
        tasks.claim().nack(delay=60)
        with pytest.raises(KeyError):
            tasks.by_key("/")
        assert tasks.discard_key("/") is True
        assert tasks.stats().delayed == 0

    def test_a_key_is_text_that_can_be_encoded(self, tasks: Any) -> None:
        for call in (tasks.by_key, tasks.discard_key):
            with pytest.raises(ValueError, match=r"key '\\udcff' cannot be encoded .* give bytes"):
                call("\udcff")

    def test_a_key_is_text_or_bytes(self, tasks: Any) -> None:
        for call in (tasks.by_key, tasks.discard_key):
            with pytest.raises(TypeError, match=r"str or bytes, not 5: wrap it in str\(\)"):
                call(5)


class TestSeen:
    def test_items_with_one_key_are_seen_once(self, make: MakeSet) -> None:
        seen = make("TTLSet", ttl=60, **KEYED)
        assert seen.add(Task("/", "old")) is True
        assert seen.add(Task("/", "new")) is False
        unseen = [Task("/a", "1"), Task("/", "newest"), Task("/a", "2")]
        assert seen.add_unseen(unseen) == [Task("/a", "1")]
        assert Task("/", "unwritable") in seen
        assert 50 < seen.ttl(Task("/", "unwritable")) <= 60
        assert sorted(seen) == [Task("/", "newest"), Task("/a", "2")]
        assert sorted(seen.keys()) == [b"/", b"/a"]
        assert seen.discard(Task("/", "unwritable")) is True
        assert seen.discard_key("/a") is True
        assert len(seen) == 0

    def test_what_has_expired_is_absent(self, make: MakeSet, backend: Backend) -> None:
        seen = make("TTLSet", ttl=60, **KEYED)
        entries = [(KeyedMember(b"/", b"/ expired"), 1.0), (KeyedMember(b"/a", b"/a x"), 2.0)]
        backend.keyed(Payload.FIRST).add(seen.name, entries, Merge.KEEP)
        with pytest.raises(KeyError):
            seen.by_key("/")
        assert seen.discard_key("/") is False
        assert list(seen.keys()) == []
        first = make("TTLSet", ttl=60, payload=Payload.FIRST, **KEYED)
        assert first.add(Task("/", "alive")) is True
        assert first.by_key("/") == Task("/", "alive")
        assert first.sweep() == 0


class TestPayloads:
    @pytest.mark.parametrize(
        ("payload", "merge", "lower", "higher"),
        [
            (Payload.NEWEST, Merge.KEEP, "new", "new"),
            (Payload.NEWEST, Merge.LATEST, "new", "new"),
            (Payload.FIRST, Merge.REPLACE, "old", "old"),
            (Payload.FIRST, Merge.EARLIEST, "old", "old"),
            (Payload.WITH_SCORE, Merge.REPLACE, "new", "new"),
            (Payload.WITH_SCORE, Merge.KEEP, "old", "old"),
            (Payload.WITH_SCORE, Merge.EARLIEST, "new", "old"),
            (Payload.WITH_SCORE, Merge.LATEST, "old", "new"),
        ],
    )
    def test_which_one_stays(
        self, make: MakeSet, payload: Payload, merge: Merge, lower: str, higher: str
    ) -> None:
        s = make(merge=merge, payload=payload, **KEYED)
        s.update([Task("/lower", "old"), Task("/higher", "old")], [5, 5])
        s.add(Task("/lower", "new"), 4)
        s.add(Task("/higher", "new"), 6)
        assert s.by_key("/lower").note == lower
        assert s.by_key("/higher").note == higher

    @pytest.mark.parametrize("payload", list(Payload))
    def test_what_was_taken_leaves_nothing_behind(self, make: MakeSet, payload: Payload) -> None:
        s = make(payload=payload, merge=Merge.KEEP, **KEYED)
        s.add(Task("/", "old"), 1)
        s.pop()
        s.add(Task("/", "new"), 2)
        assert list(s.items()) == [(Task("/", "new"), 2.0)]


class TestClaims:
    def test_the_item_is_what_was_current_at_the_claim(self, tasks: Any) -> None:
        tasks.add(Task("/", "first"), 1)
        with tasks.claim() as claim:
            tasks.add(Task("/", "second"), 2)
            tasks.add(Task("/", "third"), 3)
            assert claim.item == Task("/", "first")
            assert claim.hold[0] == b"/"
            with pytest.raises(EmptySetError):
                tasks.claim()
        with tasks.claim() as claim:
            assert (claim.item, claim.score) == (Task("/", "third"), 3.0)
        assert tasks.stats().pending == tasks.stats().claimed == 0

    @pytest.mark.parametrize(
        ("payload", "expected"),
        [(Payload.NEWEST, "new"), (Payload.FIRST, "old"), (Payload.WITH_SCORE, "new")],
    )
    def test_what_comes_back_meets_what_was_added(
        self, make: MakeSet, payload: Payload, expected: str
    ) -> None:
        s = make(payload=payload, **KEYED)
        s.add(Task("/", "old"), 1)
        claim = s.claim()
        s.add(Task("/", "new"), 2)
        claim.nack(0)
        with s.claim() as again:
            assert again.item == Task("/", expected)

    def test_what_nobody_added_comes_back_as_it_was(self, tasks: Any) -> None:
        tasks.add(Task("/", "note"), 1)
        tasks.claim().nack(0)
        assert list(tasks.items()) == [(Task("/", "note"), 1.0)]
        tasks.claim().reschedule(7)
        assert list(tasks.items()) == [(Task("/", "note"), 7.0)]
        with pytest.raises(RuntimeError), tasks.claim():
            raise RuntimeError
        assert tasks.stats().delayed == 1

    def test_consume(self, tasks: Any) -> None:
        tasks.update([Task(f"/{i}", "note") for i in range(3)])
        met = [claim.item for claim in tasks.consume(timeout=0)]
        assert met == [Task(f"/{i}", "note") for i in range(3)]
        assert tasks.stats().claimed == 0

    def test_claims_in_batches_by_sets_of_one_name(self, tasks: Any, make: MakeSet) -> None:
        tasks.update([Task(f"/{i}", "note") for i in range(5)])
        claims = tasks.claims(2)
        other = make(payload=Payload.FIRST, **KEYED)
        others = other.claims(2, done=claims)
        assert [claim.item.url for claim in [*claims, *others]] == ["/0", "/1", "/2", "/3"]
        tasks.ack_all(others)
        assert [claim.item.url for claim in tasks.claims(5)] == ["/4"]

    def test_keeping_alive(self, tasks: Any) -> None:
        tasks.add(Task("/", "note"))
        with tasks.claim(lease=0.2, keep_alive=True) as claim:
            deadline = claim.deadline
            while claim.deadline == deadline:
                time.sleep(0.01)
            assert not claim.lost


class TestDeadLetters:
    def test_what_was_buried_comes_back(self, tasks: Any) -> None:
        tasks.add(Task("/", "note"), 3)
        tasks.claim().bury("hopeless")
        (letter,) = tasks.dead()
        assert (letter.raw, letter.key, letter.reason) == (b"/ note", b"/", "hopeless")
        assert tasks.redrive([letter]) == 1
        assert list(tasks.items()) == [(Task("/", "note"), 3.0)]
        assert tasks.dead_count() == 0

    def test_the_last_attempt(self, make: MakeSet) -> None:
        s = make(retry=Retry(max_attempts=1), **KEYED)
        s.add(Task("/", "note"))
        with pytest.raises(RuntimeError), s.claim():
            raise RuntimeError
        assert [letter.key for letter in s.dead()] == [b"/"]
        assert s.forget() == 1

    def test_one_letter_for_a_key(self, tasks: Any) -> None:
        for note in ("old", "new"):
            tasks.add(Task("/", note))
            tasks.claim().bury(note)
        tasks.add(Task("/a", "note"))
        tasks.claim().bury("note")
        first, second = sorted(tasks.dead(), key=lambda letter: letter.raw)
        assert (first.raw, second.raw) == (b"/ new", b"/a note")
        assert tasks.forget([first]) == 1
        assert tasks.redrive() == 1
        assert list(tasks) == [Task("/a", "note")]

    @pytest.mark.parametrize("way", ["take", "claims", "take_max", "consume"])
    def test_what_cannot_be_decoded_when_it_is_handed_out(
        self, tasks: Any, way: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        tasks.update([Task("/1", "unreadable"), Task("/2", "note")], [1, 2])
        handed_out: dict[str, Callable[[], list[Any]]] = {
            "take": lambda: tasks.take(2),
            "take_max": lambda: tasks.take_max(2),
            "claims": lambda: [claim.item for claim in tasks.claims(2)],
            "consume": lambda: [claim.item for claim in tasks.consume(timeout=0)],
        }
        with caplog.at_level(logging.WARNING, "redset"):
            assert handed_out[way]() == [Task("/2", "note")]
        assert "1 undecodable item(s)" in caplog.text
        (letter,) = tasks.dead()
        assert (letter.raw, letter.key, letter.score) == (b"/1 unreadable", b"/1", 1.0)
        assert letter.reason == "ValueError: unreadable"

    @pytest.mark.parametrize("way", ["take", "claims"])
    def test_what_others_added_without_a_payload(
        self, tasks: Any, backend: Backend, way: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        tasks.add(Task("/2", "note"), 2)
        backend.add(tasks.name, [(b"/1", 1.0)], Merge.KEEP)
        with pytest.raises(DecodeError, match="nothing is stored for the key b'/1'"):
            tasks.by_key("/1")
        assert list(tasks.keys()) == [b"/1", b"/2"]
        with caplog.at_level(logging.WARNING, "redset"):
            assert list(tasks) == [Task("/2", "note")]
        assert "passed over 1 undecodable item(s)" in caplog.text
        taken = tasks.take(2) if way == "take" else [claim.item for claim in tasks.claims(2)]
        assert taken == [Task("/2", "note")]
        (letter,) = tasks.dead()
        assert (letter.raw, letter.key) == (b"/1", b"/1")
        assert "nothing is stored for the key" in letter.reason

    def test_an_add_makes_a_foreign_key_whole(self, tasks: Any, backend: Backend) -> None:
        tasks.add(Task("/2", "note"), 2)
        backend.add(tasks.name, [(b"/1", 1.0)], Merge.KEEP)
        tasks.add(Task("/1", "note"), 1)
        assert tasks.take(2) == [Task("/1", "note"), Task("/2", "note")]


class TestCombining:
    @pytest.mark.parametrize("key", [by_url, None], ids=["same key", "other key"])
    def test_union_update(self, make: MakeSet, key: Any) -> None:
        other = key or (lambda task: task.url)
        one = make(merge=Merge.EARLIEST, suffix="1", payload=Payload.WITH_SCORE, **KEYED)
        two = make(suffix="2", serializer=KEYED["serializer"], key=other)
        one.update([Task("/a", "one"), Task("/b", "one")], [1, 2])
        two.update([Task("/b", "two"), Task("/c", "two"), Task("/a", "two")], [9, 3, 0])
        assert one.union_update(two) == 1
        assert list(one) == [Task("/a", "two"), Task("/b", "one"), Task("/c", "two")]
        assert len(two) == 3

    @pytest.mark.parametrize("key", [by_url, None], ids=["same key", "other key"])
    def test_intersection_update(self, make: MakeSet, key: Any) -> None:
        other = key or (lambda task: task.url)
        one = make(suffix="1", **KEYED)
        two = make(suffix="2", serializer=KEYED["serializer"], key=other)
        one.update([Task("/a", "one"), Task("/b", "one")], [1, 2])
        two.update([Task("/b", "two"), Task("/c", "two")])
        assert one.intersection_update(two) == 1
        assert list(one.items()) == [(Task("/b", "one"), 2.0)]

    def test_keyed_with_plain(self, make: MakeSet) -> None:
        keyed = make(suffix="1", **KEYED)
        plain = make(suffix="2", serializer=KEYED["serializer"])
        plain.update([Task("/", "1"), Task("/", "2"), Task("/a", "1")], [1, 2, 3])
        assert keyed.union_update(plain) == 2
        assert list(keyed) == [Task("/", "2"), Task("/a", "1")]
        assert plain.intersection_update(keyed) == 0
        keyed.discard_key("/a")
        assert plain.intersection_update(keyed) == 1
        assert plain.union_update(keyed) == 0


class TestArguments:
    @pytest.mark.parametrize("of", ["SortedSet", "ScheduledSet", "TTLSet"])
    def test_they_are_checked(self, make: MakeSet, of: str) -> None:
        with pytest.raises(TypeError, match="key is 'url', but must be callable"):
            make(of, key="url")
        with pytest.raises(TypeError, match="payload is 'first', but must be one of Payload"):
            make(of, key=by_url, payload="first")
        for payload in Payload:
            with pytest.raises(TypeError, match=f"payload is {payload}, but there is no key"):
                make(of, payload=payload)

    @pytest.mark.parametrize("of", ["SortedSet", "TTLSet"])
    def test_there_is_room_beside_the_name(self, backend: Backend, of: str) -> None:
        options = {"ttl": 60} if of == "TTLSet" else {}
        for name in ("a}b", "{}a"):
            with pytest.raises(ValueError, match="closes no hash tag"):
                make_set(backend, of, name, key=by_url, **options)

    def test_also_beside_a_new_name(self, tasks: Any) -> None:
        tasks.add(Task("/"))
        with pytest.raises(ValueError, match="closes no hash tag"):
            tasks.rename(f"{tasks.name[1:-1]}}}")
        assert len(tasks) == 1

    def test_a_key_function_gives_text_that_can_be_encoded(self, make: MakeSet) -> None:
        s = make(key=lambda _: "\ud800")
        with pytest.raises(ValueError, match="cannot be encoded as UTF-8"):
            s.add("a")

    @pytest.mark.parametrize("bad", [5, None, ("/",), bytearray(b"/")])
    def test_a_key_function_gives_text_or_bytes(self, make: MakeSet, bad: Any) -> None:
        s = make(key=lambda _: bad)
        seen = make("TTLSet", ttl=60, key=lambda _: bad, suffix=":seen")
        call: Callable[[], object]
        for call in (
            lambda: s.add("a"),
            lambda: s.add_new("a"),
            lambda: s.update(["a"]),
            lambda: s.update(["a"], [1]),
            lambda: s.increment("a"),
            lambda: s.score("a"),
            lambda: s.rank("a"),
            lambda: "a" in s,
            lambda: s.discard("a"),
            lambda: s.difference_update(["a"]),
            lambda: seen.add("a"),
            lambda: seen.update(["a"]),
            lambda: seen.ttl("a"),
        ):
            with pytest.raises(
                TypeError, match="the key of an item is str or bytes, not"
            ) as caught:
                call()
            assert repr(bad) in str(caught.value)
        assert len(s) == len(seen) == 0
