"""export, import and copy: nothing is lost or changed on the way."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis

from redset import DeadLetter, SortedSet, connect
from redset.backends.redis.operating import Operator
from redset.cli import records
from redset.cli.records import Item, dump, load
from redset.interfaces import Merge
from tests.support.command import DOWN, Command, command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redset.backends import RedisBackend
    from redset.cli.records import Record
    from tests.support.backends import Backends

FIRST, SECOND = "valkey-9.1", "redis-6.2"

SCORES = [-math.inf, -1e308, -0.1, -5e-324, 0.1 + 0.2, 1, 2**53 + 0.0, 1e22, 1.7e308, math.inf]
ENTRIES = [
    *((f"item {number}".encode(), score) for number, score in enumerate(SCORES)),
    (b"", 0.0),
    (b"\xff\x00\n", 0.25),
    (bytes(range(256)), 0.5),
    ('é\u2028\x1b\\"'.encode(), 0.75),
]
LETTERS = [
    DeadLetter(b"\xfe", 'a "reason"\nin two lines: \x1b é', math.inf, 1234567890.123456, 3),
    DeadLetter(b"dead", "", -0.1, 1234567891.0, 0),
]


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
def full(backend: RedisBackend, name: str) -> SortedSet[str]:
    """Return a set with items of every kind, in every state."""
    full = SortedSet(backend, name)
    full.update(["claimed", "delayed"], [3, 4])
    full.claims(2)[1].nack(1000)
    backend.add(name, ENTRIES, Merge.REPLACE)
    Operator(backend).restore(name, LETTERS)
    return full


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "set.jsonl"


def stored(backend: Any, name: str) -> tuple[dict[bytes, float], list[DeadLetter]]:
    return dict(backend.slice(name, 0, -1)), backend.dead(name, 0, 100)


EVERYTHING = ({**dict(ENTRIES), b"claimed": 3.0, b"delayed": 4.0}, LETTERS)


@pytest.mark.usefixtures("full")
def test_what_is_exported_is_imported_exactly(
    redset: Command, backend: RedisBackend, name: str, file: Path
) -> None:
    done = redset("export", name, str(file))
    assert (done.code, done.output, done.errors) == (0, "", "")
    done = redset("import", f"{name}-2", str(file))
    assert (done.code, done.output) == (0, f"{len(ENTRIES) + 4} records stored in {name}-2\n")
    assert stored(backend, f"{name}-2") == EVERYTHING
    assert redset("import", f"{name}-2", str(file), "--json").records == [
        {"stored": len(ENTRIES) + 4, "name": f"{name}-2"}
    ]
    assert stored(backend, f"{name}-2") == EVERYTHING
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.usefixtures("full")
def test_export_and_import_go_through_pipes(
    redset: Command, backend: RedisBackend, name: str
) -> None:
    done = redset("export", name)
    assert all(line.isascii() and line.isprintable() for line in done.lines)
    head, end = done.records[0], done.records[-1]
    assert (head, end) == (
        {"redset": 1, "name": name, "records": len(ENTRIES) + 4},
        {"end": True},
    )
    assert redset("import", f"{name}-2", given=done.output).code == 0
    assert stored(backend, f"{name}-2") == EVERYTHING


@pytest.mark.usefixtures("full")
def test_copy_goes_to_another_server(redset: Command, name: str, other: str) -> None:
    done = redset("copy", name, "--to", other)
    assert (done.code, done.output) == (0, f"{len(ENTRIES) + 4} records stored in {name}\n")
    with connect(other) as there:
        assert stored(there, name) == EVERYTHING
    (record,) = redset("copy", name, "--to", other, "--as", f"{name}-2", "--json").records
    assert record == {"stored": len(ENTRIES) + 4, "name": f"{name}-2"}
    with connect(other) as there:
        assert stored(there, f"{name}-2") == EVERYTHING


def test_a_set_is_not_copied_onto_itself(redset: Command, name: str) -> None:
    assert redset("add", name, "a").code == 0
    other_names = redset.url.removesuffix("/0"), redset.url.replace("127.0.0.1", "localhost")
    for url in (redset.url, *other_names):
        for words in ([], ["--as", name]):
            done = redset("copy", name, "--to", url, *words)
            assert done.code == 2
            assert "onto itself" in done.errors
    another = f"{redset.url.removesuffix('/0')}/1"
    assert redset("copy", name, "--to", another).code == 0
    assert redset("clear", name, "--yes", "--url", another).code == 0


def test_each_server_fails_by_itself(redset: Command, name: str) -> None:
    SortedSet(connect(redset.url), name).add("a")
    for words in (["--to", DOWN], ["--to", redset.url, "--url", DOWN]):
        done = redset("copy", name, *words)
        assert done.code == 3
        assert done.errors.startswith("redset: the server at redis://127.0.0.1:1 failed: ")


def test_the_first_server_may_fail_on_the_way(
    redset: Command, name: str, other: str, backend: RedisBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "it is gone"
        raise redis.ConnectionError(message)

    SortedSet(backend, name).add("a")
    monkeypatch.setattr(type(backend), "range", fail)
    done = redset("copy", name, "--to", other)
    assert done.code == 3
    assert f":{redset.url.rpartition(':')[2]} failed: it is gone" in done.errors


def test_merging_is_by_the_rule(redset: Command, backend: RedisBackend, name: str) -> None:
    lines = [
        {"item": "claimed", "score": 5, "state": "claimed"},
        {"item": "a", "score": 5},
    ]
    given = "".join(f"{json.dumps(line)}\n" for line in lines)
    jobs = SortedSet(backend, name)
    for rule, expected in [
        # What was claimed is older than what was given since.
        ("replace", {"claimed": 7.0, "a": 5.0}),
        ("keep", {"claimed": 7.0, "a": 7.0}),
        ("earliest", {"claimed": 5.0, "a": 5.0}),
        ("latest", {"claimed": 7.0, "a": 7.0}),
    ]:
        jobs.update(["claimed", "a"], [7, 7])
        assert redset("import", name, "--merge", rule, given=given).code == 0
        assert dict(jobs.items()) == expected


def test_what_moves_meanwhile_is_exported(
    redset: Command, backend: RedisBackend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "CHUNK", 2)
    jobs = SortedSet(backend, name)
    jobs.update(["b", "c", "d", "e", "f"], range(5))
    back, *_ = jobs.claims(1)
    read = type(backend).range

    def move(*arguments: Any, **options: Any) -> Any:
        page = read(*arguments, **options)
        if not back.is_over:
            back.reschedule(-1)  # to a place that was passed
            jobs.discard("f")
            jobs.add("f", 1.5)
        for item in jobs.claims(1):  # from a place that is to come
            assert item.lost is False
        return page

    monkeypatch.setattr(type(backend), "range", move)
    found = {record["item"] for record in redset("export", name).records if "item" in record}
    assert found == {"b", "c", "d", "e", "f"}


def test_what_moves_on_is_not_followed_for_ever(
    redset: Command, backend: RedisBackend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "CHUNK", 2)
    jobs = SortedSet(backend, name)
    jobs.update("abcde", range(5))
    read = type(backend).range

    def move(*arguments: Any, **options: Any) -> Any:
        page = read(*arguments, **options)
        for member, score in page:
            jobs.add(member.decode(), score + 10)
        return page

    monkeypatch.setattr(type(backend), "range", move)
    assert len(redset("export", name).lines) == 7


# Going on


def many(backend: RedisBackend, name: str) -> SortedSet[str]:
    full = SortedSet(backend, name)
    full.update(
        [f"{number:05}" for number in range(2500)], [number // 700 for number in range(2500)]
    )
    full.claims(3)
    Operator(backend).restore(name, LETTERS)
    return full


@pytest.mark.parametrize("lines", [0, 1, 2, 4, 7, 900, 2503])
@pytest.mark.parametrize("torn", ["", '{"item": "to', '{"item": "torn", "score": 1}'])
def test_an_export_goes_on_where_it_was_cut(
    redset: Command, backend: RedisBackend, name: str, file: Path, lines: int, torn: str
) -> None:
    many(backend, name)
    redset("export", name, str(file))
    whole = file.read_text().splitlines(keepends=True)
    file.write_text("".join(whole[:lines]) + torn)
    assert redset("export", name, str(file), "--resume").code == 0
    *resumed, end = file.read_text().splitlines(keepends=True)
    # What is claimed may be there twice.
    assert [*dict.fromkeys(resumed), end] == whole


def test_an_export_goes_on_with_what_is_new(
    redset: Command, backend: RedisBackend, name: str, file: Path
) -> None:
    jobs = SortedSet(backend, name)
    jobs.update(["a", "b", "d"], [1, 1, 1])
    redset("export", name, str(file))
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:3]))
    jobs.add("c", 1)
    assert redset("export", name, str(file), "--resume").code == 0
    items = [json.loads(line).get("item") for line in file.read_text().splitlines()]
    assert items == [None, "a", "b", "c", "d", None]


@pytest.mark.usefixtures("full")
def test_a_file_is_not_overwritten(redset: Command, name: str, file: Path) -> None:
    redset("export", name, str(file))
    before = file.read_bytes()
    done = redset("export", name, str(file))
    assert done.code == 2
    assert "--resume goes on with it, or remove it" in done.errors
    done = redset("export", name, str(file), "--resume")
    assert done.code == 0
    assert "is complete" in done.errors
    done = redset("export", f"{name}-2", str(file), "--resume")
    assert done.code == 2
    assert "does not begin as an export of" in done.errors
    assert file.read_bytes() == before


def test_there_need_not_be_a_file_to_go_on_with(
    redset: Command, backend: RedisBackend, name: str, file: Path
) -> None:
    SortedSet(backend, name).add("a")
    assert redset("export", name, str(file), "--resume").code == 0
    assert redset("import", f"{name}-2", str(file), "--resume").code == 0
    assert backend.length(f"{name}-2") == 1


@pytest.mark.parametrize("command", ["export", "import"])
def test_only_files_can_be_gone_on_with(redset: Command, name: str, command: str) -> None:
    done = redset(command, name, "--resume")
    assert done.code == 2
    assert "only a file can be gone on with" in done.errors


def test_an_import_goes_on_where_it_was_cut(
    redset: Command, backend: RedisBackend, name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = SortedSet(backend, name)
    jobs.update([f"{number:05}" for number in range(2500)])
    redset("export", name, str(file))
    interrupt(monkeypatch, backend, "add", after=4)
    done = redset("import", f"{name}-2", str(file))
    assert done.code == 130
    assert "interrupted: --resume goes on with" in done.errors
    monkeypatch.undo()
    note = file.with_name(f"{file.name}.import")
    assert json.loads(note.read_text())["lines"] == 2001
    # Others have done some of it meanwhile, which does not come back.
    copied = SortedSet(backend, f"{name}-2")
    assert len(copied.take(100)) == 100
    done = redset("import", f"{name}-2", str(file), "--resume")
    assert (done.code, done.output) == (0, f"500 records stored in {name}-2\n")
    assert not note.exists()
    assert copied.length() == 2400


def test_an_export_goes_on_after_ctrl_c(
    redset: Command, backend: RedisBackend, name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = SortedSet(backend, name)
    jobs.update([f"{number:05}" for number in range(2500)])
    interrupt(monkeypatch, backend, "range", after=2)
    done = redset("export", name, str(file))
    assert done.code == 130
    assert "interrupted: --resume goes on with" in done.errors
    monkeypatch.undo()
    # Others have done some of it meanwhile, which stays in the file.
    assert len(jobs.take(1500)) == 1500
    assert redset("export", name, str(file), "--resume").code == 0
    exported = [json.loads(line).get("item") for line in file.read_text().splitlines()]
    assert exported == [None, *(f"{number:05}" for number in range(2500)), None]


def interrupt(
    monkeypatch: pytest.MonkeyPatch, backend: RedisBackend, method: str, after: int
) -> None:
    """Let a method of backends be interrupted after some calls."""
    left = iter(range(after))
    call = getattr(type(backend), method)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return call(*arguments, **options)

    monkeypatch.setattr(type(backend), method, interrupted)


def test_a_file_without_a_head_is_gone_on_with(
    redset: Command, backend: RedisBackend, name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"item": f"{number:05}", "score": number} for number in range(1500)]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    interrupt(monkeypatch, backend, "add", after=2)
    assert redset("import", name, str(file)).code == 130
    monkeypatch.undo()
    done = redset("import", name, str(file), "--resume")
    assert (done.code, done.output) == (0, f"500 records stored in {name}\n")
    assert backend.length(name) == 1500


def test_an_empty_file_is_no_set(redset: Command, name: str, file: Path) -> None:
    file.write_text("")
    done = redset("import", name, str(file))
    assert (done.code, done.output) == (0, f"0 records stored in {name}\n")


def test_an_import_elsewhere_is_not_gone_on_with(
    redset: Command, backend: RedisBackend, name: str, file: Path
) -> None:
    file.write_text('{"item": "a", "score": 1}\n')
    note = file.with_name(f"{file.name}.import")
    noted = {"set": "another", "server": "redis://there", "lines": 1}
    note.write_text(json.dumps(noted))
    done = redset("import", name, str(file), "--resume")
    assert done.code == 2
    assert "is of an import to another at redis://there" in done.errors
    assert redset("import", name, str(file)).code == 0
    assert backend.length(name) == 1


@pytest.mark.parametrize("noted", ["", "[]", "{}", '{"set": "%s", "server": "%s", "lines": "x"}'])
def test_a_note_that_is_none_is_not_gone_on_with(
    redset: Command, name: str, file: Path, noted: str
) -> None:
    file.write_text('{"item": "a", "score": 1}\n')
    note = file.with_name(f"{file.name}.import")
    note.write_text(noted)
    done = redset("import", name, str(file), "--resume")
    assert done.code == 4
    assert "notes no import: remove it to begin anew" in done.errors
    assert note.read_text() == noted


@pytest.mark.parametrize("at", [1, 3, 1500])
def test_a_file_that_was_cut_short_is_told(
    redset: Command, backend: RedisBackend, name: str, file: Path, at: int
) -> None:
    many(backend, name)
    redset("export", name, str(file))
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:at]))
    done = redset("import", f"{name}-2", str(file))
    assert done.code == 4
    assert "its export was cut short" in done.errors
    assert not file.with_name(f"{file.name}.import").exists()
    assert backend.length(f"{name}-2") == max(at - 3 - 3, 0) + (0 if at < 4 else 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "it is no JSON object"),
        ("[1]", "it is no JSON object"),
        ("[" * 200_000, "it is no JSON object"),
        ("\\xff", "it is no JSON object"),
        ('{"score": 1}', "it has neither an item nor base64"),
        ('{"item": 1, "score": 1}', "it has neither an item nor base64"),
        ('{"base64": "?", "score": 1}', "base64"),
        ('{"item": "a"}', "its score is None, which is no number"),
        ('{"item": "a", "score": "1"}', "its score is '1', which is no number"),
        ('{"item": "a", "score": true}', "its score is True, which is no number"),
        ('{"item": "a", "score": NaN}', "its score is nan, which is no number"),
        ('{"item": "a", "score": [1]}', "its score is [1], which is no number"),
        (f'{{"item": "a", "score": 1{"0" * 400}}}', "too large"),
        ('{"item": "a", "score": 1, "state": "lost"}', "its state 'lost' is none"),
        ('{"item": "a", "score": 1, "state": [1]}', "its state [1] is none"),
        ('{"item": "a", "score": 1, "state": "dead"}', "its time is None"),
        ('{"item": "a", "score": 1, "state": "dead", "time": 1, "attempts": "x"}', "attempts"),
    ],
)
def test_a_line_that_is_no_record_is_told(
    redset: Command, name: str, file: Path, line: str, message: str
) -> None:
    file.write_bytes(b'{"item": "a", "score": 1}\n' + line.encode().replace(b"\\xff", b"\xff"))
    done = redset("import", name, str(file))
    assert done.code == 4
    assert "line 2 is no record of a set" in done.errors
    assert message in done.errors
    assert len(done.errors.splitlines()) == 1


def test_a_dead_letter_of_no_time_is_shown_and_exported(
    redset: Command, name: str, file: Path
) -> None:
    line = '{"item": "a", "score": 1, "state": "dead", "time": "-inf"}'
    assert redset("import", name, given=line).code == 0
    assert redset("show", name, "--json").records[0]["oldest_dead"] == "-inf"
    (letter,) = redset("dead", name, "--json").records
    assert letter["time"] == "-inf"
    assert redset("export", name, str(file)).code == 0
    assert json.loads(file.read_text().splitlines()[1]) == {**letter, "state": "dead"}


def test_files_that_cannot_be_used_are_told(
    redset: Command, backend: RedisBackend, name: str, tmp_path: Path
) -> None:
    SortedSet(backend, name).add("a")
    done = redset("import", name, str(tmp_path / "missing"))
    assert (done.code, "No such file" in done.errors) == (4, True)
    done = redset("export", name, str(tmp_path / "missing" / "file"))
    assert (done.code, "No such file" in done.errors) == (4, True)


def test_a_name_that_nothing_can_be_kept_beside_is_not_exported(
    redset: Command, backend: RedisBackend, name: str, file: Path
) -> None:
    backend.add(f"{name}}}", [(b"a", 1.0)], Merge.REPLACE)
    assert redset("export", f"{name}}}", str(file)).code == 2
    assert not file.exists()


def test_records_are_exact() -> None:
    items: list[Record] = [Item(*entry) for entry in ENTRIES]
    for record in [*items, Item(b"a", 1.0, "claimed"), *LETTERS]:
        assert load(json.loads(dump(record))) == record
