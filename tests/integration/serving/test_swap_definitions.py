"""A version that reads what was defined after the API had started."""

from pathlib import Path

from feast import FeatureService

from feature_repo import definitions
from tests.api_process import running_api, wait_until
from tests.integration.serving.swaps import asking
from tests.services import RunningRedis
from tests.serving_shop import card_of, serving_shop
from tests.small_models import save_model

NARROW = FeatureService(name="fraud_v1", features=[definitions.user_orders, definitions.order_context])
"""A part of the service, with which the API starts."""
NEW = "device_orders_count_1h"
"""Read by nobody then."""


def test_a_version_with_a_new_feature_is_put_in_use_when_the_registry_has_it(
    redis_server: RunningRedis, tmp_path: Path
) -> None:
    """No request fails, since what it reads is read before it is asked.

    ::

        registry held   fraud_v1 ──────────────────────╮ refreshed: more of it
        version         v1 ───────╮ v2 promoted ·······╰── v2
    """
    shop = serving_shop(tmp_path / "shop", redis_server.address, project="swap_definitions")
    settings = {"SHOP_MODELS_REFRESH_SECONDS": 0.2, "SHOP_REGISTRY_REFRESH_SECONDS": 2}
    store = shop.store()
    store.apply([NARROW])
    save_model(card_of(store, "fraud"), shop.models)
    with running_api(shop, tmp_path, **settings) as api, asking(api) as heard:
        store.apply([definitions.fraud_v1])
        card = card_of(store, "fraud", "v2")
        assert NEW in {feature.name for feature in card.inputs}
        save_model(card, shop.models)
        wait_until(lambda: "fraud@v2,recommendation@v1" in heard.versions(), "answers of v2", 60)
    assert heard.failures == []
