"""docker-compose.yml starts the same programs in an order that can work."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import InfraSettings

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def one_shot(service: dict[str, Any]) -> bool:
    return bool(service["restart"] == "no")


@pytest.mark.parametrize("name", SERVICES)
def test_what_it_waits_for_exists_and_can_be_waited_for(name: str) -> None:
    """Healthy needs a health check, completed needs a service that ends."""
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        condition = wanted["condition"]
        assert condition == (
            "service_completed_successfully" if one_shot(SERVICES[other]) else "service_healthy"
        )


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_one_shot_or_has_a_health_check(name: str) -> None:
    """What stays up says whether it is well."""
    assert one_shot(SERVICES[name]) != ("healthcheck" in SERVICES[name])


def test_the_order_has_no_circle() -> None:
    """Every service can be started after those it waits for."""
    started: set[str] = set()
    while len(started) < len(SERVICES):
        ready = {
            name for name, service in SERVICES.items() if started.issuperset(service.get("depends_on", {}))
        }
        assert ready - started, f"waiting for one another: {sorted(SERVICES.keys() - started)}"
        started |= ready


def test_commands_name_modules_of_ours() -> None:
    """`python -m <module>` is there to be run."""
    commands = [service["command"] for service in SERVICES.values() if "command" in service]
    modules = [command[2] for command in commands if command[:2] == ["python", "-m"]]
    assert len(modules) >= 3
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_named_volumes_are_declared_and_used() -> None:
    """No volume is misspelt."""
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_the_feature_store_file_of_the_containers_exists() -> None:
    """All programs are given the same one, by Feast's own variable."""
    files = {
        service["environment"]["FEAST_FS_YAML_FILE_PATH"]
        for service in SERVICES.values()
        if service["image"].startswith("feast-shop/")
    }
    (file,) = files
    assert (ROOT / Path(file).relative_to("/app")).is_file()


def test_the_broker_is_the_one_used_locally() -> None:
    """Image and jars are of one version."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{InfraSettings().kafka_version}"


def test_variables_are_explained_with_their_defaults() -> None:
    """.env.example lists each variable of the files, with the default that it has there, and no other; secrets have none."""
    text = TEXT + (ROOT / "docker-compose.monitoring.yml").read_text()
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    secret = dict.fromkeys(re.findall(r"\$\{(\w+):\?", text), "")
    example = (ROOT / ".env.example").read_text()
    assert dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE)) == used | secret
    assert len(re.findall(r"\$\{", text)) == len(re.findall(r"\$\{\w+:[-?]", text))


def test_the_containers_feature_store_fits_the_containers() -> None:
    """Its registry and archive lie in the volume that the programs share, its Redis is the one started here."""
    store = yaml.safe_load((ROOT / "feature_repo" / "feature_store.compose.yaml").read_text())
    for name in ("fill", "stream", "api"):
        environment = SERVICES[name]["environment"]
        assert f"data:{environment['SHOP_DATA_DIR']}" in SERVICES[name]["volumes"]
        assert store["registry"]["path"].startswith(f"{environment['SHOP_DATA_DIR']}/")
        assert store["offline_store"]["root"] == environment["SHOP_DATA_DIR"]
        assert store["online_store"]["connection_string"] == environment["SHOP_REDIS_ADDRESS"]
