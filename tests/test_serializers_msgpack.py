"""MessagePack: the canonical form, and data that means harm."""

from __future__ import annotations

import tracemalloc
from collections import OrderedDict, UserDict, deque
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redset.serializers import MsgpackSerializer, MsgpackValue

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
KEYS = TEXT | st.binary(max_size=40)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-9)), ZoneInfo("Europe/Amsterdam")])
INSTANTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
VALUES: st.SearchStrategy[MsgpackValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(max_size=40)
    | INSTANTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
DAY = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)


class Color(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class LocalTime(datetime):
    """As libraries for dates make them."""


def reordered(value: object) -> object:
    """Rebuild a value with dicts filled from the end and times in another zone."""
    if isinstance(value, dict):
        pairs = reversed(cast("dict[str, object]", value).items())
        return OrderedDict((key, reordered(inner)) for key, inner in pairs)
    if isinstance(value, list):
        return tuple(reordered(inner) for inner in cast("list[object]", value))
    if isinstance(value, datetime):
        return value.astimezone(timezone(timedelta(hours=5, minutes=30)))
    return bytearray(value) if isinstance(value, bytes) else value


def assert_sorted(data: bytes) -> None:
    """Fail if there is a map in the data whose packed keys are out of order."""

    def check(pairs: list[tuple[object, object]]) -> None:
        keys = [msgpack.packb(key) for key, _ in pairs]
        assert keys == sorted(keys)

    msgpack.unpackb(data, object_pairs_hook=check)


@given(VALUES)
def test_items_come_back(item: MsgpackValue) -> None:
    serializer = MsgpackSerializer()
    assert serializer.loads(serializer.dumps(item)) == item


@given(VALUES)
def test_equal_items_give_equal_bytes(item: MsgpackValue) -> None:
    serializer = MsgpackSerializer()
    same = cast("MsgpackValue", reordered(item))
    assert serializer.dumps(same) == serializer.dumps(item)


@given(VALUES)
def test_what_was_read_gives_the_same_bytes(item: MsgpackValue) -> None:
    serializer = MsgpackSerializer()
    data = serializer.dumps(item)
    assert serializer.dumps(serializer.loads(data)) == data


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.none(), max_size=5), max_size=5))
def test_maps_are_sorted_by_their_packed_keys(
    item: dict[str | bytes, dict[str | bytes, None]],
) -> None:
    assert_sorted(MsgpackSerializer[object]().dumps(item))


def test_a_short_key_comes_before_a_long_one() -> None:
    item = {"aa": 1, "b": 2, b"c": 3}
    assert MsgpackSerializer[object]().dumps(item) == b"\x83\xa1b\x02\xa2aa\x01\xc4\x01c\x03"


def test_text_and_bytes_are_kept_apart() -> None:
    serializer = MsgpackSerializer()
    assert serializer.dumps("a") != serializer.dumps(b"a")
    assert serializer.loads(serializer.dumps({"a": b"a"})) == {"a": b"a"}


