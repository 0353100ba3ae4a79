"""What the watch tells of itself."""

from prometheus_client import CollectorRegistry

from expectations.watch.status import SILENT_SECONDS, Status


def test_tasks_are_told_and_a_watch_that_hangs_is_not_healthy() -> None:
    """What each came to stays; a turn is a sign of life, for so long and no longer."""
    seconds = 0.0
    status = Status(CollectorRegistry(), ("parity",), lambda: seconds)
    assert status.as_json() == {"status": "ready", "task": "none", "parity": "never done"}
    status.ended("parity", "done, 2026-04-24T08:00:00Z")
    seconds = SILENT_SECONDS
    assert not status.is_healthy
    assert status.as_json() == {"status": "hangs", "task": "none", "parity": "done, 2026-04-24T08:00:00Z"}
    status.turn()
    assert status.is_healthy
