"""Small files that other programs read while we write them."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str, *, private: bool = False) -> None:
    """Readers see the old text or the new, never a part; a private file is for this user alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(0o600 if private else 0o666)
    temporary.write_text(text)
    temporary.replace(path)
