import subprocess
import sys

import pytest
from rich.progress import Progress

from training.settings import TrainingSettings
from training.steps import Steps


@pytest.mark.parametrize("module", ["training", "training.registry"])
def test_help_imports_neither_feast_nor_great_expectations_nor_scikit_learn(module: str) -> None:
    """They take seconds."""
    code = (
        f"import runpy, sys; sys.argv = ['{module}', '--help']\n"
        f"try: runpy.run_module('{module}', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "sys.exit(not sys.modules.keys().isdisjoint({'feast', 'great_expectations', 'sklearn'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the prefix SHOP_."""
    monkeypatch.setenv("SHOP_FRAUD_TEST_DAYS", "3.5")
    monkeypatch.setenv("SHOP_TRAINING_PROMOTE", "false")
    settings = TrainingSettings()
    assert settings.fraud_test_days == 3.5
    assert settings.training_promote is False


def test_progress_names_the_step_at_hand_and_ends_full() -> None:
    """Without a progress the steps are silent."""
    progress = Progress(disable=True)
    step = Steps(progress, "fraud model", 2)
    with step("read"):
        assert progress.tasks[0].description == "fraud model: read"
    with step("fit"), Steps(None, "quiet", 1)("nothing"):
        assert progress.tasks[0].completed == 1
    step.finish()
    assert progress.tasks[0].finished
