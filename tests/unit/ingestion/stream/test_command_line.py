import re
import subprocess
import sys
from pathlib import Path

import pytest

from connections.settings import KafkaSettings
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.settings import StreamSettings

DOCS = Path(__file__).parents[4] / "docs" / "stream.md"


@pytest.mark.parametrize("module", ["ingestion.stream", "ingestion.deadletters"])
def test_help_imports_neither_feast_nor_great_expectations(module: str) -> None:
    """Both take seconds; the help is there at once."""
    script = (
        "import runpy, sys\n"
        f"sys.argv = ['{module}', '--help']\n"
        "try:\n"
        f"    runpy.run_module('{module}', run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    assert ended.code == 0\n"
        "assert not {'feast', 'great_expectations'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"python -m {module}" in done.stdout


def test_the_docs_list_every_setting_with_its_default() -> None:
    """And none that does not exist; how Kafka is spoken to is told once, for all programs."""
    documented = dict(re.findall(r"^\| `(SHOP_\w+)` \| ([^|]*?) \|", DOCS.read_text(), re.MULTILINE))
    defaults = {
        f"SHOP_{name.upper()}": str(field.default)
        for name, field in StreamSettings.model_fields.items()
        if name in {"data_dir", "kafka_bootstrap"} or name not in KafkaSettings.model_fields
    }
    assert "operations.md#connections-every-program-that-speaks-to-kafka" in DOCS.read_text()
    assert {name: default.strip("`") or "None" for name, default in documented.items()} == defaults


def test_the_docs_list_every_metric() -> None:
    """And none that does not exist; a counter under the name it is scraped by."""
    names = re.findall(
        r"`(\w+)`", "".join(re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", DOCS.read_text(), re.MULTILINE))
    )
    families = {family.name.removeprefix("shop_stream_") for family in StreamMetrics().registry.collect()}
    assert {name.removesuffix("_total") for name in names} == families
