"""Dataclasses: one form for equal items, and types that are held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redset.serializers import DataclassSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
EAST = timezone(timedelta(hours=5, minutes=30))
NIL = UUID(int=0)
DAY = datetime(2024, 2, 29, 12, tzinfo=UTC)


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    HIGH = 3


class Span(NamedTuple):
    start: datetime
    end: float


@dataclass(frozen=True)
class Tag:
    name: str
    since: datetime | None = None


@dataclass
class Task:
    url: str
    weight: float = 1.0
    count: int = 0
    when: datetime | None = None
    day: date = date(2024, 1, 1)
    ident: UUID = NIL
    color: Color = Color.RED
    level: Level = Level.HIGH
    price: Decimal = Decimal(0)
    payload: bytes = b""
    pause: timedelta = timedelta(0)
    pair: tuple[int, str] = (0, "")
    tags: list[Tag] = field(default_factory=list)
    names: frozenset[str] = frozenset()
    meta: dict[str, float | None] = field(default_factory=dict)


TASKS = st.builds(
    Task,
    url=TEXT,
    weight=FINITE,
    count=st.integers(),
    when=st.none() | st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    day=st.dates(),
    ident=st.uuids(),
    color=st.sampled_from(Color),
    price=st.decimals(allow_nan=False, allow_infinity=False),
    payload=st.binary(max_size=20),
    pause=st.timedeltas(timedelta(-1000), timedelta(1000)),
    pair=st.tuples(st.integers(), TEXT),
    tags=st.lists(st.builds(Tag, TEXT), max_size=3),
    names=st.frozensets(TEXT, max_size=5),
    meta=st.dictionaries(TEXT, FINITE | st.none(), max_size=4),
)


@dataclass
class Timed:
    when: datetime
    note: str = ""


@dataclass
class Loose:
    what: object


@dataclass
class Keyed:
    table: dict[int, str] = field(default_factory=dict)
    times: dict[datetime, float] = field(default_factory=dict)


@dataclass
class Grouped:
    times: set[datetime] = field(default_factory=set)
    tags: frozenset[Tag] = frozenset()
    spans: list[Span] = field(default_factory=list)


@dataclass(frozen=True, order=True)
class Node:
    links: frozenset[int] = frozenset()


@dataclass
class Nested:
    groups: set[frozenset[int]] = field(default_factory=set)
    nodes: set[Node] = field(default_factory=set)
    below: list[Nested] = field(default_factory=list)


@dataclass
class Paired:
    pairs: set[tuple[int, str]]
    lists: list[list[int]]


@given(TASKS)
def test_items_come_back(item: Task) -> None:
    serializer = DataclassSerializer(Task)
    back = serializer.loads(serializer.dumps(item))
    assert back == item
    assert type(back) is Task


@given(TASKS)
def test_equal_items_give_equal_bytes(item: Task) -> None:
    serializer = DataclassSerializer(Task)
    other = Task(**vars(item))
    other.meta = dict(reversed(item.meta.items()))
    other.names = frozenset(sorted(item.names, reverse=True))
    other.when = item.when and item.when.astimezone(EAST)
    assert other == item
    assert serializer.dumps(other) == serializer.dumps(item)


@given(TASKS)
def test_what_was_read_gives_the_same_bytes(item: Task) -> None:
    serializer = DataclassSerializer(Task)
    data = serializer.dumps(item)
    assert serializer.dumps(serializer.loads(data)) == data


def test_the_form_is_compact_and_sorted() -> None:
    item = Tag("ü", datetime(2024, 2, 29, 12, tzinfo=EAST))
    expected = '{"name":"ü","since":"2024-02-29T06:30:00Z"}'.encode()
    assert DataclassSerializer(Tag).dumps(item) == expected


def test_an_int_in_a_float_field_is_the_equal_float() -> None:
    serializer = DataclassSerializer(Task)
    assert serializer.dumps(Task("a", weight=2)) == serializer.dumps(Task("a", weight=2.0))


class TestTimes:
    @given(st.datetimes(datetime(1800, 1, 1), timezones=st.just(ZoneInfo("Europe/Amsterdam"))))  # noqa: DTZ001
    def test_one_instant_is_one_member_in_all_zones(self, when: datetime) -> None:
        serializer = DataclassSerializer(Timed)
        data = serializer.dumps(Timed(when))
        assert data == serializer.dumps(Timed(when.astimezone(UTC)))
        assert serializer.loads(data).when == when.astimezone(UTC)

    def test_text_that_looks_like_a_time_stays_as_it_is(self) -> None:
        item = Timed(DAY.astimezone(EAST), note="2024-02-29T17:30:00+05:30")
        serializer = DataclassSerializer(Timed)
        assert serializer.loads(serializer.dumps(item)) == item

    def test_a_time_without_a_zone_is_no_instant_but_fine(self) -> None:
        item = Timed(DAY.replace(tzinfo=None), note="+01:00")
        serializer = DataclassSerializer(Timed)
        assert serializer.loads(serializer.dumps(item)) == item

    def test_times_in_sets_keys_and_tuples_are_of_one_form_too(self) -> None:
        here, there = DAY, DAY.astimezone(EAST)
        later = DAY + timedelta(hours=1)
        grouped = DataclassSerializer(Grouped)
        assert grouped.dumps(
            Grouped({there, later}, frozenset({Tag("b"), Tag("a", there)}), [Span(there, 1)])
        ) == grouped.dumps(
            Grouped({later, here}, frozenset({Tag("a", here), Tag("b")}), [Span(here, 1)])
        )
        keyed = DataclassSerializer(Keyed)
        assert keyed.dumps(Keyed(times={there: 1})) == keyed.dumps(Keyed(times={here: 1}))


def test_what_is_equal_and_not_the_same_is_two_members() -> None:
    serializer = DataclassSerializer(Task)
    for one, another in (
        (Task("a", weight=0.0), Task("a", weight=-0.0)),
        (Task("a", price=Decimal("1.0")), Task("a", price=Decimal("1.00"))),
    ):
        assert one == another
        assert serializer.dumps(one) != serializer.dumps(another)


@given(st.lists(st.frozensets(st.integers(0, 50), max_size=3), max_size=40), st.randoms())
@example([frozenset({0}), frozenset({8}), frozenset()], Random(1))
def test_sets_of_sets_have_one_form(elements: list[frozenset[int]], random: Random) -> None:
    others = random.sample(elements, len(elements))
    nested = DataclassSerializer(Nested)
    for one, another in (
        (Nested(set(elements)), Nested(set(others))),
        (Nested(nodes={Node(each) for each in elements}), Nested(nodes=set(map(Node, others)))),
    ):
        assert one == another
        assert nested.dumps(one) == nested.dumps(another)
        assert nested.loads(nested.dumps(one)) == one
    loose = DataclassSerializer(Loose)
    assert loose.dumps(Loose(set(elements))) == loose.dumps(Loose(set(others)))


def test_what_has_an_order_of_its_own_is_in_that_order() -> None:
    item = Paired({(10, "a"), (9, "b")}, [[2, 1]])
    assert (
        DataclassSerializer(Paired).dumps(item) == b'{"lists":[[2,1]],"pairs":[[9,"b"],[10,"a"]]}'
    )


def test_keys_of_all_kinds_come_back_and_are_sorted_as_text() -> None:
    item = Keyed({10: "c", 2: "b", 1: "a"}, {DAY: 1})
    serializer = DataclassSerializer(Keyed)
    data = serializer.dumps(item)
    assert data == (b'{"table":{"1":"a","10":"c","2":"b"},"times":{"2024-02-29T12:00:00Z":1.0}}')
    assert serializer.loads(data) == item


class TestRefusals:
    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_nan_and_infinity_at_any_depth(self, number: float) -> None:
        serializer = DataclassSerializer(Task)
        tags = cast("list[Tag]", [{"name": [(number,)]}])
        for item in (Task("a", weight=number), Task("a", meta={"b": number}), Task("", tags=tags)):
            with pytest.raises(ValueError, match=f"no place for {number}: use None"):
                serializer.dumps(item)

    def test_subclasses_which_would_come_back_as_less(self) -> None:
        @dataclass
        class More(Timed):
            extra: int = 0

        with pytest.raises(TypeError, match="is no Timed: make it one"):
            DataclassSerializer(Timed).dumps(More(DAY))

    def test_subclasses_in_a_field_which_would_come_back_as_less(self) -> None:
        @dataclass(frozen=True)
        class More(Tag):
            extra: int = 0

        with pytest.raises(
            TypeError, match="has a field that is not of its type: it would be read"
        ):
            DataclassSerializer(Task).dumps(Task("a", tags=[More("b")]))

    @pytest.mark.parametrize("item", [{"url": "a"}, "a", None, Task])
    def test_other_kinds_of_items(self, item: object) -> None:
        with pytest.raises(TypeError, match="is no Task"):
            DataclassSerializer(Task).dumps(cast("Task", item))

    @pytest.mark.parametrize(
        "fields",
        [{"count": "3"}, {"when": 5}, {"when": "2024-02-29T17:30:00+05:30"}, {"color": "green"}],
    )
    def test_fields_of_another_type_are_found_before_they_are_stored(
        self, fields: Mapping[str, object]
    ) -> None:
        item = Task("a")
        vars(item).update(fields)
        with pytest.raises(TypeError, match="has a field that is not of its type: "):
            DataclassSerializer(Task).dumps(item)

    @pytest.mark.parametrize("what", [object(), Task, {"a": Task}, 1j])
    def test_what_json_cannot_hold(self, what: object) -> None:
        with pytest.raises(TypeError, match="unsupported"):
            DataclassSerializer(Loose).dumps(Loose(what))

    def test_instants_that_utc_has_no_year_for(self) -> None:
        for when in (
            datetime.min.replace(tzinfo=EAST),
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        ):
            with pytest.raises(OverflowError):
                DataclassSerializer(Timed).dumps(Timed(when))

    @pytest.mark.parametrize(
        ("what", "text"), [(b"a", "YQ=="), (NIL, str(NIL)), (DAY, "2024-02-29T12:00:00Z")]
    )
    def test_but_not_what_json_writes_as_text(self, what: object, text: str) -> None:
        serializer = DataclassSerializer(Loose)
        assert serializer.loads(serializer.dumps(Loose(what))) == Loose(text)

    def test_items_that_hold_themselves(self) -> None:
        item = Nested()
        item.below.append(item)
        with pytest.raises(RecursionError):
            DataclassSerializer(Nested).dumps(item)

    def test_keys_of_which_one_would_be_lost(self) -> None:
        with pytest.raises(TypeError, match=r"keys of \{1: 'a', '1': 'b'\} are one key in JSON"):
            DataclassSerializer(Loose).dumps(Loose([{1: "a", "1": "b"}]))

    @pytest.mark.parametrize("cls", [int, dict, "Task", Span, None])
    def test_a_class_that_is_no_dataclass(self, cls: object) -> None:
        with pytest.raises(TypeError, match="is no dataclass: decorate the class"):
            DataclassSerializer(cast("type[Task]", cls))

    def test_an_instance_is_not_its_class(self) -> None:
        with pytest.raises(TypeError, match="is no dataclass: give its class, Task"):
            DataclassSerializer(cast("type[Task]", Task("a")))


class TestHostileData:
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b"{}",
            b'{"url":1}',
            b'{"url":null}',
            b'{"url":"\xff"}',
            b'{"url":"a"} x',
            b'{"url":"a","count":1.5}',
            b'{"url":"a","weight":NaN}',
            b'{"url":"a","weight":1e999}',
            b'{"url":"a","color":"green"}',
            b'{"url":"a","ident":"1"}',
            b'{"url":"a","when":"2024-02-30T00:00:00Z"}',
            b'{"url":"a","pair":[1]}',
            b'{"url":"a","tags":[{"name":3}]}',
        ],
    )
    def test_data_of_another_shape_is_refused(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            DataclassSerializer(Task).loads(data)

    @given(TASKS, st.data())
    def test_data_that_was_cut_off_is_refused(self, item: Task, data: st.DataObject) -> None:
        whole = DataclassSerializer(Task).dumps(item)
        part = whole[: data.draw(st.integers(0, len(whole) - 1))]
        with pytest.raises(ValueError, match=r"."):
            DataclassSerializer(Task).loads(part)

    def test_deep_nesting_is_an_error_and_no_crash(self) -> None:
        with pytest.raises(RecursionError):
            DataclassSerializer(Loose).loads(b'{"what":' + b"[" * 200_000)

    def test_fields_of_a_newer_version_are_ignored(self) -> None:
        assert DataclassSerializer(Tag).loads(b'{"name":"a","new":{"b":1}}') == Tag("a")


def test_times_of_day_keep_their_zone() -> None:
    @dataclass
    class Alarm:
        at: time

    serializer = DataclassSerializer(Alarm)
    item = Alarm(time(7, tzinfo=EAST))
    assert serializer.loads(serializer.dumps(item)) == item
