"""Where numba keeps the compiled loops of this package.

numba compiles a function anew when the file it stands in has changed, but not when a file with a function that it calls
has: after an upgrade old machine code would run inside new. So the code of each state of the files with compiled loops has
a folder of its own, and the folders of other states are removed. A loop takes nothing from files without loops.
"""

import os
import shutil
from hashlib import sha256
from pathlib import Path

_PREFIX = "compiled-"
_MARK = b"@njit"


def folder_of(package: Path) -> Path:
    """Folder for the compiled code of the Python files below `package`; it need not exist."""
    digest = sha256()
    for source in sorted(package.rglob("*.py")):
        content = source.read_bytes()
        if _MARK in content:
            digest.update(source.relative_to(package).as_posix().encode() + b"\0" + content + b"\0")
    return package / "__pycache__" / f"{_PREFIX}{digest.hexdigest()[:16]}"


def keep_apart(package: Path) -> None:
    """Have numba, which must not have been imported yet, use the folder of these sources.

    A folder that cannot be written leaves numba to its own choice. An address in NUMBA_CACHE_DIR is left as it is.
    """
    folder = folder_of(package)
    if os.environ.setdefault("NUMBA_CACHE_DIR", str(folder)) != str(folder):
        return
    for other in folder.parent.glob(f"{_PREFIX}*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
