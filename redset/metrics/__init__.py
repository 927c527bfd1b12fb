"""What goes on in sets, for those who run them: metrics and traces.

`instrument` wraps a backend, so that it tells a recorder of all that this process does with it.
The sets themselves know nothing of that, so it costs nothing where it is not used. Recorders are
`redset.metrics.prometheus.PrometheusRecorder`,
`redset.metrics.opentelemetry.OpenTelemetryRecorder`, and any object with the methods of `Recorder`.

`redset.metrics.prometheus.SetCollector` needs no instrumented backend: it counts what is in named
sets, whoever put it there, whenever Prometheus asks.
"""

from __future__ import annotations

from redset.metrics._async.instrumented import AsyncInstrumented
from redset.metrics._async.shardable import AsyncShardableInstrumented
from redset.metrics._instrumenting import instrument
from redset.metrics._recorder import Recorder
from redset.metrics._sync.instrumented import Instrumented
from redset.metrics._sync.shardable import ShardableInstrumented
from redset.metrics._work import Outcome, Work, WorkInProgress

__all__ = [
    "AsyncInstrumented",
    "AsyncShardableInstrumented",
    "Instrumented",
    "Outcome",
    "Recorder",
    "ShardableInstrumented",
    "Work",
    "WorkInProgress",
    "instrument",
]
