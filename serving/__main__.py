"""The prediction API: ``python -m serving``."""

import argparse
import logging
import os
import sys
import warnings

from pydantic import ValidationError

from serving.settings import ServingSettings, describe


def main() -> int:
    """Run the API; 2 where it cannot start."""
    argparse.ArgumentParser(
        prog="python -m serving",
        description="Answers POST /predict and GET /recommendations/{user_id} from live features.",
        epilog="settings (environment):\n" + describe(),
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


def run(settings: ServingSettings) -> int:
    """Serve until told to stop; an error that prevents the start is one line on stderr."""
    hold_metrics_in_memory()
    # Feast says of stream and on-demand views, each time, that they are experimental.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"feast\.")
    import uvloop  # noqa: PLC0415 - --help imports neither this nor Feast

    from serving.errors import StartError  # noqa: PLC0415
    from serving.server import serve  # noqa: PLC0415

    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    try:
        uvloop.run(serve(settings))
    except StartError as error:
        print(f"serving: {error.detail}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
