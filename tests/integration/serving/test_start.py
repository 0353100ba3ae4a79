import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from artefact import feature_service_hash, save_card
from infra.services.ports import free_port
from serving.errors import StartError
from serving.server import listen, load_parts, warm_up
from serving.settings import ServingSettings
from tests.api_process import environment
from tests.serving_shop import OUR_STORE, ServingShop, card_of, configuration
from tests.small_models import save_model

ROOT = Path(__file__).parents[3]


def _settings(shop: ServingShop, **changes: Any) -> ServingSettings:
    return ServingSettings(**{"models_dir": shop.models, "feature_repo": shop.repo} | changes)


def _yaml(folder: Path, shop: ServingShop, **changes: Any) -> Path:
    """A feature_store.yaml over the shop's registry with other sections."""
    said = yaml.safe_load((shop.repo / "feature_store.yaml").read_text()) | changes
    file = folder / "feature_store.yaml"
    file.write_text(yaml.safe_dump(said))
    return file


def test_without_redis_the_start_fails_with_the_server_named(shop: ServingShop, tmp_path: Path) -> None:
    """One line on stderr, exit status 2, no traceback."""
    address = f"127.0.0.1:{free_port()}"
    file = _yaml(tmp_path, shop, online_store=configuration("", OUR_STORE, address)["online_store"])
    done = subprocess.run(
        [sys.executable, "-m", "serving"],
        env=environment(shop, SHOP_FEATURE_STORE_YAML=file, SHOP_API_PORT=0),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("serving: ")
    assert address in last
    assert "start Redis" in last
    assert "Traceback" not in done.stderr


def test_without_a_registry_the_start_says_to_apply(shop: ServingShop, tmp_path: Path) -> None:
    """And no empty registry is left behind."""
    file = _yaml(tmp_path, shop, registry={"path": "absent.db"})
    with pytest.raises(StartError, match=r"no registry .*absent\.db.*apply"):
        load_parts(_settings(shop, feature_store_yaml=file))
    assert not (shop.repo / "absent.db").exists()


def test_without_a_feature_store_yaml_the_start_says_which_setting(shop: ServingShop, tmp_path: Path) -> None:
    """SHOP_FEATURE_REPO or SHOP_FEATURE_STORE_YAML."""
    with pytest.raises(StartError, match="SHOP_FEATURE_REPO"):
        load_parts(_settings(shop, feature_repo=tmp_path))


@pytest.mark.parametrize(
    "section",
    [
        {"registry": {"path": "${SHOP_TEST_UNSET}/registry.db"}},
        {"online_store": {"type": OUR_STORE, "connection_string": "${SHOP_TEST_UNSET}"}},
    ],
)
def test_a_variable_that_is_not_set_is_refused(
    shop: ServingShop, tmp_path: Path, section: dict[str, Any]
) -> None:
    """Feast would keep it literally."""
    with pytest.raises(StartError, match="SHOP_TEST_UNSET"):
        load_parts(_settings(shop, feature_store_yaml=_yaml(tmp_path, shop, **section)))


def test_without_a_champion_the_start_says_to_train(shop: ServingShop, tmp_path: Path) -> None:
    """The file that is absent is named."""
    with pytest.raises(StartError, match=r"'fraud' has no champion .*train it first"):
        load_parts(_settings(shop, models_dir=tmp_path))


def test_a_model_of_other_definitions_is_refused(shop: ServingShop, tmp_path: Path) -> None:
    """Both hashes are named; training again is the way out."""
    for name in ("fraud", "recommendation"):
        save_model(card_of(shop.store(), name), tmp_path)
    other = card_of(shop.store(), "fraud").model_copy(update={"feature_service_hash": "0" * 64})
    save_card(other, tmp_path / "fraud" / "v1")
    for table in (shop.models / "recommendation" / "v1").glob("*.parquet"):
        (tmp_path / "recommendation" / "v1" / table.name).write_bytes(table.read_bytes())
    with pytest.raises(StartError, match=r"'fraud_v1' changed since fraud@v1 .*hash 000000000000.*train"):
        load_parts(_settings(shop, models_dir=tmp_path))


def test_a_port_in_use_is_named() -> None:
    """With the setting that changes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"cannot listen on 127.0.0.1:{port}: .*SHOP_API_PORT"):
            listen("127.0.0.1", port)


def test_a_model_that_wants_a_feature_nobody_has_is_refused(shop: ServingShop, tmp_path: Path) -> None:
    """It is named, with what to do."""
    for name in ("fraud", "recommendation"):
        card = card_of(shop.store(), name)
        first = card.inputs[0].model_copy(update={"name": "nobody_has_this"})
        inputs = (first, *card.inputs[1:])
        known = feature_service_hash(shop.store(), card.feature_service, {feature.name for feature in inputs})
        save_model(card.model_copy(update={"inputs": inputs, "feature_service_hash": known}), tmp_path)
    for table in (shop.models / "recommendation" / "v1").glob("*.parquet"):
        (tmp_path / "recommendation" / "v1" / table.name).write_bytes(table.read_bytes())
    with pytest.raises(
        StartError, match="reads nobody_has_this, which feature service 'fraud_v1' does not have"
    ):
        load_parts(_settings(shop, models_dir=tmp_path))


def test_nothing_that_computes_history_is_loaded(shop: ServingShop, tmp_path: Path) -> None:
    """Though feature_store.yaml names our offline store and engine: the API's image does without polars."""
    ours = yaml.safe_load((ROOT / "feature_repo" / "feature_store.yaml").read_text())
    file = _yaml(
        tmp_path, shop, **{name: ours[name] for name in ("provider", "offline_store", "batch_engine")}
    )
    script = (
        "import sys\n"
        "from serving.server import load_parts\n"
        "from serving.settings import ServingSettings\n"
        "load_parts(ServingSettings())\n"
        "print(sorted({'polars', 'ingestion.stores.offline', 'ingestion.stores.engine'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=environment(shop, SHOP_FEATURE_STORE_YAML=file),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_view_that_feast_does_not_read_is_named(shop: ServingShop, tmp_path: Path) -> None:
    """It was disabled before the API was started."""
    registry = tmp_path / "registry.db"
    registry.write_bytes((shop.repo / "registry.db").read_bytes())
    file = _yaml(tmp_path, shop, registry={"path": str(registry)})
    parts = load_parts(settings := _settings(shop, feature_store_yaml=file))
    view = parts.store.get_stream_feature_view("user_orders")
    view.enabled = False
    parts.store.registry.apply_feature_view(view, parts.store.project)
    with pytest.raises(StartError, match="'user_orders' is disabled"):
        asyncio.run(warm_up(parts, settings))
