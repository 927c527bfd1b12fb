"""The Lua scripts, read from ``scripts/`` and known to servers by their digests."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

__all__ = ["Script", "script"]

_FOLDER: Final = resources.files("redset.backends.redis") / "scripts"
# A line of a script that stands for another file.
_INCLUDE: Final = re.compile(rb"^-- include (\S+)$", re.MULTILINE)
_TRY: Final = b"""local function plain()
%s
end
local reply = plain()
if reply then return reply end
"""
_THEN: Final = b"""local function script()
%s
end
local reply = script()
%s
return reply
"""


class Script(NamedTuple):
    """A script's source and the digest that ``EVALSHA`` names it by."""

    source: bytes
    digest: str


@cache
def script(name: str) -> Script:
    """Return the script from ``scripts/<name>.lua``, with the preludes of its folders.

    If there is a ``<name>.plain.lua``, it is tried first, without them. If there is a postlude in
    its folder, that is run after it.
    """
    *folders, _ = name.split("/")
    preludes = ["prelude", *(f"{each}/prelude" for each in folders)]
    parts = [_read(part) for part in (*preludes, name)]
    for folder in folders:
        if (_FOLDER / folder / "postlude.lua").is_file():
            parts[-1] = _THEN % (parts[-1], _read(f"{folder}/postlude"))
    if (_FOLDER / f"{name}.plain.lua").is_file():
        parts.insert(0, _TRY % _read(f"{name}.plain"))
    source = b"\n".join(parts)
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest())


def _read(part: str) -> bytes:
    """Return the text of one file, with those that it includes in their places."""
    source = (_FOLDER / f"{part}.lua").read_bytes()
    return _INCLUDE.sub(lambda found: _read(found[1].decode()), source)
