"""Numbers of which each is taken once: who takes the next one may add the next batch to a folder, everybody else may not.

A writer that was held up for longer than others wait for it (a machine that slept) does not know that another one writes in
its place. Its number is taken when it wakes up, so what it still holds never becomes visible beside what its successor has
written. That is asked last, just before a batch appears: whatever was asked earlier may have changed since.
"""

from collections.abc import Sequence
from typing import Final, Protocol

CLAIMS: Final = "_claims"
_KEPT: Final = 8
"""Claims left lying; older ones are of no use, as a number below the newest is refused anyway."""


class OvertakenError(Exception):
    """Another writer has taken this number: look again at what is there, and go on behind it."""


class Place(Protocol):
    """The part of a folder that is used."""

    url: str

    def names(self, below: str) -> list[str]:
        """What lies in a folder."""

    def content(self, name: str) -> bytes | None:
        """Bytes of a small file; None when there is none."""

    def create(self, name: str, content: bytes) -> bool:
        """Make a small file; False if somebody has made it already."""

    def remove(self, names: Sequence[str]) -> None:
        """Delete files."""


class Claims:
    """Numbers of one folder, each a file that names its batch."""

    def __init__(self, folder: Place) -> None:
        self._folder = folder

    def newest(self) -> int:
        """The highest number taken; -1 before the first."""
        return max(self._numbers(), default=-1)

    def batch(self, number: int) -> str:
        """Name of the batch that took a number; empty where none did."""
        return (self._folder.content(_name(number)) or b"").decode()

    def take(self, number: int, batch: str) -> None:
        """Take a number for a batch.

        Raises:
            OvertakenError: it is taken, or a higher one is.
        """
        if not self._folder.create(_name(number), batch.encode()):
            raise OvertakenError(f"another writer has added batch {number} to {self._folder.url}")
        numbers = sorted(self._numbers())
        if numbers[-1] > number:
            self._folder.remove([_name(number)])
            raise OvertakenError(f"{self._folder.url} is at batch {numbers[-1]}, {number} comes too late")
        self._folder.remove([_name(old) for old in numbers[:-_KEPT]])

    def _numbers(self) -> list[int]:
        return [int(name) for name in self._folder.names(CLAIMS) if name.isdigit()]


def _name(number: int) -> str:
    return f"{CLAIMS}/{number:012d}"
