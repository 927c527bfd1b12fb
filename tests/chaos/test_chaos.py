"""Chaos at small size: whatever happens, the counts that must be 0 are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.plan import Plan
from tests.chaos.runner import run

if TYPE_CHECKING:
    from tests.chaos.plan import Use
    from tests.support.servers import Kind


@pytest.mark.parametrize(
    ("use", "server", "kind"),
    [
        ("claim", "valkey-9.1", "SortedSet"),
        ("consume", "valkey-9.1", "SortedSet"),
        ("claim", "redis-6.2", "ScheduledSet"),
    ],
)
def test_claimed_work_survives(use: Use, server: Kind, kind: str) -> None:
    plan = Plan(
        items=300,
        workers=4,
        kills=12,
        drop=0.03,
        late=0.02,
        lease=1.0,
        use=use,
        server=server,
        kind=kind,
        slow=0.01,
        limit=100.0,
    )
    report = run(plan)
    assert report.failures == {}, str(report)
    assert report.counts["distinct items executed"] == plan.items
    assert report.counts["workers killed"] >= plan.kills
    for what in (
        *("replies dropped", "requests delivered late", "connections killed", "script flushes"),
        "duplicates added",
    ):
        assert report.counts[what] > 0, str(report)
