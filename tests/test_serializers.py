"""Text, JSON, pickle and namedtuples; what holds for all serializers."""

from __future__ import annotations

import doctest
import importlib
import json
import pickle
import pkgutil
import sys
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import redset.serializers
from redset.exceptions import MissingDependencyError
from redset.serializers import (
    DataclassSerializer,
    JSONSerializer,
    JSONValue,
    MsgpackSerializer,
    NamedtupleSerializer,
    PickleSerializer,
    SignedSerializer,
    StringSerializer,
    _json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Serializer

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
JSON_VALUES: st.SearchStrategy[JSONValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


class Color(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: float
    y: float = 0.0
    label: str | None = None


@dataclass
class Task:
    url: str


class Text(str):
    __slots__ = ()


def reordered(value: object) -> object:
    """Rebuild a value with all its dicts filled from the end, as an equal value."""
    if isinstance(value, dict):
        pairs = reversed(cast("dict[object, object]", value).items())
        return OrderedDict((key, reordered(inner)) for key, inner in pairs)
    if isinstance(value, list):
        return [reordered(inner) for inner in cast("list[object]", value)]
    return Text(value) if isinstance(value, str) else value


@pytest.mark.parametrize(
    "name",
    ["", *(f".{module.name}" for module in pkgutil.iter_modules(redset.serializers.__path__))],
)
def test_the_examples_in_the_docstrings_are_right(name: str) -> None:
    module = importlib.import_module(f"redset.serializers{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("serializer", "text"),
    [
        (StringSerializer(), "StringSerializer()"),
        (JSONSerializer(), "JSONSerializer()"),
        (MsgpackSerializer(), "MsgpackSerializer()"),
        (PickleSerializer(), "PickleSerializer(protocol=4)"),
        (NamedtupleSerializer(Point), "NamedtupleSerializer(Point)"),
        (DataclassSerializer(Task), "DataclassSerializer(Task)"),
    ],
)
def test_repr_says_what_it_is(serializer: object, text: str) -> None:
    assert repr(serializer) == text


class TestEquality:
    """Sets with equal serializers are combined by the server: the bytes must be the same."""

    def test_only_those_that_write_the_same_are_equal(self) -> None:
        key, other = b"k" * 32, b"o" * 32
        json_signed = partial(SignedSerializer, JSONSerializer())
        makers: list[Callable[[], object]] = [
            StringSerializer,
            JSONSerializer,
            MsgpackSerializer,
            PickleSerializer,
            partial(PickleSerializer[object], protocol=5),
            partial(NamedtupleSerializer, Point),
            partial(NamedtupleSerializer, namedtuple("Point", ["x"])),  # noqa: PYI024
            partial(DataclassSerializer, Task),
            partial(json_signed, key),
            partial(json_signed, key, other),
            partial(json_signed, other, key),
            partial(json_signed, key, salt=b"jobs"),
            partial(SignedSerializer, StringSerializer(), key),
        ]
        for (row, one), (column, two) in product(enumerate(makers), repeat=2):
            assert (one() == two()) is (row == column)
        assert len({make() for make in [*makers, *makers]}) == len(makers)
        assert JSONSerializer() != "JSONSerializer()"

    def test_a_subclass_equals_only_itself(self) -> None:
        class Mine(JSONSerializer):
            pass

        mine = Mine()
        assert [mine, Mine(), JSONSerializer()].index(mine) == 0
        assert [mine, Mine(), JSONSerializer()].count(mine) == 1
        assert JSONSerializer() != mine


class TestString:
    @given(TEXT)
    def test_text_comes_back(self, item: str) -> None:
        serializer = StringSerializer()
        assert serializer.loads(serializer.dumps(item)) == item

    @given(TEXT)
    def test_the_bytes_are_the_text_in_utf8(self, item: str) -> None:
        assert (
            StringSerializer().dumps(item) == StringSerializer().dumps(Text(item)) == item.encode()
        )

    @pytest.mark.parametrize(
        ("item", "data"),
        [(5, b"5"), (1.5, b"1.5"), (None, b"None"), (b"\xff", b"\xff"), (bytearray(b"a"), b"a")],
    )
    def test_other_items_are_cast_as_in_0_5_1(self, item: object, data: bytes) -> None:
        dumped = StringSerializer().dumps(cast("str", item))
        assert dumped == data
        assert type(dumped) is bytes

    def test_an_enumeration_of_text_is_stored_as_its_value(self) -> None:
        assert StringSerializer().dumps(Color.RED) == b"red"

    def test_what_utf8_cannot_hold_is_refused(self) -> None:
        with pytest.raises(UnicodeEncodeError):
            StringSerializer().dumps("\ud800")
        with pytest.raises(UnicodeDecodeError):
            StringSerializer().loads(b"\xff")


@pytest.fixture(scope="class", params=["msgspec", "module"])
def json_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Test JSON where msgspec is installed, and where it is not."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "module":
            patch.setattr(_json, "swift_json", lambda: None)
        yield


@pytest.mark.usefixtures("json_way")
class TestJSON:
    @given(JSON_VALUES)
    def test_items_come_back(self, item: JSONValue) -> None:
        serializer = JSONSerializer()
        assert serializer.loads(serializer.dumps(item)) == item

    @given(JSON_VALUES)
    def test_equal_items_give_equal_bytes(self, item: JSONValue) -> None:
        serializer = JSONSerializer()
        same = cast("JSONValue", reordered(item))
        assert serializer.dumps(same) == serializer.dumps(item)

    @given(JSON_VALUES)
    def test_what_was_read_gives_the_same_bytes(self, item: JSONValue) -> None:
        serializer = JSONSerializer()
        data = serializer.dumps(item)
        assert serializer.dumps(serializer.loads(data)) == data

    def test_the_form_is_compact_sorted_utf8(self) -> None:
        item: dict[str, JSONValue] = {"ü": [1, 2.5, None, True], "a": {"z": "€", "b": "\n"}}
        expected = '{"a":{"b":"\\n","z":"€"},"ü":[1,2.5,null,true]}'.encode()
        assert JSONSerializer().dumps(item) == expected

    @pytest.mark.parametrize(
        ("item", "data"),
        [
            ((1, 2), b"[1,2]"),
            (deque([1, 2]), b"[1,2]"),
            (range(1, 3), b"[1,2]"),
            (MappingProxyType({"b": 1, "a": 2}), b'{"a":2,"b":1}'),
            (Color.RED, b'"red"'),
            (Level.HIGH, b"3"),
            (Point(1, 2), b"[1,2,null]"),
        ],
    )
    def test_subclasses_and_other_collections_are_stored_as_what_they_are(
        self, item: JSONValue, data: bytes
    ) -> None:
        assert JSONSerializer().dumps(item) == data

    def test_identity_is_bytes(self) -> None:
        dumps = JSONSerializer().dumps
        assert len({dumps(1), dumps(1.0), dumps(True)}) == 3
        assert dumps(cast("JSONValue", {1: "a"})) == dumps({"1": "a"})

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_no_nan_or_infinity_goes_in(self, number: float) -> None:
        with pytest.raises(ValueError, match="not JSON compliant"):
            JSONSerializer().dumps([number])

    @pytest.mark.parametrize("data", [b"NaN", b"[Infinity]", b'{"a":-Infinity}'])
    def test_no_nan_or_infinity_comes_out(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"(NaN|Infinity) is not JSON"):
            JSONSerializer().loads(data)

    def test_a_number_that_would_become_infinity_is_refused(self) -> None:
        with pytest.raises(ValueError, match="1e999 in JSON is too large"):
            JSONSerializer().loads(b"[1e999]")

    @pytest.mark.parametrize("item", [b"bytes", bytearray(b"a"), memoryview(b"a"), {1}, object()])
    def test_what_json_cannot_hold_is_refused_by_name(self, item: object) -> None:
        with pytest.raises(TypeError, match=f"cannot hold a {type(item).__name__}: convert it"):
            JSONSerializer[object]().dumps([item])

    def test_an_item_that_holds_itself_is_refused(self) -> None:
        loop: list[JSONValue] = []
        loop.append(loop)
        with pytest.raises(ValueError, match="Circular"):
            JSONSerializer().dumps(loop)

    @pytest.mark.parametrize(
        "data", [b"", b"{", b'{"a":', b"[1,]", b'"\xff"', b"1 2", b"{'a':1}", b"\x80\x04N."]
    )
    def test_what_is_no_json_is_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            JSONSerializer().loads(data)

    def test_deep_nesting_is_an_error_and_no_crash(self) -> None:
        with pytest.raises((RecursionError, ValueError)):
            JSONSerializer().loads(b"[" * 200_000)

    @given(JSON_VALUES)
    def test_data_of_the_json_module_is_read(self, item: JSONValue) -> None:
        assert JSONSerializer().loads(json.dumps(item, indent=1).encode()) == item


class TestPickle:
    @given(JSON_VALUES | st.binary() | st.complex_numbers(allow_nan=False) | st.frozensets(TEXT))
    def test_items_come_back(self, item: object) -> None:
        serializer = PickleSerializer()
        assert serializer.loads(serializer.dumps(item)) == item

    def test_the_bytes_do_not_hang_on_the_version_of_python(self) -> None:
        assert (
            PickleSerializer().dumps(["a"])
            == b"\x80\x04\x95\x08\x00\x00\x00\x00\x00\x00\x00]\x94\x8c\x01a\x94a."
        )

    def test_the_protocol_can_be_chosen(self) -> None:
        serializer = PickleSerializer(protocol=2)
        assert serializer.dumps("a") == pickle.dumps("a", protocol=2)
        assert repr(serializer) == "PickleSerializer(protocol=2)"

    def test_any_protocol_is_read(self) -> None:
        read = [PickleSerializer().loads(pickle.dumps("a", protocol=number)) for number in range(6)]
        assert read == ["a"] * 6

    @pytest.mark.parametrize("protocol", [-1, 99])
    def test_a_protocol_that_does_not_exist_is_refused(self, protocol: int) -> None:
        with pytest.raises(ValueError, match=f"protocol is {protocol}, but must be 0 to"):
            PickleSerializer(protocol=protocol)

    @pytest.mark.parametrize("data", [b"", b"nonsense", b"\x80\x04"])
    def test_what_is_no_pickle_is_refused(self, data: bytes) -> None:
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            PickleSerializer().loads(data)


class TestNamedtuple:
    @given(st.builds(Point, FINITE, FINITE, st.none() | TEXT))
    def test_items_come_back(self, item: Point) -> None:
        serializer = NamedtupleSerializer(Point)
        back = serializer.loads(serializer.dumps(item))
        assert back == item
        assert type(back) is Point

    @given(st.builds(Point, FINITE, FINITE, st.none() | TEXT))
    def test_the_bytes_are_those_of_0_5_1(self, item: Point) -> None:
        expected = json.dumps(item._asdict()).encode()
        assert NamedtupleSerializer(Point).dumps(item) == expected

    def test_the_bytes_of_0_5_1_to_the_letter(self) -> None:
        expected = rb'{"x": 1, "y": 2.5, "label": "\u20ac\""}'
        assert NamedtupleSerializer(Point).dumps(Point(1, 2.5, '€"')) == expected

    def test_fields_may_come_in_any_order_and_be_left_out(self) -> None:
        assert NamedtupleSerializer(Point).loads(b'{"y":2,"x":1}') == Point(1, 2)

    def test_the_old_way_to_make_a_class_will_do(self) -> None:
        pair = namedtuple("pair", "left right")  # noqa: PYI024  (what 0.5.1 was used with)
        serializer = NamedtupleSerializer(pair)
        assert serializer.loads(serializer.dumps(pair(1, "b"))) == pair(1, "b")

    def test_a_subclass_is_stored_as_the_class(self) -> None:
        class Labelled(Point):
            __slots__ = ()

        serializer = NamedtupleSerializer(Point)
        assert serializer.dumps(Labelled(1, 2)) == serializer.dumps(Point(1, 2))

    @pytest.mark.parametrize("cls", [tuple, dict, Point(1, 2), "Point", None])
    def test_a_class_that_is_no_namedtuple_is_refused(self, cls: object) -> None:
        with pytest.raises(TypeError, match="is no namedtuple class: make one with"):
            NamedtupleSerializer(cast("type[Point]", cls))

    @pytest.mark.parametrize("item", [(1, 2), {"x": 1}, "x", None])
    def test_another_kind_of_item_is_refused(self, item: object) -> None:
        with pytest.raises(TypeError, match="is no Point"):
            NamedtupleSerializer(Point).dumps(cast("Point", item))

    def test_no_nan_goes_in(self) -> None:
        with pytest.raises(ValueError, match="not JSON compliant"):
            NamedtupleSerializer(Point).dumps(Point(float("nan")))

    def test_nan_that_is_there_comes_out(self) -> None:
        x = NamedtupleSerializer(Point).loads(b'{"x": NaN, "y": 0}').x
        assert x != x  # noqa: PLR0124  (as only NaN is)

    @pytest.mark.parametrize("data", [b"", b"{", b"[1, 2]", b"3", b"\xff"])
    def test_what_is_no_json_object_is_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            NamedtupleSerializer(Point).loads(data)

    @pytest.mark.parametrize("data", [b"{}", b'{"x":1,"z":2}'])
    def test_other_fields_than_those_of_the_class_are_refused(self, data: bytes) -> None:
        with pytest.raises(TypeError, match="argument"):
            NamedtupleSerializer(Point).loads(data)


def test_all_of_them_are_serializers_to_a_type_checker() -> None:
    text: Serializer[str] = StringSerializer()
    table: Serializer[dict[str, int]] = JSONSerializer[dict[str, int]]()
    value: Serializer[JSONValue] = JSONSerializer()
    packed: Serializer[dict[str, int]] = MsgpackSerializer[dict[str, int]]()
    pickled: Serializer[object] = PickleSerializer()
    task: Serializer[Task] = DataclassSerializer(Task)
    point: Serializer[Point] = NamedtupleSerializer(Point)
    signed: Serializer[Point] = SignedSerializer(point, b"k" * 16)
    assert text.loads(b"a") == "a"
    assert table.dumps({"a": 1}) == value.dumps({"a": 1})
    assert packed.loads(b"\x81\xa1a\x01") == {"a": 1}
    assert pickled.loads(pickle.dumps(None)) is None
    assert task.dumps(Task("a")) == b'{"url":"a"}'
    assert signed.loads(SignedSerializer(point, b"k" * 16).dumps(Point(1))) == Point(1)


@pytest.mark.parametrize(
    ("package", "extra", "make"),
    [
        ("msgpack", "msgpack", MsgpackSerializer),
        ("msgspec", "dataclass", lambda: DataclassSerializer(Task)),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, package: str, extra: str, make: Callable[[], object]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=rf"pip install 'redset\[{extra}\]'") as info:
        make()
    assert isinstance(info.value, ImportError)
