"""What is computed and stored."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A window of a view.

    Attributes:
        seconds: Its length.
        hop_seconds: Step of its tail.
        features: How many features are over it.
    """

    seconds: float
    hop_seconds: float
    features: int


@dataclass(frozen=True)
class View:
    """Features of an entity.

    Attributes:
        name: Of the view.
        keys: Join keys of its entity, sorted.
        features: How many are stored.
        windows: Those that are computed from events; none: a table.
        distinct: For each feature that counts different values, the length of its window in seconds.
    """

    name: str
    keys: tuple[str, ...]
    features: int
    windows: tuple[Window, ...] = ()
    distinct: tuple[float, ...] = ()

    @property
    def longest_seconds(self) -> float:
        """How long an event can count; 0 for a table."""
        return max((window.seconds for window in self.windows), default=0.0)

    @property
    def grids(self) -> tuple[tuple[float, float, int], ...]:
        """Hop, length of the longest window and number of features of all windows with this hop: they share tiles."""
        hops = sorted({window.hop_seconds for window in self.windows})
        of = {hop: [window for window in self.windows if window.hop_seconds == hop] for hop in hops}
        return tuple((hop, max(w.seconds for w in of[hop]), sum(w.features for w in of[hop])) for hop in hops)


@dataclass(frozen=True)
class Topic:
    """Events.

    Attributes:
        name: Of the topic.
        fields: Of a message.
        columns: Of a row in the archive.
        floats: Of these, numbers with fractions, which files cannot make small.
        horizon_seconds: How long after its last arrival an event id is recognised.
        views: The windowed views over it.
    """

    name: str
    fields: int
    columns: int
    floats: int
    horizon_seconds: float
    views: tuple[View, ...]


@dataclass(frozen=True)
class Definitions:
    """All of it.

    Attributes:
        topics: With their windowed views.
        tables: Views that are filled otherwise.
    """

    topics: tuple[Topic, ...]
    tables: tuple[View, ...]

    @property
    def views(self) -> tuple[View, ...]:
        """Everything that is stored online."""
        return (*(view for topic in self.topics for view in topic.views), *self.tables)
