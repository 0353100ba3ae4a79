"""Both models of a simulated shop, trained by ``python -m training all``: how good, beside what, how long, how large.

``--scale 5.6`` is a shop with more than a million orders; the bars on time and memory are asked of such a one only.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from artefact import Card
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.benchmarks.workshop import DAYS, Workshop

MANY_ORDERS = 1_000_000
SECONDS_MOST, GIBIBYTES_MOST = 300.0, 4.0
TIMES_RULES, TIMES_POPULARITY = 2.0, 1.5
RATE = "hit_rate_at_20"


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
