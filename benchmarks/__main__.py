"""Run the benchmarks: ``python -m benchmarks [--quick] [--only NAME …]``.

Every line shows a figure, its limit if it has one, and what it is made of. The exit code is
1 if a limit is missed. Figures are ratios within this run unless they have a unit.
"""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version

from benchmarks import batches, claims, consumers, growth, keyed, memory, peers, sharded, single

PARTS = {
    "single": single.run,
    "batches": batches.run,
    "memory": memory.run,
    "growth": growth.run,
    "consumers": consumers.run,
    "claims": claims.run,
    "keyed": keyed.run,
    "sharded": sharded.run,
    "peers": peers.run,
}
# These need packages of their own.
ON_REQUEST = {"peers"}


def main() -> int:
    """Run what is asked for, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=[name for name in PARTS if name not in ON_REQUEST],
    )
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, redis-py {version('redis')}, Valkey 9.1\n")
    missed = 0
    for name in options.only:
        for result in PARTS[name](quick=options.quick):
            print(result, flush=True)
            missed += not result.ok
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
