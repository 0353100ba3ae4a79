"""Dead letters: `python -m ingestion.deadletters list|show|replay`.

A replay sends each letter's original key and bytes to its topic again and marks it as done on the dead-letter topic. If it
breaks off in between, run it again: a letter sent twice has the event id of the first and counts once. One that is refused
again is a new dead letter.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from connections.kafka import Complaints
from ingestion.stream.errors import KafkaUnreachableError, NotDurableError, StreamError
from ingestion.stream.ledger import Ledger, mark_of
from ingestion.stream.letters import DeadLetter, Headers
from ingestion.stream.settings import StreamSettings
from ingestion.stream.whole import whole

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN_BYTES = 2_000


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(argv)
    settings, console = StreamSettings(), Console()
    try:
        ledger = read_ledger(settings)
        if options.command == "list":
            console.print(table_of(ledger))
        elif options.command == "show":
            show(console, ledger, options)
        else:
            replay(console, ledger, options, settings)
    except StreamError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def read_ledger(settings: StreamSettings) -> Ledger:
    """Everything on the dead-letter topic at this moment.

    Raises:
        KafkaUnreachableError: the broker does not answer in time.
    """
    timeout = settings.stream_start_timeout_seconds
    kafka, complaints = settings.kafka(), Complaints()
    own = {"group.id": "dead-letter-reader", "enable.auto.commit": False, "error_cb": complaints}
    consumer = Consumer(kafka.client(own))
    try:
        messages = whole(consumer, settings.dead_letter_topic, timeout)
        return Ledger.read((m.headers(), m.key(), m.value()) for m in messages)
    except KafkaException as error:
        raise KafkaUnreachableError(
            f"no answer from Kafka at {kafka} within {timeout:g} s: {error.args[0].str()}{complaints}; start it with `make up`, "
            "or set SHOP_KAFKA_BOOTSTRAP"
        ) from error
    finally:
        consumer.close()


def table_of(ledger: Ledger) -> Table:
    """Open letters by topic and kind."""
    table = Table("topic", "reason", title=f"{len(ledger.letters):,} dead letters", title_justify="left")
    table.add_column("letters", justify="right")
    for (topic, kind), count in sorted(ledger.counts().items()):
        table.add_row(topic, kind, f"{count:,}")
    return table


def show(console: Console, ledger: Ledger, options: argparse.Namespace) -> None:
    """Print the newest letters chosen, newest first."""
    chosen = list(ledger.chosen(options.topic, options.kind))
    for letter in islice(reversed(chosen), options.count):
        console.print(
            f"[bold]{letter.topic}[/bold] partition {letter.partition} offset {letter.offset}",
            highlight=False,
        )
        console.print(f"  {letter.kind}: {letter.reason}", markup=False, highlight=False)
        console.print(
            f"  arrived {_EPOCH + timedelta(microseconds=letter.arrival_us)}, {letter.size} bytes",
            highlight=False,
        )
        console.print(f"  {_readable(letter)}", markup=False, highlight=False)


def replay(console: Console, ledger: Ledger, options: argparse.Namespace, settings: StreamSettings) -> None:
    """Send the letters chosen to their topics again; those that were cut are left.

    Raises:
        NotDurableError: the broker did not take one; run it again.
    """
    chosen = list(ledger.chosen(options.topic, options.kind))
    whole = [letter for letter in chosen if letter.is_whole]
    _deliver(settings, [(letter.topic, letter, None) for letter in whole], "replaying")
    _deliver(
        settings,
        [(settings.dead_letter_topic, letter, mark_of(letter)) for letter in whole],
        "marking as done",
    )
    console.print(
        f"{len(whole)} replayed"
        + (
            f", {len(chosen) - len(whole)} left: too large to be kept whole"
            if len(whole) < len(chosen)
            else ""
        )
    )


def _deliver(
    settings: StreamSettings, messages: Sequence[tuple[str, DeadLetter, Headers | None]], what: str
) -> None:
    refused: list[KafkaError] = []
    once = {"enable.idempotence": True, "max.in.flight.requests.per.connection": 1}
    producer = Producer(settings.kafka().client(once))
    for topic, letter, headers in track(messages, what, console=Console(stderr=True), transient=True):
        value = letter.value if headers is None else None
        producer.produce(
            topic,
            value,
            letter.key,
            headers=headers,
            on_delivery=lambda error, _: refused.append(error) if error else None,
        )
        producer.poll(0)
    waiting = producer.flush(settings.stream_request_timeout_seconds)
    if refused or waiting:
        reason = refused[0].str() if refused else f"{waiting} messages unanswered"
        raise NotDurableError(f"{what} broke off: {reason}; run the command again, no event counts twice")


def _readable(letter: DeadLetter) -> str:
    value = letter.value or b""
    cut = f" ... ({letter.size} bytes)" if letter.size > _SHOWN_BYTES else ""
    return value[:_SHOWN_BYTES].decode("utf-8", "backslashreplace") + cut


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m ingestion.deadletters", description="Messages that could not be read."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="count them by topic and reason")
    shown = commands.add_parser("show", help="print the newest")
    shown.add_argument("count", type=int, nargs="?", default=5, help="how many (5)")
    replayed = commands.add_parser("replay", help="send them to their topics again, after a fix")
    for command in (shown, replayed):
        command.add_argument("--topic", help="only those of this topic")
        command.add_argument("--kind", help="only those with this reason, as `list` names it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
