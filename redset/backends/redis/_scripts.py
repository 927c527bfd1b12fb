"""The Lua scripts, read from ``scripts/`` and known to servers by their digests."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import NamedTuple

__all__ = ["Script", "script"]

_TRY = b"""local function plain()
%s
end
local reply = plain()
if reply then return reply end
"""


class Script(NamedTuple):
    """A script's source and the digest that ``EVALSHA`` names it by."""

    source: bytes
    digest: str


@cache
def script(name: str) -> Script:
    """Return the script from ``scripts/<name>.lua``, with the preludes of its folders.

    If there is a ``<name>.plain.lua``, it is tried first, without them.
    """
    folder = resources.files("redset.backends.redis") / "scripts"
    *folders, _ = name.split("/")
    preludes = ["prelude", *(f"{each}/prelude" for each in folders)]
    parts = [(folder / f"{part}.lua").read_bytes() for part in (*preludes, name)]
    plain = folder / f"{name}.plain.lua"
    if plain.is_file():
        parts.insert(0, _TRY % plain.read_bytes())
    source = b"\n".join(parts)
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest())
