from pathlib import Path

import pytest

from tests.chaos.shop import Shop
from tests.services import RunningKafka, RunningRedis


@pytest.fixture
def shop(tmp_path: Path, own_kafka: RunningKafka, own_redis: RunningRedis) -> Shop:
    """A shop whose broker and Redis may be killed."""
    shop = Shop(tmp_path / "shop", own_kafka, own_redis)
    shop.apply()
    return shop
