from collections.abc import Iterator

import pytest

from tests.api_process import RunningApi, running_api
from tests.services import RunningRedis
from tests.serving_shop import ServingShop, serving_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, redis_server: RunningRedis) -> ServingShop:
    """Definitions, features and models; tests do not change it."""
    return serving_shop(tmp_path_factory.mktemp("serving"), redis_server.address, project="serving_shop")


@pytest.fixture(scope="session")
def api(shop: ServingShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    """`python -m serving` over the shop."""
    with running_api(shop, tmp_path_factory.mktemp("api")) as running:
        yield running
