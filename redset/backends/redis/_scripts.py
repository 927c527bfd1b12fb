"""The Lua scripts, read from ``scripts/`` and known to servers by their digests."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import NamedTuple

__all__ = ["Script", "script"]


class Script(NamedTuple):
    """A script's source and the digest that ``EVALSHA`` names it by."""

    source: bytes
    digest: str


@cache
def script(name: str) -> Script:
    """Return the script from ``scripts/<name>.lua``, with the prelude before it."""
    folder = resources.files("redset.backends.redis") / "scripts"
    parts = [(folder / f"{part}.lua").read_bytes() for part in ("prelude", name)]
    source = b"\n".join(parts)
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest())
