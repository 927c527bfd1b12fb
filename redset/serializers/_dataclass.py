"""Dataclasses as canonical JSON, validated when they are read."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Generic, NoReturn, cast

from typing_extensions import TypeVar

from redset.exceptions import MissingDependencyError
from redset.serializers._equality import EqualByParts

if TYPE_CHECKING:
    from types import ModuleType

    from _typeshed import DataclassInstance

__all__ = ["DataclassSerializer"]

T = TypeVar("T", bound="DataclassInstance")

# What only a datetime outside UTC looks like; what NaN and infinity look like, too.
_OFFSET: Final = rb'[+-]\d\d:\d\d"'
_OR_NULL: Final = rb"|null"
# What a set looks like whose elements may have no one order in Python, as sets have none.
_OR_NESTED: Final = rb"|\[[\[{]"


class DataclassSerializer(EqualByParts, Generic[T]):
    """Stores instances of one dataclass as canonical JSON, and validates what it reads.

    Fields may be of all types that msgspec knows: numbers, text, bytes, `datetime`,
    `UUID`, `Enum`, `Decimal`, lists, tuples, sets, dicts, ``X | None`` and other
    dataclasses. All fields count for the identity, also those with ``compare=False``.

    The bytes are those of the item as it would be read back: an int in a float field
    is stored as a float, and an aware datetime in UTC. What would not be read back
    with the same contents is refused at once, not found out by a consumer; only what
    JSON writes as text (bytes, a UUID, a time) is not told from text, in a field that
    may hold a `str` or anything. A Decimal keeps its digits, a float its sign, and a time
    of day its zone: 1.0 and 1.00 are two members as Decimals, and so are 0.0 and -0.0.

    What was stored before the class got another field is read if that has a default;
    otherwise it becomes a dead letter when it is taken. Its bytes are others then.

    Args:
        cls: the dataclass.

    Raises:
        TypeError: if it is no dataclass, or has a field that msgspec does not know.
        MissingDependencyError: if msgspec is not installed (``redset[dataclass]``).

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Task:
    ...     url: str
    ...     depth: int = 0
    >>> serializer = DataclassSerializer(Task)
    >>> serializer.dumps(Task("http://example.org/"))
    b'{"depth":0,"url":"http://example.org/"}'
    >>> serializer.loads(b'{"url":"http://example.org/"}')
    Task(url='http://example.org/', depth=0)
    """

    def __init__(self, cls: type[T]) -> None:
        _check_class(cls)
        try:
            import msgspec
        except ImportError as error:
            message = "DataclassSerializer needs msgspec: pip install 'redset[dataclass]'"
            raise MissingDependencyError(message) from error
        self._cls = cls
        self._msgspec = msgspec
        self._encode = msgspec.json.Encoder(order="sorted").encode
        self._decode = msgspec.json.Decoder(cls).decode
        suspect = _OFFSET + _OR_NESTED if _nests_sets(cls, msgspec.inspect) else _OFFSET
        self._suspect_read = re.compile(suspect)
        self._suspect_given = re.compile(suspect + _OR_NULL)

    def dumps(self, item: T) -> bytes:
        """Return the item as canonical JSON. O(size), plus the sorting of keys.

        Raises:
            TypeError: if the item's class is another (a subclass, say), or if a field
                holds what is not of its type.
            ValueError: if it holds NaN, an infinity or half a surrogate pair.
            OverflowError: if it holds a datetime that is beyond its years in UTC.
            RecursionError: if it is nested beyond Python's limit, or holds itself.
        """
        cls = self._cls
        if type(item) is not cls:
            message = f"{item!r} is no {cls.__qualname__}: make it one, or use another set"
            raise TypeError(message)
        given = self._canonical(item, self._suspect_given)
        try:
            read = self._canonical(self._decode(given), self._suspect_read)
        except self._msgspec.ValidationError as error:
            message = f"{item!r} has a field that is not of its type: {error}"
            raise TypeError(message) from error
        # Bytes differ where 1 becomes 1.0; values differ where something gets lost.
        if read != given and json.loads(read) != json.loads(given):
            message = f"{item!r} has a field that is not of its type: it would be read as {read!r}"
            raise TypeError(message)
        return read

    def loads(self, data: bytes) -> T:
        """Return the item; fields that the class does not have are ignored. O(size).

        Raises:
            ValueError: if the bytes are no JSON, or a field is missing or of another
                type (`msgspec.DecodeError`, `msgspec.ValidationError`).
            RecursionError: if they are nested beyond Python's limit.
        """
        return self._decode(data)

    def _parts(self) -> tuple[object, ...]:
        return (self._cls,)

    def __repr__(self) -> str:
        return f"DataclassSerializer({self._cls.__qualname__})"

    def _canonical(self, item: T, suspect: re.Pattern[bytes]) -> bytes:
        """Encode the item, by way of plain values only if that may make a difference."""
        try:
            data = self._encode(item)
        except TypeError:  # keys that are no str, or a set that has no order
            return self._encode(self._plain(item))
        return self._encode(self._plain(item)) if suspect.search(data) else data

    def _plain(self, value: object) -> object:
        """Return the value with datetimes in UTC, str for keys, dicts for dataclasses."""
        if isinstance(value, datetime):
            return value if value.utcoffset() is None else value.astimezone(UTC)
        if isinstance(value, float):
            return _check_finite(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if isinstance(value, dict):
            table = cast("dict[object, object]", value)
            plain = {self._key(key): self._plain(element) for key, element in table.items()}
            return plain if len(plain) == len(table) else _refuse_keys(table)
        if isinstance(value, (list, tuple)):
            return [self._plain(element) for element in cast("list[object]", value)]
        if isinstance(value, (set, frozenset)):
            return self._in_order(cast("set[object]", value))
        return value

    def _key(self, key: object) -> str:
        if isinstance(key, str):
            return key
        table: object = self._msgspec.to_builtins({self._plain(key): None}, str_keys=True)
        (text,) = cast("dict[str, None]", table)
        return text

    def _in_order(self, elements: set[object]) -> list[object]:
        try:
            ordered = sorted(cast("set[int]", elements))
            is_one_order = all(one < another for one, another in pairwise(ordered))
        except TypeError:
            ordered = []
            is_one_order = False
        if not is_one_order:  # `<` of sets tells which is a part of which
            return sorted(map(self._plain, elements), key=self._encode)
        return [self._plain(element) for element in ordered]


def _check_class(cls: object) -> None:
    remedy = "decorate the class with dataclasses.dataclass"
    if dataclasses.is_dataclass(cls):
        if isinstance(cls, type):
            return
        remedy = f"give its class, {type(cls).__qualname__}"
    message = f"{cls!r} is no dataclass: {remedy}"
    raise TypeError(message)


def _nests_sets(cls: type[object], inspect: ModuleType) -> bool:
    """Tell whether a class may have sets of what is written as an array or an object."""
    in_order = (inspect.StrType, inspect.IntType, inspect.EnumType, inspect.UUIDType)
    sets = (inspect.SetType, inspect.FrozenSetType)
    anything = (inspect.AnyType, inspect.CustomType)
    todo: list[object] = [inspect.type_info(cls)]
    seen: set[int] = set()
    for node in todo:  # which grows meanwhile
        if isinstance(node, tuple):
            todo += cast("tuple[object, ...]", node)
        elif isinstance(node, (inspect.Type, inspect.Field)) and id(node) not in seen:
            seen.add(id(node))
            parts = _parts_of(node)
            if isinstance(node, anything) or (
                isinstance(node, sets) and not isinstance(parts[0], in_order)
            ):
                return True
            todo += parts
    return False


def _parts_of(struct: object) -> list[object]:
    names: tuple[str, ...] = getattr(struct, "__struct_fields__", ())
    return [getattr(struct, name) for name in names]


def _refuse_keys(table: dict[object, object]) -> NoReturn:
    message = f"keys of {table!r} are one key in JSON: let all of them be of one type"
    raise TypeError(message)


def _check_finite(number: float) -> float:
    if math.isfinite(number):
        return number
    message = f"JSON has no place for {number!r}: use None, or leave the item out"
    raise ValueError(message)
