"""The redset command on sets with keys: nothing of an item is lost, or taken for another."""

from __future__ import annotations

import json
import math
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest

from redset import DeadLetter, SortedSet, connect
from redset.backends.redis.operating import Operator
from redset.cli.records import Item, dump, load
from redset.exceptions import LockTimeout
from redset.interfaces import KeyedMember, Merge, Payload
from redset.serializers import JSONSerializer
from redset.testing._keyed import Copy, copies
from tests.support.command import Command, command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redset.backends import RedisBackend
    from tests.support.backends import Backends

FIRST, SECOND = "valkey-9.1", "redis-6.2"


def url(page: Any) -> str:
    return str(page[0])


@pytest.fixture
def redset(backends: Backends, name: str) -> Iterator[Command]:
    with command(backends, name, FIRST, SECOND) as redset:
        yield redset


@pytest.fixture
def other(backends: Backends) -> str:
    return backends.server(SECOND).url


@pytest.fixture
def backend(redset: Command) -> Iterator[RedisBackend]:
    with connect(redset.url) as backend:
        yield cast("RedisBackend", backend)


@pytest.fixture
def pages(backend: RedisBackend, name: str) -> SortedSet[Any]:
    return SortedSet(backend, name, serializer=JSONSerializer(), key=url)


@pytest.fixture
def full(backend: RedisBackend, pages: SortedSet[Any], name: str) -> SortedSet[Any]:
    """Return a set with items of every kind, in every state."""
    pages.update([["/dead", 1], ["/delayed", 2], ["/claimed", 3]], [1, 2, 3])
    dead, delayed, _ = pages.claims(3)
    dead.bury("why")
    delayed.nack(1000)
    # This one is parked.
    pages.add(["/claimed", "again"], 4)
    assert pages.claims(1) == []
    odd: list[tuple[bytes, float]] = [
        (KeyedMember(b"\xff\x00", b"\xfe"), -math.inf),
        (KeyedMember(b"", b""), 0.1),
        (KeyedMember(b"bare", None), 5.0),
        (KeyedMember(b"/", b'["/","\xc3\xa9"]'), math.inf),
    ]
    backend.keyed(Payload.NEWEST).add(name, odd, Merge.REPLACE)
    return pages


WAITING: list[Copy] = [
    (b"\xff\x00", b"\xfe", -math.inf),
    (b"", b"", 0.1),
    (b"/delayed", b'["/delayed",2]', 2.0),
    (b"/claimed", b'["/claimed","again"]', 4.0),
    (b"bare", None, 5.0),
    (b"/", b'["/","\xc3\xa9"]', math.inf),
]


def stored(backend: Any, name: str) -> tuple[list[Copy], list[tuple[bytes | None, bytes, str]]]:
    view = backend.keyed(Payload.NEWEST)
    letters = [(each.key, each.raw, each.reason) for each in view.dead(name, 0, 9)]
    return copies(view.slice(name, 0, -1)), letters


EVERYTHING = (WAITING, [(b"/dead", b'["/dead",1]', "why")])


