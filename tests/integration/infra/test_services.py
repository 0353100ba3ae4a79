"""Redis and Kafka as real servers: up, used, restarted, refused."""

from tests.services import RunningKafka, RunningRedis


def test_redis_finds_its_data_again_after_a_kill(own_redis: RunningRedis) -> None:
    """A key written before is read after SIGKILL and restart, at the same address."""
    with own_redis.client() as client:
        client.set("order", "o1")
        client.execute_command("WAITAOF", 1, 0, 5000)
    own_redis.kill()
    own_redis.restart()
    with own_redis.client() as client:
        assert client.get("order") == b"o1"


def test_messages_come_out_as_they_went_in(kafka_broker: RunningKafka) -> None:
    """Values produced to a topic of one's own are consumed from it."""
    topic = kafka_broker.topic("orders")
    kafka_broker.produce(topic, [b"one", b"two"])
    assert sorted(message.value() for message in kafka_broker.read(topic, 2)) == [b"one", b"two"]
