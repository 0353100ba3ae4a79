"""Progress of a training: one bar, its text the step at hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress


class Steps:
    """Moves one bar of a rich progress on; without a progress it is silent."""

    def __init__(self, progress: Progress | None, name: str, total: int) -> None:
        self._progress = progress
        self._name = name
        self._task = progress.add_task(name, total=total) if progress else None

    @contextmanager
    def __call__(self, text: str) -> Iterator[None]:
        """Show ``text`` while the block runs, then count it as done."""
        self._show(f"{self._name}: {text}")
        yield
        if self._progress and self._task is not None:
            self._progress.advance(self._task)

    def finish(self) -> None:
        """Show the name alone, the bar full."""
        self._show(f"{self._name}: done")

    def _show(self, text: str) -> None:
        if self._progress and self._task is not None:
            self._progress.update(self._task, description=text)
