"""Run chaos at large: ``python -m tests.chaos --items 100000``."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from tests.chaos.plan import SETS, USES, Plan
from tests.chaos.runner import run
from tests.support.servers import KINDS


def main() -> int:
    """Print the counts; return 1 if one that must be 0 is not."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    choices = {"use": USES, "server": KINDS, "kind": tuple(SETS)}
    for field in dataclasses.fields(Plan):
        default = 100_000 if field.name == "items" else field.default
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(default),
            default=default,
            choices=choices.get(field.name),
            help=f"by default {default}",
        )
    report = run(Plan(**vars(parser.parse_args())))
    print(report)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
