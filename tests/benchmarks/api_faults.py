"""The API under a load of fixed rate, beside the stream, while Redis, Kafka, models and a worker are taken from it in turn.

Everything runs as processes of their own on this machine, two workers of the API among them. In the end the archive of the
prediction log is held against what clients were answered and what the API says that Kafka has acknowledged.
"""

import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from artefact import set_champion, version_path
from infra.answers import LIVE, Answers
from infra.load import Target
from infra.scrape import Metrics
from tests.api_process import wait_until
from tests.benchmarks import outages
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.load_process import loading
from tests.benchmarks.orders import order, products
from tests.benchmarks.outages import Outage, Scene, happened
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.benchmarks.rig import TREES, Rig, rig
from tests.prediction_keeper import archived
from tests.serving_shop import SERVICES, card_of
from tests.small_models import save_candidates, save_model

PER_SECOND, EVENTS_PER_SECOND = 300, 1_000
WORKERS = 2
MOST_SECONDS = 400
NAME, FIRST_VERSION = "storm", "v1"
LONGEST_MS, RECOVERED_SECONDS = 60, 2
ARCHIVED_SECONDS = 120.0
OUTAGES = {
    "Redis paused": outages.pause_redis,
    "Redis killed": outages.kill_redis,
    "models swapped": outages.swap_models,
    "Kafka killed": outages.kill_kafka,
    "a worker killed": outages.kill_worker,
}
PAUSED, WORKER = "Redis paused", "a worker killed"


