"""Where Redis is: ``host:port[,host:port][,parameter=value]``, given in the settings or in a file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

_WAY_OUT = (
    "start the local services with `make up`, or set online_store.connection_string in feature_store.yaml"
)
_FILE = "password_file"
_TEXTS = ("username", "password", _FILE)
"""Never read as JSON: a password may consist of digits."""


class RedisUnavailableError(ConnectionError):
    """Redis was not reached; says which server, what was tried and why it failed."""


@dataclass(frozen=True)
class Address:
    """Servers and client parameters.

    Attributes:
        nodes: Host and port of each server, sentinel or cluster node.
        parameters: Arguments of the Redis client: ``db``, ``password``, ``ssl`` ...
        origin: Where the address was written, for error messages.
    """

    nodes: tuple[tuple[str, int], ...]
    origin: str
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return ", ".join(f"{host}:{port}" for host, port in self.nodes)


def parse(text: str, origin: str) -> Address:
    """Read ``host:port,parameter=value``; values are JSON where they can be read as JSON, but for name and password.

    ``password_file=PATH`` stands for the password in the first line of a file.

    Raises:
        ValueError: if there is no ``host:port`` in the text, or no password where it names a file of it.
    """
    parts = [part.strip() for part in text.strip().split(",") if part.strip()]
    nodes = [part.rpartition(":") for part in parts if "=" not in part]
    if not nodes or not all(host and port.isdigit() for host, _, port in nodes):
        raise ValueError(f"{origin} has no host:port, for example localhost:6379; {_WAY_OUT}")
    given = dict(part.split("=", 1) for part in parts if "=" in part)
    parameters = {name: value if name in _TEXTS else _json_or_text(value) for name, value in given.items()}
    if _FILE in parameters:
        parameters["password"] = _first_line(Path(parameters.pop(_FILE)), origin)
    return Address(
        nodes=tuple((host, int(port)) for host, _, port in nodes),
        origin=origin,
        parameters=parameters,
    )


def read(file: Path) -> Address:
    """Read the address from a file.

    Raises:
        RedisUnavailableError: if the file is not there.
    """
    try:
        text = file.read_text()
    except FileNotFoundError:
        raise RedisUnavailableError(f"Redis has no address: {file} is not there; {_WAY_OUT}") from None
    return parse(text, str(file))


@contextmanager
def reaching(address: Address, tried: str) -> Iterator[None]:
    """Turn the client's connection errors into one that says which server and what was tried."""
    try:
        yield
    except AuthenticationError as error:
        raise RedisUnavailableError(
            f"Redis at {address} refused the login: {error}; correct username and password in {address.origin}"
        ) from error
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise RedisUnavailableError(
            f"Redis at {address} (from {address.origin}) was not reached: {error}; tried {tried}; {_WAY_OUT}"
        ) from error


def _first_line(file: Path, origin: str) -> str:
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise ValueError(f"{origin} names {_FILE}={file}, which cannot be read: {error}") from error
    if not lines:
        raise ValueError(f"{origin} names {_FILE}={file}, which is empty; its first line is the password")
    return lines[0]


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
