"""Data quality: how long checks take and how much memory, parity of served values, the report pages.

Each section is a module ``quality_NAME.py`` beside this one, with ``measure(report)``, which adds its bars; that
of parity takes the number of vectors, too.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.benchmarks.report import Report, parser

PREFIX = "quality_"
VECTORS = 100_000


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the sections named (all by default); the exit status."""
    known = sections()
    command = parser("quality", __doc__)
    command.add_argument("--only", default=",".join(known), help=f"sections, separated by commas: {known}")
    command.add_argument(
        "--vectors", type=int, default=VECTORS, help="served for the section parity (default: %(default)s)"
    )
    options = command.parse_args(argv)
    if options.vectors < 1:
        command.error(f"--vectors {options.vectors}: nothing would be compared; give 1 or more")
    chosen = options.only.split(",")
    if unknown := sorted(set(chosen) - set(known)):
        command.error(f"no section {', '.join(unknown)}; there are {', '.join(known)}")
    report = Report("quality")
    sizes = {"parity": {"vectors": options.vectors}}
    for name in chosen:
        import_module(f"tests.benchmarks.{PREFIX}{name}").measure(report, **sizes.get(name, {}))
    return report.finish(options.json)


def sections() -> list[str]:
    """Names of the sections, sorted."""
    return sorted(path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py"))


if __name__ == "__main__":
    raise SystemExit(main())
