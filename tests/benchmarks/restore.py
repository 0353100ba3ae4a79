"""Restoring the online store from the archive alone: how much of it comes back, and how long that takes.

A shop's events go through Kafka and a stream worker into Redis and the archive, its tables by `feast materialize`. Then Kafka is
stopped, Redis emptied and the worker's state deleted, and `python -m ingestion.rebuild` runs. Every value of every view and entity is
compared with what was served before, and with history of the same instant.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.report import Bar, Report, parser, progress
from tests.benchmarks.restored import Values, equal, history_of, online_of, views_of
from tests.benchmarks.restored_shop import archived, open_shop, run
from tests.benchmarks.stage import Stage
from tests.services import running_kafka, running_redis

LEAST_EVENTS = 200_000


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when something did not come back."""
    options = parser("restore", __doc__ or "").parse_args(argv)
    report = Report("restore")
    with tempfile.TemporaryDirectory(prefix="restore") as folder, progress() as bar:
        steps = bar.add_task("starting Kafka and Redis", total=5)

        def step(description: str) -> None:
            bar.update(steps, advance=1, description=description)

        with running_redis(Path(folder) / "redis") as redis:
            with running_kafka(Path(folder) / "kafka") as kafka:
                stage = Stage(Path(folder), kafka, redis)
                step("a shop: its history, its events through Kafka, its tables")
                open_shop(stage)
            step("reading every value, online and of history")
            views = views_of(stage)
            before, history = online_of(stage, views), history_of(stage, views)
            with redis.client() as client:
                client.flushall()
            shutil.rmtree(stage.data / "snapshots")
            empty = online_of(stage, views)
            step("restoring from the archive alone")
            seconds = run(stage, "ingestion.rebuild")
            step("reading every value again")
            after, events = online_of(stage, views), archived(stage)
    report.add(Bar("events in the archive", events, "events", least=LEAST_EVENTS))
    report.add(Bar("entities", sum(len(view.entities) for view in views), "entities"))
    report.add(Bar("values compared", len(before), "values"))
    _compare(report, "as before", before, after)
    _compare(report, "as history has them", history, after)
    lost = 100 * equal(before, empty) / len(before)
    report.add(Bar("as before with nothing restored", lost, "%", least=99, lower_is_better=True))
    report.add(Bar("restored in", seconds, "s"))
    report.add(Bar("restored", events / seconds, "events/s"))
    report.note("restored in: of the whole command, with the start of Python and Feast; Kafka is stopped")
    return report.finish(options.json)


def _compare(report: Report, name: str, wanted: Values, found: Values) -> None:
    report.add(Bar(f"values {name}", 100 * equal(wanted, found) / len(wanted), "%", least=100))
    for key in [key for key in wanted if not equal({key: wanted[key]}, found)][:3]:
        report.note(f"not {name}: {key}: {found[key]!r}, should be {wanted[key]!r}")


if __name__ == "__main__":
    sys.exit(main())
