"""A machine of each key in Spark's state: an image of it, and what it has taken in since.

An image is written anew once as many bytes have been taken in as it has, so that writing costs no more than twice what
comes in, and reading no more than twice what there is; or once there are many entries, each of which takes its time to take
in again, such as those of the time alone. The machines themselves stay in this process between two batches:
a mark that is made up with each entry tells whether the one that is here is the one that Spark has committed.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from ingestion.stream.image_file import as_bytes, from_bytes
from ingestion.windows.image import Image

Output_co = TypeVar("Output_co", covariant=True)
Output = TypeVar("Output")

LEAST_BYTES: Final = 256 << 10
"""A shorter log is not worth an image."""
MOST_ENTRIES: Final = 256
"""A log has no more."""
MOST_BYTES: Final = 1 << 30
"""Memory that machines which are not in use may take in one process."""
_MARK_BYTES: Final = 16


class Machine(Protocol[Output_co]):
    """See `machines`."""

    @property
    def nbytes(self) -> int:
        """Memory held."""

    def take(self, entry: bytes) -> Output_co:
        """Take an entry in."""

    def image(self) -> Image:
        """The raw state."""


class Nearby:
    """Machines of this process, the one that was used last at the end.

    Args:
        most_bytes: Memory that they may take together.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._held: OrderedDict[Any, tuple[bytes, Any]] = OrderedDict()

    def take(self, place: Any, mark: bytes) -> Any | None:
        """The machine of a place, which is not kept any more; None where it is not here, or another one than marked."""
        found, machine = self._held.pop(place, (b"", None))
        return machine if found == mark else None

    def keep(self, place: Any, mark: bytes, machine: Any) -> None:
        """Keep a machine, and let go of others where all take too much."""
        self._held[place] = mark, machine
        while len(self._held) > 1 and sum(each.nbytes for _, each in self._held.values()) > self._most:
            self._held.popitem(last=False)


_nearby = Nearby()


class Kept(Generic[Output]):
    """The machine of the key that Spark is at.

    Args:
        handle: Spark's `StatefulProcessorHandle`.
        place: Tells this operator from all others.
        new: Makes the machine of a key that has none.
        of: Makes the machine of a key from its image.
        nearby: Machines of this process.
    """

    def __init__(
        self,
        handle: Any,
        place: str,
        new: Callable[[Any], Machine[Output]],
        of: Callable[[Any, Image], Machine[Output]],
        nearby: Nearby = _nearby,
    ) -> None:
        self._mark = handle.getValueState("mark", "mark binary, imaged long, logged long")
        self._image = handle.getValueState("image", "image binary")
        self._log = handle.getListState("log", "entry binary")
        self._place = place
        self._new = new
        self._of = of
        self._nearby = nearby

    def begin(self, image: bytes) -> None:
        """Let the machine of this key be the one with this image."""
        self._image.update((image,))
        self._mark.update((secrets.token_bytes(_MARK_BYTES), len(image), 0))

    def take(self, key: Any, entry: bytes) -> Output:
        """Let the machine of this key take an entry in, and keep that."""
        mark, imaged, logged = self._mark.get() or (b"", 0, 0)
        place = (self._place, key)
        machine = self._nearby.take(place, bytes(mark)) or self._restored(key)
        output = machine.take(entry)
        worth = max(LEAST_BYTES, imaged)
        mark, logged = secrets.token_bytes(_MARK_BYTES), logged + max(len(entry), worth // MOST_ENTRIES)
        if logged > worth:
            image = as_bytes(machine.image())
            self._image.update((image,))
            self._log.clear()
            imaged, logged = len(image), 0
        else:
            self._log.appendValue((entry,))
        self._mark.update((mark, imaged, logged))
        self._nearby.keep(place, mark, machine)
        return output

    def _restored(self, key: Any) -> Machine[Output]:
        image = self._image.get()
        machine = self._of(key, from_bytes(bytes(image[0]))) if image else self._new(key)
        for (entry,) in self._log.get():
            machine.take(bytes(entry))
        return machine
