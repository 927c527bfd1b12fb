"""Commands that move sets: to files, from files, and between servers."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from redset._printing import safe
from redset.backends.redis.operating import Operator
from redset.cli.files import END, Place, head, place_reached, records_of
from redset.cli.opening import SERVER, failures, opened, place, refuse_shard
from redset.cli.options import AsJSON, Merging, Name, Url, argument, option
from redset.cli.output import print_json, print_line
from redset.cli.records import dump, read, store
from redset.cli.running import Code, Failure, complain
from redset.cli.states import nothing
from redset.interfaces import NOW, Merge

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from typing import BinaryIO, TextIO

    from redset.backends import RedisBackend
    from redset.cli.records import Record

__all__ = ["copy", "export", "import_"]

_STANDARD = Path("-")

File = Annotated[Path, argument(help="The file; - for the standard input or output.")]
Resume = Annotated[bool, option("--resume", help="Go on with what was interrupted.")]


def export(
    name: Name, file: File = _STANDARD, resume: Resume = False, url: Url = SERVER
) -> Code | None:
    """Write a set to a file of JSON lines.

    That are its items, also those that are claimed or delayed, and its dead letters. Bytes and
    scores are exact. Nothing is removed, and the set may be used meanwhile.
    """
    reached = _reached(file, name, resume)
    if reached.is_complete:
        complain(f"{file} is complete")
        return None
    with opened(url) as backend:
        total = _total(backend, name)
        if not total:
            return nothing(name)
        # What is written to the terminal itself shows well enough how far it is.
        shown = file != _STANDARD or not sys.stdout.isatty()
        progress = _progress(f"export {name}", total, shown=shown)
        with _writing(file, reached) as stream, progress as reach:
            done = reached.records
            reach(done)
            if reached.after is None:
                stream.write(head(name, total) + "\n")
            for records in read(backend, name, reached.after):
                stream.writelines(dump(record) + "\n" for record in records)
                stream.flush()
                done += len(records)
                reach(done)
            stream.write(END + "\n")
    return None


def import_(
    name: Name,
    file: File = _STANDARD,
    resume: Resume = False,
    merge: Merging = Merge.REPLACE,
    url: Url = SERVER,
    as_json: AsJSON = False,
) -> None:
    """Store what export wrote, in a set of any name.

    What was claimed or delayed becomes pending. By hand, {"item": "a", "score": 1} is a line.
    Until all of FILE is stored, FILE.import says how far it is.
    """
    refuse_shard(name)
    if resume and file == _STANDARD:
        raise Failure(Code.USAGE, "only a file can be gone on with, as --resume asks for")
    note = _note_of(file)
    target = {"set": name, "server": place(url)}
    lines = _read_note(note, target) if resume else 0
    total = None if file == _STANDARD else file.stat().st_size
    stored = 0
    progress = _progress(f"import {name}", total)
    with opened(url) as backend, _reading(file) as stream, progress as reach:
        for records, number, size in records_of(stream, lines):
            store(backend, name, records, merge)
            stored += len(records)
            if file != _STANDARD:
                _write_note(note, {**target, "lines": number})
            reach(size)
    note.unlink(missing_ok=True)
    _report(stored, name, as_json)


def copy(
    name: Name,
    to: Annotated[
        str,
        option("--to", envvar="REDSET_TO_URL", help="The URL of the server to copy to."),
    ],
    new_name: Annotated[str | None, option("--as", help="Its name there.")] = None,
    merge: Merging = Merge.REPLACE,
    url: Url = SERVER,
    as_json: AsJSON = False,
) -> Code | None:
    """Copy a set to another server, as export and import do.

    To do so again does no harm, but items that were done meanwhile come back.
    """
    target = new_name or name
    refuse_shard(target)
    copied = 0
    with opened(url) as source:
        total = _total(source, name)
        if not total:
            return nothing(name)
        here = Operator(source).identity()
        with opened(to) as destination, _progress(f"copy {name}", total) as reach:
            # The same server may be called by other names. What is claimed there would come back.
            same = to == url or (here is not None and here == Operator(destination).identity())
            if same and target == name:
                message = "this would copy the set onto itself: choose another with --as"
                raise Failure(Code.USAGE, message)
            for records in _from(url, read(source, name)):
                store(destination, target, records, merge)
                copied += len(records)
                reach(copied)
    _report(copied, target, as_json)
    return None


def _report(stored: int, name: str, as_json: bool) -> None:
    if as_json:
        print_json({"stored": stored, "name": name})
    else:
        print_line(f"{stored:,} records stored in {safe(name)}")


def _total(backend: RedisBackend, name: str) -> int:
    stats = backend.stats(name, NOW)
    return stats.pending + stats.claimed + stats.dead


def _reached(file: Path, name: str, resume: bool) -> Place:
    if file == _STANDARD:
        if resume:
            raise Failure(Code.USAGE, "only a file can be gone on with, as --resume asks for")
        return Place(0, None, 0)
    if not file.exists():
        return Place(0, None, 0)
    if not resume:
        raise Failure(Code.USAGE, f"{file} is there: --resume goes on with it, or remove it")
    return place_reached(file, name)


@contextmanager
def _writing(file: Path, reached: Place) -> Generator[TextIO]:
    """Open what an export is written to, from the place that was reached on."""
    if file == _STANDARD:
        yield sys.stdout
        return
    with file.open("a", encoding="utf-8") as stream:
        stream.truncate(reached.offset)
        try:
            yield stream
        except KeyboardInterrupt:
            complain(f"interrupted: --resume goes on with {file}")
            raise


@contextmanager
def _reading(file: Path) -> Generator[BinaryIO]:
    if file == _STANDARD:
        yield sys.stdin.buffer
        return
    with file.open("rb") as stream:
        try:
            yield stream
        except KeyboardInterrupt:
            complain(f"interrupted: --resume goes on with {file}")
            raise
        except Failure:
            # When the file is mended, its lines may not be where they were.
            _note_of(file).unlink(missing_ok=True)
            raise


def _note_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.import")


def _from(url: str, parts: Iterator[Sequence[Record]]) -> Iterator[Sequence[Record]]:
    """Give what is read from the one of two servers, whose failures are its own."""
    with failures(url):
        yield from parts


def _read_note(note: Path, target: dict[str, str]) -> int:
    """Return how many lines of a file are stored already, as its note says."""
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
        begun, lines = {key: noted[key] for key in target}, int(noted["lines"])
    except FileNotFoundError:
        return 0
    except (ValueError, LookupError, TypeError) as error:
        raise Failure(Code.DATA, f"{note} notes no import: remove it to begin anew") from error
    if begun != target:
        where = f"{noted['set']} at {noted['server']}"
        raise Failure(Code.USAGE, f"{note} is of an import to {where}: remove it to begin anew")
    return lines


def _write_note(note: Path, noted: dict[str, object]) -> None:
    # Put in place as a whole, so that a crash leaves either the old one or the new one.
    draft = note.with_name(f"{note.name}.new")
    draft.write_text(json.dumps(noted), encoding="utf-8")
    draft.replace(note)


@contextmanager
def _progress(
    what: str, total: int | None, *, shown: bool = True
) -> Generator[Callable[[int], None]]:
    """Show on a terminal how far something is; gives what is told so."""
    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield lambda _: None
        return
    text, percent = TextColumn("{task.description}"), TaskProgressColumn()
    with Progress(text, BarColumn(), percent, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(escape(safe(what)), total=total)
        yield lambda done: bar.update(task, completed=done)
