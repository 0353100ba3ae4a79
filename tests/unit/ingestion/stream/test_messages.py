from ingestion.stream.fakes import FakeMessage
from ingestion.stream.messages import by_topic


def test_messages_are_split_by_topic_in_the_order_read() -> None:
    """Two topics of one poll become two batches; the next offset is behind the last message of each partition."""
    read = [
        FakeMessage("orders", b"1", 5, partition_number=0, arrival_ms=1),
        FakeMessage("views", b"2", 8, partition_number=1),
        FakeMessage("orders", b"3", 6, partition_number=0),
        FakeMessage("orders", None, 2, partition_number=3),
    ]
    orders, views = by_topic(read)
    assert (orders.topic, orders.values) == ("orders", [b"1", b"3", None])
    assert orders.arrivals_us.tolist() == [1000, 0, 0]
    assert orders.next_offsets() == {("orders", 0): 7, ("orders", 3): 3}
    assert (views.topic, views.next_offsets()) == ("views", {("views", 1): 9})


def test_a_message_without_timestamp_arrived_at_the_epoch() -> None:
    """Kafka's -1 is no time before 1970: the event time, being later, becomes the arrival."""
    assert by_topic([FakeMessage("orders", b"", 0, arrival_ms=-1)])[0].arrivals_us.tolist() == [0]
