"""Feast's import without type checks."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """\
import sys
from ingestion.stream.feast_start import import_feast

import_feast()
import feast
sys.path.insert(0, ".")
import of_others

CHECK = "check_argument_types_internal"
print(CHECK in feast.PushSource.__init__.__code__.co_names, CHECK in of_others.number.__code__.co_names)
"""
OF_OTHERS = """\
import typeguard

@typeguard.typechecked
def number(x: int) -> int:
    return x
"""


def test_feast_is_imported_without_checks_and_everyone_else_keeps_them(tmp_path: Path) -> None:
    """Seen in the compiled functions: typeguard adds a call that checks the arguments."""
    (tmp_path / "of_others.py").write_text(OF_OTHERS)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["False", "True"], done.stderr
