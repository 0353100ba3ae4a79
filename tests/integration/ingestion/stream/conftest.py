from pathlib import Path

import pytest

from tests.integration.ingestion.stream.stream_shop import StreamShop
from tests.services import RunningKafka, RunningRedis


@pytest.fixture
def shop(tmp_path: Path, kafka_broker: RunningKafka, redis_server: RunningRedis) -> StreamShop:
    """A shop of the test's own on the shared servers."""
    shop = StreamShop(tmp_path / "shop", kafka_broker.bootstrap, redis_server.address)
    shop.apply()
    return shop
