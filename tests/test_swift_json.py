"""JSON with msgspec and without: the same bytes, the same items, the same errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redset.serializers import JSONSerializer, JSONValue, _json
from redset.serializers._swift_json import swift_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Color(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Kind(Enum):
    SOME = "some"


@dataclass(frozen=True)
class Task:
    url: str


class Point(NamedTuple):
    x: float


TEXT = st.text(st.characters(exclude_categories=()), max_size=8)  # surrogates, too
FLOATS = st.floats() | st.sampled_from([0.0, -0.0, 1e15, 1e16, 1e17, 1e-4, 1e-5, 5e-324, 1e308])
PLAIN = st.none() | st.booleans() | st.integers() | FLOATS | TEXT
OTHER = st.sampled_from(
    [
        *(2**63, -(2**63) - 1, 2**64, 10**400, b"bytes", bytearray(b"a"), {1}, frozenset({1})),
        *(Decimal("1.0"), UUID(int=1), date(2026, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001
        *(Color.RED, Level.HIGH, Kind.SOME, Task("a"), Point(1), object),
    ]
)
KEYS = TEXT | st.integers() | st.none() | st.booleans() | FLOATS | st.sampled_from([*Color, *Level])
ITEMS: st.SearchStrategy[object] = st.recursive(
    PLAIN | OTHER,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(TEXT, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def alone() -> Iterator[JSONSerializer[object]]:
    """Return a serializer that does without msgspec."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json, "swift_json", lambda: None)
        yield JSONSerializer[object]()


def outcome(call: Callable[[], object]) -> object:
    """Return what a call gives, in a form in which 1, 1.0 and True differ, or raises."""
    try:
        return repr(call())
    except (TypeError, ValueError, RecursionError) as error:
        return type(error), str(error)


@given(ITEMS)
@example({"a": math.nan})
@example([1e16, "1e16", {"": [[]]}])
@example({"\ud800": 1})
@example({1: "a", "1": "b"})
def test_the_bytes_and_errors_are_the_same(alone: JSONSerializer[object], item: object) -> None:
    swift = JSONSerializer[object]()
    assert outcome(lambda: swift.dumps(item)) == outcome(lambda: alone.dumps(item))


JSON = st.lists(
    st.sampled_from(
        [
            *("[", "]", "{", "}", '"', ":", ",", " ", "\n", "\t", "\0", "\ufeff", "\\", "\\u"),
            *("d800", "dc00", "é", "a", "-", "0", "1", ".", "e", "E+", "9" * 30),
            *("null", "true", "NaN", "Infinity"),
        ]
    ),
    max_size=10,
).map("".join)


@given(JSON)
@example('{"a":1,"a":2}')
@example("-0")
@example('"\\ud800"')
@example("[1e999]")
@example("9" * 5000)
@example("[" * 5000)
def test_the_items_and_errors_are_the_same(alone: JSONSerializer[object], text: str) -> None:
    swift, data = JSONSerializer[object](), text.encode()
    assert outcome(lambda: swift.loads(data)) == outcome(lambda: alone.loads(data))


@given(FLOATS.filter(math.isfinite))
def test_numbers_are_written_as_python_writes_them(number: float) -> None:
    assert JSONSerializer().dumps(number) == repr(number).encode()


def test_common_items_are_left_to_msgspec() -> None:
    """Else it would be a detour."""
    swift = swift_json()
    assert swift is not None
    item: JSONValue = {
        "url": "https://example.org/ü",
        "depth": 3,
        "tags": ["a", None],
        "weight": 0.75,
    }
    assert swift.dumps(item) == JSONSerializer().dumps(item)
    assert swift.dumps({"when": 1e16}) is None
