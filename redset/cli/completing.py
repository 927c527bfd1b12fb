"""Names of sets, for a shell that completes them."""

from __future__ import annotations

import os
import re
from typing import Final

import typer

from redset.backends.redis.operating import Operator
from redset.cli.opening import SERVER, opened
from redset.cli.running import Failure

__all__ = ["complete_names"]

# Braces alone mean nothing to a shell, but with a comma or two dots between them.
_PLAIN: Final = re.compile(r"(?!-)(?!.*\{.*(?:,|\.\.).*\})[\w@%+=:,./{}-]+")


def complete_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the sets on the server whose names begin so; none if it does not answer.

    Shells put what they are given on the command line as it is, and some evaluate it first. A
    name that would mean something to them is left out, as anybody may have stored it.
    """
    url = ctx.params.get("url") or os.environ.get("REDSET_URL") or SERVER
    try:
        with opened(str(url)) as backend:
            names = Operator(backend).names()
    except Failure:
        return []
    return [name for name in names if name.startswith(incomplete) and _PLAIN.fullmatch(name)]
