"""``python -m expectations check --whole --event orders`` on a million orders, as a process of its own."""

import json
import tempfile
from pathlib import Path

from tests.benchmarks.report import Bar, Report, progress
from tests.benchmarks.workshop import DAYS, Workshop

SCALE, SEED = 5.6, 7
ORDERS_LEAST, EXPECTATIONS_LEAST = 1_000_000, 30
SECONDS_MOST, GIBIBYTES_MOST = 60.0, 2.0


def measure(report: Report) -> None:
    """Simulate a shop with more than a million orders and check them as one batch."""
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        steps = bar.add_task("simulating a shop of a million orders", total=2)
        shop = Workshop(Path(folder), SCALE, SEED)
        shop.prepare()
        bar.update(steps, advance=1, description="validating them")
        seconds, gibibytes = shop.run("expectations", "check", "--whole", "--event", "orders")
        bar.update(steps, advance=1)
        (result,) = (shop.data / "reports" / "checks").glob("*.json")
        checked = json.loads(result.read_text())
    report.add(Bar("orders validated", checked["rows"], "", least=ORDERS_LEAST))
    report.add(Bar("expectations", checked["evaluated"], "", least=EXPECTATIONS_LEAST))
    report.add(_most("validating them, the whole command", seconds, "s", SECONDS_MOST))
    report.add(_most("Great Expectations alone", checked["seconds"], "s", None))
    report.add(_most("most memory held by it", gibibytes, "GiB", GIBIBYTES_MOST))
    report.note(f"validation: orders of {DAYS} simulated days, seed {SEED}, as one batch")


def _most(name: str, figure: float, unit: str, most: float | None) -> Bar:
    return Bar(name, figure, unit, least=most, lower_is_better=True)
