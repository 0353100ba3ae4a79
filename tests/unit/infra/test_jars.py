"""Kafka's jars are resolved once, whole, and by one process at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.services.errors import JarsError
from infra.services.jars import LOG4J_VERSION, Jars

VERSION = "9.9.9"
WHOLE = (
    f"kafka_2.13-{VERSION}.jar",
    f"kafka-clients-{VERSION}.jar",
    f"log4j-core-{LOG4J_VERSION}.jar",
    f"log4j-slf4j-impl-{LOG4J_VERSION}.jar",
)
RESOLVE = "import sys, pathlib; from infra.services.jars import Jars; Jars(pathlib.Path(sys.argv[1]), '9.9.9').classpath()"


def maven(folder: Path, jars: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `mvn` on the PATH that 'resolves' to empty files named `jars`; the file in which it counts its calls."""
    calls = folder / "calls"
    script = folder / "bin" / "mvn"
    script.parent.mkdir()
    touch = "".join(f'touch "$out/{jar}"\n' for jar in jars)
    script.write_text(
        f'#!/bin/sh\necho x >> "{calls}"\nsleep 0.2\n'
        'for word; do case "$word" in -DoutputDirectory=*) out="${word#*=}";; esac; done\n' + touch
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/bin:/usr/bin")
    return calls


def test_they_are_resolved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call finds the cache; nothing but the jars' folder and the lock is left."""
    calls = maven(tmp_path, WHOLE, monkeypatch)
    jars = Jars(tmp_path / "cache", VERSION)
    assert jars.classpath() == jars.classpath() == str(tmp_path / "cache" / f"kafka-{VERSION}" / "*")
    assert calls.read_text() == "x\n"
    assert {path.name for path in jars.folder.iterdir()} == set(WHOLE)
    assert {path.name for path in jars.cache.iterdir()} == {".lock", f"kafka-{VERSION}"}


def test_two_processes_at_once_resolve_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first and uses what it fetched."""
    calls = maven(tmp_path, WHOLE, monkeypatch)
    command = [sys.executable, "-c", RESOLVE, str(tmp_path / "cache")]
    racing = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(30) for process in racing] == [0, 0]
    assert calls.read_text() == "x\n"


def test_an_incomplete_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing jar is named and nothing is cached, so that the next call tries again."""
    maven(tmp_path, WHOLE[:-1], monkeypatch)
    jars = Jars(tmp_path / "cache", VERSION)
    with pytest.raises(JarsError, match=f"lack log4j-slf4j-impl-{LOG4J_VERSION}.jar"):
        jars.classpath()
    assert not jars.folder.exists()
