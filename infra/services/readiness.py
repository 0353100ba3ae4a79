"""Waiting for a started program until it answers, or telling why it does not."""

from collections.abc import Callable
from datetime import timedelta

from infra.services.errors import ServiceStartError
from infra.services.processes import Supervisor
from infra.services.waiting import wait_until


def await_ready(supervisor: Supervisor, name: str, ready: Callable[[], bool], timeout: timedelta) -> None:
    """Return once `ready` holds.

    Raises:
        ServiceStartError: it ended, or `timeout` passed, in which case it is ended. The log's tail is in the message.
    """
    wait_until(lambda: ready() or supervisor.pid(name) is None, timeout)
    if supervisor.pid(name) is not None and ready():
        return
    running = supervisor.stop(name)
    what = f"did not answer within {timeout.total_seconds():g} s" if running else "ended before it answered"
    raise ServiceStartError(
        f"{name} {what}. The end of {supervisor.log(name)}:\n{supervisor.log_tail(name) or '(it wrote nothing)'}"
    )
