from pathlib import Path

from ingestion.stream.decoding import decode
from ingestion.stream.messages import by_topic
from tests.unit.ingestion.stream.shop import DAY_US, message, order, orders_topic


def test_every_message_becomes_a_row_or_a_letter(tmp_path: Path) -> None:
    """Rows carry where they came from; letters carry reason, origin and the bytes."""
    read = [message(3, order(1, 0), seconds=2, partition=1), message(4, b"{", partition=1), message(9, None)]
    readable = decode(by_topic(read)[0], orders_topic(tmp_path).contract)
    assert readable.rows.select("order_id", "_topic", "_partition", "_offset").rows() == [
        ("o1", "orders", 1, 3)
    ]
    assert readable.rows["arrival_timestamp"].to_physical().to_list() == [DAY_US + 2_000_000]
    assert [(found.kind, found.partition, found.offset, found.value) for found in readable.letters] == [
        ("malformed_json", 1, 4, b"{"),
        ("empty", 0, 9, None),
    ]


def test_a_batch_of_nothing_but_rubbish_has_no_rows(tmp_path: Path) -> None:
    """The frame has its columns all the same."""
    readable = decode(by_topic([message(0, b"?")])[0], orders_topic(tmp_path).contract)
    assert (readable.rows.height, len(readable.letters)) == (0, 1)
    assert readable.rows.columns[-4:] == ["arrival_timestamp", "_topic", "_partition", "_offset"]
