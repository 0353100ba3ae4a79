"""The command line before anything heavy is imported."""

import subprocess
import sys

PROGRAM = """
import sys
from expectations.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(end.code, sorted({"feast", "great_expectations", "pandas", "polars"} & set(sys.modules)))
"""


def test_help_imports_neither_feast_nor_great_expectations() -> None:
    """`--help` answers at once."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--help"], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "0 []"
    assert "check" in run.stdout
    assert "report" in run.stdout
