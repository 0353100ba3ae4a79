"""The socket of the API, and whether it may be open to others."""

import socket
from ipaddress import ip_address

from serving.errors import StartError


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address; clients are refused until the server listens.

    Raises:
        StartError: if the address is taken or not ours.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise StartError(
            f"cannot listen on {host}:{port}: {error}; set SHOP_API_HOST or SHOP_API_PORT"
        ) from error
    return listening


def check_not_open(host: str, *, guarded: bool, allow_open: bool) -> None:
    """Nothing, where only this machine can ask, or who asks must say who they are, or the user wants it so.

    Raises:
        StartError: otherwise, with the three ways out.
    """
    if guarded or allow_open or _is_loopback(host):
        return
    raise StartError(
        f"listening on {host} without API keys or tokens would open the API to everybody: make keys with "
        "`python -m serving.keys create` and set SHOP_API_KEYS_FILE, or set SHOP_API_JWT_JWKS, or keep SHOP_API_HOST "
        "on 127.0.0.1; SHOP_API_ALLOW_OPEN=true opens it all the same"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
