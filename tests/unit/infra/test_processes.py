"""The supervisor: what it starts it finds again, and it ends nothing else."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from infra.services.errors import ServiceStartError
from infra.services.processes import Program, Supervisor
from infra.services.waiting import wait_until

SLEEPER = ("sleep", "60")
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """Whatever a test starts under the name `program` ends with it."""
    supervisor = Supervisor(tmp_path / "services", stop_timeout=timedelta(seconds=5))
    yield supervisor
    supervisor.kill("program")


def test_starting_twice_starts_once(supervisor: Supervisor) -> None:
    """The second start gives the first one's process id."""
    first = supervisor.start(Program("program", SLEEPER))
    assert supervisor.start(Program("program", SLEEPER)) == first == supervisor.pid("program")


def test_a_nice_program_yields_the_cores_of_all_sessions(supervisor: Supervisor) -> None:
    """Where the kernel groups sessions, its whole session is nice; within it, the program is, beside what started it."""
    expected = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    pid = supervisor.start(Program("program", SLEEPER, niceness=10))
    assert wait_until(lambda: os.getpriority(os.PRIO_PROCESS, pid) == expected, timedelta(seconds=10))
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        assert group.read_text().split()[-2:] == ["nice", "10"]


def test_another_supervisor_of_the_folder_can_stop_it(supervisor: Supervisor) -> None:
    """State lies in the folder, not in the object; stopping twice is no error."""
    pid = supervisor.start(Program("program", SLEEPER))
    other = Supervisor(supervisor.folder)
    assert other.stop("program")
    assert not other.stop("program")
    assert not psutil.pid_exists(pid)


def test_what_ignores_sigterm_is_killed_after_the_deadline(tmp_path: Path) -> None:
    """A program deaf to SIGTERM is gone all the same."""
    supervisor = Supervisor(tmp_path, stop_timeout=timedelta(milliseconds=100))
    pid = supervisor.start(Program("program", (sys.executable, "-c", IGNORES_SIGTERM)))
    assert wait_until(lambda: "deaf" in supervisor.log_tail("program"), timedelta(seconds=10))
    assert supervisor.stop("program")
    assert not psutil.pid_exists(pid)


def test_a_reused_process_id_is_left_alone(supervisor: Supervisor) -> None:
    """A pid file whose start time is not the process's own names nobody."""
    with subprocess.Popen(SLEEPER) as stranger:
        try:
            started = psutil.Process(stranger.pid).create_time() - 60
            supervisor.folder.mkdir()
            record = {"pid": stranger.pid, "started": started}
            (supervisor.folder / "program.pid").write_text(json.dumps(record))
            assert supervisor.pid("program") is None
            assert not supervisor.stop("program")
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_crashed_program_does_not_run(supervisor: Supervisor) -> None:
    """After SIGKILL from outside it is known as ended, and can be started again."""
    pid = supervisor.start(Program("program", SLEEPER))
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: supervisor.pid("program") is None, timedelta(seconds=5))
    assert supervisor.start(Program("program", SLEEPER)) != pid


def test_it_runs_in_a_session_of_its_own_with_the_given_environment(supervisor: Supervisor) -> None:
    """Ctrl-C in the terminal does not reach it; what it writes is in its log."""
    pid = supervisor.start(
        Program("program", ("sh", "-c", "echo $GREETING; exec sleep 60"), {"GREETING": "hello"})
    )
    assert os.getsid(pid) == pid != os.getsid(0)
    assert wait_until(lambda: supervisor.log_tail("program") == "hello", timedelta(seconds=5))


def test_the_log_of_the_start_before_is_kept(supervisor: Supervisor) -> None:
    """A restart does not wipe out why the last run ended."""
    for word in ("first", "second"):
        supervisor.start(Program("program", ("echo", word)))
        assert wait_until(lambda: supervisor.pid("program") is None, timedelta(seconds=5))
    assert supervisor.log_tail("program") == "second"
    assert supervisor.log("program").with_suffix(".log.1").read_text() == "first\n"


def test_an_executable_that_is_not_there_is_named(supervisor: Supervisor) -> None:
    """The error carries the path."""
    with pytest.raises(ServiceStartError, match="program: /no/such/server cannot be run"):
        supervisor.start(Program("program", ("/no/such/server",)))
    assert supervisor.pid("program") is None
