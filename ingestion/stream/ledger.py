"""What is on the dead-letter topic: each origin once, without those that were replayed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ingestion.stream.letters import DeadLetter, Headers, NotADeadLetterError
from ingestion.stream.messages import Partition

_REPLAYED: Final = "replayed"

Origin = tuple[Partition, int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the dead-letter topic.

    Attributes:
        letter: The letter; in a mark of a replay only its origin matters.
        is_mark: Whether it says that the letter of this origin was replayed.
    """

    letter: DeadLetter
    is_mark: bool

    @classmethod
    def of(cls, headers: Headers | None, key: bytes | None, value: bytes | None) -> "Entry":
        """Read a message.

        Raises:
            NotADeadLetterError: it is none.
        """
        letter = DeadLetter.from_message(headers, key, value)
        return cls(letter, is_mark=any(name == _REPLAYED for name, _ in headers or ()))


def mark_of(letter: DeadLetter) -> Headers:
    """Headers of a message without value that says that the letter was replayed."""
    return [*letter.headers(), (_REPLAYED, b"1")]


@dataclass
class Ledger:
    """Open letters in the order in which they were written.

    Attributes:
        letters: By origin.
        foreign: Messages on the topic that are no dead letters.
    """

    letters: dict[Origin, DeadLetter] = field(default_factory=dict)
    foreign: int = 0

    @classmethod
    def read(cls, messages: Iterable[tuple[Headers | None, bytes | None, bytes | None]]) -> "Ledger":
        """Take in messages: headers, key, value."""
        ledger = cls()
        for headers, key, value in messages:
            try:
                ledger.enter(Entry.of(headers, key, value))
            except NotADeadLetterError:
                ledger.foreign += 1
        return ledger

    def enter(self, entry: Entry) -> None:
        """A letter opens its origin, a mark closes it."""
        if entry.is_mark:
            self.letters.pop(entry.letter.origin, None)
        else:
            self.letters[entry.letter.origin] = entry.letter

    def counts(self) -> Counter[tuple[str, str]]:
        """Open letters by topic and kind of reason."""
        return Counter((letter.topic, letter.kind) for letter in self.letters.values())

    def chosen(self, topic: str | None, kind: str | None) -> Iterator[DeadLetter]:
        """Open letters of a topic and a kind; None: of all."""
        for letter in self.letters.values():
            if topic in (None, letter.topic) and kind in (None, letter.kind):
                yield letter
