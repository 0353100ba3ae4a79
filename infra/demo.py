"""The whole platform once, from an empty folder: `make demo`.

Starts Kafka and Redis, fills the archive with a simulated shop's history, validates it, trains both models, fills the
online store, serves live traffic, and prints what came of it. Exits with 0 only when everything demanded held.
Everything is written below the demo's own folder, which is emptied first; everything started is ended.
"""

import argparse
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from infra import bootstrap, verdict
from infra.fill import python
from infra.live import LiveOutcome, LivePlan, LogOutcome, all_archived, recent_orders, run_live
from infra.platform import Platform
from infra.services.errors import ServiceError
from infra.settings import InfraSettings
from infra.steps import StepFailedError, Steps

PARITY_ROWS = 300
SERVICES = ("fraud_v1", "recommendation_v1")
SERVED_ROWS = 300
"""Predictions of the live phase whose features are computed again."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(arguments)
    # What was started is ended below, also when somebody ends the demo.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console()
    settings = InfraSettings(data_dir=options.data_dir)
    platform = Platform(settings)
    began = time.monotonic()
    try:
        platform.stop()
        _empty(settings.data_dir)
        figures = _run(platform, options, console)
    except (StepFailedError, ServiceError) as error:
        console.print(f"[red]{type(error).__name__}[/] {error}", soft_wrap=True, highlight=False)
        return 1
    finally:
        platform.stop()
    held = all(figure.held is not False for figure in figures)
    console.print(verdict.table(figures, title=f"feast-shop, {time.monotonic() - began:.0f} s in all"))
    console.print(f"reports: {(settings.data_dir / 'reports' / 'index.html').resolve()}", soft_wrap=True)
    console.print("[green]all of it held[/]" if held else "[red]something was missed[/]")
    return 0 if held else 1


def _empty(folder: Path) -> None:
    marker = folder / ".demo"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise StepFailedError(f"{folder.resolve()} has files of somebody else in it; name an empty folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.touch()


def _run(platform: Platform, options: argparse.Namespace, console: Console) -> list[verdict.Figure]:
    root = platform.settings.data_dir.resolve()
    steps = Steps(bootstrap.STEPS + 1, root / "logs", {}, console)
    with steps.shown():
        steps.call("Kafka and Redis", lambda: bootstrap.start(platform))
        steps.environment = platform.environment()
        bootstrap.bootstrap(platform, steps, days=options.days, scale=options.scale)
    plan = LivePlan(options.seconds, options.events_per_second, options.predictions_per_second)
    api, stream = platform.api.up(), platform.stream.up()
    live = run_live(
        plan, root=root, api=api, stream=stream, environment=platform.environment(), console=console
    )
    closing = Steps(5, root / "logs", platform.environment(), console)
    with closing.shown():
        repo = str(platform.settings.feature_repo)
        today = f"{datetime.now(UTC):%F}"
        closing.command(
            "expectations, live", python("expectations", "check", "--repo", repo, "--date", today)
        )
        logged = closing.call("prediction log", lambda: all_archived(api, platform.predictions.up()))
        parities = closing.call("parity", lambda: _parity(platform, root))
        closing.command("parity, served", _served_parity(repo))
        closing.command("report", python("expectations", "report"))
    for service, parity in parities.items():
        for difference in parity.differences:
            console.print(f"[red]{service}[/]: {difference}", soft_wrap=True)
    return _figures(root, live, logged, parities)


def _served_parity(repo: str) -> list[str]:
    """Compare what was served up to now: all of it is archived already, which the command would wait for."""
    now = datetime.now(UTC).isoformat()
    return python("expectations", "parity", "--repo", repo, "--until", now, "--sample", str(SERVED_ROWS))


def _figures(
    root: Path, live: LiveOutcome, logged: LogOutcome, parities: dict[str, Any]
) -> list[verdict.Figure]:
    from artefact import champion_path, load_card  # noqa: PLC0415  # pydantic models: not needed by --help

    cards = [load_card(champion_path(root / "models", model)) for model in ("fraud", "recommendation")]
    return [
        *verdict.stream_figures(live),
        *verdict.api_figures(live),
        *verdict.log_figures(logged),
        *verdict.model_figures(*cards),
        *verdict.parity_figures(parities),
        *verdict.quality_figures(root / "reports"),
    ]


def _parity(platform: Platform, root: Path) -> dict[str, Any]:
    """Compare both services for customers, products and devices of the last orders, and for ones never seen."""
    # Feast warns that stream feature views are experimental, once per view and read.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="feast")
    from feast import FeatureStore  # noqa: PLC0415  # takes seconds

    from infra.parity import compare  # noqa: PLC0415

    store = FeatureStore(
        repo_path=str(platform.settings.feature_repo), fs_yaml_file=root / "feature_store.yaml"
    )
    orders = recent_orders(root).sample(PARITY_ROWS - 1, seed=7).to_dicts()
    unseen = {
        "user_id": "user_unseen",
        "product_id": "prod_unseen",
        "device_id": "device_unseen",
        "amount": 1.0,
    }
    keys = [
        {"user_id": o["user_id"], "product_id": o["product_id"], "device_id": o["device_id"]}
        for o in [*orders, unseen]
    ]
    request = [
        {
            "transaction_amount": o["amount"],
            "request_seconds": int(time.time()),
            "request_device_id": o["device_id"],
        }
        for o in [*orders, unseen]
    ]
    rows = {
        "fraud_v1": [k | r for k, r in zip(keys, request, strict=True)],
        "recommendation_v1": [{"user_id": k["user_id"], "product_id": k["product_id"]} for k in keys],
    }
    return {service: compare(store, service, rows[service]) for service in SERVICES}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m infra.demo", description=__doc__)
    parser.add_argument(
        "--data-dir", type=Path, default=Path("data/demo"), help="emptied first (default: %(default)s)"
    )
    parser.add_argument("--days", type=float, default=45, help="length of the history (default: %(default)s)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="times 5,000 customers (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=30, help="length of the live phase (default: %(default)s)"
    )
    parser.add_argument("--events-per-second", type=float, default=1_200, help="(default: %(default)s)")
    parser.add_argument("--predictions-per-second", type=float, default=100, help="(default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
