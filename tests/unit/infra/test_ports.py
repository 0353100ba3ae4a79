"""Ports and addresses."""

import socket

import pytest

from infra.services.ports import LOOPBACK, accepts_connections, free_port, host_and_port, preferred_or_free


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:9092", ("127.0.0.1", 9092)),
        ("kafka-1:9092,kafka-2:9093", ("kafka-1", 9092)),
        ("[::1]:6379", ("::1", 6379)),
    ],
)
def test_an_address_is_host_and_port(address: str, expected: tuple[str, int]) -> None:
    """The first of several is taken."""
    assert host_and_port(address) == expected


@pytest.mark.parametrize(
    "address", ["", "localhost", ":6379", "redis:", "redis:0", "redis:99999", "redis:http"]
)
def test_what_is_not_an_address_is_named(address: str) -> None:
    """The error shows the value and a good one."""
    with pytest.raises(ValueError, match="is not host:port, such as"):
        host_and_port(address)


def test_a_taken_port_is_not_preferred() -> None:
    """Another port than the one listened on is given, and the preferred one once it is free."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        assert accepts_connections(f"{LOOPBACK}:{port}")
        assert preferred_or_free(port) != port
    port = free_port()
    assert preferred_or_free(port) == port
    assert not accepts_connections(f"{LOOPBACK}:{port}")
