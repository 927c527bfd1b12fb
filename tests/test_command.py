"""The redset command: what each of its commands shows and does."""

from __future__ import annotations

import json
import math
import pickle
import sys
import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import redis

from redset import DeadLetter, ScheduledSet, SortedSet, __version__, connect
from redset._printing import safe
from redset.backends import RedisBackend
from redset.cli import measuring
from redset.cli.opening import hide
from redset.cli.output import print_table
from redset.interfaces import Merge
from tests.support.command import DOWN, Command, command
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.backends import Backends

ODD = b"\xff\x00 \x1b[31mred\n"


@pytest.fixture
def redset(backends: Backends, name: str) -> Iterator[Command]:
    with command(backends, name, "valkey-9.1") as redset:
        yield redset


@pytest.fixture
def backend(redset: Command) -> Iterator[RedisBackend]:
    with connect(redset.url) as backend:
        yield cast("RedisBackend", backend)


@pytest.fixture
def busy(backend: RedisBackend, name: str) -> SortedSet[str]:
    """Return a set with items in every state."""
    busy = SortedSet(backend, name)
    backend.add(name, [(ODD, -math.inf)], Merge.REPLACE)
    (claim,) = SortedSet(backend, name, serializer=_Bytes).claims(1)
    claim.bury("it is \x1b[5modd")
    busy.update(
        ["delayed", "claimed", "first", "later", "last"], [1, 2, 2.5, time.time(), math.inf]
    )
    claims = busy.claims(2, lease=500)
    claims[0].nack(1000)
    busy.add("claimed", 9)
    busy.add("zero", -5)
    busy.claims(1, lease=1000)
    return busy


class _Bytes:
    loads = bytes
    dumps = bytes


# Looking


@pytest.mark.usefixtures("busy")
def test_ls_counts_the_items_of_each_set(redset: Command, name: str) -> None:
    done = redset("ls", f"{name}*")
    assert done.lines == [
        "PENDING  DUE  DELAYED  CLAIMED  DEAD  NAME",
        f"      5    3        1        2     1  {name}",
    ]
    (record,) = redset("ls", name, "--json").records
    assert record == {
        "name": name,
        "pending": 5,
        "due": 3,
        "delayed": 1,
        "claimed": 2,
        "dead": 1,
    }


def test_ls_counts_sets_that_nothing_can_be_kept_beside(
    redset: Command, backend: RedisBackend, name: str
) -> None:
    backend.add(f"{name}}}x", [(b"a", 1.0), (b"b", math.inf)], Merge.REPLACE)
    (record,) = redset("ls", f"{name}*", "--json").records
    assert (record["pending"], record["due"], record["claimed"]) == (2, 1, 0)
    assert redset("clear", f"{name}}}x", "--yes").code == 0


def test_ls_of_a_cluster(backends: Backends, name: str) -> None:
    backends.get("cluster").add(name, [(b"a", 1.0)], Merge.REPLACE)
    with closing(backends.client("cluster")) as client:
        port = client.get_primaries()[0].port
    redset = Command(f"redis+cluster://127.0.0.1:{port}")
    assert redset("ls", name).lines[1].split() == ["1", "1", "0", "0", "0", name]
    assert redset("clear", name, "--yes").code == 0


@pytest.mark.usefixtures("busy")
def test_show_tells_what_a_set_is_about(redset: Command, name: str) -> None:
    lines = redset("show", name).lines
    assert lines[:6] == [
        name,
        "  pending  5",
        "  due      3  with scores up to now",
        "  delayed  1  until they are tried again",
        "  claimed  2",
        "  dead     1",
    ]
    assert lines[6:8] == ["  first    2.5", "           first"]
    assert lines[8].startswith("  claim    0.")
    assert lines[8].endswith(" s old, ends in 8.3 min")
    assert lines[9] == "           claimed"
    assert lines[-2].endswith(r" s ago: it is \x1b[5modd")
    assert lines[-1] == r"           \xff\x00 \x1b[31mred\n"
    (record,) = redset("show", name, "--json").records
    assert record["first"] == {"item": "first", "score": 2.5}
    assert record["claimed"] == 2
    assert record["oldest_dead"] <= record["oldest_claim"] <= record["time"]


