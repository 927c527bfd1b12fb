"""Run faults at large: ``python -m tests.topologies --fault sentinel --wait-replicas 1``."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from tests.support.servers import KINDS
from tests.topologies.plan import FAULTS, KINDS_OF_SETS, Plan
from tests.topologies.runner import run


def main() -> int:
    """Print the counts; return 1 if something was lost that must not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.topologies", description=__doc__)
    choices = {"fault": FAULTS, "kind": KINDS_OF_SETS, "server": KINDS}
    for field in dataclasses.fields(Plan):
        default = {"fault": None, "faults": 5}.get(field.name, field.default)
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=str if field.name == "fault" else type(default),
            default=default,
            choices=choices.get(field.name),
            help="by default all" if field.name == "fault" else f"by default {default}",
        )
    given = vars(parser.parse_args())
    failed = False
    for fault in FAULTS if given["fault"] is None else (given["fault"],):
        plan = Plan(**{**given, "fault": fault})
        report = run(plan)
        print(report, flush=True)
        is_promised = fault in {"reshard", "migrate"} or plan.wait_replicas > 0
        failed |= is_promised and bool(report.lost or report.repeated)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
