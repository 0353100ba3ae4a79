"""Redis clusters and sentinels of the tests' own, on loopback."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import redis

from infra.services.ports import LOOPBACK, free_port
from infra.services.redis import find_server

READY_WITHIN_SECONDS = 30.0
ALL_SLOTS = 16_384


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Return once the condition holds; a server that does not answer yet does not fulfil it."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{what} was not ready within {READY_WITHIN_SECONDS:g} s")


@contextmanager
def server(folder: Path, port: int, *options: str) -> Iterator[redis.Redis]:
    """A server without persistence and a client of it; ended by its process id."""
    folder.mkdir(parents=True, exist_ok=True)
    common = ("--port", str(port), "--bind", LOOPBACK, "--dir", str(folder))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(find_server()), *options, *common], stdout=log, stderr=log)
        try:
            with closing(redis.Redis(LOOPBACK, port, socket_timeout=5)) as client:
                wait_for(client.ping, f"the server on port {port}")
                yield client
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def cluster(folder: Path, nodes: int = 2) -> Iterator[list[redis.Redis]]:
    """A cluster without replicas, its slots shared out evenly; a client of each node."""
    with ExitStack() as stack:
        clients = []
        for n in range(nodes):
            port = free_port()
            options = ("--save", "", "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
            clients.append(stack.enter_context(server(folder / str(n), port, *options)))
        _share_slots(clients)
        wait_for(lambda: all(_knows_all(client, nodes) for client in clients), "the cluster")
        yield clients


@contextmanager
def sentinel(folder: Path, master: redis.Redis) -> Iterator[int]:
    """One sentinel that knows ``master`` as ``mymaster``; its port."""
    folder.mkdir(parents=True, exist_ok=True)
    watched = master.connection_pool.connection_kwargs["port"]
    conf = folder / "sentinel.conf"
    conf.write_text(f"sentinel monitor mymaster {LOOPBACK} {watched} 1\n")
    port = free_port()
    with server(folder, port, str(conf), "--sentinel"):
        yield port


def port_of(client: redis.Redis) -> int:
    """Port of the server a client was made for."""
    return int(client.connection_pool.connection_kwargs["port"])


def _share_slots(clients: list[redis.Redis]) -> None:
    size = ALL_SLOTS // len(clients)
    for n, client in enumerate(clients):
        last = ALL_SLOTS - 1 if n == len(clients) - 1 else (n + 1) * size - 1
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", n * size, last)
    first = clients[0]
    for other in clients[1:]:
        bus = other.config_get("cluster-port")["cluster-port"]
        first.execute_command("CLUSTER", "MEET", LOOPBACK, port_of(other), bus)


def _knows_all(client: redis.Redis, nodes: int) -> bool:
    told = client.execute_command("CLUSTER", "INFO")
    text = told.decode() if isinstance(told, bytes) else str(told)
    info = told if isinstance(told, dict) else dict(line.split(":") for line in text.split() if ":" in line)
    return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == nodes
