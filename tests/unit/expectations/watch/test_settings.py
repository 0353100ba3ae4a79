"""Settings of the watch."""

import pytest

from expectations.watch.program import watch
from expectations.watch.settings import TASKS, WatchSettings


def test_an_interval_of_zero_leaves_a_task_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """All four are wanted by default."""
    assert tuple(WatchSettings().every_seconds) == TASKS
    monkeypatch.setenv("SHOP_CHECKS_EVERY_SECONDS", "0")
    assert tuple(WatchSettings().every_seconds) == ("parity", "freshness", "drift")


def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, without a traceback."""
    from pathlib import Path

    monkeypatch.setenv("SHOP_DRIFT_EVERY_SECONDS", "-1")
    assert watch(Path("feature_repo")) == 2
    assert "drift_every_seconds" in capsys.readouterr().err
