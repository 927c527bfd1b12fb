"""Text, stored as UTF-8."""

from __future__ import annotations

from redset.serializers._equality import EqualByParts

__all__ = ["StringSerializer"]


class StringSerializer(EqualByParts):
    r"""Stores text as UTF-8, with nothing around it. The default of every set.

    A subclass of `str`, an enumeration of text among them, is stored as the text it
    holds. As in 0.5.1, whatever else is given to `dumps` at run time is stored as its
    ``str()``, except that `bytes` and `bytearray` are stored as they are. Type
    checkers accept only `str`, which is what comes back.

    >>> StringSerializer().dumps("café")
    b'caf\xc3\xa9'
    >>> StringSerializer().loads(b'caf\xc3\xa9')
    'café'
    """

    def dumps(self, item: str) -> bytes:
        """Return the text as UTF-8. O(length).

        Raises:
            UnicodeEncodeError: if it holds half a surrogate pair.
        """
        return item.encode() if type(item) is str else _encode(item)

    def loads(self, data: bytes) -> str:
        """Return the text that these bytes are. O(length).

        Raises:
            UnicodeDecodeError: if they are not UTF-8.
        """
        return data.decode()

    def _parts(self) -> tuple[object, ...]:
        return ()

    def __repr__(self) -> str:
        return "StringSerializer()"


def _encode(item: object) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, (bytes, bytearray)):
        return bytes(item)
    return str(item).encode()
