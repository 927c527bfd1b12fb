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
    """Return the script from ``scripts/<name>.lua``, with the preludes of its folders."""
    folder = resources.files("redset.backends.redis") / "scripts"
    *folders, _ = name.split("/")
    preludes = ["prelude", *(f"{each}/prelude" for each in folders)]
    source = b"\n".join((folder / f"{part}.lua").read_bytes() for part in (*preludes, name))
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest())
