"""Erases people everywhere, as asked by `DELETE /users/{id}` of the API: `python -m ingestion.erase`.

It follows the topic of requests until SIGTERM, or, with `--once`, carries out what is asked for now. Killed at any time, it goes on
where it was. Running stream workers compute their windows anew; it waits for them.
"""

import argparse
import fcntl
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from connections.settings import describe
from daemons.metrics_server import MetricsServer, PortTakenError
from daemons.stopping import stop_on_signal
from ingestion.erasures.desk import open_desk
from ingestion.erasures.settings import EraseSettings
from ingestion.erasures.status import EraseStatus
from ingestion.erasures.stopped import StoppedError
from ingestion.stream.errors import StreamError
from ingestion.stream.feast_start import import_feast
from ingestion.stream.log import say, set_up

log = logging.getLogger("ingestion.erase")

_NOT_DONE: Final = 3


class InUseError(StreamError):
    """Another program of this machine erases."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 where it cannot work, 3 where `--once` has waited in vain."""
    asked = _parser().parse_args(argv)
    settings = EraseSettings()
    set_up(settings.log_level.upper())
    try:
        with _alone(settings.data_dir):
            if asked.once:
                return _once(settings, asked.wait_seconds)
            _follow(settings, stop_on_signal())
    except (StreamError, PortTakenError) as error:
        say(log, logging.ERROR, str(error), error=type(error).__name__)
        return 1
    return 0


def _once(settings: EraseSettings, wait_seconds: float) -> int:
    end = time.monotonic() + wait_seconds
    carry_out = _carry_out(settings, stop_on_signal(), EraseStatus(), lambda: time.monotonic() > end)
    try:
        count = carry_out()
    except StoppedError:
        print(f"not everything is done after {wait_seconds:g} s; run it again", file=sys.stderr)
        return _NOT_DONE
    print(f"{count} requests carried out")
    return 0


def _follow(settings: EraseSettings, stop: Event) -> None:
    status = EraseStatus()
    server = MetricsServer(
        settings.erase_metrics_host, settings.erase_metrics_port, status, "SHOP_ERASE_METRICS"
    )
    say(log, logging.INFO, "listening", host=settings.erase_metrics_host, port=server.port)
    try:
        _again_and_again(_carry_out(settings, stop, status, lambda: False), settings, status, stop)
    finally:
        server.close()
    say(log, logging.INFO, "stopped")


def _again_and_again(
    carry_out: Callable[[], int], settings: EraseSettings, status: EraseStatus, stop: Event
) -> None:
    while not stop.is_set():
        try:
            carry_out()
        except (StreamError, OSError) as error:
            status.is_healthy = False
            say(log, logging.WARNING, "once more", reason=str(error), error=type(error).__name__)
        except StoppedError:
            return
        stop.wait(settings.erase_every_seconds)


def _carry_out(
    settings: EraseSettings, stop: Event, status: EraseStatus, is_over: Callable[[], bool]
) -> Callable[[], int]:
    """Does what is asked for, and tells how much that was; Feast is imported when something is asked for first."""
    desk = open_desk(settings)

    def carry_out() -> int:
        pending = [request for request, _ in desk.pending().values()]
        status.is_healthy = True
        status.saw(pending, time.time_ns() // 1000)
        if not pending:
            return 0
        import_feast()
        from ingestion.erasures.composition import compose  # noqa: PLC0415  takes seconds, and much memory
        from ingestion.erasures.eraser import Eraser  # noqa: PLC0415

        # Composed anew: topics and tables may have been registered since.
        done = Eraser(compose(settings, desk, stop), settings.erase_every_seconds, is_over).run()
        status.carried_out(done)
        return done

    return carry_out


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """One at a time on a machine; a killed one leaves nothing locked."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / ".erase.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            what = f"another `python -m ingestion.erase` works on {data_dir}; it will do what is asked for"
            raise InUseError(what) from error
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m ingestion.erase",
        description=__doc__,
        epilog=f"settings, from the environment:\n{describe(EraseSettings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="carry out what is asked for now, then end")
    parser.add_argument(
        "--wait-seconds",
        type=float,
        default=3_600,
        help="with --once: how long to wait for stream workers, and for readers of replaced files (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
