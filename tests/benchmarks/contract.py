"""The prediction API held against its OpenAPI document by Schemathesis, open and with keys.

Good and bad requests of every route are drawn from the document; every answer must have a status, a type, headers and
fields that it names, good requests must be accepted and bad ones refused.
"""

import argparse
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from serving.access.key_file import write
from serving.access.keys import issue
from tests.api_process import running_api
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.contract import Examined, examined
from tests.services import running_kafka, running_redis
from tests.serving_shop import ServingShop, serving_shop

EXAMPLES, SEED = 5000, 1
SHOWN = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, print, and say by the exit status whether all bars hold."""
    options = _parser().parse_args(argv)
    warnings.filterwarnings("ignore", module="feast")
    report = Report("contract")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_redis(folder / "redis") as redis, running_kafka(folder / "kafka") as kafka:
            shop = serving_shop(folder / "shop", redis.address, project="benchmark")
            known = {"SHOP_KAFKA_BOOTSTRAP": kafka.bootstrap}
            for mode, found in _found(shop, folder, known, options).items():
                _add_bars(report, mode, found, options.examples)
    report.note(f"seed {options.seed}; examples that the document gives, and its bounds, come on top")
    return report.finish(options.json)


def _parser() -> argparse.ArgumentParser:
    made = parser("contract", __doc__)
    made.add_argument("--examples", type=int, default=EXAMPLES, help=f"of each mode [{EXAMPLES}]")
    made.add_argument("--seed", type=int, default=SEED, help=f"the same seed draws the same [{SEED}]")
    return made


def _found(
    shop: ServingShop, folder: Path, known: dict[str, str], options: argparse.Namespace
) -> dict[str, Examined]:
    key, record = issue("tester", ["admin"])
    write(folder / "keys", [record])
    limits = {"SHOP_API_KEYS_FILE": folder / "keys", "SHOP_API_RATE_PER_SECOND": 100_000}
    modes: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
        "open": ({}, {}),
        "with keys": (limits, {"X-API-Key": key}),
    }
    found = {}
    for mode, (settings, headers) in modes.items():
        with running_api(shop, folder, **known, **settings) as api:
            found[mode] = _examined(mode, api.url, options.examples, options.seed, headers)
    return found


def _examined(mode: str, url: str, examples: int, seed: int, headers: dict[str, str]) -> Examined:
    with progress() as bar:
        task = bar.add_task(mode, total=examples)

        def told(found: Examined) -> None:
            bar.update(task, completed=found.examples)

        return examined(url, examples=examples, seed=seed, headers=headers, told=told)


def _add_bars(report: Report, mode: str, found: Examined, examples: int) -> None:
    report.add(Bar(f"examples, {mode}", found.examples, "", least=examples))
    for name, figure in (
        ("answers of 500 and more", found.server_errors),
        ("violations", len(found.violations)),
    ):
        report.add(Bar(f"{name}, {mode}", figure, "", least=0, lower_is_better=True))
    statuses = ", ".join(f"{count:,} x {status}" for status, count in sorted(found.statuses.items()))
    report.note(f"{mode}: {found.checks.total():,} checks of {len(found.checks)} kinds; {statuses}")
    for violation in found.violations[:SHOWN]:
        Console().print(violation, markup=False, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
