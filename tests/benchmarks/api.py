"""The prediction API in a closed loop against a naive API over the same features and models, and in an open loop.

API, peer, load, Kafka, Redis, the stream worker and the simulated shop run as processes of their own on this machine. API and
peer are loaded in turns, so that a busy machine is busy for both. The API logs its predictions to Kafka all the time.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from infra.answers import Answers
from infra.load import Target, closed_loop
from tests.benchmarks import api_peer
from tests.benchmarks.load_process import loading
from tests.benchmarks.orders import CUSTOMERS, batch, order
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.benchmarks.rig import TREES, Traffic, rig

CONNECTIONS, TURNS, TURN_SECONDS, WARM_UP_SECONDS = 16, 4, 2.5, 1.0
ALONE_SECONDS = 1.5
CHECKED_ORDERS = 50
BATCHES, BATCH_ROWS = 60, 100
EVENTS_PER_SECOND = 1_000
OPEN_PER_SECOND, OPEN_SECONDS = 300, 45
MOST_SECONDS = 300
"""Longest time that events are sent for; all that is measured beside them takes less on a slow machine, too."""
AT_ONCE, BESIDE = f"{CONNECTIONS} connections", f"{CONNECTIONS} connections beside the stream"
LATE = ((0.5, "p50"), (0.99, "p99"), (1, "at most"))


@dataclass(frozen=True)
class Measured:
    """Answers of ours and of the peer."""

    ours: Answers
    peer: Answers


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether all bars hold."""
    options = parser("api", __doc__).parse_args(argv)
    warnings.filterwarnings("ignore", module="feast")
    report = Report("api")
    with (
        tempfile.TemporaryDirectory(prefix="api") as name,
        rig(Path(name)) as running,
        running.api() as api,
        api_peer.running_peer(running.shop, TREES) as peer,
    ):
        urls = (api.url, peer)
        equal = api_peer.equal_answers(*urls, CHECKED_ORDERS)
        batches = _batches(api.url)
        alone = _in_turns(urls, "one connection", 1, 2, ALONE_SECONDS)
        loaded = _in_turns(urls, AT_ONCE, CONNECTIONS, TURNS, TURN_SECONDS)
        with running.traffic(EVENTS_PER_SECOND, MOST_SECONDS) as traffic:
            beside = _in_turns(urls, BESIDE, CONNECTIONS, TURNS, TURN_SECONDS)
            opened = _open_loop(api.url, report, traffic)
    _add_closed(report, alone, loaded, beside)
    failed = sum(answers.failed for answers in (batches, alone.ours, loaded.ours, beside.ours, opened))
    report.add(Bar("answers that were not 200", failed, "", least=0, lower_is_better=True))
    report.add(Bar("fraud probabilities equal to the peer's", 100 * equal / CHECKED_ORDERS, "%", least=100))
    batch_ms = batches.latency_ms(0.5)
    report.add(Bar(f"p50, a batch of {BATCH_ROWS} orders", batch_ms, "ms", least=10, lower_is_better=True))
    return report.finish(options.json)


def _add_closed(report: Report, alone: Measured, loaded: Measured, beside: Measured) -> None:
    for label, both, asked in ((AT_ONCE, loaded, 1_000), (BESIDE, beside, 600)):
        ours, peer = both.ours.per_second, both.peer.per_second
        report.add(Bar(label, ours, "requests/s", peer, api_peer.NAME, least=4))
        report.add(Bar(f"{label}, one API process", ours, "requests/s", least=asked))
    for label, both in (("one connection", alone), (AT_ONCE, loaded), (BESIDE, beside)):
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            ours, peer = both.ours.latency_ms(share), both.peer.latency_ms(share)
            report.add(Bar(f"{name}, {label}", ours, "ms", peer, lower_is_better=True))
    p99 = loaded.ours.latency_ms(0.99)
    report.add(Bar(f"p99, {AT_ONCE}, as a bound", p99, "ms", least=30, lower_is_better=True))
    report.note(
        f"{len(loaded.ours):,} requests to ours and {len(loaded.peer):,} to the peer in {TURNS} turns of {TURN_SECONDS} s "
        f"each, {len(beside.ours):,} and {len(beside.peer):,} beside the stream; {CUSTOMERS:,} customers with features, "
        f"gradient boosters of {TREES} trees; the peer's scikit-learn has one thread; peer errors: "
        f"{loaded.peer.failed + beside.peer.failed}"
    )


def _in_turns(urls: tuple[str, str], label: str, connections: int, turns: int, seconds: float) -> Measured:
    """Ours and the peer's, one after the other, again and again."""
    found = [Answers(), Answers()]
    with progress() as bar:
        task = bar.add_task(label, total=2 * turns + 2)
        for url in urls:
            _closed(url, connections, WARM_UP_SECONDS)
            bar.advance(task)
        for _ in range(turns):
            for place, url in enumerate(urls):
                found[place] += _closed(url, connections, seconds)
                bar.advance(task)
    return Measured(*found)


def _closed(url: str, connections: int, seconds: float) -> Answers:
    return uvloop.run(closed_loop(Target(f"{url}/predict", order), connections, seconds))


def _open_loop(url: str, report: Report, traffic: Traffic) -> Answers:
    """Answers to requests at a fixed rate beside the stream, with the bars on them."""
    traffic.restart()
    with loading(Target(f"{url}/predict", order), OPEN_PER_SECOND, MOST_SECONDS) as load, progress() as bar:
        for _ in bar.track(
            range(OPEN_SECONDS), description=f"{OPEN_PER_SECOND} requests/s beside the stream"
        ):
            time.sleep(1)
        answers = load.end()
    events = traffic.per_second()
    for share, label, most in ((0.5, "p50", 4), (0.99, "p99", 12), (0.999, "p99.9", 30)):
        name = f"{label}, {OPEN_PER_SECOND} requests/s, from the intended start"
        report.add(Bar(name, answers.latency_ms(share), "ms", least=most, lower_is_better=True))
    report.add(
        Bar("events read by the stream beside them", events, "events/s", least=0.95 * EVENTS_PER_SECOND)
    )
    late = ", ".join(f"{label} {answers.late_ms(share):.2f} ms" for share, label in LATE)
    report.note(
        f"{OPEN_PER_SECOND} requests/s: {len(answers):,} in {answers.seconds:.0f} s, the longest answered after "
        f"{answers.latency_ms(1):.1f} ms; the load's own delay, part of these latencies: {late}"
    )
    return answers


def _batches(url: str) -> Answers:
    """Answers to batches over one connection, with the client of all other requests."""
    target = Target(f"{url}/predict/batch", lambda number: batch(number * BATCH_ROWS, BATCH_ROWS))
    return uvloop.run(_one_after_the_other(target, BATCHES))


async def _one_after_the_other(target: Target, requests: int) -> Answers:
    answers, connections, started = Answers(), target.connections(), time.monotonic()
    for number in range(requests):
        answers.answers.append(await target.ask(number, connections))
    answers.seconds = time.monotonic() - started
    await connections.close()
    return answers


if __name__ == "__main__":
    sys.exit(main())
