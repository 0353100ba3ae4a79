"""What the prediction log costs an API: time on the event loop per prediction, and per batch of a hundred.

No broker answers, so nothing but our own part is measured: putting aside, encoding, handing over to the Kafka client. The peer
encodes the same records as JSON by orjson, which knows no NaN. Medians, since other programs share the cores.
"""

import logging
import random
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson

from connections.kafka import Kafka
from tests.benchmarks.report import Bar, Report, parser, percentile

RECORDS = 20_000
FEATURES, INPUTS, VIEWS = 60, (45, 20), 11
"""As many as an order of the shop has."""
BATCH = 100
MICROSECONDS_MOST = 30.0


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    options = parser("journal", __doc__).parse_args(argv)
    logging.disable(logging.CRITICAL)  # the client says every second that nobody answers
    from serving.journal.wire import encode

    chance = random.Random(7)
    served = [record(chance, number) for number in range(200)]
    report = Report("journal")
    ours, peer = each(encode, served), each(orjson.dumps, served)
    encoding = percentile(ours, 0.5), "µs", percentile(peer, 0.5), "orjson"
    report.add(Bar("encode a prediction", *encoding, least=0.5, lower_is_better=True))
    for what, figure, most in through_the_journal(served):
        report.add(Bar(what, figure, "µs", least=most, lower_is_better=True))
    report.note(
        f"{FEATURES} features, {VIEWS} views, models of {INPUTS} inputs: {len(encode(served[0])):,} bytes"
    )
    return report.finish(options.json)


def record(chance: random.Random, number: int) -> Any:
    """A prediction of random values."""
    from serving.answers import Score, Served, ViewUse

    time_us = 1_777_000_000_000_000 + number
    rows = [np.array([chance.random() for _ in range(count)], np.float32).tolist() for count in INPUTS]
    return Served(
        request_id=f"{chance.getrandbits(128):032x}",
        time_us=time_us,
        row={
            "user_id": f"user_{number}",
            "product_id": "prod_0001",
            "transaction_amount": chance.random() * 100,
        },
        rung="live",
        views={f"view_{i}": ViewUse("PRESENT", time_us - 10**6 * i, float(i), "live") for i in range(VIEWS)},
        features={f"user_something_count_{i}h": chance.random() * 100 for i in range(FEATURES)},
        scores={
            name: Score(f"{name}@20260101T000000Z", chance.random(), row, "champion", shadow=False)
            for name, row in zip(("fraud", "recommendation"), rows, strict=True)
        },
        risk_level="LOW",
        latency_ms=1.5,
    )


def each(act: Callable[[Any], Any], served: Sequence[Any]) -> list[float]:
    """Microseconds of each call."""
    times = []
    for number in range(RECORDS):
        one = served[number % len(served)]
        started = time.perf_counter()
        act(one)
        times.append((time.perf_counter() - started) * 1e6)
    return times


def through_the_journal(served: Sequence[Any]) -> list[tuple[str, float, float]]:
    """What was measured over batches, its median in microseconds, and how much it may be."""
    from prometheus_client import CollectorRegistry

    from serving.journal import KafkaJournal
    from serving.journal.counts import Counts

    turns: deque[Callable[[], None]] = deque()
    counts = Counts(CollectorRegistry())
    journal = KafkaJournal(
        Kafka("127.0.0.1:1"), "predictions", most=RECORDS, counts=counts, call_soon=turns.append
    )
    recording, whole, longest = [], [], []
    for first in range(0, RECORDS, BATCH):
        batch = [served[number % len(served)] for number in range(first, first + BATCH)]
        lengths = [elapsed_us(lambda batch=batch: [journal.record(one) for one in batch])]
        while turns:
            lengths.append(elapsed_us(turns.popleft()))
        recording.append(lengths[0] / BATCH)
        whole.append(sum(lengths) / BATCH)
        longest.append(max(lengths[1:]))
    journal.flush(0)
    return [
        ("put aside, in the request", percentile(recording, 0.5), 3),
        ("put aside, encode, hand over", percentile(whole, 0.5), MICROSECONDS_MOST),
        (f"longest turn behind a batch of {BATCH}", percentile(longest, 0.5), 1_000),
    ]


def elapsed_us(act: Callable[[], Any]) -> float:
    """Microseconds that it takes."""
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1e6


if __name__ == "__main__":
    sys.exit(main())
