"""What a stage took, and what of it was work."""

import time
from threading import Event

from ingestion.stream.metrics import StreamMetrics


def test_waiting_is_no_cpu() -> None:
    """A stage that waits has time and no CPU; one that works has both."""
    metrics = StreamMetrics()
    with metrics.stage("push"):
        Event().wait(0.05)
    end = time.thread_time() + 0.05
    with metrics.stage("windows"):
        while time.thread_time() < end:
            continue

    def value(name: str, stage: str) -> float:
        return metrics.registry.get_sample_value(name, {"stage": stage}) or 0.0

    assert value("shop_stream_stage_seconds_sum", "push") >= 0.05
    assert value("shop_stream_stage_cpu_seconds_total", "push") < 0.04
    assert value("shop_stream_stage_cpu_seconds_total", "windows") >= 0.04