@dataclass(frozen=True)
class Storm:
    """What happened and what clients were answered meanwhile."""

    outages: dict[str, Outage]
    answers: Answers
    ledger: Ledger
    outcomes: dict[str, float]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether all bars hold."""
    options = parser("api_faults", __doc__).parse_args(argv)
    warnings.filterwarnings("ignore", module="feast")
    report = Report("api_faults")
    with tempfile.TemporaryDirectory(prefix="faults") as name, rig(Path(name)) as running:
        _save_other_versions(running)
        storm = _storm(running)
    _add_paused(report, storm)
    for what, outage in storm.outages.items():
        _add_errors(report, what, outage, storm.answers)
    _add_ledger(report, storm)
    report.note(
        f"{PER_SECOND} requests/s throughout, {len(storm.answers):,} in all, to {WORKERS} workers, {EVENTS_PER_SECOND:,} "
        f"events/s beside them; the load's own delay p99 {storm.answers.late_ms(0.99):.2f} ms"
    )
    return report.finish(options.json)


def _storm(running: Rig) -> Storm:
    """One fault after the other under one load."""
    running.platform.start_prediction_archive()
    with (
        running.api(SHOP_API_WORKERS=WORKERS) as api,
        running.traffic(EVENTS_PER_SECOND, MOST_SECONDS),
        loading(Target(f"{api.url}/predict", order, NAME), PER_SECOND, MOST_SECONDS) as load,
        progress() as bar,
    ):
        scene = Scene(running, api)
        done = {
            name: happened(scene, OUTAGES[name])
            for name in bar.track(OUTAGES, description="faults under load")
        }
        answers = load.end()
        outcomes = _all_archived(scene)
    archive = archived(running.platform.settings.data_dir, "request_id")["request_id"].to_list()
    ledger = Ledger.of(NAME, answers.answers, archive, int(outcomes["acknowledged"]), done[WORKER].begin)
    return Storm(done, answers, ledger, outcomes)


def _all_archived(scene: Scene) -> dict[str, float]:
    """What became of the log, once nothing waits any more and as much is archived as was acknowledged, or is not in time."""
    keeper = scene.rig.platform.predictions.address or ""

    def done() -> bool:
        counted = scene.metrics()
        rows = Metrics.scrape(keeper).total("shop_stream_archive_rows_total")
        waiting = counted.total("shop_api_predictions_unlogged")
        return (
            not waiting and rows >= counted.by("shop_api_predictions_logged_total", "outcome")["acknowledged"]
        )

    try:
        wait_until(done, "all predictions are archived", ARCHIVED_SECONDS)
    except AssertionError as late:
        print(f"{late}; what is missing is counted below", file=sys.stderr)
    return scene.metrics().by("shop_api_predictions_logged_total", "outcome")


def _add_paused(report: Report, storm: Storm) -> None:
    """Bars on what a Redis that hangs may cost."""
    paused = storm.outages[PAUSED]
    answers = paused.answers(storm.answers)
    name = f"{PAUSED} for {outages.PAUSE_SECONDS:.0f} s"
    report.add(Bar(f"{name}: answers that were not 200", answers.failed, "", least=0, lower_is_better=True))
    longest = answers.latency_ms(1)
    report.add(Bar(f"{name}: longest", longest, "ms", least=LONGEST_MS, lower_is_better=True))
    live = paused.seconds_until_live(storm.answers)
    report.add(Bar(f"{name}: live again", live, "s", least=RECOVERED_SECONDS, lower_is_better=True))
    seen = {rung: count for rung, count in answers.rungs.items() if rung != LIVE}
    counted = paused.counted.by("shop_api_answers_total", "rung")
    share = 100 * sum(min(counted.get(str(r), 0), n) for r, n in seen.items()) / max(1, sum(seen.values()))
    report.add(Bar(f"{name}: rungs counted of those answered", share, "%", least=100))
    report.add(Bar(f"{name}: answered without Redis", sum(seen.values()), "answers", least=1))
    report.note(
        f"{name}: " + ", ".join(f"{rung} {count:,}" for rung, count in sorted(answers.rungs.items(), key=str))
    )


def _add_errors(report: Report, what: str, outage: Outage, answers: Answers) -> None:
    """5xx that are no load shedding, for every fault; what else clients saw, as a note."""
    within = outage.answers(answers)
    errors = within.server_errors
    report.add(Bar(f"{what}: 5xx but load shedding", errors, "", least=0, lower_is_better=True))
    if what != WORKER:
        lost = within.unanswered + within.broken
        report.add(Bar(f"{what}: connections that broke", lost, "", least=0, lower_is_better=True))
    report.note(
        f"{what}: {len(within):,} requests in {outage.end - outage.begin:.1f} s, back after "
        f"{outage.back - outage.begin:.1f} s; p50 {within.latency_ms(0.5):.1f}, p99 {within.latency_ms(0.99):.1f}, longest "
        f"{within.latency_ms(1):.1f} ms; shed {within.statuses['503']}, connections that broke {within.broken} (asked "
        f"again), without an answer {within.unanswered}"
    )


def _add_ledger(report: Report, storm: Storm) -> None:
    """Bars on the prediction log."""
    ledger, unlogged = storm.ledger, storm.outcomes["shed"] + storm.outcomes["failed"]
    for name, count in (
        ("logged as the API says, not archived", ledger.missing),
        ("answered, not archived", len(ledger.lost)),
        ("archived twice", len(ledger.twice)),
        ("not logged: shed or failed", unlogged),
    ):
        report.add(Bar(f"predictions {name}", count, "", least=0, lower_is_better=True))
    report.note(
        f"prediction log: {storm.outcomes['acknowledged']:,.0f} acknowledged as the workers counted (a killed one not its "
        f"last second); answered by the killed worker in its last second and gone with it: {len(ledger.lost_with_a_worker)}"
    )


def _save_other_versions(running: Rig) -> None:
    """Models beside those in use, a little larger."""
    store, shop = running.shop.store(), running.shop
    for name in SERVICES:
        save_model(card_of(store, name, outages.OTHER_VERSION), shop.models, trees=TREES + 10)
        set_champion(shop.models, name, FIRST_VERSION)
    save_candidates(products(), version_path(shop.models, "recommendation", outages.OTHER_VERSION))


if __name__ == "__main__":
    sys.exit(main())
