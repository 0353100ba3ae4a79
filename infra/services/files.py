"""Small files that other programs read while we write them."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old text or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)
