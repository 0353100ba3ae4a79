"""Both models of a simulated shop, trained by ``python -m training all``: how good, beside what, how long, how large.

``--scale 5.6`` is a shop with more than a million orders; the bars on time and memory are asked of such a one only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from artefact import Card, champion_path, load_card
from tests.benchmarks.report import Bar, Report, parser, progress

ROOT = Path(__file__).parents[2]
DAYS = 52
MANY_ORDERS = 1_000_000
SECONDS_MOST, GIBIBYTES_MOST = 300.0, 4.0
TIMES_RULES, TIMES_POPULARITY = 2.0, 1.5
RATE = "hit_rate_at_20"


@dataclass(frozen=True)
class Workshop:
    """A folder in which commands run.

    Attributes:
        folder: Has the data and feature_store.yaml.
        scale: Size of the shop, in units of the simulator's usual number of customers.
        seed: Of the simulation.
    """

    folder: Path
    scale: float
    seed: int

    @property
    def data(self) -> Path:
        """Archives, tables, models."""
        return self.folder / "data"

    def prepare(self) -> None:
        """Simulate, register the definitions, compute the daily statistics."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.folder / "feature_store.yaml").write_text(yaml.safe_dump(self.configuration()))
        size = ["--days", str(DAYS), "--scale", str(self.scale), "--seed", str(self.seed)]
        self.run("ingestion.simulate", "history", *size)
        self.run("feast.cli.cli", "-c", "feature_repo", "apply")
        self.run("ingestion.batch")

    def run(self, module: str, *arguments: str) -> tuple[float, float]:
        """Run a module to its end; its seconds and the most memory it held, in GiB."""
        environment = os.environ | {
            "SHOP_DATA_DIR": str(self.data),
            "FEAST_FS_YAML_FILE_PATH": str(self.folder / "feature_store.yaml"),
        }
        begin = time.perf_counter()
        with (self.folder / "log").open("wb") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
            _, status, usage = os.wait4(started.pid, 0)
            started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            raise RuntimeError(f"{module} failed:\n{(self.folder / 'log').read_text()[-4_000:]}")
        return time.perf_counter() - begin, usage.ru_maxrss / 2**20

    def configuration(self) -> dict[str, object]:
        """Content of feature_store.yaml."""
        return {
            "project": "shop",
            "provider": "local",
            "registry": str(self.folder / "registry.db"),
            "offline_store": {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(self.data)},
            "online_store": {"type": "sqlite", "path": str(self.folder / "online.db")},
            "entity_key_serialization_version": 3,
        }

    def card(self, model: str) -> Card:
        """Of the champion."""
        return load_card(champion_path(self.data / "models", model))

    def events(self, name: str) -> int:
        """Archived events of a kind."""
        files = str(self.data / "archive" / name / "*" / "*.parquet")
        return int(pl.scan_parquet(files).select(pl.len()).collect().item())


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    options = _options(argv)
    report = Report("models")
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        steps = bar.add_task("simulating a shop", total=2)
        shop = Workshop(options.folder or Path(folder), options.scale, options.seed)
        if not (shop.data / "archive").exists():
            shop.prepare()
        orders, views = shop.events("orders"), shop.events("page_views")
        bar.update(steps, advance=1, description=f"training on {orders:,} orders and {views:,} page views")
        seconds, gibibytes = shop.run("training", "all", "--repo", "feature_repo")
        bar.update(steps, advance=1)
        report.note(f"{orders:,} orders and {views:,} page views of {DAYS} days, seed {shop.seed}")
        many = orders >= MANY_ORDERS
        report.add(_most("training both models", seconds, "s", SECONDS_MOST if many else None))
        report.add(_most("most memory held", gibibytes, "GiB", GIBIBYTES_MOST if many else None))
        _fraud(report, shop.card("fraud"))
        _recommendation(report, shop.card("recommendation"))
    return report.finish(options.json)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    made = parser("models", __doc__)
    made.add_argument("--scale", type=float, default=1.0, help="size of the shop (default: %(default)s)")
    made.add_argument("--seed", type=int, default=7, help="of the simulation (default: %(default)s)")
    made.add_argument("--folder", type=Path, help="keep the shop here, or train on the one that is there")
    return made.parse_args(argv)


def _most(name: str, figure: float, unit: str, most: float | None) -> Bar:
    return Bar(name, figure, unit, least=most, lower_is_better=True)


def _fraud(report: Report, card: Card) -> None:
    test, metrics = card.metrics["test"], card.metrics
    for name, least in (("rules", TIMES_RULES), ("no_windows", None)):
        peer, words = metrics[name]["average_precision"], name.replace("_", " ")
        report.add(
            Bar(f"fraud, average precision beside {words}", test["average_precision"], "", peer, words, least)
        )
    report.add(Bar("fraud, AUC", test["auc"], "", metrics["rules"]["auc"], "rules"))
    report.add(
        Bar(
            "fraud, card precision at 100",
            test["card_precision_at_100"],
            "",
            metrics["rules"]["card_precision_at_100"],
            "rules",
        )
    )
    for scenario, row in metrics["scenarios"].items():
        words = scenario.replace("_", " ")
        report.add(Bar(f"recall of {words} at MEDIUM or above", 100 * row["recall_medium"], "%"))
    bounds = metrics["intervals"]["test"]
    report.note(
        f"fraud: {metrics['chosen']}, average precision 95 % over customers {bounds['low']:.3f} .. {bounds['high']:.3f}; "
        f"{metrics['windows']['final']['judged_frauds']} frauds in the test"
    )


def _recommendation(report: Report, card: Card) -> None:
    for moment, row in card.metrics["ranking"].items():
        words = moment.replace("_", " ")
        peer = row[f"popularity_{RATE}"]
        report.add(Bar(f"HR@20 {words}", row[RATE], "", peer, "popularity", TIMES_POPULARITY))
    row = card.metrics["ranking"]["before_the_session"]
    report.note(
        f"recommendation: {card.metrics['chosen']}, {row['lists']} held-out orders, HR@20 before the session 95 % "
        f"{row['low']:.3f} .. {row['high']:.3f}, before ranking {row['unranked_' + RATE]:.3f}"
    )


if __name__ == "__main__":
    sys.exit(main())
