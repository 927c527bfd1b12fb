"""Items with a signature, for stores that others can write to."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final, Generic

from typing_extensions import TypeVar

from redset._checks import check_part
from redset.exceptions import SignatureError
from redset.serializers._equality import EqualByParts

if TYPE_CHECKING:
    from redset.interfaces import Serializer

__all__ = ["SignedSerializer"]

T = TypeVar("T")

_MAC_SIZE: Final = hashlib.sha256().digest_size
_MIN_KEY_SIZE: Final = 16
_DOMAIN: Final = b"redset.SignedSerializer\0"


class SignedSerializer(EqualByParts, Generic[T]):
    """Signs what another serializer makes, and reads nothing that is not signed.

    A member is a 32-byte HMAC-SHA256, then the payload. The payload is not encrypted,
    and the score is not signed: whoever can write to the store can still remove items,
    give them another score, or put back an item that was there before.

    The first key signs; any of them verifies. To change keys, first append the new one
    everywhere, then move it to the front everywhere, and take the old one away when
    the set holds no item signed with it. Mind that the signature is part of the
    member: an item that is added again under a new first key is another member.

    Args:
        inner: any serializer: an object, or a module such as `pickle`.
        keys: one or more secrets of 16 bytes or more, as from ``secrets.token_bytes(32)``.
        salt: what the set is for, such as its name. Data signed with another salt is
            refused, so that nobody can move items from one set to another.

    Raises:
        ValueError: if there is no key, or one is too short.
        TypeError: if a key or the salt is not `bytes`, or ``inner`` no serializer.

    >>> from redset.serializers import StringSerializer
    >>> serializer = SignedSerializer(StringSerializer(), b"sixteen bytes or more", salt=b"jobs")
    >>> data = serializer.dumps("mow the lawn")
    >>> len(data), data[32:]
    (44, b'mow the lawn')
    >>> serializer.loads(data)
    'mow the lawn'
    >>> serializer.loads(data[:-1] + b"m")
    Traceback (most recent call last):
    redset.exceptions.SignatureError: the signature does not fit any of the keys
    """

    def __init__(self, inner: Serializer[T], *keys: bytes, salt: bytes = b"") -> None:
        _check_inner(inner)
        if not keys:
            message = "SignedSerializer needs a key: pass secrets.token_bytes(32), kept safe"
            raise ValueError(message)
        for position, key in enumerate(keys, 1):
            _check_key(key, position)
        _check_salt(salt)
        self._inner = inner
        self._salt = salt
        # One key per salt, so that no signature can serve two purposes.
        self._keys = [hmac.digest(key, _DOMAIN + salt, "sha256") for key in keys]

    def dumps(self, item: T) -> bytes:
        """Return the signature and what the inner serializer makes of the item. O(size).

        Raises:
            TypeError: if the inner serializer gives neither `bytes` nor `str`.
            Exception: whatever the inner serializer raises.
        """
        payload = _to_bytes(self._inner.dumps(item))
        return hmac.digest(self._keys[0], payload, "sha256") + payload

    def loads(self, data: bytes) -> T:
        """Verify the signature, then let the inner serializer read the payload.

        O(size) for each key; the comparison takes the same time wherever it fails.

        Raises:
            SignatureError: if the data is too short or signed with none of the keys.
                The inner serializer has then seen none of it.
            Exception: whatever the inner serializer raises.
        """
        signature, payload = data[:_MAC_SIZE], data[_MAC_SIZE:]
        for key in self._keys:
            if hmac.compare_digest(hmac.digest(key, payload, "sha256"), signature):
                return self._inner.loads(payload)
        message = "the signature does not fit any of the keys"
        raise SignatureError(message)

    @property
    def needs_key(self) -> bool:
        """Whether equal items may differ in their bytes, as those of the inner serializer do."""
        return getattr(self._inner, "needs_key", False)

    def _parts(self) -> tuple[object, ...]:
        return (self._inner, self._keys, self._salt)

    def __repr__(self) -> str:
        keys = f"<{len(self._keys)} keys>"
        return f"SignedSerializer({self._inner!r}, {keys}, salt={self._salt!r})"


# These never show what they were given: it may be a key in the wrong place.


def _check_inner(inner: object) -> None:
    for method in ("dumps", "loads"):
        if not callable(getattr(inner, method, None)):
            message = (
                f"the inner serializer, a {type(inner).__qualname__}, has no {method}(): "
                "pass one first, such as redset.serializers.JSONSerializer()"
            )
            raise TypeError(message)
    check_part(inner, "the inner serializer", "dumps", "loads")


def _check_key(key: object, position: int) -> None:
    if not isinstance(key, bytes):
        message = f"key {position} is a {type(key).__qualname__}, but must be bytes: encode it"
        raise TypeError(message)
    if len(key) < _MIN_KEY_SIZE:
        message = (
            f"key {position} has {len(key)} bytes, but needs {_MIN_KEY_SIZE} at least: "
            "make one with secrets.token_bytes(32)"
        )
        raise ValueError(message)


def _check_salt(salt: object) -> None:
    if not isinstance(salt, bytes):
        message = f"salt is a {type(salt).__qualname__}, but must be bytes: encode it"
        raise TypeError(message)


def _to_bytes(payload: object) -> bytes:
    if isinstance(payload, str):
        return payload.encode()
    if isinstance(payload, bytes):
        return payload
    message = f"the inner serializer gave a {type(payload).__qualname__}, not bytes or str"
    raise TypeError(message)
