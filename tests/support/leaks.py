"""Finds keys that were left behind on a server."""

import re
from collections.abc import Callable, Iterable
from typing import Final, Protocol

# What stands for something else in a pattern.
_SPECIAL: Final = re.compile(r"[][*?\\]")
_SOON: Final = 10_000
_NEVER: Final = -1


class _Client(Protocol):
    """What is needed of a blocking Redis, Valkey or cluster client."""

    @property
    def scan_iter(self) -> Callable[..., Iterable[object]]: ...

    @property
    def pttl(self) -> Callable[..., object]: ...


def leaked_keys(client: _Client, prefix: str) -> list[str]:
    """Return, sorted, the keys that contain ``prefix`` and do not expire soon."""
    pattern = _SPECIAL.sub(r"\\\g<0>", prefix)
    keys = {_text(key): key for key in client.scan_iter(f"*{pattern}*", count=1000)}
    return sorted(name for name, key in keys.items() if _stays(client, name, key))


def _stays(client: _Client, name: str, key: object) -> bool:
    left = client.pttl(key)
    # Records of requests are there to outlast a client's retries, and the longest lease.
    if not isinstance(left, int) or ":request:" in name:
        return left == _NEVER
    return left == _NEVER or left > _SOON


def _text(key: object) -> str:
    return key.decode(errors="backslashreplace") if isinstance(key, bytes) else str(key)
