from pathlib import Path

from ingestion.stream.warm_up import warm_up
from tests.unit.ingestion.stream.shop import orders_topic


def test_warming_up_leaves_no_trace(tmp_path: Path) -> None:
    """Sample events run through windows of their own; the archive stays empty."""
    topic = orders_topic(tmp_path)
    warm_up(topic)
    assert topic.archive.days() == []
