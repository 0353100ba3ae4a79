import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from connections.settings import describe
from serving.settings import ServingSettings


def test_it_listens_on_loopback_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else may ask."""
    monkeypatch.delenv("SHOP_API_HOST", raising=False)
    assert ServingSettings().api_host == "127.0.0.1"


def test_models_lie_in_the_data_folder_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """SHOP_MODELS_DIR overrules SHOP_DATA_DIR."""
    monkeypatch.setenv("SHOP_DATA_DIR", "/there")
    assert str(ServingSettings().models) == "/there/models"
    monkeypatch.setenv("SHOP_MODELS_DIR", "/elsewhere")
    assert str(ServingSettings().models) == "/elsewhere"


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its value."""
    monkeypatch.setenv("SHOP_API_PORT", "70000")
    with pytest.raises(ValidationError, match=r"(?s)api_port.*70000"):
        ServingSettings()


def test_every_setting_is_described() -> None:
    """A line with its variable and a sentence."""
    lines = describe(ServingSettings).splitlines()
    assert len(lines) == len(ServingSettings.model_fields)
    assert all(line.startswith("  SHOP_") and len(line.split()) > 3 for line in lines)


def test_help_is_printed_without_feast_and_fastapi() -> None:
    """They take seconds to import."""
    program = (
        "import runpy, sys\n"
        "sys.argv = ['serving', '--help']\n"
        "try:\n    runpy.run_module('serving', run_name='__main__')\n"
        "except SystemExit as end:\n    heavy = {'feast', 'fastapi', 'onnxruntime', 'uvicorn'} & set(sys.modules)\n"
        "    sys.exit(end.code or sorted(heavy) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SHOP_API_PORT" in done.stdout


def test_metrics_stay_in_memory_although_feast_is_imported(tmp_path: Path) -> None:
    """Feast switches prometheus_client to files shared by processes, for whoever imports it later and for child processes."""
    program = (
        "from serving.__main__ import hold_metrics_in_memory\n"
        "hold_metrics_in_memory()\n"
        "import feast.metrics, prometheus_client.values as values\n"
        "assert values.ValueClass is values.MutexValue, values.ValueClass\n"
    )
    inherited = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=inherited
    )
    assert done.returncode == 0, done.stderr