class TestMoving:
    @pytest.mark.usefixtures("full")
    def test_what_is_exported_is_imported_exactly(
        self, redset: Command, backend: RedisBackend, name: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "set.jsonl"
        assert redset("export", name, str(file)).code == 0
        for _ in range(2):
            assert redset("import", f"{name}-2", str(file)).code == 0
            assert stored(backend, f"{name}-2") == EVERYTHING
        again = SortedSet(backend, f"{name}-2", serializer=JSONSerializer(), key=url)
        assert again.redrive() == 1
        assert again.by_key("/dead") == ["/dead", 1]
        assert again.by_key("/") == ["/", "é"]

    @pytest.mark.usefixtures("full")
    def test_copy_goes_to_another_server(self, redset: Command, name: str, other: str) -> None:
        for _ in range(2):
            assert redset("copy", name, "--to", other).code == 0
            with connect(other) as there:
                assert stored(there, name) == EVERYTHING

    def test_an_export_goes_on(
        self, redset: Command, backend: RedisBackend, full: SortedSet[Any], name: str,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        file = tmp_path / "set.jsonl"
        assert redset("export", name, str(file)).code == 0
        lines = file.read_bytes().splitlines(keepends=True)
        for count in range(1, len(lines)):
            file.write_bytes(b"".join(lines[:count]))
            assert redset("export", name, str(file), "--resume").code == 0
            assert redset("import", f"{name}-2", str(file)).code == 0
            assert stored(backend, f"{name}-2") == EVERYTHING
            backend.clear(f"{name}-2")
        assert full.stats().claimed == 1

    @pytest.mark.usefixtures("full")
    def test_what_is_left_may_be_dead_letters_alone(
        self, redset: Command, backend: RedisBackend, name: str
    ) -> None:
        backend.keyed(Payload.NEWEST).remove(name, [key for key, _, _ in WAITING])
        exported = redset("export", name).output
        assert backend.clear(name) is True
        assert redset("import", name, given=exported).code == 0
        assert stored(backend, name)[1] == EVERYTHING[1]

    def test_payloads_go_with_their_scores(
        self, redset: Command, pages: SortedSet[Any], name: str
    ) -> None:
        pages.add(["/", "exported"], 3)
        exported = redset("export", name).output
        for merge, score, note in (("keep", 5, "here"), ("earliest", 3, "exported")):
            pages.add(["/", "here"], 5)
            assert redset("import", name, "--merge", merge, given=exported).code == 0
            assert list(pages.items()) == [(["/", note], score)]

    @pytest.mark.parametrize("state", ["", "claimed", "delayed", "parked"])
    def test_a_record_is_read_as_it_was_written(self, state: str) -> None:
        for member in (
            KeyedMember(b"/", b"item"),
            KeyedMember(b"\xff", b"\xfe"),
            KeyedMember(b"", b""),
            KeyedMember(b"bare", None),
        ):
            record = load(json.loads(dump(Item(member, 1.5, state))))
            assert isinstance(record, Item)
            assert copies([record[:2]]) == copies([(member, 1.5)])
            assert record.state == state
        letter = DeadLetter(b"\xff", "why", 1.0, 2.0, 3, key=b"\xfe")
        assert load(json.loads(dump(letter))) == letter

    def test_items_with_keys_and_without_are_not_mixed(
        self, redset: Command, backend: RedisBackend, pages: SortedSet[Any], name: str
    ) -> None:
        plain = '{"item": "a", "score": 1}\n'
        keyed = '{"key": "/", "item": "[]", "score": 1}\n'
        backend.add(f"{name}-2", [(b"a", 1.0)], Merge.REPLACE)
        pages.add(["/", "here"])
        for target, given in ((name, plain), (f"{name}-2", keyed), (f"{name}-3", plain + keyed)):
            done = redset("import", target, given=given)
            assert (done.code, done.output) == (1, "")
            assert done.errors == (
                f"redset: some items of '{target}' have keys, and some have none: store them "
                "elsewhere\n"
            )
        assert list(pages) == [["/", "here"]]
        assert backend.is_keyed(f"{name}-3") is None


class TestLooking:
    @pytest.mark.usefixtures("full")
    def test_items_are_shown_with_their_keys(self, redset: Command, name: str) -> None:
        assert redset("peek", name, "--last").lines[:3] == [
            "SCORE  ITEM",
            '  inf  /  ["/","é"]',
            "    5  bare",
        ]
        (record,) = redset("peek", name, "-n", "1", "--last", "--json").records
        assert record == {"key": "/", "item": '["/","é"]', "score": "inf"}
        (record,) = redset(
            "peek", name, "-n", "1", "--last", "--json", "--serializer", "json"
        ).records
        assert record == {"key": "/", "item": ["/", "é"], "score": "inf"}
        (record,) = redset("peek", name, "-n", "1", "--json").records
        assert record == {"key_base64": "/wA=", "base64": "/g==", "score": "-inf"}
        assert redset("claims", name).lines[1].endswith('3  /claimed  ["/claimed",3]')
        (record,) = redset("claims", name, "--json").records
        assert (record["key"], record["item"]) == ("/claimed", '["/claimed",3]')
        assert redset("dead", name).lines[1].endswith('why     /dead  ["/dead",1]')
        (record,) = redset("dead", name, "--json").records
        assert (record["key"], record["item"]) == ("/dead", '["/dead",1]')
        shown = redset("show", name).output
        for text in ('/claimed  ["/claimed",3]', '/dead  ["/dead",1]', r"\xff\x00  \xfe"):
            assert text in shown
        assert redset("ls", name, "--json").records[0]["pending"] == 5

    def test_dead_letters_may_be_all_there_is(
        self, redset: Command, pages: SortedSet[Any], name: str
    ) -> None:
        pages.add(["/", 1], 3)
        pages.claim().bury("why")
        assert redset("dead", name).lines[1].endswith('/  ["/",1]')
        assert redset("redrive", name).output == "1 put back\n"
        assert list(pages.items()) == [(["/", 1], 3.0)]


class TestChanging:
    @pytest.mark.usefixtures("full")
    def test_what_is_taken_is_printed_with_its_key(self, redset: Command, name: str) -> None:
        assert redset("pop", name, "--last").output == '/  ["/","é"]\n'
        assert redset("take", name, "9", "--json").records == [
            {"key_base64": "/wA=", "base64": "/g==", "score": "-inf"},
            {"key": "", "item": "", "score": 0.1},
            {"item": "bare", "score": 5.0},
        ]
        assert redset("pop", name).code == 1

    @pytest.mark.parametrize("is_keyed", [False, True])
    def test_so_is_what_comes_to_an_empty_set(
        self,
        redset: Command,
        backends: Backends,
        pages: SortedSet[Any],
        name: str,
        is_keyed: bool,
    ) -> None:
        with (
            closing(backends.client(FIRST)) as client,
            redset.start("pop", name, "--timeout", "30") as process,
        ):
            while not client.exists(f"{{{name}}}:waiting"):
                assert process.poll() is None
            if is_keyed:
                pages.add(["/", 1])
            else:
                client.zadd(name, {"plain": 1})
            assert process.communicate() == ('/  ["/",1]\n' if is_keyed else "plain\n", "")

    def test_what_cannot_be_printed_is_put_back(
        self, redset: Command, pages: SortedSet[Any], name: str
    ) -> None:
        pages.update([["/a", 1], ["/b", 2]], [1, 2])
        done = redset.shell(f"$redset take {name} 9 > /dev/full")
        assert "put back, as they could not be printed: 2" in done.errors
        assert list(pages.items()) == [(["/a", 1], 1.0), (["/b", 2], 2.0)]

    @pytest.mark.usefixtures("full")
    def test_clear(self, redset: Command, backend: RedisBackend, name: str) -> None:
        done = redset("clear", name, "--yes")
        assert (done.code, done.errors) == (0, "")
        assert Operator(backend).names(f"{name}*") == []
        assert backend.is_keyed(name) is None

    def test_keys_are_not_made_up(self, redset: Command, pages: SortedSet[Any], name: str) -> None:
        pages.add(["/", 1])
        done = redset("add", name, "a")
        assert (done.code, done.output) == (1, "")
        assert done.errors == (
            f"redset: the items of '{name}' have keys, which are not known here: add by a program\n"
        )
        assert list(pages) == [["/", 1]]

    def test_what_a_backend_refuses_is_one_line(
        self, redset: Command, backend: RedisBackend, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            message = "it is\nlocked"
            raise LockTimeout(message)

        monkeypatch.setattr(type(backend), "is_keyed", refuse)
        done = redset("peek", name)
        assert (done.code, done.output, done.errors) == (1, "", "redset: it is locked\n")

    def test_redrive_refuses_what_is_mixed(
        self, redset: Command, backend: RedisBackend, pages: SortedSet[Any], name: str
    ) -> None:
        pages.add(["/", 1])
        pages.claim().bury("why")
        backend.add(name, [(b"plain", 1.0)], Merge.REPLACE)
        done = redset("redrive", name)
        assert done.code == 1
        assert "were added without key=" in done.errors
        assert backend.slice(name, 0, -1) == [(b"plain", 1.0)]
