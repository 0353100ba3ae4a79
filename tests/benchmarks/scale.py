"""How the platform grows: two stream workers beside one, workers that come and go, and what everything costs.

`--write` keeps what was measured in `infra/capacity/coefficients.json`, which the capacity calculator reads.
"""

import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.capacity.coefficients import COMMAND, PATH, Coefficients
from infra.capacity.definitions import Definitions
from infra.capacity.registry import of_store
from tests.benchmarks import hand_over, prediction_costs, sizes, traffic
from tests.benchmarks.drains import Crew, Drain, Spent, portions
from tests.benchmarks.held import Held, sample
from tests.benchmarks.report import Bar, Report, machine, parser, progress
from tests.benchmarks.stage import Stage, apply_definitions
from tests.services import running_kafka, running_redis

PER_SECOND = 2_000
ROUNDS = 2
"""How often a backlog is drained by one worker and by two, in turns; the cheapest counts, since a machine only ever adds to a cost."""
BACKLOG = 20_000
LEAST_RATIO = 1.6
MOST_OFF_PERCENT = 40.0
"""How far what a view takes may be from what is calculated for it."""
STREAMS, PREDICTIONS, HAND_OVERS = PARTS = ("streams", "predictions", "hand-overs")
STEPS = {STREAMS: 3, PREDICTIONS: 1, HAND_OVERS: 1}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    options = parser("scale", __doc__)
    options.add_argument("--write", action="store_true", help=f"keep what was measured in {PATH.name}")
    options.add_argument(
        "--part", choices=PARTS, action="append", help="measure this part only; may be repeated"
    )
    asked = options.parse_args(argv)
    parts = asked.part or PARTS
    if asked.write and not {STREAMS, PREDICTIONS} <= set(parts):
        options.error(f"--write needs the parts {STREAMS} and {PREDICTIONS}, asked for: {', '.join(parts)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    warnings.filterwarnings("ignore", module="feast")
    report = Report("scale")
    try:
        with tempfile.TemporaryDirectory(prefix="scale") as name:
            values = _measure(report, Path(name), parts)
    except BaseException:
        report.finish(asked.json)  # what was measured before took minutes
        raise
    if asked.write:
        _write(report, values)
    return report.finish(asked.json)


def _measure(report: Report, folder: Path, parts: Collection[str]) -> dict[str, float]:
    """All parts that are asked for, one after the other; the coefficients."""
    values: dict[str, float] = {}
    with progress() as bar:
        steps = bar.add_task("starting Kafka and Redis", total=sum(STEPS[part] for part in parts))

        def step(description: str) -> None:
            bar.update(steps, advance=1, description=description)

        if {STREAMS, PREDICTIONS} & set(parts):
            with running_kafka(folder / "kafka") as kafka, running_redis(folder / "redis") as redis:
                if STREAMS in parts:
                    values |= _streams(report, Stage(folder, kafka, redis), step)
                if PREDICTIONS in parts:
                    step("one API process under load")
                    values |= _predictions(report, folder, kafka, redis)
        if HAND_OVERS in parts:
            step("workers come and go under load")
            _hand_overs(report, folder / "hand_over")
    return values


def _write(report: Report, values: dict[str, float]) -> None:
    measured = {
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "command": COMMAND,
    }
    Coefficients(values, measured).write()
    report.note(f"coefficients written to {PATH.name}")


def _streams(report: Report, stage: Stage, step: Callable[[str], None]) -> dict[str, float]:
    """Drains, then sizes, over the same traffic."""
    from ingestion.stream.registry import event_topics

    step("applying the definitions")
    apply_definitions(stage)
    store = stage.store()
    topics, known = event_topics(store), of_store(store)
    for topic in topics:
        stage.kafka.create(topic.name)
    seconds = (2 * ROUNDS + 2) * BACKLOG / PER_SECOND
    contracts = {topic.name: topic.contract for topic in topics}
    begin = datetime.now(UTC) - timedelta(seconds=seconds)
    drawn = traffic.Traffic.drawn(traffic.shop(), begin, seconds, PER_SECOND, contracts)
    step(f"draining backlogs of {BACKLOG:,} events, one worker and two in turns")
    drains, empty = _drained(stage, drawn)
    _add_drains(report, drains)
    step("what windows, rows and files take")
    return (
        _stream_costs(known, drawn, drains[0][0])
        | {"worker_base_bytes": empty}
        | _sizes(report, stage, store, topics, known, drawn)
    )


def _drained(stage: Stage, drawn: traffic.Traffic) -> tuple[list[tuple[Drain, Drain]], float]:
    """Rounds of one worker and two, the cheapest of one worker first; and the memory of a worker with empty windows."""
    crew = Crew(stage)
    backlogs = portions(drawn.messages, 2 * ROUNDS + 2)

    def drain() -> Drain:
        messages = next(backlogs)
        valid = traffic.Traffic(messages, drawn.contracts).valid()
        return crew.drain(messages, sum(frame.height for frame in valid.values()))

    try:
        crew.join()
        held = {"worker": Held(crew.members[0].process.pid)}
        sample(held, 0.0)
        drain()  # whatever is compiled or loaded at first use is no cost of an event
        rounds = []
        for number in range(ROUNDS):
            one = drain()
            crew.join()
            if not number:
                drain()
            rounds.append((one, drain()))
            crew.leave()
    finally:
        crew.end()
    return sorted(rounds, key=lambda pair: pair[0].workers[0].total), 1e6 * held["worker"].samples[0][1]


def _add_drains(report: Report, rounds: list[tuple[Drain, Drain]]) -> None:
    ones, twos = zip(*rounds, strict=True)
    peer = "one worker"
    for name, rate, least in (
        ("executor throughput of two workers, by CPU", lambda d: d.executor_rate, LEAST_RATIO),
        ("all that a worker does, two workers, by CPU", lambda d: d.worker_rate, None),
        ("drained by two workers, by the clock", lambda d: d.wall_rate, None),
    ):
        report.add(Bar(name, max(map(rate, twos)), "events/s", max(map(rate, ones)), peer, least=least))
    cores = len(os.sched_getaffinity(0))
    for drain in (ones[0], twos[0]):
        shares = ", ".join(_told(spent, drain.messages) for spent in drain.workers)
        report.note(
            f"{len(drain.workers)} workers: {drain.messages:,} messages in {drain.seconds:.1f} s by the clock; us of CPU a message: "
            f"{shares}; Redis {1e6 * drain.redis / drain.messages:.1f}, broker {1e6 * drain.broker / drain.messages:.1f}; all "
            f"together had {drain.busy:.2f} of {cores} cores"
        )
    report.note(
        f"by the clock {cores} cores bind: workers, Redis, broker and whatever else the machine does share them; by CPU the worker with "
        "the most of it decides, as on a core of its own"
    )


def _told(spent: Spent, messages: int) -> str:
    return (
        f"{1e6 * spent.total / messages:.1f} with {spent.units:.0f} units (windows and pushes {1e6 * spent.executor / messages:.1f}, "
        f"{spent.rows / messages:.2f} rows)"
    )


def _stream_costs(known: Definitions, drawn: traffic.Traffic, one: Drain) -> dict[str, float]:
    """Of one worker that does everything."""
    spent, stages = one.workers[0], one.workers[0].stages
    archive = sum(stages.get(name, 0.0) for name in ("archive", "commit", "dead letters"))
    push = stages.get("push", 0.0)
    sent = {name: sum(event.topic == name for event in drawn.messages) for name in traffic.TOPICS}
    values = sum(sent[t.name] * v.features for t in known.topics if t.name in sent for v in t.views)
    per_event = values / sum(sent.values())
    return {
        "stream_read_us": 1e6 * (spent.total - spent.executor - archive) / one.messages,
        "stream_archive_us": 1e6 * archive / one.messages,
        "stream_value_us": 1e6 * (spent.executor - push) / one.messages / per_event,
        "stream_row_us": 1e6 * push / spent.rows,
        "redis_row_us": 1e6 * one.redis / spent.rows,
    }


def _sizes(
    report: Report, stage: Stage, store: Any, topics: list[Any], known: Definitions, drawn: traffic.Traffic
) -> dict[str, float]:
    events = drawn.valid()
    events = {topic.name: events[topic.name].unique(topic.contract.event_id, maintain_order=True) for topic in topics if topic.name in events}  # fmt: skip
    end_us = int(datetime.now(UTC).timestamp() * 1e6)
    fills = {
        seconds: [
            sizes.filled(
                spec, sizes.spread(events[topic.name], spec.timestamp_column, seconds, end_us), end_us
            )
            for topic in topics
            if topic.name in events
            for spec in topic.specs
        ]
        for seconds in sizes.SPANS_SECONDS
    }
    state = sizes.state_fit([fill for spread in fills.values() for fill in spread])
    redis = sizes.stored(store, stage.redis, fills[sizes.SPANS_SECONDS[0]])
    archive = sizes.archived(stage.folder / "sizes", events, known)
    for name, fit in (("memory of the windows of a view", state), ("memory of a view in Redis", redis.fit)):
        report.add(
            Bar(f"{name}, farthest from what is calculated", 100 * fit.worst, "%", least=MOST_OFF_PERCENT, lower_is_better=True)
        )  # fmt: skip
    fields = {topic.name: topic.fields for topic in known.topics}
    sent = sum(fields[event.topic] for event in drawn.messages)
    orders = next(topic for topic in topics if topic.name == "orders")
    return {
        **state.costs,
        **redis.fit.costs,
        "row_wire_bytes": redis.wire,
        "state_id_bytes": sizes.id_bytes(events["orders"][orders.contract.event_id]),
        "kafka_value_bytes": sum(sizes.log_bytes(stage.kafka, name) for name in events) / sent,
        **archive.costs,
    }


def _predictions(report: Report, folder: Path, kafka: Any, redis: Any) -> dict[str, float]:
    with redis.client() as client:
        client.flushall()
    found = prediction_costs.measured(folder / "predictions", kafka, redis)
    report.add(Bar("predictions by one core of the API", 1e6 / found.api_us, "requests/s"))
    report.add(Bar("answers that were not 200", found.failed, "", least=0, lower_is_better=True))
    report.note(
        f"{found.requests:,} predictions, {prediction_costs.CONNECTIONS} connections, prediction log to Kafka and archived"
    )
    return {
        "api_prediction_us": found.api_us,
        "redis_prediction_us": found.redis_us,
        "api_base_bytes": found.api_bytes,
        "prediction_message_bytes": found.message_bytes,
        "prediction_archive_bytes": found.archive_bytes,
    }


def _hand_overs(report: Report, folder: Path) -> None:
    found = hand_over.measured(folder)
    compared = found.compared
    for name, faults in (
        ("rows that are not what the oracle says", compared.row_faults),
        ("messages that archive or dead letters lost or doubled", compared.log_faults),
    ):
        report.add(Bar(name, len(faults), "", least=0, lower_is_better=True))
        for fault in faults[:3]:
            report.note(fault)
    report.add(Bar("rows compared with the oracle", compared.rows, "", least=1_000))
    report.note(
        f"{compared.messages:,} messages at {hand_over.PER_SECOND}/s; joined in {_seconds(found.joins)}, left in {_seconds(found.leaves)}"
    )


def _seconds(values: Sequence[float]) -> str:
    return " and ".join(f"{value:.1f} s" for value in values)


if __name__ == "__main__":
    sys.exit(main())
