"""Settings come from the environment, prefixed."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from connections.settings import describe
from infra.settings import InfraSettings, user_cache


def test_the_cache_follows_the_xdg_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """$XDG_CACHE_HOME where it is set, ~/.cache where not."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/tmp/cache")  # noqa: S108  (only a name)
    assert user_cache() == Path("/var/tmp/cache/feast-shop")  # noqa: S108
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_cache() == Path.home() / ".cache" / "feast-shop"


def test_an_empty_variable_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """`SHOP_REDIS_ADDRESS=` means that Redis is started here."""
    monkeypatch.setenv("SHOP_REDIS_ADDRESS", "")
    monkeypatch.setenv("SHOP_KAFKA_BOOTSTRAP", "broker:9092")
    settings = InfraSettings()
    assert settings.redis_address is None
    assert settings.kafka_bootstrap == "broker:9092"


def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the field."""
    monkeypatch.setenv("SHOP_KAFKA_PORT", "http")
    with pytest.raises(ValidationError, match="kafka_port"):
        InfraSettings()


def test_every_setting_is_described() -> None:
    """One line each, with variable, meaning and default; the help of the commands ends with them."""
    lines = describe(InfraSettings).splitlines()
    assert len(lines) == len(InfraSettings.model_fields)
    assert all("None [" not in line for line in lines)
    assert f"  {'SHOP_API_PORT':<36} Port for the prediction API" in "\n".join(lines)