def test_show_tells_when_times_are(redset: Command, backend: RedisBackend, name: str) -> None:
    polls = ScheduledSet(backend, name)
    polls.add("a", time.time() + 7201)
    assert redset("show", name).lines[-2].endswith(", in 2.0 h")
    polls.add("a", time.time() - 90)
    assert redset("show", name).lines[-2].endswith(", 1.5 min ago")


def test_show_tells_what_is_parked(redset: Command, backend: RedisBackend, name: str) -> None:
    jobs = SortedSet(backend, name)
    jobs.add("a")
    jobs.claim()
    jobs.add("a")
    assert jobs.claims(1) == []
    assert "  claimed  1  1 of them added again" in redset("show", name).lines
    assert redset("show", name, "--json").records[0]["first"] is None


def test_peek_shows_the_first_or_the_last(redset: Command, busy: SortedSet[str], name: str) -> None:
    assert redset("peek", name, "-n", "2").lines == [
        "SCORE  ITEM",
        "  2.5  first",
        "    9  claimed",
    ]
    assert [entry["item"] for entry in redset("peek", name, "--start", "1", "--json").records] == [
        "claimed",
        "later",
        "last",
    ]
    assert redset("peek", name, "--last", "-n1", "--json").records == [
        {"item": "last", "score": "inf"}
    ]
    assert busy.length() == 4


def test_peek_shows_many_and_no_more(redset: Command, backend: RedisBackend, name: str) -> None:
    SortedSet(backend, name).update([f"{number:05}" for number in range(2500)])
    lines = redset("peek", name, "--num", "2001", "--start", "10").lines
    assert [line.split()[1] for line in lines[1:]] == [f"{number:05}" for number in range(10, 2011)]
    assert len(redset("peek", name, "--num", "9999").lines) == 2501


@pytest.mark.usefixtures("busy")
def test_claims_tell_who_holds_what(redset: Command, name: str) -> None:
    lines = redset("claims", name).lines
    assert lines[0].split() == ["HELD", "FOR", "ENDS", "TRY", "TOKEN", "SCORE", "ITEM"]
    assert [line.split()[-1] for line in lines[1:]] == ["claimed", "zero"]
    assert "in 8.3 min" in lines[1]
    first, second = redset("claims", name, "--json").records
    assert (first["item"], first["score"], first["attempt"]) == ("claimed", 2, 1)
    assert first["until"] - first["since"] == pytest.approx(500, abs=1)
    assert second["token"] > first["token"]


@pytest.mark.usefixtures("busy")
def test_dead_tells_why(redset: Command, name: str) -> None:
    lines = redset("dead", name).lines
    assert lines[0].split() == ["DIED", "TRIES", "SCORE", "REASON", "ITEM"]
    assert lines[1].endswith(r"    1   -inf  it is \x1b[5modd  \xff\x00 \x1b[31mred\n")
    (record,) = redset("dead", name, "--json").records
    assert (record["base64"], record["score"]) == ("/wAgG1szMW1yZWQK", "-inf")
    assert (record["attempts"], record["reason"]) == (1, "it is \x1b[5modd")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ls", "{name}"], "there is no set of such a name"),
        (["show", "{name}"], "{name} has no item"),
        (["peek", "{name}"], "{name} has no item"),
        (["claims", "{name}"], "{name} has no claim"),
        (["dead", "{name}"], "{name} has no dead letter"),
        (["pop", "{name}"], "{name} has no item"),
        (["take", "{name}", "5", "--json"], "{name} has no item"),
        (["redrive", "{name}"], "{name} has no dead letter"),
        (["clear", "{name}"], "{name} has no item"),
        (["export", "{name}"], "{name} has no item"),
        (["copy", "{name}", "--to", "{url}", "--as", "other"], "{name} has no item"),
    ],
)
def test_where_there_is_nothing_the_exit_code_is_1(
    redset: Command, name: str, words: list[str], message: str
) -> None:
    done = redset(*(word.format(name=name, url=redset.url) for word in words))
    assert (done.code, done.output) == (1, "")
    assert done.errors == f"redset: {message.format(name=name)}\n"


def test_an_empty_server_has_no_set() -> None:
    with Server("redis-6.2") as server:
        done = Command(server.url)("ls")
    assert (done.code, done.errors) == (1, "redset: there is no set\n")


