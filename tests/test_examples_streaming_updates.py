"""examples/streaming_updates.py: the newest state of each object gets there, and only that."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.streaming_updates import LEASE, TABLE, Price, open_changes, read, store, write
from redset import Retry, connect
from redset.backends import MemoryBackend
from redset.testing import ManualClock
from tests.support.servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from redset import TimeSortedSet
    from tests.support.backends import Backends

PROGRAM = Path(__file__).parent.parent / "examples" / "streaming_updates.py"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "prices.db")


@pytest.fixture
def changes(store_url: str, name: str) -> Iterator[TimeSortedSet[Price]]:
    with connect(store_url) as backend:
        changes = open_changes(backend, name, Retry(max_attempts=2, backoff=0))
        yield changes
        changes.clear()


def table_of(database: str) -> dict[str, float]:
    with closing(sqlite3.connect(database)) as table:
        return dict(table.execute("SELECT symbol, price FROM price"))


def tables(database: str) -> dict[str, float]:
    """Return what is in the table, nothing if it is not there yet."""
    try:
        return table_of(database)
    except sqlite3.OperationalError:
        return {}


def feed(changes: Iterable[Price]) -> bytes:
    return b"".join(json.dumps(change._asdict()).encode() + b"\n" for change in changes)


def read_all(changes: TimeSortedSet[Price], stream: bytes, path: Path) -> int:
    path.write_bytes(stream)
    with path.open("rb") as source:
        return read(changes, source.fileno(), threading.Event())


def write_all(changes: TimeSortedSet[Price], database: str) -> int:
    over = threading.Event()
    over.set()
    return write(changes, database, over, drain=True)


def some_changes(num: int) -> list[Price]:
    """Return changes of which some things have far more than others."""
    chance = random.Random(7)
    return [Price(f"S{int(300 * chance.random() ** 3)}", step) for step in range(1, num + 1)]


def test_only_the_newest_state_is_written(
    changes: TimeSortedSet[Price], database: str, tmp_path: Path
) -> None:
    stream = some_changes(5_000)
    newest = {change.symbol: change.price for change in stream}
    assert read_all(changes, feed(stream), tmp_path / "stream") == 5_000
    assert len(changes) == len(newest)
    assert write_all(changes, database) == len(newest)
    assert table_of(database) == newest


def test_what_changes_while_others_write_is_not_missed(
    changes: TimeSortedSet[Price], database: str
) -> None:
    stream = some_changes(5_000)
    over = threading.Event()
    counts: list[int] = []
    arguments = (changes, database, over)
    writers = [
        threading.Thread(target=lambda: counts.append(write(*arguments, drain=True)))
        for _ in range(2)
    ]
    for writer in writers:
        writer.start()
    with changes.buffered(max_items=50) as buffer:
        for change in stream:
            buffer.add(change)
    over.set()
    for writer in writers:
        writer.join()
    newest = {change.symbol: change.price for change in stream}
    assert table_of(database) == newest
    assert len(newest) <= sum(counts) <= len(stream)


def test_what_changes_while_it_is_written_is_written_again(
    changes: TimeSortedSet[Price], database: str
) -> None:
    with closing(sqlite3.connect(database)) as table:
        table.execute(TABLE)
        changes.add(Price("A", 1))
        batch = changes.claims(10)
        changes.update([Price("A", 2), Price("A", 3)])
        # Not by two at once.
        assert changes.claims(10) == []
        changes.ack_all(store(table, batch))
    assert table_of(database) == {"A": 1}
    assert write_all(changes, database) == 1
    assert table_of(database) == {"A": 3}


def test_what_changes_all_the_time_keeps_its_place(changes: TimeSortedSet[Price]) -> None:
    changes.update([Price("busy", 1), Price("A", 1), Price("B", 1)])
    for price in range(2, 20):
        changes.add(Price("busy", price))
    with changes.claim() as claim:
        assert claim.item == Price("busy", 19)


def test_what_the_table_refuses_is_given_up_and_holds_up_nothing(
    changes: TimeSortedSet[Price], database: str
) -> None:
    changes.update([Price("A", 1), Price("free", 0), Price("B", 2)])
    assert write_all(changes, database) == 2
    assert table_of(database) == {"A": 1, "B": 2}
    (letter,) = changes.dead()
    assert (letter.key, letter.attempts) == (b"free", 2)
    assert "CHECK constraint failed" in letter.reason


def test_lines_that_make_no_sense_are_passed_over(
    changes: TimeSortedSet[Price],
    database: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = feed([Price("A", 1)])
    stream = good + b'nonsense\n[]\n{"symbol": "B"}\n\xff\n' + feed([Price("C", 3)]) + good[:-1]
    assert read_all(changes, stream, tmp_path / "stream") == 2
    assert write_all(changes, database) == 2
    assert table_of(database) == {"A": 1, "C": 3}
    errors = capsys.readouterr().err
    assert errors.count("not understood") == 4
    assert 'cut off: b\'{"symbol"' in errors


def test_a_writer_that_was_held_up_undoes_nothing(database: str, name: str) -> None:
    clock = ManualClock()
    changes = open_changes(MemoryBackend(clock=clock), name)
    with closing(sqlite3.connect(database)) as table:
        table.execute(TABLE)
        changes.add(Price("A", 1))
        held_up = changes.claims(10, LEASE)
        changes.add(Price("A", 2))
        clock.advance(LEASE)
        next_batch = changes.claims(10, LEASE)
        assert [claim.item for claim in next_batch] == [Price("A", 2)]
        changes.ack_all(store(table, next_batch))
        store(table, held_up)
    assert table_of(database) == {"A": 2}


@contextmanager
def started(*arguments: str) -> Generator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(PROGRAM), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def output_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    output = process.stdout.read().decode()
    assert process.wait() == 0
    return output


def send(process: subprocess.Popen[bytes], stream: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(stream)
    process.stdin.flush()


def test_in_one_process_all_is_written_that_was_read(
    store_url: str, name: str, database: str
) -> None:
    stream = some_changes(3_000)
    with started("--url", store_url, "--name", name, "--database", database) as process:
        assert process.stdin is not None
        process.stdin.write(feed(stream))
        process.stdin.close()
        assert "3,000 changes were read" in output_of(process)
    assert table_of(database) == {change.symbol: change.price for change in stream}


def test_sigterm_ends_one_process_when_all_is_written(
    store_url: str, name: str, database: str
) -> None:
    with started("--url", store_url, "--name", name, "--database", database) as process:
        send(process, feed([Price("A", 1), Price("A", 2)]))
        wait_until(lambda: "A" in tables(database), "A is there")
        process.terminate()
        assert "2 changes were read" in output_of(process)
    assert table_of(database) == {"A": 2}


def test_sigterm_ends_readers_and_writers_between_them_nothing_is_lost(
    backends: Backends, name: str, database: str
) -> None:
    url = backends.server("valkey-9.1").url
    arguments = ("--url", url, "--name", name, "--database", database)
    stream = some_changes(2_000)
    with connect(url) as backend:
        changes = open_changes(backend, name)
        newest = {change.symbol: change.price for change in stream}
        with started("read", *arguments) as reader:
            send(reader, feed(stream))
            # The stream goes on: it is the signal that ends it.
            wait_until(lambda: len(changes) == len(newest), "all is read")
            reader.terminate()
            assert output_of(reader) == "2,000 changes were read\n"
        with started("write", *arguments) as writer:
            wait_until(lambda: len(changes) == 0, "all is claimed")
            writer.terminate()
            assert output_of(writer) == f"{len(newest)} prices were written\n"
        assert table_of(database) == newest
        assert changes.stats().claimed == 0
    assert backends.leaked_keys("valkey-9.1", name) == []


def test_what_a_killed_writer_held_is_written_by_the_next(
    backends: Backends, name: str, database: str
) -> None:
    url = backends.server("valkey-9.1").url
    arguments = ("--url", url, "--name", name, "--database", database, "--lease", "1")
    with connect(url) as backend, closing(sqlite3.connect(database)) as table:
        changes = open_changes(backend, name)
        changes.update([Price("A", 1), Price("B", 2)])
        table.execute(TABLE)
        # Nobody else can write now, so the writer has the batch in its hands.
        table.execute("BEGIN IMMEDIATE")
        with started("write", *arguments) as victim:
            wait_until(lambda: changes.stats().claimed == 2, "the batch is claimed")
            victim.kill()
            assert victim.wait() == -signal.SIGKILL
        table.rollback()
        changes.add(Price("B", 3))
        with started(*arguments) as survivor:
            assert survivor.stdin is not None
            survivor.stdin.close()
            assert "2 prices were written" in output_of(survivor)
        assert table_of(database) == {"A": 1, "B": 3}
    assert backends.leaked_keys("valkey-9.1", name) == []
