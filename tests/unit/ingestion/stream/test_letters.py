import pytest

from ingestion.stream.ledger import Ledger, mark_of
from ingestion.stream.letters import MAX_VALUE_BYTES, DeadLetter, NotADeadLetterError


def letter(
    offset: int = 7, value: bytes | None = b"{", kind: str = "malformed_json", topic: str = "orders"
) -> DeadLetter:
    return DeadLetter.of((topic, 2, offset), 1_000, (kind, "amount: größer 0"), b"ann", value)


@pytest.mark.parametrize("value", [b"\xff\x00", b"", None])
def test_a_letter_is_read_back_as_it_was_written(value: bytes | None) -> None:
    """Key and bytes travel as they are, everything else in the headers."""
    written = letter(value=value)
    assert DeadLetter.from_message(written.headers(), written.key, written.value) == written


def test_a_value_that_no_broker_takes_is_cut_and_says_so() -> None:
    """10 MB are kept up to the limit; the size tells the rest."""
    huge = letter(value=b"x" * 10_000_000)
    assert (len(huge.value or b""), huge.size, huge.is_whole) == (MAX_VALUE_BYTES, 10_000_000, False)


def test_a_foreign_message_is_refused_by_name() -> None:
    """A header that is missing is named."""
    with pytest.raises(NotADeadLetterError, match="topic"):
        DeadLetter.from_message([("partition", b"1")], None, b"")


def test_an_origin_counts_once() -> None:
    """A letter written again after a crash is the same letter; a foreign message is counted apart."""
    twice = [(letter().headers(), b"ann", b"{")] * 2
    ledger = Ledger.read([*twice, (letter(8).headers(), b"ann", b"{"), (None, None, b"?")])
    assert (ledger.counts(), ledger.foreign) == ({("orders", "malformed_json"): 2}, 1)


def test_a_replayed_letter_is_closed() -> None:
    """The mark takes out its origin only."""
    messages = [(letter(n).headers(), None, b"{") for n in (1, 2)]
    ledger = Ledger.read([*messages, (mark_of(letter(1)), None, None)])
    assert [open_letter.offset for open_letter in ledger.letters.values()] == [2]


def test_letters_are_chosen_by_topic_and_kind() -> None:
    """None chooses all."""
    kinds = {1: ("orders", "empty"), 2: ("orders", "too_old"), 3: ("views", "empty")}
    ledger = Ledger.read((letter(n, kind=k, topic=t).headers(), None, b"") for n, (t, k) in kinds.items())

    def offsets(topic: str | None, kind: str | None) -> list[int]:
        return [chosen.offset for chosen in ledger.chosen(topic, kind)]

    assert offsets(None, None) == [1, 2, 3]
    assert offsets("orders", None) == [1, 2]
    assert offsets(None, "empty") == [1, 3]
    assert offsets("views", "too_old") == []
