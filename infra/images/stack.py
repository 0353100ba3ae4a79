"""Builds the images, brings docker-compose.yml up, tries it and takes it down: `python -m infra.images.stack`.

Prints a line per step, and ends with 0 only if all of them held. Needs Docker (on Debian: the packages docker.io and
docker-compose) and nothing but Python's own library. Where no engine runs and this is root, one is started for the time,
with its data below the folder; where base images cannot be pulled, stand-ins are made (`standins.sh`; package debootstrap).
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.images.engine import engine

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "infra" / "images" / "Dockerfile"
PROJECT = "feast-shop-stack"
TARGETS = ("api", "stream", "jobs")
API_MB_MOST = 700
PULL_SECONDS, HEALTHY_SECONDS, STREAMED_SECONDS = 120, 900, 180
EVENTS_PER_SECOND, EVENT_SECONDS = 200, 10
ORDER = {"user_id": "user_00042", "product_id": "prod_0007", "transaction_amount": 299.99, "context": {}}


class StackError(RuntimeError):
    """A step did not hold; the message says what was seen."""


@dataclass(frozen=True)
class Docker:
    """The command lines of an engine.

    Attributes:
        environment: Which engine, and how to build; on top of this process's own.
        compose_command: The plug-in, or the program of before.
    """

    environment: Mapping[str, str]
    compose_command: Sequence[str]

    def run(self, *arguments: str, seconds: float = 1800) -> str:
        """Output of a docker command; raises StackError with the end of what it said."""
        return self._run(["docker", *arguments], seconds)

    def compose(self, *arguments: str, seconds: float = 1800) -> str:
        """Output of a compose command on the project."""
        return self._run([*self.compose_command, "-p", PROJECT, *arguments], seconds)

    def _run(self, command: Sequence[str], seconds: float) -> str:
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if ended.returncode:
            said = (ended.stdout + ended.stderr)[-3000:]
            raise StackError(f"`{' '.join(command)}` ended with {ended.returncode}:\n{said}")
        return ended.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser("python -m infra.images.stack", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("data/stack"), help="(default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=18000, help="of the API on this machine (default: %(default)s)"
    )
    parser.add_argument("--days", default="45", help="of the simulated history (default: %(default)s)")
    parser.add_argument("--scale", default="0.4", help="of it, times 5,000 customers (default: %(default)s)")
    parser.add_argument(
        "--spark", action="store_true", help="then let Spark compute the windows (profile spark)"
    )
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "SHOP_API_PORT": str(options.port),
        "SHOP_HISTORY_DAYS": options.days,
        "SHOP_HISTORY_SCALE": options.scale,
    }
    try:
        with engine(folder) as found:
            docker = Docker({**found, **settings}, compose_command())
            _try(docker, folder, f"127.0.0.1:{options.port}", with_spark=options.spark)
    except (StackError, OSError, subprocess.TimeoutExpired) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print("all of it held")
    return 0


def _try(docker: Docker, folder: Path, api: str, *, with_spark: bool) -> None:
    with _step("base images") as say:
        say(_base_images(docker, folder))
    for target in (*TARGETS, "spark") if with_spark else TARGETS:
        with _step(f"image of {target}") as say:
            say(_build(docker, target))
    try:
        with _step("up, filled and healthy") as say:
            docker.compose("up", "-d")
            say(_healthy(docker, api))
        with _step("POST /predict") as say:
            say(_predicted(api))
        with _step("events through Kafka to Redis and the API") as say:
            say(_streamed(docker, api))
        with _step("non-root, read-only") as say:
            say(_confined(docker, "api", "stream"))
        if with_spark:
            # Stream workers that are started anew only archive.
            changed = {
                "SHOP_STREAM_WINDOWS": "false",
                "SHOP_SPARK_SHARES": str(max(2, os.cpu_count() or 0)),
                "COMPOSE_PROFILES": "spark",
            }
            docker = replace(docker, environment={**docker.environment, **changed})
            with _step("Spark computes the windows") as say:
                docker.compose("up", "-d", "stream", "spark")
                say(_spark_streams(docker))
            with _step("events through Kafka and Spark to Redis and the API") as say:
                say(f"{_streamed(docker, api)}; {_rows_of_spark(docker)}")
            with _step("Spark: non-root, read-only") as say:
                say(_confined(docker, "spark"))
    except StackError:
        print(docker.compose("logs", "--tail", "40"), file=sys.stderr)
        raise
    finally:
        with _step("down") as say:
            docker.compose("down", "--volumes", "--timeout", "20")
            say("containers, network and volumes removed")


@contextmanager
def _step(title: str) -> Iterator[Callable[[str], None]]:
    """Print a step with its time and what it says of itself."""
    began, said = time.monotonic(), [""]
    print(f"{title} ...", flush=True)
    yield said.append
    print(f"  {time.monotonic() - began:6.1f} s  {said[-1]}", flush=True)


def base_images() -> dict[str, str]:
    """Names of the images that everything is made from, as Dockerfile and compose have them."""
    compose = (ROOT / "docker-compose.yml").read_text()
    python = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    named = {name: re.findall(rf"image: (\S*{name}:\S+)", compose) for name in ("redis", "apache/kafka")}
    return {"python": python[0], "redis": named["redis"][0], "kafka": named["apache/kafka"][0]}


def _base_images(docker: Docker, folder: Path) -> str:
    images = base_images()
    absent = [image for image in images.values() if not _has(docker, image)]
    if not absent:
        return "present"
    if all(_pulled(docker, image) for image in absent):
        return f"pulled {', '.join(absent)}"
    command = [
        str(ROOT / "infra/images/standins.sh"),
        str(folder),
        images["python"],
        images["redis"],
        images["kafka"],
    ]
    made = subprocess.run(
        command, env={**os.environ, **docker.environment}, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise StackError(f"no registry is reached, and no stand-ins could be made:\n{made.stderr[-3000:]}")
    return f"no registry is reached: stand-ins for {', '.join(images.values())}"


def _has(docker: Docker, image: str) -> bool:
    return bool(docker.run("images", "--quiet", image).strip())


def _pulled(docker: Docker, image: str) -> bool:
    try:
        docker.run("pull", "--quiet", image, seconds=PULL_SECONDS)
    except (StackError, subprocess.TimeoutExpired):
        return False
    return True


def _build(docker: Docker, target: str) -> str:
    tag = f"feast-shop/{target}:latest"
    docker.run("build", "--network", "host", "--file", str(DOCKERFILE), "--target", target, "--tag", tag, ".")
    megabytes = int(docker.run("image", "inspect", "--format", "{{.Size}}", tag)) / 1e6
    if target == "api" and megabytes > API_MB_MOST:
        raise StackError(f"the image of the API has {megabytes:.0f} MB, more than {API_MB_MOST}")
    return f"{megabytes:.0f} MB"


def _healthy(docker: Docker, api: str) -> str:
    end = time.monotonic() + HEALTHY_SECONDS
    while time.monotonic() < end:
        ready = _get(api, "/ready")
        if ready is not None and ready["ready"]:
            return f"/ready: {', '.join(name for name, check in ready['checks'].items() if check['ok'])}"
        time.sleep(1)
    raise StackError(f"http://{api}/ready is not 200 after {HEALTHY_SECONDS} s:\n{docker.compose('ps')}")


def _predicted(api: str) -> str:
    answer = _predict(api)
    if answer["degraded"] is not None:
        raise StackError(f"the answer is degraded: {answer}")
    return f"fraud probability {answer['fraud_probability']:.4f}, {answer['inference_time_ms']} ms"


def _spark_streams(docker: Docker) -> str:
    """Its program says of every topic that it streams."""
    end = time.monotonic() + HEALTHY_SECONDS
    while time.monotonic() < end:
        told = _told(docker, "spark", "8005/health")
        if told is not None and json.loads(told)["status"] == "ready":
            return told.strip()
        time.sleep(2)
    raise StackError(f"Spark does not stream after {HEALTHY_SECONDS} s, it says: {told}")


def _rows_of_spark(docker: Docker) -> str:
    end = time.monotonic() + STREAMED_SECONDS
    while not (rows := _counted(_told(docker, "spark", "8005/metrics"), "shop_spark_rows_pushed_total")):
        if time.monotonic() > end:
            raise StackError(f"Spark wrote no row to Redis in {STREAMED_SECONDS} s")
        time.sleep(1)
    return f"{rows:.0f} rows by Spark"


def _streamed(docker: Docker, api: str) -> str:
    """Events of the simulator are counted by the worker, and the newest row that the API reads becomes young."""
    sent = ["--events-per-second", str(EVENTS_PER_SECOND), "--seconds", str(EVENT_SECONDS)]
    began = time.monotonic()
    docker.compose("run", "--rm", "topics", "python", "-m", "ingestion.simulate", "live", *sent)
    end = time.monotonic() + STREAMED_SECONDS
    while time.monotonic() < end:
        valid, ages = _valid_events(docker), _ages(api)
        if valid >= EVENTS_PER_SECOND * EVENT_SECONDS * 0.9 and ages and min(ages) < time.monotonic() - began:
            return f"{valid:.0f} valid events; the newest row read is {min(ages):.1f} s old"
        time.sleep(1)
    raise StackError(f"the stream has {valid:.0f} valid events; ages of rows read: {ages}")


def _valid_events(docker: Docker) -> float:
    return _counted(_told(docker, "stream", "8001/metrics"), "shop_stream_events_valid_total")


def _told(docker: Docker, service: str, page: str) -> str | None:
    """What a program answers in its container, with whatever status; None while it does not."""
    code = (
        "import urllib.error, urllib.request\n"
        f"try: answer = urllib.request.urlopen('http://127.0.0.1:{page}')\n"
        "except urllib.error.HTTPError as error: answer = error\n"
        "print(answer.read().decode())"
    )
    try:
        return docker.compose("exec", "-T", service, "python", "-c", code)
    except StackError:
        return None


def _counted(metrics: str | None, name: str) -> float:
    return sum(float(n) for n in re.findall(rf"^{name}\S* (\S+)", metrics or "", re.MULTILINE))


def _ages(api: str) -> list[float]:
    """Of the rows behind the recommendations' and an order's views, seconds."""
    views = _predict(api)["views"].values()
    return [view["age_seconds"] for view in views if view["age_seconds"] is not None]


def _confined(docker: Docker, *services: str) -> str:
    for service in services:
        user = docker.compose("exec", "-T", service, "python", "-c", "import os; print(os.getuid())").strip()
        code = "import pathlib; pathlib.Path('/app/x').touch()"
        try:
            docker.compose("exec", "-T", service, "python", "-c", code)
        except StackError as error:
            if "Read-only" not in str(error):
                raise
        else:
            raise StackError(f"{service} can write into its image")
        if user == "0":
            raise StackError(f"{service} runs as root")
    return f"user {user}, the root file system cannot be written"


def _get(api: str, path: str) -> Any:
    """The JSON of an answer; None while nobody gives one."""
    try:
        with urllib.request.urlopen(f"http://{api}{path}", timeout=10) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def _predict(api: str) -> Any:
    """The answer to an order."""
    with urllib.request.urlopen(
        urllib.request.Request(
            f"http://{api}/predict", json.dumps(ORDER).encode(), {"Content-Type": "application/json"}
        ),
        timeout=10,
    ) as answer:
        return json.load(answer)


def compose_command() -> list[str]:
    """The plug-in of Docker, else the program of before."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") is None:
        raise StackError("there is no `docker compose`; on Debian install the package docker-compose")
    return ["docker-compose"]


if __name__ == "__main__":
    sys.exit(main())
