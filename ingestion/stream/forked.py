"""Work in a forked child: it has the memory of the moment, copied page by page as the parent goes on writing.

What the child may do: plain Python and system calls. Other threads are not there, so a lock that one of them held stays
held for good: no logging, no client library, no data frames. It leaves without running anything that waits for an exit.
"""

import gc
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Final, NoReturn

CAN_FORK: Final = sys.platform == "linux"
_NICENESS: Final = 10
_DESCRIPTORS: Final = 1 << 20
_MESSAGE_BYTES: Final = 4_000


class Child:
    """A child at work.

    Attributes:
        began: Monotonic seconds.

    Args:
        act: What it does; an exception is its failure.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        self.began = time.monotonic()
        self._words, its_end = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 and newer warn that other threads are not there: see above.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            _work(act, its_end)
        os.close(its_end)

    def ended(self) -> str | None:
        """Why it failed, empty when it did not; None while it is at work. To be called once more after None only."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        return None if pid == 0 else self._verdict(status)

    def kill(self) -> None:
        """End it now."""
        os.kill(self._pid, signal.SIGKILL)
        self._verdict(os.waitpid(self._pid, 0)[1])

    def _verdict(self, status: int) -> str:
        with os.fdopen(self._words, "rb") as words:
            said = words.read().decode(errors="replace")
        code = os.waitstatus_to_exitcode(status)
        return "" if code == 0 else said or f"the child that wrote it ended with status {code}"


def _work(act: Callable[[], None], words: int) -> NoReturn:
    status = 1
    try:
        gc.disable()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.nice(_NICENESS)
        # Sockets must end with the parent, not with us.
        os.closerange(3, words)
        os.closerange(words + 1, _DESCRIPTORS)
        act()
        status = 0
    except BaseException as error:  # noqa: BLE001  # whatever it is, the parent hears of it
        os.write(words, f"{type(error).__name__}: {error}".encode()[:_MESSAGE_BYTES])
    finally:
        os._exit(status)
