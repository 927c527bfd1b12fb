"""The upper bounds of the buckets of histograms, in seconds, unless others are asked for."""

from __future__ import annotations

from typing import Final

__all__ = ["CALL_BUCKETS", "WORK_BUCKETS"]

CALL_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
"""For how long calls take."""
WORK_BUCKETS: Final = (0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""For how long work takes, and how long items wait for it."""
