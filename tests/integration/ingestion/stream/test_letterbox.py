import pytest

from connections.kafka import Kafka
from ingestion import deadletters
from ingestion.stream.errors import NotDurableError
from ingestion.stream.letterbox import LetterBox
from ingestion.stream.letters import DeadLetter
from tests.services import RunningKafka

LETTER = DeadLetter.of(("orders", 0, 1), 0, ("empty", "empty message"), b"ann", None)


def test_letters_are_on_the_topic_when_flush_returns(kafka_broker: RunningKafka) -> None:
    """Key, value and headers as they were put aside; the largest that is kept whole fits, too."""
    topic = kafka_broker.topic("dead", partitions=1)
    box = LetterBox(Kafka(kafka_broker.bootstrap), topic, timeout_seconds=30)
    large = DeadLetter.of(("orders", 0, 2), 0, ("too_large", "too long"), None, b"x" * 10_000_000)
    box.send([LETTER, large])
    box.flush()
    read = kafka_broker.read(topic, 2)
    assert [DeadLetter.from_message(m.headers(), m.key(), m.value()) for m in read] == [LETTER, large]


def test_letters_that_nobody_takes_are_an_error() -> None:
    """No broker: nothing behind them may be committed."""
    box = LetterBox(Kafka("127.0.0.1:1"), "dead", timeout_seconds=0.5)
    box.send([LETTER])
    with pytest.raises(NotDurableError, match=r"'dead'.*a restart reads them again"):
        box.flush()


def test_the_command_names_a_broker_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, the address and the way out."""
    monkeypatch.setenv("SHOP_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("SHOP_STREAM_START_TIMEOUT_SECONDS", "0.5")
    assert deadletters.main(["list"]) == 1
    said = capsys.readouterr().err
    assert "127.0.0.1:1" in said
    assert "make up" in said


def test_a_topic_that_does_not_exist_holds_no_letters(
    kafka_broker: RunningKafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a fresh broker: nothing to list is no error."""
    monkeypatch.setenv("SHOP_KAFKA_BOOTSTRAP", kafka_broker.bootstrap)
    monkeypatch.setenv("SHOP_DEAD_LETTER_TOPIC", "never_made")
    assert deadletters.main(["list"]) == 0
    assert "0 dead letters" in capsys.readouterr().out
