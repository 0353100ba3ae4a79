"""The stream on Spark: `python -m ingestion.spark.stream`, or by spark-submit. Computes windows; a stream worker with SHOP_STREAM_WINDOWS=false archives."""

import argparse
import logging
import sys
from collections.abc import Sequence

from connections.settings import describe
from daemons.metrics_server import PortTakenError
from daemons.stopping import stop_on_signal
from ingestion.spark.session import SparkUnavailableError
from ingestion.spark.stream.program import run
from ingestion.spark.stream.settings import SparkStreamSettings
from ingestion.stream.errors import StreamError
from ingestion.stream.log import say, set_up

log = logging.getLogger("ingestion.spark.stream")


def main(argv: Sequence[str] | None = None) -> int:
    """Work until SIGTERM or SIGINT; the exit status."""
    parser = argparse.ArgumentParser(
        "python -m ingestion.spark.stream",
        description=__doc__,
        epilog=f"settings, from the environment:\n{describe(SparkStreamSettings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--once", action="store_true", help="take in everything that is in Kafka now, then end"
    )
    once = parser.parse_args(argv).once
    settings = SparkStreamSettings()
    set_up(settings.log_level.upper())
    try:
        run(settings, stop_on_signal(), once=once)
    except (StreamError, SparkUnavailableError, PortTakenError) as error:
        say(log, logging.ERROR, str(error), error=type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
