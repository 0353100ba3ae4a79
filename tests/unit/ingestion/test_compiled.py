"""Compiled code belongs to one state of all sources."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion.compiled import folder_of, keep_apart


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of two files with loops and one without."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "outer.py").write_text("from inner import callee\n@njit")
    (tmp_path / "inner" / "callee.py").write_text("@njit\nX = 1")
    (tmp_path / "plain.py").write_text("X = 1")
    return tmp_path


def test_any_changed_loop_changes_the_folder(package: Path) -> None:
    """Also one that only another file calls."""
    before = folder_of(package)
    assert folder_of(package) == before
    (package / "inner" / "callee.py").write_text("@njit\nX = 2")
    assert folder_of(package) != before


def test_a_file_without_loops_changes_nothing(package: Path) -> None:
    """Who works on it need not wait for the compiler."""
    before = folder_of(package)
    (package / "plain.py").write_text("X = 2")
    assert folder_of(package) == before


def test_code_of_other_sources_is_removed(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the folder of today's sources stays."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    old = package / "__pycache__" / "compiled-0123456789abcdef"
    now = folder_of(package)
    for folder in (old, now):
        folder.mkdir(parents=True)
    keep_apart(package)
    assert os.environ["NUMBA_CACHE_DIR"] == str(now)
    assert now.exists()
    assert not old.exists()


def test_a_folder_set_by_hand_is_used(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is removed."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(package / "mine"))
    keep_apart(package)
    assert os.environ["NUMBA_CACHE_DIR"] == str(package / "mine")


def test_loops_are_compiled_into_it() -> None:
    """A fresh process that calls a loop uses the folder of the installed sources."""
    code = (
        "import ingestion, numba, pathlib; from ingestion.windows import sweep; "
        "print(numba.config.CACHE_DIR == str(ingestion.compiled.folder_of(pathlib.Path(ingestion.__file__).parent)))"
    )
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