@pytest.mark.parametrize(
    ("item", "same"),
    [
        ((1, 2), [1, 2]),
        (deque([1, 2]), [1, 2]),
        (range(1, 3), [1, 2]),
        (memoryview(b"a"), b"a"),
        (UserDict({"b": 1, "a": 2}), {"a": 2, "b": 1}),
        (Color.RED, "red"),
        ({Color.RED: Level.HIGH}, {"red": 3}),
        (LocalTime(2024, 2, 29, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_subclasses_and_other_collections_are_stored_as_what_they_are(
    item: MsgpackValue, same: MsgpackValue
) -> None:
    assert MsgpackSerializer().dumps(item) == MsgpackSerializer().dumps(same)


class TestTimes:
    @given(INSTANTS, ZONES)
    def test_one_instant_is_one_member_in_all_zones(self, when: datetime, zone: timezone) -> None:
        serializer = MsgpackSerializer[datetime]()
        assert serializer.dumps(when.astimezone(zone)) == serializer.dumps(when)

    @given(INSTANTS)
    def test_times_come_back_exactly_and_in_utc(self, when: datetime) -> None:
        serializer = MsgpackSerializer[datetime]()
        back = serializer.loads(serializer.dumps(when))
        assert back == when
        assert back.tzinfo is UTC

    def test_the_two_instants_of_a_repeated_hour_differ(self) -> None:
        first = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Amsterdam"))
        serializer = MsgpackSerializer[datetime]()
        assert serializer.dumps(first) != serializer.dumps(first.replace(fold=1))

    def test_the_extension_is_that_of_the_format(self) -> None:
        assert MsgpackSerializer().dumps(DAY.replace(microsecond=0)) == b"\xd6\xff\x65\xe0\x78\xd7"

    def test_a_time_without_a_zone_is_refused(self) -> None:
        with pytest.raises(
            ValueError, match=r"datetime\(2024, .*\) is no instant: give it a tzinfo"
        ):
            MsgpackSerializer().dumps([DAY.replace(tzinfo=None)])


class TestRefusals:
    @pytest.mark.parametrize("item", [{1}, object(), 1j, date(2024, 1, 1), msgpack.ExtType(5, b"")])
    def test_what_msgpack_cannot_hold(self, item: object) -> None:
        with pytest.raises(TypeError, match=f"cannot hold a {type(item).__name__}: convert it"):
            MsgpackSerializer[object]().dumps([item])

    @pytest.mark.parametrize("key", [1, None, 1.5, (1, 2), DAY])
    def test_keys_that_are_neither_text_nor_bytes(self, key: object) -> None:
        item: Mapping[object, object] = {"a": {key: 1}}
        with pytest.raises(TypeError, match="of a map is neither str nor bytes"):
            MsgpackSerializer[object]().dumps(item)

    @pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
    def test_integers_beyond_64_bits(self, number: int) -> None:
        with pytest.raises(ValueError, match="no integers beyond 64 bits: store it as a str"):
            MsgpackSerializer().dumps(number)

    def test_instants_that_utc_has_no_year_for(self) -> None:
        when = datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))
        with pytest.raises(OverflowError):
            MsgpackSerializer().dumps([when])

    def test_an_item_that_holds_itself(self) -> None:
        loop: list[MsgpackValue] = []
        loop.append(loop)
        with pytest.raises(ValueError, match="more than 200 deep: does it hold itself"):
            MsgpackSerializer().dumps(loop)

    def test_the_deepest_item_comes_back(self) -> None:
        item: list[MsgpackValue] = []
        for _ in range(199):
            item = [item]
        serializer = MsgpackSerializer()
        assert serializer.dumps(serializer.loads(serializer.dumps(item))) == b"\x91" * 199 + b"\x90"
        with pytest.raises(ValueError, match="more than 200 deep"):
            serializer.dumps([item])


class TestHostileData:
    @given(VALUES, st.data())
    def test_data_that_was_cut_off(self, item: MsgpackValue, data: st.DataObject) -> None:
        whole = MsgpackSerializer().dumps(item)
        part = whole[: data.draw(st.integers(0, len(whole) - 1))]
        with pytest.raises(ValueError, match=r"."):
            MsgpackSerializer().loads(part)

    @pytest.mark.parametrize("data", [b"", b"\x92\x01", b"\xcb\0"])
    def test_data_that_was_cut_off_is_called_so(self, data: bytes) -> None:
        with pytest.raises(ValueError, match="ends early: it was cut off, or is none"):
            MsgpackSerializer().loads(data)

    @pytest.mark.parametrize(("data", "name"), [(b"\xc1", "Format"), (b"\x91" * 2000, "Stack")])
    def test_the_error_is_named_where_msgpack_says_nothing(self, data: bytes, name: str) -> None:
        with pytest.raises(ValueError, match=f"or nested too deep: {name}Error"):
            MsgpackSerializer().loads(data)

    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused(self, data: bytes) -> None:
        with suppress(ValueError, OverflowError):
            MsgpackSerializer().loads(data)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"\x01\x01", id="more than one value"),
            pytest.param(b"\xc1", id="a byte that is never used"),
            pytest.param(b"\xa1\xff", id="text that is not UTF-8"),
            pytest.param(b"\x81\x01\x01", id="a number for a key"),
            pytest.param(b"\x81\x90\x01", id="a list for a key"),
            pytest.param(b"\xd5\xffaa", id="a timestamp of two bytes"),
            pytest.param(b"\xd7\xff" + b"\xff" * 8, id="too many nanoseconds"),
            pytest.param(b"\x91" * 5000 + b"\x01", id="deep lists"),
            pytest.param(b"\x81\xa1a" * 5000 + b"\x01", id="deep maps"),
        ],
    )
    def test_bad_data_is_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            MsgpackSerializer().loads(data)

    def test_unknown_extensions_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"extension type 5 \(4 bytes\)"):
            MsgpackSerializer().loads(b"\x91\xd6\x05abcd")

    def test_times_beyond_the_calendar_are_refused(self) -> None:
        with pytest.raises(OverflowError):
            MsgpackSerializer().loads(b"\xc7\x0c\xff\0\0\0\0\x7f" + b"\xff" * 7)

    @pytest.mark.parametrize(
        "head",
        [b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"],
        ids=["array", "map", "str", "bin", "ext"],
    )
    def test_a_huge_declared_length_takes_no_memory(self, head: bytes) -> None:
        assert _peak_of_reading(head + b"\xff\xff\xff\xff" + b"\x01" * 20) < 1_000_000

    def test_lists_that_each_claim_the_length_of_all_take_no_memory(self) -> None:
        size = 60_000
        data = b"\xdc\xea\x60" * 1000 + b"\x01" * (size - 3000)
        assert _peak_of_reading(data) < 20 * size


def _peak_of_reading(data: bytes) -> int:
    serializer = MsgpackSerializer()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"."):
            serializer.loads(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
