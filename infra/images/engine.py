"""The Docker engine that is used: one that runs, else one of our own for the time, with its data below a folder."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS, STOP_SECONDS = 60, 30
FIRST_WITHOUT_BUILDKIT = 23
"""From this version on the command builds with BuildKit only by its plug-in buildx."""


@contextmanager
def engine(folder: Path) -> Iterator[dict[str, str]]:
    """Variables that name the engine and how it builds.

    Raises:
        OSError: there is none, and none can be started; says what to install.
    """
    if shutil.which("docker") is None:
        raise OSError("there is no docker; on Debian install the packages docker.io and docker-compose")
    if _answers({}):
        yield _building()
        return
    if os.geteuid() or shutil.which("dockerd") is None:
        raise OSError("no Docker engine answers, and only root with dockerd can start one")
    with _started(folder) as environment:
        yield {**environment, **_building()}


@contextmanager
def _started(folder: Path) -> Iterator[dict[str, str]]:
    # The path of a socket may have 107 bytes: it lies where paths are short.
    run = Path("/run") / f"feast-shop-{os.getpid()}"
    run.mkdir()
    environment = {"DOCKER_HOST": f"unix://{run}/docker.sock"}
    command = ["dockerd", "--host", environment["DOCKER_HOST"], "--data-root", str(folder / "engine")]
    command += ["--exec-root", str(run / "exec"), "--pidfile", str(run / "pid")]
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(process, environment, folder / "dockerd.log")
        yield environment
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(run, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], environment: dict[str, str], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not _answers(environment):
        if process.poll() is not None or time.monotonic() > end:
            raise OSError(f"dockerd did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def _answers(environment: dict[str, str]) -> bool:
    return _docker("info", environment=environment).returncode == 0


def _building() -> dict[str, str]:
    """BuildKit where the command can ask for it, else the engine's first builder."""
    version = _docker("--version").stdout.split("version ")[-1].split(".")[0]
    able = _docker("buildx", "version").returncode == 0 or int(version) < FIRST_WITHOUT_BUILDKIT
    return {"DOCKER_BUILDKIT": "1" if able else "0"}


def _docker(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
