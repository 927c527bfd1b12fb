"""Items as they are typed and shown: bytes as text that a terminal cannot take for commands."""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from redset._printing import safe
from redset.cli.output import number, number_text, report
from redset.cli.running import Code, Failure
from redset.interfaces import KeyedMember
from redset.serializers import (
    JSONSerializer,
    MsgpackSerializer,
    PickleSerializer,
    StringSerializer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from redset.interfaces import DeadLetter, Entry, Serializer

__all__ = [
    "Items",
    "entry_record",
    "member_of",
    "packed",
    "packed_key",
    "report_entries",
    "unpacked",
    "unpacked_key",
]

_SERIALIZERS: dict[str, Callable[[], Serializer[Any]]] = {
    "text": StringSerializer,
    "json": JSONSerializer,
    "msgpack": MsgpackSerializer,
    "pickle": PickleSerializer,
}


def packed(member: bytes) -> dict[str, object]:
    """Return bytes as a part of a JSON object, exactly: as text, or else in base 64."""
    try:
        return {"item": member.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(member).decode()}


def packed_key(key: bytes) -> dict[str, object]:
    """Return the key of an item as a part of a JSON object, exactly; see `packed`."""
    try:
        return {"key": key.decode()}
    except UnicodeDecodeError:
        return {"key_base64": base64.b64encode(key).decode()}


def unpacked(record: dict[str, object]) -> bytes:
    """Return the bytes of what `packed` gave.

    Raises:
        ValueError: if there are none.
    """
    found = _bytes(record, "item", "base64")
    if found is None:
        message = "it has neither an item nor base64"
        raise ValueError(message)
    return found


def unpacked_key(record: dict[str, object]) -> bytes | None:
    """Return the bytes of what `packed_key` gave, None if there are none."""
    return _bytes(record, "key", "key_base64")


def member_of(letter: DeadLetter) -> bytes:
    """Return what is dead as a member: with its key, if it has one."""
    return letter.raw if letter.key is None else KeyedMember(letter.key, letter.raw)


class Items:
    """Reads and writes items by one serializer, or leaves them as the bytes that they are.

    Args:
        serializer: ``raw``, the name of one of redset's, or ``module:name`` of any other.

    Raises:
        Failure: if there is no such serializer.
    """

    def __init__(self, serializer: str) -> None:
        self._serializer = None if serializer == "raw" else _find(serializer)

    def text(self, member: bytes) -> str:
        """Return an item as one line of text, after its key; what cannot be read is as it is."""
        if isinstance(member, KeyedMember) and member.payload is not None:
            return f"{safe(member.decode(errors='backslashreplace'))}  {self.text(member.payload)}"
        raw = safe(member.decode(errors="backslashreplace"))
        if self._serializer is None:
            return raw
        try:
            item = self._serializer.loads(member)
            return safe(item if isinstance(item, str) else _jsonable(item)[1])
        except Exception as error:  # noqa: BLE001  (loads and repr may raise anything)
            return f"{raw} (unreadable: {safe(str(error))})"

    def record(self, member: bytes) -> dict[str, object]:
        """Return an item as a part of a JSON object; what cannot be read is given as it is."""
        if isinstance(member, KeyedMember) and member.payload is not None:
            return {**packed_key(member), **self.record(member.payload)}
        if self._serializer is None:
            return packed(member)
        try:
            return {"item": _jsonable(self._serializer.loads(member))[0]}
        except Exception as error:  # noqa: BLE001  (loads and repr may raise anything)
            return {**packed(member), "unreadable": str(error)}

    def member(self, text: bytes) -> bytes:
        """Return the bytes of an item that was typed: as it is, or as JSON for a serializer.

        Raises:
            Failure: if it is no such item.
        """
        if self._serializer is None:
            return text
        try:
            given = text.decode()
            is_text = isinstance(self._serializer, StringSerializer)
            data = self._serializer.dumps(given if is_text else json.loads(given))
        except Exception as error:
            shown = safe(text.decode(errors="backslashreplace"))
            message = f"{shown!r} is no item for this serializer, typed as JSON: {error}"
            raise Failure(Code.DATA, message) from error
        return data.encode() if isinstance(data, str) else data


def report_entries(items: Items, entries: Iterable[Entry], as_json: bool) -> int:
    """Print entries, and return how many there were."""
    return report(
        entries,
        as_json,
        ["SCORE:", "ITEM"],
        lambda entry: entry_record(items, entry),
        lambda entry: [number_text(entry[1]), items.text(entry[0])],
    )


def entry_record(items: Items, entry: Entry) -> dict[str, object]:
    """Return an entry as a JSON object."""
    return {**items.record(entry[0]), "score": number(entry[1])}


def _bytes(record: dict[str, object], text: str, coded: str) -> bytes | None:
    found, encoded = record.get(text), record.get(coded)
    if isinstance(found, str):
        return found.encode()
    return base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else None


def _jsonable(item: object) -> tuple[object, str]:
    """Return an item as JSON can hold it, and as text: its repr, if JSON cannot."""
    try:
        text = json.dumps(item, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return repr(item), repr(item)
    return item, text


def _find(name: str) -> Serializer[Any]:
    if name in _SERIALIZERS:
        try:
            return _SERIALIZERS[name]()
        except ImportError as error:
            raise Failure(Code.USAGE, str(error)) from error
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        choices = ", ".join(["raw", *_SERIALIZERS])
        message = f"there is no serializer {name!r}: use {choices}, or module:name for your own"
        raise Failure(Code.USAGE, message)
    # The module is one of the user's, who stands beside it.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  (a str is needed)
    try:
        found: Serializer[Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise Failure(Code.USAGE, f"there is no serializer {name!r}: {error}") from error
    finally:
        sys.path.pop(0)
    if not callable(getattr(found, "loads", None)) or not callable(getattr(found, "dumps", None)):
        raise Failure(Code.USAGE, f"{name!r} is no serializer: it needs dumps and loads")
    return found
