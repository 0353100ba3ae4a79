"""Writes what follows from the objectives and dashboards of this package: `python -m infra.monitoring`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from infra.monitoring.written import FOLDER, files


def main(argv: Sequence[str] | None = None) -> None:
    """Write every file below a folder; the test of what is committed calls `files` itself."""
    parser = argparse.ArgumentParser("python -m infra.monitoring", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write (default: %(default)s)")
    folder: Path = parser.parse_args(argv).folder
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path)


if __name__ == "__main__":
    main()
