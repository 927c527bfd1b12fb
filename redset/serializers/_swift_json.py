"""JSON by msgspec, as far as its bytes are those of the module `json`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SwiftJSON", "swift_json"]


class SwiftJSON:
    """Writes and reads the JSON that msgspec and `json` agree on.

    Args:
        encode: what writes JSON with sorted keys.
        decode: what reads JSON.
        verify: what reads JSON, and raises an error for a number that `json` writes otherwise.
    """

    __slots__ = ("_encode", "_verify", "loads")

    def __init__(
        self,
        encode: Callable[[object], bytes],
        decode: Callable[[bytes], object],
        verify: Callable[[bytes], object],
    ) -> None:
        self._encode = encode
        self._verify = verify
        self.loads = decode

    def dumps(self, item: object) -> bytes | None:
        """Return the item as `json` writes it, None if msgspec may write it otherwise.

        msgspec also writes what has no place in JSON (bytes, UUIDs, NaN), which comes back as
        something else: what does not come back as it was is left to `json`.
        """
        try:
            data = self._encode(item)
            return data if self._verify(data) == item else None
        except Exception:  # noqa: BLE001  (`json` says what is wrong, if anything is)
            return None


@cache
def swift_json() -> SwiftJSON | None:
    """Return what writes and reads with msgspec; None if it is not installed."""
    try:
        import msgspec
    except ImportError:
        return None
    return SwiftJSON(
        msgspec.json.Encoder(order="sorted").encode,
        msgspec.json.Decoder().decode,
        msgspec.json.Decoder(float_hook=_same_float).decode,
    )


def _same_float(text: str) -> float:
    """Read a number that is written as Python writes it."""
    number = float(text)
    if repr(number) != text:
        message = f"{text} is written {number!r} in Python"
        raise ValueError(message)
    return number
