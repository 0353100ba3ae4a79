"""What is kept of decisions."""

import os
import socket

import pytest

from expectations.kept import whoami


def test_who_decides_is_an_account_of_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the environment names it."""
    monkeypatch.setenv("LOGNAME", "ada")
    assert whoami() == f"ada@{socket.gethostname()}"


def test_an_account_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number that its image does not know."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_007)
    assert whoami() == f"4000000007@{socket.gethostname()}"
