"""Settings of the batch job."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class BatchSettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    model_config = SettingsConfigDict(
        env_prefix="SHOP_", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    feature_repo: Path = Path("feature_repo")
    """Folder of the Feast definitions; paths in feature_store.yaml are relative to it."""
