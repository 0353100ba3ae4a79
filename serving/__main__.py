"""The prediction API: ``python -m serving``."""

import argparse
import asyncio
import os
import sys
import warnings

from pydantic import ValidationError

from connections.settings import describe
from serving import logs
from serving.settings import ServingSettings
from serving.workers.place import Place


def main() -> int:
    """Run the API; 2 where it cannot start."""
    argparse.ArgumentParser(
        prog="python -m serving",
        description="Answers POST /predict and GET /recommendations/{user_id} from live features.",
        epilog="settings (environment):\n" + describe(ServingSettings),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        return run(ServingSettings())
    except ValidationError as error:
        print(f"settings: {error}", file=sys.stderr)
        return 2


def hold_metrics_in_memory() -> None:
    """Keep prometheus_client from holding values in files, as for several processes; call it before Feast is imported.

    It decides at its own import, by a variable that Feast sets and every child process inherits.
    """
    for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        os.environ.pop(name, None)
    import prometheus_client  # noqa: F401, PLC0415 - the import is what matters


def run(settings: ServingSettings, place: Place | None = None) -> int:
    """Serve until told to stop, or have workers serve; an error that prevents the start is one line on stderr."""
    from serving.errors import StartError  # noqa: PLC0415 - --help imports nothing of this

    logs.configure(settings.log_level, settings.api_log_format)
    try:
        if place is None and settings.api_workers > 1:
            _supervise(settings)
        else:
            _serve(settings, place)
    except StartError as error:
        print(f"serving: {error.detail}", file=sys.stderr)
        return 2
    return 0


def _supervise(settings: ServingSettings) -> None:
    from serving.listening import check_not_open, listen  # noqa: PLC0415
    from serving.workers.supervisor import supervisor  # noqa: PLC0415

    check_not_open(settings.api_host, guarded=settings.guarded, allow_open=settings.api_allow_open)
    # The timeout is for the requests under way, and then for the prediction log.
    end_seconds = settings.api_drain_seconds + 2 * settings.stop_timeout_seconds
    listening = listen(settings.api_host, settings.api_port)
    with supervisor(settings.api_workers, listening, end_seconds) as workers:
        asyncio.run(workers.run())


def _serve(settings: ServingSettings, place: Place | None) -> None:
    hold_metrics_in_memory()
    # Feast says of stream and on-demand views, each time, that they are experimental.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"feast\.")
    import uvloop  # noqa: PLC0415 - --help imports neither this nor Feast

    from serving.server import serve  # noqa: PLC0415

    uvloop.run(serve(settings, place))


if __name__ == "__main__":
    sys.exit(main())
