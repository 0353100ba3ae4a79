"""The API under load beside the stream for minutes: whether the memory of the programs stays flat.

API, stream worker and archive of predictions run as `make up` runs them, with Kafka, Redis, the simulated shop and an open loop
of requests on the same cores.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.answers import Answers
from infra.load import Target
from infra.services.service import Service
from tests.api_process import RunningApi
from tests.benchmarks.held import Held, sample
from tests.benchmarks.load_process import loading
from tests.benchmarks.orders import order
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.benchmarks.rig import Rig, rig

PER_SECOND, EVENTS_PER_SECOND = 300, 1_000
SAMPLE_SECONDS = 5
MARGIN_SECONDS = 60
EVENT_BYTES = 500
"""The windows of a shop that has just opened fill: an event is remembered by its id and in each of its windows."""
API, STREAM, ARCHIVE = "API", "stream worker", "archive of predictions"


@dataclass(frozen=True)
class Soaked:
    """What was seen.

    Attributes:
        held: Memory by program.
        answers: Of the whole time.
        events: Read by the stream worker, per second.
    """

    held: dict[str, Held]
    answers: Answers
    events: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether all bars hold."""
    options = parser("soak", __doc__)
    options.add_argument("--minutes", type=float, default=10, help="how long, more than 2 (default: 10)")
    asked = options.parse_args(argv)
    if asked.minutes <= 2:
        options.error(f"--minutes {asked.minutes:g}: the first minute is no measure; give more than 2")
    warnings.filterwarnings("ignore", module="feast")
    report = Report("soak")
    with tempfile.TemporaryDirectory(prefix="soak") as name, rig(Path(name)) as running:
        soaked = _soak(running, 60 * asked.minutes)
    _add_memory(report, soaked)
    answers = soaked.answers
    report.add(Bar("answers that were not 200", answers.failed, "", least=0, lower_is_better=True))
    report.add(Bar("events read", soaked.events, "events/s", least=0.95 * EVENTS_PER_SECOND))
    report.note(
        f"{asked.minutes:g} minutes; {len(answers):,} requests, {PER_SECOND}/s, p50 {answers.latency_ms(0.5):.1f}, p99 "
        f"{answers.latency_ms(0.99):.1f}, longest {answers.latency_ms(1):.1f} ms from the intended start; the load's own "
        f"delay p99 {answers.late_ms(0.99):.2f} ms"
    )
    return report.finish(asked.json)


def _soak(running: Rig, seconds: float) -> Soaked:
    """Load and events for so long, memory looked at every few seconds."""
    running.platform.start_prediction_archive()
    most = seconds + MARGIN_SECONDS
    with (
        running.api() as api,
        running.traffic(EVENTS_PER_SECOND, most) as traffic,
        loading(Target(f"{api.url}/predict", order), PER_SECOND, most) as load,
        progress() as bar,
    ):
        held, started = _programs(running, api), time.monotonic()
        for number in bar.track(range(int(seconds / SAMPLE_SECONDS)), description="load and events"):
            time.sleep(max(0.0, started + number * SAMPLE_SECONDS - time.monotonic()))
            sample(held, started)
        return Soaked(held, load.end(), traffic.per_second())


def _programs(running: Rig, api: RunningApi) -> dict[str, Held]:
    platform = running.platform
    services: dict[str, Service] = {
        STREAM: platform.stream,
        ARCHIVE: platform.predictions,
        "Redis": platform.redis,
        "Kafka": platform.kafka,
    }
    found = {name: service.supervisor.pid(service.name) for name, service in services.items()}
    return {API: Held(api.process.pid)} | {name: Held(pid) for name, pid in found.items() if pid}


def _add_memory(report: Report, soaked: Soaked) -> None:
    for name, most in ((API, 5), (ARCHIVE, 15)):
        growth = soaked.held[name].growth_percent()
        report.add(
            Bar(f"{name}: growth behind the first minute", growth, "%", least=most, lower_is_better=True)
        )
    name = f"{STREAM}: growth behind the first minute, per event"
    grown = soaked.held[STREAM].growth_per_second() * 1e6 / soaked.events
    report.add(Bar(name, grown, "B", least=EVENT_BYTES, lower_is_better=True))
    for name, held in soaked.held.items():
        begin, end = held.edges()
        report.add(Bar(f"{name}: memory at the end", end, "MB"))
        report.note(
            f"{name}: {begin:.0f} MB behind the first minute, {end:.0f} MB at the end; on its way {held.path()}"
        )


if __name__ == "__main__":
    sys.exit(main())
