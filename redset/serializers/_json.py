"""JSON in one canonical form."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Generic, NoReturn, TypeAlias, cast

from typing_extensions import TypeVar

from redset.serializers._equality import EqualByParts
from redset.serializers._swift_json import SwiftJSON, swift_json

__all__ = ["JSONSerializer", "JSONValue"]

JSONValue: TypeAlias = (
    bool | int | float | str | Sequence["JSONValue"] | Mapping[str, "JSONValue"] | None
)
"""What JSON can hold. Tuples and other sequences come back as lists."""

T = TypeVar("T", default=JSONValue)


class JSONSerializer(EqualByParts, Generic[T]):
    """Stores items as JSON: keys sorted, no spaces, UTF-8, no NaN or infinity.

    Equal items give equal bytes, in whatever order their dicts were filled. The type
    argument, as in ``JSONSerializer[Task]()``, is the caller's assertion about the
    data and checked by nobody; `DataclassSerializer` validates.

    Identity is bytes: 1 and 1.0 are two members, and so are 0.0 and -0.0. Keys should
    be strings; others become strings, as in the module `json`, and come back as such.

    The bytes are those of the module `json`. Where msgspec is installed
    (``redset[dataclass]``), it does most of the work, in half of the time, and the module
    the rest: what msgspec would write in another form, or refuse.

    >>> serializer = JSONSerializer[dict[str, int]]()
    >>> serializer.dumps({"b": 2, "a": 1})
    b'{"a":1,"b":2}'
    >>> serializer.loads(b'{"a":1,"b":2}')
    {'a': 1, 'b': 2}
    """

    def __init__(self) -> None:
        self._swift: SwiftJSON | None = swift_json()
        self._encode = json.JSONEncoder(
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
            default=_default,
        ).encode
        self._decode = json.JSONDecoder(
            parse_float=_parse_float,
            parse_constant=_refuse_constant,
        ).decode

    def dumps(self, item: T) -> bytes:
        """Return the item as canonical JSON. O(size), plus the sorting of keys.

        Raises:
            TypeError: if it holds what JSON cannot, or keys that cannot be sorted.
            ValueError: if it holds NaN, an infinity, half a surrogate pair or itself.
            RecursionError: if it is nested beyond Python's limit.
        """
        if self._swift is not None:
            data = self._swift.dumps(item)
            if data is not None:
                return data
        return self._encode(item).encode()

    def loads(self, data: bytes) -> T:
        """Return the item; any JSON in UTF-8 is read, not only the canonical form. O(size).

        Raises:
            ValueError: if the bytes are no JSON or hold NaN, Infinity or a number
                too large for a float.
            RecursionError: if they are nested beyond Python's limit.
        """
        if self._swift is not None:
            with suppress(ValueError, RecursionError):  # the module knows more, and what is wrong
                return cast("T", self._swift.loads(data))
        return cast("T", self._decode(data.decode()))

    def _parts(self) -> tuple[object, ...]:
        return ()

    def __repr__(self) -> str:
        return "JSONSerializer()"


def _default(value: object) -> object:
    """Reduce what `JSONValue` admits and `json` does not know."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    if not _is_binary(value) and isinstance(value, Sequence):
        return list(cast("Sequence[object]", value))
    message = (
        f"JSON cannot hold a {type(value).__qualname__}: convert it, "
        "or use MsgpackSerializer or DataclassSerializer"
    )
    raise TypeError(message)


def _is_binary(value: object) -> bool:
    return isinstance(value, (bytes, bytearray, memoryview))


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        message = f"the number {text} in JSON is too large for a float"
        raise ValueError(message)
    return number


def _refuse_constant(text: str) -> NoReturn:
    message = f"{text} is not JSON: store null or a string instead"
    raise ValueError(message)
