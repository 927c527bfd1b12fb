"""MessagePack in one canonical form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import NoneType
from typing import Final, Generic, NoReturn, TypeAlias, cast

from typing_extensions import TypeVar

from redset.exceptions import MissingDependencyError
from redset.serializers._equality import EqualByParts

__all__ = ["MsgpackSerializer", "MsgpackValue"]

MsgpackValue: TypeAlias = (
    bool
    | int
    | float
    | str
    | bytes
    | datetime
    | Sequence["MsgpackValue"]
    | Mapping[str, "MsgpackValue"]
    | Mapping[bytes, "MsgpackValue"]
    | Mapping[str | bytes, "MsgpackValue"]
    | None
)
"""What is stored as MessagePack. Tuples and other sequences come back as lists."""

T = TypeVar("T", default=MsgpackValue)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN: Final = frozenset({NoneType, bool, int, float, str, bytes})
# Two frames a level must fit into the default stack of Python, with room to spare.
_MAX_DEPTH: Final = 200


class MsgpackSerializer(EqualByParts, Generic[T]):
    r"""Stores items as MessagePack: maps sorted by their packed keys, text apart from bytes.

    Equal items give equal bytes, in whatever order their dicts were filled. Times
    must be aware; they are stored as MessagePack's timestamp, so one instant is one
    member whatever its zone, and come back in UTC. Keys of maps are `str` or `bytes`.
    Data may come from anyone: reading it takes memory in proportion to its length.

    The type argument is the caller's assertion, checked by nobody. Identity is bytes:
    1 and 1.0 are two members, and so are 0.0 and -0.0.

    Raises:
        MissingDependencyError: if msgpack is not installed (``redset[msgpack]``).

    >>> serializer = MsgpackSerializer[dict[str, int]]()
    >>> serializer.dumps({"b": 2, "a": 1})
    b'\x82\xa1a\x01\xa1b\x02'
    >>> serializer.loads(b'\x82\xa1a\x01\xa1b\x02')
    {'a': 1, 'b': 2}
    """

    def __init__(self) -> None:
        try:
            import msgpack
        except ImportError as error:
            message = "MsgpackSerializer needs msgpack: pip install 'redset[msgpack]'"
            raise MissingDependencyError(message) from error
        self._msgpack = msgpack

    def dumps(self, item: T) -> bytes:
        """Return the item as canonical MessagePack. O(size), plus the sorting of keys.

        Raises:
            TypeError: if it holds what MessagePack cannot, or a key that is neither
                `str` nor `bytes`.
            ValueError: if it holds a naive datetime, an integer beyond 64 bits, half a
                surrogate pair, or is nested more than 200 deep (as if it holds itself).
            OverflowError: if it holds a datetime that is beyond its years in UTC.
        """
        # Not kept: one packer must not be used by two threads.
        pack = self._msgpack.Packer().pack
        value = self._canonical(item, pack, 0)
        try:
            return pack(value)
        except OverflowError as error:
            message = "msgpack has no integers beyond 64 bits: store it as a str"
            raise ValueError(message) from error

    def loads(self, data: bytes) -> T:
        """Return the item; all of MessagePack but extension types is read. O(size).

        Fractions of a microsecond in timestamps are cut off.

        Raises:
            ValueError: if the bytes are not one whole value, are nested more than 1024
                deep, or hold an extension or a key of a map that is neither text nor
                bytes.
            OverflowError: if they hold a timestamp beyond the years of `datetime`.
        """
        msgpack = self._msgpack
        # unpackb allots an array at its declared length, in every level of nesting.
        # A pass that allots nothing makes sure first that all elements are there.
        probe = msgpack.Unpacker(max_buffer_size=len(data))
        probe.feed(data)
        try:
            probe.skip()
            value = msgpack.unpackb(data, timestamp=3, ext_hook=_refuse_extension)
        except msgpack.OutOfData as error:
            message = "the MessagePack data ends early: it was cut off, or is none"
            raise ValueError(message) from error
        except msgpack.UnpackException as error:  # which says nothing itself
            message = f"the data is no MessagePack, or nested too deep: {error!r}"
            raise ValueError(message) from error
        return cast("T", value)

    def _canonical(self, value: object, pack: Callable[[object], bytes], depth: int) -> object:
        """Return the value made of what msgpack packs, with all maps in order."""
        if type(value) in _PLAIN or _is_scalar(value):
            return value
        if depth == _MAX_DEPTH:
            message = f"the item is nested more than {_MAX_DEPTH} deep: does it hold itself?"
            raise ValueError(message)
        if isinstance(value, Mapping):
            mapping = cast("Mapping[object, object]", value)
            return {
                key: self._canonical(mapping[key], pack, depth + 1)
                for key in sorted(map(_check_key, mapping), key=pack)
            }
        if isinstance(value, Sequence) and not isinstance(value, self._msgpack.ExtType):
            sequence = cast("Sequence[object]", value)
            return [self._canonical(element, pack, depth + 1) for element in sequence]
        if isinstance(value, datetime):
            return self._timestamp(value)
        message = f"msgpack cannot hold a {type(value).__qualname__}: convert it"
        raise TypeError(message)

    def _timestamp(self, value: datetime) -> object:
        if value.utcoffset() is None:
            message = f"{value!r} is no instant: give it a tzinfo, such as datetime.UTC"
            raise ValueError(message)
        since = value.astimezone(UTC) - _EPOCH  # what UTC has no year for cannot be read
        seconds = since.days * 86400 + since.seconds
        return self._msgpack.Timestamp(seconds, since.microseconds * 1000)

    def _parts(self) -> tuple[object, ...]:
        return ()

    def __repr__(self) -> str:
        return "MsgpackSerializer()"


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, int, float, bytes, bytearray, memoryview))


def _check_key(key: object) -> str | bytes:
    if isinstance(key, (str, bytes)):
        return key
    message = f"the key {key!r} of a map is neither str nor bytes: convert it"
    raise TypeError(message)


def _refuse_extension(code: int, data: bytes) -> NoReturn:
    message = f"unknown MessagePack extension type {code} ({len(data)} bytes)"
    raise ValueError(message)
