"""TCP ports and `host:port` addresses."""

import secrets
import socket
from contextlib import closing

LOOPBACK = "127.0.0.1"


_CHOICE = range(20_000, 32_000)
"""Below the ports that kernels give to outgoing connections: a client that polls one of those can meet itself."""


def free_port() -> int:
    """A port of the loopback interface nobody listens on at the moment."""
    return next(port for port in secrets.SystemRandom().sample(_CHOICE, len(_CHOICE)) if is_free(port))


def is_free(port: int) -> bool:
    """Whether a server could listen on it on loopback now."""
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def preferred_or_free(port: int) -> int:
    """`port` itself unless it is taken."""
    return port if is_free(port) else free_port()


def host_and_port(address: str) -> tuple[str, int]:
    """Split the first of one or more `host:port`, IPv6 hosts in brackets.

    Raises:
        ValueError: `address` is not of that form.
    """
    host, colon, port = address.split(",", maxsplit=1)[0].strip().rpartition(":")
    if not (host and colon and port.isdecimal() and 0 < int(port) <= 65535):
        raise ValueError(f"{shown(address)!r} is not host:port, such as 127.0.0.1:9092")
    return host.removeprefix("[").removesuffix("]"), int(port)


def shown(address: str) -> str:
    """An address without what follows it as `name=value`, which may be a password."""
    return ",".join(part for part in address.split(",") if "=" not in part)


def accepts_connections(address: str, *, timeout_seconds: float = 0.5) -> bool:
    """Whether somebody listens at `address`, a `host:port`."""
    try:
        socket.create_connection(host_and_port(address), timeout_seconds).close()
    except OSError:
        return False
    return True
