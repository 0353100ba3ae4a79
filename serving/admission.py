"""How many questions are answered at once. Hot path.

Beyond the bound a question is refused at once: a queue would only make all of them late.
"""

from types import TracebackType
from typing import Self

from serving.errors import OverloadedError
from serving.metrics import Metrics


class Admission:
    """Enter it for the time of a question.

    Args:
        most: Questions at once.
        metrics: Where those refused are counted.
    """

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._metrics = metrics
        self._inside = 0

    def __enter__(self) -> Self:
        """Raises OverloadedError where too many are inside."""
        if self._inside >= self._most:
            self._metrics.shed.inc()
            raise OverloadedError(f"{self._most} questions are being answered; come again")
        self._inside += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
