"""The ``redset`` command: see what is in the sets of a server, and steer it.

It needs ``pip install 'redset[cli]'``. Every command is a function in a module of its group:

===========================  ==========================================================
`redset.cli.looking`         ``ls``, ``show``, ``peek``, ``claims``, ``dead``
`redset.cli.changing`        ``add``, ``pop``, ``take``, ``redrive``, ``clear``
`redset.cli.moving`          ``export``, ``import``, ``copy``
`redset.cli.watching`        ``watch``
`redset.cli.measuring`       ``bench``
`redset.cli.program`         ``demo``, and all of them put together
===========================  ==========================================================
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, and leave with its exit code."""
    try:
        from redset.cli.program import run
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "redset":
            raise
        sys.exit(f"redset: the command needs {error.name}: pip install 'redset[cli]'")
    run()
