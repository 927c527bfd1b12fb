"""How items become members of a set, and come back: as their bytes, or under their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from redset._checks import (
    check_identity,
    check_key,
    check_key_function,
    check_part,
    check_payload,
)
from redset._types import T
from redset.exceptions import DecodeError
from redset.interfaces import KeyedMember, Payload
from redset.serializers import StringSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from redset.interfaces import Serializer

__all__ = ["Coding", "KeyedCoding", "open_coding"]


class Coding(Generic[T]):
    """Items are stored as their bytes, which are their identity."""

    __slots__ = ("_dumps", "_loads", "key", "payload", "serializer")

    def __init__(self, serializer: Serializer[T]) -> None:
        self.serializer = serializer
        self.key: Callable[[T], str | bytes] | None = None
        self.payload: Payload | None = None
        self._loads: Callable[[bytes], T] = serializer.loads
        self._dumps: Callable[[T], str | bytes] = serializer.dumps

    @property
    def load(self) -> Callable[[bytes], T]:
        """What turns a member back into its item."""
        return self._loads

    def dump(self, item: T) -> bytes:
        """Return an item as the member that is added."""
        data = self._dumps(item)
        return data if isinstance(data, bytes) else self._encode(data)

    def dump_all(self, items: Iterable[T]) -> list[bytes]:
        """Return many items as members."""
        dumps = self._dumps
        dumped = [dumps(item) for item in items]
        return [data if isinstance(data, bytes) else self._encode(data) for data in dumped]

    # What an item is known by in the set.
    identify = dump

    def is_like(self, other: Coding[T]) -> bool:
        """Tell whether both make the same members of the same items."""
        return self.serializer == other.serializer and self.key == other.key

    def _encode(self, data: object) -> bytes:
        if isinstance(data, str):
            return data.encode()
        message = (
            f"{self.serializer!r}.dumps() gave {type(data).__name__}, but must give bytes or str"
        )
        raise TypeError(message)


class KeyedCoding(Coding[T]):
    """Items are stored as the payloads of their keys, which are their identity."""

    __slots__ = ("_identify",)

    def __init__(
        self, serializer: Serializer[T], key: Callable[[T], str | bytes], payload: Payload
    ) -> None:
        super().__init__(serializer)
        self.key = self._identify = key
        self.payload = payload

    @property
    def load(self) -> Callable[[bytes], T]:
        """What turns a key with its payload back into the item."""
        return self._load

    def dump(self, item: T) -> bytes:
        """Return the key of an item with its payload."""
        return KeyedMember(self.identify(item), super().dump(item))

    def dump_all(self, items: Iterable[T]) -> list[bytes]:
        """Return the keys of many items with their payloads."""
        items = list(items)
        return list(map(KeyedMember, map(self.identify, items), super().dump_all(items)))

    def identify(self, item: T) -> bytes:
        """Return the key of an item, which need not be serialized for that."""
        return check_key(self._identify(item))

    def _load(self, member: bytes) -> T:
        payload = member.payload if isinstance(member, KeyedMember) else None
        if payload is None:
            message = f"nothing is stored for the key {bytes(member)!r}: add it with key="
            raise DecodeError(message)
        return self._loads(payload)


class TextCoding(Coding[Any]):
    """Text, of which most sets are, without a call of the serializer for each item."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(StringSerializer())
        self._loads = bytes.decode

    def dump(self, item: object) -> bytes:
        """Return an item as the member that is added."""
        return item.encode() if type(item) is str else super().dump(item)

    def dump_all(self, items: Iterable[object]) -> list[bytes]:
        """Return many items as members."""
        return [item.encode() if type(item) is str else self.dump(item) for item in items]

    identify = dump


_text: Coding[Any] = TextCoding()


def open_coding(
    serializer: Serializer[Any] | None,
    key: Callable[[Any], str | bytes] | None,
    payload: Payload | None,
) -> Coding[Any]:
    """Return how a set with these arguments stores its items, which is checked here."""
    if serializer is not None:
        check_part(serializer, "serializer", "dumps", "loads")
    check_key_function(key)
    check_payload(payload, is_keyed=key is not None)
    check_identity(serializer, is_keyed=key is not None)
    if key is None:
        return _text if serializer is None else Coding(serializer)
    serializer = _text.serializer if serializer is None else serializer
    return KeyedCoding(serializer, key, Payload.NEWEST if payload is None else payload)
