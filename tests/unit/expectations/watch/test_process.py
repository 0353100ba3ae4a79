"""Tasks as processes of their own: small programs that end well, badly, or not at all."""

import sys
import threading
import time

import psutil

from expectations.watch.outcome import Outcome
from expectations.watch.process import Processes


def processes(program: str, seconds_max: float = 30, stop: threading.Event | None = None) -> Processes:
    return Processes(
        lambda task: [sys.executable, "-c", program, task],
        seconds_max,
        stop or threading.Event(),
        lambda: None,
    )


def outcome(program: str, seconds_max: float = 30) -> Outcome:
    done = processes(program, seconds_max).run("drift")
    assert done is not None
    return done.outcome


def test_what_a_task_tells_is_its_outcome() -> None:
    """JSON on standard output; it knows which task it is."""
    assert outcome('import sys; print(\'{"checks": {"%s": true}}\' % sys.argv[1])').checks == {"drift": True}


def test_a_task_that_dies_has_failed_and_says_how() -> None:
    """By a signal, as the kernel ends what takes too much memory, or before it could tell anything."""
    assert "SIGKILL" in outcome("import os; os.kill(os.getpid(), 9)").failed
    failed = outcome("import sys; sys.exit('no memory')").failed
    assert failed == "its process ended with status 1: no memory"


def test_a_task_that_takes_too_long_is_ended() -> None:
    """It has failed; the setting is named."""
    failed = outcome("import time; time.sleep(60)", seconds_max=0.5).failed
    assert failed == "ended after 0.5 s (SHOP_QUALITY_TASK_SECONDS_MAX)"


def test_a_task_in_the_middle_is_ended_when_the_watch_is() -> None:
    """Also one that does not listen to SIGTERM; nothing is left behind."""
    stop = threading.Event()
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    threading.Timer(1.0, stop.set).start()
    began = time.monotonic()
    assert processes(deaf, stop=stop).run("drift") is None
    assert time.monotonic() - began < 15
    assert psutil.Process().children() == []