@pytest.mark.usefixtures("busy")
def test_looking_changes_nothing(
    redset: Command, backends: Backends, name: str, tmp_path: Path
) -> None:
    def everything() -> dict[bytes, object]:
        with closing(backends.client("valkey-9.1")) as client:
            # Records of requests are of those who made them.
            keys = [key for key in client.scan_iter() if b":request" not in key]
            return {key: (client.dump(key), client.pexpiretime(key)) for key in keys}

    before = everything()
    for words in (
        ["ls"],
        ["show", name],
        ["peek", name, "--serializer", "json"],
        ["claims", name],
        ["dead", name],
        ["watch", name, "-n", "1", "--interval", "0.1"],
        ["export", name, str(tmp_path / "file")],
    ):
        assert redset(*words).code == 0
        assert redset(*words[:2], "--help").code == 0
    assert everything() == before


# Changing


def test_add_takes_arguments(redset: Command, backend: RedisBackend, name: str) -> None:
    assert redset("add", name, "a", "b c", "é").output == "3 new, 0 there already\n"
    assert redset("add", name, "a", "d", "--score", "-2", "--json").records == [
        {"given": 2, "new": 1}
    ]
    assert redset("add", name, "a", "--score", "inf", "--merge", "keep").code == 0
    assert list(SortedSet(backend, name).items()) == [
        ("a", -2.0),
        ("d", -2.0),
        ("b c", 0.0),
        ("é", 0.0),
    ]


def test_add_takes_lines_as_they_are(redset: Command, backend: RedisBackend, name: str) -> None:
    lines = b"one\n\ntwo\r\n\xff\n" + b"".join(b"%d\n" % number for number in range(2500)) + b"end"
    assert redset("add", name, given=lines).output == "2,504 new, 0 there already\n"
    stored = {member for member, _ in backend.slice(name, 0, -1)}
    assert {b"one", b"two\r", b"\xff", b"0", b"2499", b"end"} <= stored
    assert b"" not in stored
    assert redset("add", name, given="").output == "0 new, 0 there already\n"


def test_add_scores_by_the_server_s_time(redset: Command, backend: RedisBackend, name: str) -> None:
    redset("add", name, "now", "--score", "now")
    redset("add", name, "soon", "--delay", "0")
    redset("add", name, "later", "--delay", "100")
    polls = ScheduledSet(backend, name)
    assert polls.available() == 2
    later, now = polls.score("later"), polls.score("now")
    assert later is not None
    assert now is not None
    assert 100 <= later - now < 160


@pytest.mark.parametrize("score", ["nan", "soon", ""])
def test_a_score_must_be_one(redset: Command, name: str, score: str) -> None:
    done = redset("add", name, "a", "--score", score)
    assert done.code == 2
    assert f'a score is a number, inf, -inf or "now", not {score!r}' in done.errors


def test_a_score_is_given_once(redset: Command, backend: RedisBackend, name: str) -> None:
    done = redset("add", name, "a", "--score", "0", "--delay", "60")
    assert done.code == 2
    assert "--score and --delay both give the score: choose one" in done.errors
    assert backend.length(name) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["add", "jobs", "a", "--delay", "nan"],
        ["pop", "jobs", "--timeout", "nan"],
        ["watch", "jobs", "-n", "1", "--interval", "nan"],
        ["watch", "jobs", "-n", "1", "--interval", "1e300"],
        ["bench", "--seconds", "nan"],
    ],
)
def test_a_length_of_time_must_be_one(redset: Command, words: list[str]) -> None:
    done = redset(*words)
    assert done.code == 2
    assert f"Invalid value for '{words[-2]}'" in done.errors


def test_items_are_read_and_written_by_a_serializer(redset: Command, name: str) -> None:
    item = '{"b": [1, "\\u001b"], "a": null}'
    assert redset("add", name, item, "--serializer", "msgpack").code == 0
    assert redset("add", name, "not msgpack").code == 0
    decoded = r'{"a": null, "b": [1, "\u001b"]}'
    lines = redset("peek", name, "--serializer", "msgpack").lines
    assert lines[1].startswith("    0  not msgpack (unreadable: ")
    assert lines[2] == f"    0  {decoded}"
    broken, read = redset("peek", name, "--serializer", "msgpack", "--json").records
    assert broken["item"] == "not msgpack"
    assert "unreadable" in broken
    assert read == {"item": json.loads(item), "score": 0}
    assert redset("peek", name, "--serializer", "raw").lines[2].startswith(r"    0  \x82\xa1a")


