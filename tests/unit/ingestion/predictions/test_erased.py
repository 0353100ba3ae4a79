"""Predictions of somebody who was erased are not archived, whenever they come out of Kafka."""

from pathlib import Path

from ingestion.archive import Archive
from ingestion.erasures.kept import Erasures
from ingestion.predictions.decoding import decode
from ingestion.predictions.keeper import PredictionTopic
from ingestion.stream.buffer import Buffer
from ingestion.stream.fakes import FakeMessage, ManualClock, MemoryLetterBox
from ingestion.stream.lead import Lead
from ingestion.stream.messages import TopicBatch
from ingestion.stream.metrics import StreamMetrics
from serving.journal.wire import encode
from tests.predictions_made import served

LATER_US = 4_000_000_000_000_000


def test_what_was_predicted_for_them_before_is_left_out(tmp_path: Path) -> None:
    """A prediction and a message that nobody can read, both theirs; those of others are kept."""
    erasures, metrics, letters = Erasures(tmp_path / "erasures"), StreamMetrics(), MemoryLetterBox()
    topic = PredictionTopic("predictions", Archive.at(tmp_path / "predictions"))
    lead = Lead(
        1,
        {},
        {},
        {"predictions": topic.archive.next_number()},
        topics={"predictions": topic},
        buffer=Buffer(10, 5, ManualClock()),
        letters=letters,
        metrics=metrics,
        tombstones=erasures.tombstones,
    )
    prediction = served()
    person = prediction.row["user_id"]
    erasures.bury(person, LATER_US)
    told = [(encode(prediction), person), (b"?", person), (b"?", "somebody else")]
    messages = [
        FakeMessage("predictions", value, n, key_bytes=key.encode()) for n, (value, key) in enumerate(told)
    ]
    batch = TopicBatch.of("predictions", messages)
    readable = decode(batch)
    assert (readable.rows.height, len(readable.letters)) == (1, 2)
    assert lead.take_in(batch, readable) == 0
    assert [letter.key for letter in letters.waiting] == [b"somebody else"]
    counted = metrics.registry.get_sample_value("shop_stream_events_erased_total", {"topic": "predictions"})
    assert counted == 2
