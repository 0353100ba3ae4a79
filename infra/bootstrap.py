"""From an empty data folder to a platform that serves: what `infra.fill` makes, and the programs."""

from infra import fill
from infra.platform import Platform
from infra.steps import Steps

STEPS = fill.STEPS + 4


def start(platform: Platform) -> None:
    """Kafka and Redis with the topics."""
    platform.start_services()
    platform.create_topics()


def bootstrap(platform: Platform, steps: Steps, *, days: float, scale: float) -> None:
    """Fill the platform, see `infra.fill.fill`, and start the programs; `STEPS` steps.

    Args:
        platform: Its services run already.
        steps: Runs the commands; its environment must be the platform's.
        days: Length of a simulated shop's history, written where there is none.
        scale: Its customers, in units of the simulator's usual number.

    Raises:
        StepFailedError: a command failed; the message shows the end of its log.
        ServiceError: a program did not start.
    """
    fill.fill(platform.settings, steps, days=days, scale=scale)
    steps.call("stream worker", platform.start_stream_worker)
    steps.call("prediction archive", platform.start_prediction_archive)
    steps.call("erasures", platform.start_eraser)
    steps.call("API", platform.start_api)