def test_text_is_shown_as_text(redset: Command, name: str) -> None:
    assert redset("add", name, "[1]\x1b", "--serializer", "text").code == 0
    assert redset("peek", name, "--serializer", "text").lines[1] == r"    0  [1]\x1b"


def test_what_json_cannot_hold_is_shown_by_its_repr(
    redset: Command, backend: RedisBackend, name: str
) -> None:
    backend.add(name, [(pickle.dumps({1, 2}), 0.0)], Merge.REPLACE)
    assert redset("peek", name, "--serializer", "pickle").lines[1] == "    0  {1, 2}"
    assert redset("pop", name, "--serializer", "pickle", "--json").records == [
        {"item": "{1, 2}", "score": 0.0}
    ]


def test_a_serializer_of_one_s_own(
    redset: Command, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"mine_{name[-8:]}"
    (tmp_path / f"{module}.py").write_text("class Shout:\n  dumps = str.upper\n  loads = len\n")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    assert redset("add", name, '"loud"', "--serializer", f"{module}:Shout").code == 0
    assert redset("peek", name).lines[1] == "    0  LOUD"
    assert redset("pop", name, "--serializer", f"{module}:Shout").output == "4\n"
    assert sys.path == path
    assert "has no attribute" in redset("pop", name, "--serializer", f"{module}:No").errors


HOSTILE = """
class Item:
    def __repr__(self):
        raise RuntimeError("no repr")

class Hidden:
    dumps = bytes
    loads = lambda data: Item()

class Leaving:
    dumps = bytes
    loads = lambda data: exit(7)
"""


def test_what_cannot_be_shown_is_not_lost(
    redset: Command, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"hostile_{name[-8:]}"
    (tmp_path / f"{module}.py").write_text(HOSTILE)
    monkeypatch.chdir(tmp_path)
    redset("add", name, "a", "b")
    assert redset("pop", name, "--serializer", f"{module}:Leaving").code == 7
    assert redset("peek", name, "--json").records[0] == {"item": "a", "score": 0}
    hidden = "--serializer", f"{module}:Hidden"
    assert redset("pop", name, *hidden).output == "a (unreadable: no repr)\n"
    assert redset("pop", name, "--json", *hidden).records == [
        {"item": "b", "unreadable": "no repr", "score": 0}
    ]


def test_what_cannot_be_put_back_is_told(
    redset: Command,
    backend: RedisBackend,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "it is gone"
        raise redis.ConnectionError(message)

    module = f"leaving_{name[-8:]}"
    (tmp_path / f"{module}.py").write_text(HOSTILE)
    monkeypatch.chdir(tmp_path)
    redset("add", name, "a", "b")
    monkeypatch.setattr(type(backend), "add", fail)
    done = redset("take", name, "2", "--serializer", f"{module}:Leaving")
    assert done.code == 3
    told, failed = done.errors.splitlines()
    assert told == "redset: taken, but neither all printed nor put back: 2"
    assert failed.endswith("failed: it is gone")


@pytest.mark.parametrize(
    ("serializer", "message"),
    [
        ("yaml", "there is no serializer 'yaml': use raw, text, json, msgpack, pickle, or module"),
        ("no_such_module:x", "No module named 'no_such_module'"),
        ("math:pi", "'math:pi' is no serializer: it needs dumps and loads"),
    ],
)
def test_there_must_be_such_a_serializer(
    redset: Command, name: str, serializer: str, message: str
) -> None:
    done = redset("peek", name, "--serializer", serializer)
    assert done.code == 2
    assert message in done.errors


def test_a_serializer_may_need_a_package(
    redset: Command, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "msgpack", None)
    done = redset("peek", name, "--serializer", "msgpack")
    assert done.code == 2
    assert "pip install 'redset[msgpack]'" in done.errors


def test_what_is_no_item_is_refused(redset: Command, backend: RedisBackend, name: str) -> None:
    done = redset("add", name, "{no json", "--serializer", "json")
    assert done.code == 4
    assert "'{no json' is no item for this serializer, typed as JSON" in done.errors
    assert backend.length(name) == 0


def test_pop_and_take_print_what_they_remove(
    redset: Command, busy: SortedSet[str], name: str
) -> None:
    assert redset("pop", name, "--due").output == "first\n"
    assert redset("take", name, "2", "--due").lines == ["claimed", "later"]
    assert redset("pop", name, "--due").code == 1
    assert redset("pop", name, "--last", "--json").records == [{"item": "last", "score": "inf"}]
    assert busy.length() == 0


def test_take_removes_many_and_no_more(redset: Command, backend: RedisBackend, name: str) -> None:
    SortedSet(backend, name).update([f"{number:05}" for number in range(2500)])
    assert redset("take", name, "2100").lines == [f"{number:05}" for number in range(2100)]
    assert redset("take", name, "10", "--last").lines == [f"{2499 - n:05}" for n in range(10)]
    assert len(redset("take", name, "9999").lines) == 390


def test_pop_waits(redset: Command, name: str) -> None:
    began = time.monotonic()
    assert redset("pop", name, "--timeout", "0.3").code == 1
    assert 0.25 < time.monotonic() - began < 10


@pytest.mark.parametrize("other", [["--due"], ["--timeout", "1"]])
def test_the_last_is_neither_due_nor_waited_for(
    redset: Command, name: str, other: list[str]
) -> None:
    done = redset("pop", name, "--last", *other)
    assert done.code == 2
    assert "--last goes neither with --due nor with --timeout" in done.errors


def test_redrive_puts_all_back(redset: Command, busy: SortedSet[str], name: str) -> None:
    assert redset("redrive", name).output == "1 put back\n"
    assert busy.backend.scores(name, [ODD]) == [-math.inf]
    busy.backend.bury(name, [_letter(b"a"), _letter(b"b")], 10)
    assert redset("redrive", name, "--json", "--merge", "keep").records == [{"redriven": 2}]


def _letter(raw: bytes) -> DeadLetter:
    return DeadLetter(raw, "no reason", 1.0, 0.0)


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "no\n"])
def test_clear_asks_and_does_nothing_unless_told(
    redset: Command, busy: SortedSet[str], name: str, answer: str
) -> None:
    done = redset("clear", name, given=answer)
    assert (done.code, done.output) == (1, "")
    assert done.errors.startswith(f"Remove {name} (5 pending, 2 claimed, 1 dead)? [y/N] ")
    assert "nothing was removed" in done.errors
    assert busy.length() == 4


@pytest.mark.parametrize("answer", ["y\n", "Yes\n", None])
@pytest.mark.usefixtures("busy")
def test_clear_removes_all(
    redset: Command, backends: Backends, name: str, answer: str | None
) -> None:
    yes = [] if answer else ["--yes"]
    done = redset("clear", name, *yes, given=answer)
    assert done.output == f"removed {name}: 5 pending, 2 claimed, 1 dead\n"
    assert backends.leaked_keys("valkey-9.1", name) == []
    assert redset("add", name, "a").code == 0
    assert redset("clear", name, "-y", "--json").records == [
        {"pending": 1, "claimed": 0, "dead": 0}
    ]


# Watching and measuring


@pytest.mark.usefixtures("busy")
def test_watch_prints_a_table_for_each_view(redset: Command, name: str) -> None:
    lines = redset("watch", name, f"{name}-not", "-n", "2", "--interval", "0.1").lines
    assert len(lines) == 6
    assert lines[0].split() == [
        *("PENDING", "DUE", "DELAYED", "CLAIMED", "DEAD", "IN/S", "OUT/S", "FIRST", "NAME")
    ]
    assert lines[4].split() == ["5", "3", "1", "2", "1", "0.0", "0.0", name]


def test_watch_tells_as_json_what_goes_in_and_out(
    redset: Command, backend: RedisBackend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = SortedSet(backend, name)
    changes: Iterator[Callable[[], object]] = iter(
        [
            lambda: jobs.update(["a", "b", "c"]),
            lambda: jobs.take(1),
            jobs.claim,
            lambda: jobs.claim().bury("hopeless"),
        ]
    )

    def change(_: float) -> None:
        for act in islice(changes, 1):
            act()

    monkeypatch.setattr(time, "sleep", change)
    view, nothing_more = redset("watch", name, "--json", "-n", "2").records
    assert (view["pending"], view["claimed"], view["dead"]) == (0, 1, 1)
    # Three came, one was taken and one died, in the same time.
    assert view["in"] / view["out"] == pytest.approx(3 / 2)
    assert view["in"] > 0
    assert view["first_score"] is None
    assert view["oldest_claim"] <= view["time"]
    assert (nothing_more["in"], nothing_more["out"]) == (0, 0)
    backend.add(name, [(b"a", math.inf)], Merge.REPLACE)
    (view,) = redset("watch", name, "--json", "-n", "1").records
    assert view["first_score"] == "inf"


def test_bench_measures_and_leaves_nothing(redset: Command, backends: Backends) -> None:
    lines = redset("bench", "--seconds", "0.2").lines
    assert lines[0] == f"{redset.url.removesuffix('/0')}/0, 0.2 s"
    assert lines[1].split() == ["CALL", "ITEMS/S", "MEDIAN", "99", "OF", "100"]
    assert len(lines) == 9
    figures = redset("bench", "--seconds", "0.2", "--json").records
    assert all(each["items_per_second"] > 0 for each in figures)
    assert all(0 < each["median_seconds"] <= each["slow_seconds"] for each in figures)
    assert backends.leaked_keys("valkey-9.1", "redset-bench") == []


def test_bench_fills_the_set_again_when_it_is_empty(
    redset: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_ITEMS", 5)
    figures = redset("bench", "--seconds", "0.2", "--json").records
    (taken,) = [each for each in figures if each["call"] == "take, 1,000 items"]
    # Each call took the five that there were.
    assert taken["items_per_second"] <= 5 / taken["median_seconds"] * 2


def test_the_demo_is_there(
    redset: Command, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.py").write_text("import two")
    (tmp_path / "two.py").write_text("")
    words = ["demo", "--folder", str(tmp_path), "--workers", "1", "--prefix", name]
    on_server = redset(*words)
    assert on_server.code == 0
    assert "parsed                     2" in on_server.output
    monkeypatch.delenv("REDSET_URL", raising=False)
    assert Command("")(*words).code == 0


# What can go wrong


def test_a_user_may_look_and_change_nothing(name: str) -> None:
    page = (Path(__file__).parents[1] / "docs" / "command.md").read_text()
    (line,) = [line for line in page.splitlines() if line.startswith("ACL SETUSER looker")]
    looking = [["ls"], ["peek", name], ["show", name], ["claims", name], ["dead", name]]
    looking += [["watch", name, "-n", "1", "--interval", "0.1"], ["export", name]]
    changing = [["add", name, "x"], ["pop", name], ["redrive", name], ["clear", name, "--yes"]]
    with Server("valkey-9.1") as server, connect(server.url) as backend:
        items = SortedSet(backend, name)
        items.update("abc")
        items.claims(2)[0].bury("odd")
        server.call(*line.split())
        redset = Command(server.url.replace("://", "://looker:PASSWORD@"))
        server.call("SCRIPT", "FLUSH")
        assert [redset(*words).code for words in looking] == [0] * len(looking)
        assert [redset(*words).code for words in changing] == [3] * len(changing)
        assert items.length() == 1


def test_a_server_that_is_down_is_one_line(name: str) -> None:
    for words in (["ls"], ["show", name], ["add", name, "a"], ["bench"], ["watch", name]):
        done = Command(DOWN)(*words)
        assert done.code == 3
        assert len(done.errors.splitlines()) == 1
        assert "Connection refused" in done.errors
        assert "hunter2" not in done.errors + done.output


def test_a_cluster_that_is_down_is_one_line() -> None:
    done = Command(DOWN.replace("redis:", "redis+cluster:"))("ls")
    assert done.code == 3
    assert len(done.errors.splitlines()) == 1
    assert "hunter2" not in done.errors


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://me:hunter2@host", "cannot connect by 'http': use memory://"),
        ("redis://:hunter2/hunter2@host", "the host or port of a redis:// URL is not understood"),
        ("redis://localhost?hunter=2", "redis:// has no option 'hunter'"),
        ("memory://", "memory:// lives and ends with one process"),
    ],
)
def test_a_url_must_be_that_of_a_server(redset: Command, url: str, message: str, name: str) -> None:
    done = redset("ls", name, "--url", url)
    assert done.code == 2
    assert message in done.errors
    assert "hunter2" not in done.errors


def test_bench_shows_nothing_of_what_is_no_url(redset: Command) -> None:
    done = redset("bench", "--url", "redis:hunter2@localhost")
    assert done.code == 2
    assert "hunter2" not in done.output + done.errors


def test_a_wrong_password_is_not_shown(redset: Command) -> None:
    address = redset.url.partition("://")[2]
    for url in (f"redis://me:hunter2@{address}", f"redis://{address}?username=me&password=hunter2"):
        done = redset("ls", "--url", url)
        assert done.code == 3
        assert "WRONGPASS" in done.errors or "invalid username-password" in done.errors
        assert "hunter2" not in done.errors


def test_help_shows_no_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDSET_TO_URL", "redis://:hunter2@there")
    redset = Command("redis://:hunter2@here")
    for words in (["ls"], ["copy"], ["bench"], []):
        done = redset(*words, "--help")
        assert done.code == 0
        assert "hunter2" not in done.output
    assert "hunter2" not in redset("ls", "--no-such-option").errors


def test_secrets_are_hidden_in_whole_and_in_part() -> None:
    assert hide("user hunter%402 or hunter@2", "redis://me:hunter%402@host") == "user *** or ***"
    assert hide("token: abc", "redis://abc@host") == "token: ***"
    assert hide("port 'hun', 'ter'", "redis://me:hun/ter@host") == "port '***', '***'"
    assert hide("me at host", "redis://me:x@host") == "me at host"
    assert hide("abc", "redis+sentinel://host/main?sentinel_password=abc") == "***"
    assert hide("nothing: secret", "redis://host") == "nothing: secret"


def test_bugs_are_not_hidden(redset: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        message = "a bug"
        raise TypeError(message)

    monkeypatch.setattr(RedisBackend, "stats", fail)
    with pytest.raises(TypeError, match="a bug"):
        redset("show", "a")


@pytest.mark.parametrize("words", [["show", ""], ["watch", "a", ""]])
def test_a_name_must_be_one(redset: Command, words: list[str]) -> None:
    done = redset(*words)
    assert done.code == 2
    assert "must not be empty" in done.errors


def test_a_name_that_nothing_can_be_kept_beside(redset: Command, name: str) -> None:
    assert redset("add", f"{name}}}", "a").code == 0
    done = redset("claims", f"{name}}}")
    assert done.code == 2
    assert "closes no hash tag" in done.errors
    assert redset("peek", f"{name}}}").code == 0


def test_names_cannot_steer_the_terminal(redset: Command, name: str) -> None:
    odd = f"{name}\x1b[31m"
    assert redset("add", odd, "a").code == 0
    assert redset("ls", f"{name}*").lines[1].endswith(rf"{name}\x1b[31m")
    assert redset("show", odd).lines[0] == rf"{name}\x1b[31m"
    assert redset("clear", odd, "--yes").output.startswith(rf"removed {name}\x1b[31m:")


def test_what_is_shown_has_nothing_that_does_not_print() -> None:
    shown = safe("".join(map(chr, range(0x3000))) + "\u202e\ud800\U000e0001")
    assert shown.isprintable()
    assert safe("é ✓ 汉") == "é ✓ 汉"


def test_what_a_message_quotes_cannot_steer_the_terminal(
    redset: Command, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    noted = {"set": "\x1b]0;title\x07", "server": "\x9b31m", "lines": 1}
    file.with_name("file.import").write_text(json.dumps(noted))
    errors = redset("import", name, str(file), "--resume").errors
    assert r"is of an import to \x1b]0;title\x07 at \x9b31m: " in errors


def test_wide_characters_are_set_as_wide_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["A", "B:", "C"], [["汉字", "1", "x"], ["a", "10", "y"]])
    assert capsys.readouterr().out.splitlines() == [
        "A      B  C",
        "汉字   1  x",
        "a     10  y",
    ]


def test_the_version_is_told(redset: Command) -> None:
    assert redset("--version").output == f"redset {__version__}\n"


def test_no_command_is_asked_for(redset: Command) -> None:
    done = redset()
    assert "Exit codes: 0 done" in done.output + done.errors
    assert redset("no-such-command").code == 2
