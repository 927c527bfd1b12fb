"""Files of JSON lines that hold a set: a head, a record a line, and an end.

The head is ``{"redset": 1, "name": …, "records": …}`` with about how many records follow, the
end ``{"end": true}``. A file without a head, such as one written by hand, needs no end.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from redset._chunks import CHUNK
from redset.cli.records import Item, Record, load
from redset.cli.running import Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from redset.interfaces import Entry

__all__ = ["END", "Place", "head", "place_reached", "records_of"]

END = '{"end": true}'


class Place(NamedTuple):
    """How far an export got that was cut short."""

    offset: int
    """Where in the file to go on."""
    after: Entry | None
    """The item after which to go on; None to begin anew."""
    records: int
    """How many records stand before."""
    is_complete: bool = False


def head(name: str, records: int) -> str:
    """Return the first line of an export."""
    return json.dumps({"redset": 1, "name": name, "records": records})


def place_reached(file: Path, name: str) -> Place:
    """Find where to go on with the export of a set into a file. O(size of the file).

    Raises:
        Failure: if the file is not one of this set.
    """
    place, offset, records = Place(0, None, 0), 0, 0
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            offset += len(line)
            if not line.endswith(b"\n"):
                break
            fields = _fields(line, number)
            if number == 1 and fields.get("name") != name:
                message = f"{file} does not begin as an export of {name!r} does: remove it first"
                raise Failure(Code.USAGE, message)
            if "end" in fields:
                return Place(offset, None, records, is_complete=True)
            if number == 1:
                continue
            records += 1
            record = _record(fields, number)
            if isinstance(record, Item) and not record.state:
                place = Place(offset, (record.member, record.score), records)
    return place


def records_of(stream: Iterable[bytes], skip: int = 0) -> Iterator[tuple[list[Record], int, int]]:
    """Give the records of a file in parts, each with how many lines and bytes are read by then.

    Args:
        stream: the lines.
        skip: how many lines were stored before, and are passed over.

    Raises:
        Failure: if a line is no record, or, at the end, if the file was cut short.
    """
    records: list[Record] = []
    number = size = 0
    wants_end = False
    for number, line in enumerate(stream, 1):
        size += len(line)
        # The head is read in any case, as it asks for an end.
        if 1 < number <= skip:
            continue
        fields = _fields(line, number)
        if "redset" in fields or "end" in fields:
            wants_end = "redset" in fields
        elif number > skip:
            records.append(_record(fields, number))
        if len(records) == CHUNK:
            yield records, number, size
            records = []
    yield records, number, size
    if wants_end:
        message = "all that is in the file is stored, but it has no end: its export was cut short"
        raise Failure(Code.DATA, message)


def _fields(line: bytes, number: int) -> dict[str, Any]:
    try:
        fields: Any = json.loads(line)
    except (ValueError, RecursionError):  # which Python's parser has for what is deeply nested
        fields = None
    if not isinstance(fields, dict):
        raise _refused(number, "it is no JSON object")
    return cast("dict[str, Any]", fields)


def _record(fields: dict[str, Any], number: int) -> Record:
    try:
        return load(fields)
    except (ValueError, OverflowError) as error:
        raise _refused(number, str(error)) from error


def _refused(number: int, why: str) -> Failure:
    return Failure(Code.DATA, f"line {number:,} is no record of a set: {why}")
