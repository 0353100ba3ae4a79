"""Where rows go: the online store behind a small interface, with patience for one that is away."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import polars as pl


class SinkAwayError(ConnectionError):
    """The online store does not answer at the moment; what was pushed may be pushed again."""


class Pusher(Protocol):
    """Takes rows of a view: join keys, ``event_timestamp``, features. Of an entity the newest row stays."""

    def push(self, view: str, rows: pl.DataFrame) -> None:
        """Return once the rows can be read."""

    def remove(self, view: str, entities: pl.DataFrame) -> None:
        """Take the rows of a view's entities, given by their join keys, out of the store."""


class Sink(Pusher, Protocol):
    """An online store."""

    def check(self) -> None:
        """Ask whether the store answers.

        Raises:
            SinkAwayError: it does not.
        """

    def identity(self) -> str:
        """Which store this is; another one when a server was started again, as it may have less than it had.

        Raises:
            SinkAwayError: the store does not answer.
        """

    def adopt(self, view: str) -> None:
        """The rows of this view have the definition that was registered last from now on."""

    def push(self, view: str, rows: pl.DataFrame) -> None:
        """Return once the rows can be read.

        Raises:
            SinkAwayError: the store does not answer.
        """

    def remove(self, view: str, entities: pl.DataFrame) -> None:
        """Return once the rows cannot be read any more.

        Raises:
            SinkAwayError: the store does not answer.
        """


class FeastSink:
    """Feast's online store in Redis.

    Args:
        store: The feature store.
        push_rows: Writes a frame of a view's rows: ``push_rows(store, view_name, frame)``.
        remove_rows: Removes the rows of a view's entities: ``remove_rows(store, view_name, keys)``.
        identify: Asks the servers who they are.
        away: What both raise while the store does not answer.
    """

    def __init__(
        self,
        store: Any,
        push_rows: Callable[[Any, str, pl.DataFrame], Any],
        remove_rows: Callable[[Any, str, pl.DataFrame], Any],
        identify: Callable[[], str],
        away: type[Exception],
    ) -> None:
        self._first = self._newest = store
        self._stores: dict[str, Any] = {}
        self._push_rows = push_rows
        self._remove_rows = remove_rows
        self._identify = identify
        self._away = away

    def check(self) -> None:
        """Ask for a sign of life."""
        self.identity()

    def identity(self) -> str:
        """The servers' run ids."""
        try:
            return self._identify()
        except self._away as error:
            raise SinkAwayError(str(error)) from error

    def offer(self, store: Any) -> None:
        """A feature store that knows newer definitions; views go over to it one by one."""
        self._newest = store

    def adopt(self, view: str) -> None:
        """Go over."""
        self._stores[view] = self._newest

    def push(self, view: str, rows: pl.DataFrame) -> None:
        """Write the rows."""
        self._ask(self._push_rows, view, rows)

    def remove(self, view: str, entities: pl.DataFrame) -> None:
        """Remove the rows."""
        self._ask(self._remove_rows, view, entities)

    def _ask(self, act: Callable[[Any, str, pl.DataFrame], Any], view: str, rows: pl.DataFrame) -> None:
        try:
            act(self._stores.get(view, self._first), view, rows)
        except self._away as error:
            raise SinkAwayError(str(error)) from error


class PatientSink:
    """Pushes, and removes, again and again until the store answers.

    Args:
        sink: The store.
        pause: Waits so many seconds; raises what shall end the waiting.
        longest_pause_seconds: Pauses double up to this.
        told: Called with the error before each pause, and with None once the store answers again.
    """

    def __init__(
        self,
        sink: Sink,
        pause: Callable[[float], None],
        longest_pause_seconds: float,
        told: Callable[[SinkAwayError | None], None],
    ) -> None:
        self._sink = sink
        self._pause = pause
        self._longest = longest_pause_seconds
        self._told = told

    def check(self) -> None:
        """Return once the store answers."""
        self._until_it_answers(self._sink.check)

    def push(self, view: str, rows: pl.DataFrame) -> None:
        """Return once the rows can be read, however long it takes."""
        self._until_it_answers(lambda: self._sink.push(view, rows))

    def remove(self, view: str, entities: pl.DataFrame) -> None:
        """Return once the rows are gone, however long it takes."""
        self._until_it_answers(lambda: self._sink.remove(view, entities))

    def _until_it_answers(self, act: Callable[[], None]) -> None:
        for attempt, seconds in enumerate(pauses(self._longest)):
            try:
                act()
            except SinkAwayError as error:
                self._told(error)
                self._pause(seconds)
            else:
                if attempt:
                    self._told(None)
                return


def pauses(longest_seconds: float) -> Iterator[float]:
    """0.1 s, doubled up to ``longest_seconds``, without end."""
    seconds = 0.1
    while True:
        yield min(seconds, longest_seconds)
        seconds = min(2 * seconds, longest_seconds)
