"""Run every benchmark in turn, each in a process of its own: ``python -m tests.benchmarks [NAME ...] [--json FILE]``."""

import argparse
import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SHORTER = {"soak": ("--minutes", "4"), "quality": ("--vectors", "10000")}
"""Arguments of those that take too long among all the others; run alone they take their time."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks named (all by default); non-zero when one falls short."""
    known = names()
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Run every benchmark in turn."
    )
    parser.add_argument("name", nargs="*", help=f"one or more of: {', '.join(known)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to FILE")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.name) - set(known))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    reports = [run(name) for name in options.name or known]
    if options.json is not None:
        options.json.write_text(json.dumps(reports, indent=2) + "\n")
    short = [report["benchmark"] for report in reports if report["exit_status"] != 0]
    print(
        f"{len(reports) - len(short)} of {len(reports)} benchmarks hold"
        + (f"; short: {', '.join(short)}" if short else "")
    )
    return 1 if short else 0


def names() -> list[str]:
    """Modules of this folder that define ``main``; found by reading them, since importing them is slow."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__main__" and _has_main(path))


def run(name: str) -> dict[str, Any]:
    """Run one benchmark; its report with its exit status, figures absent where it broke off."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = [
            sys.executable,
            "-m",
            f"tests.benchmarks.{name}",
            "--json",
            str(figures),
            *SHORTER.get(name, ()),
        ]
        status = subprocess.run(command, check=False, cwd=FOLDER.parents[1]).returncode
        report = json.loads(figures.read_text()) if figures.exists() else {"benchmark": name, "bars": []}
    return {**report, "exit_status": status}


def _has_main(path: Path) -> bool:
    tree = ast.parse(path.read_text())
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)


if __name__ == "__main__":
    sys.exit(main())
