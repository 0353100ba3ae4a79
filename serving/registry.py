"""The Feast registry as the API uses it: opened once, held in memory, read again beside the requests. Control path."""

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from feast import FeatureStore
from feast.errors import FeastObjectNotFoundException
from feast.repo_config import FeastConfigBaseModel, FeastConfigError, RepoConfig
from feast.utils import get_default_yaml_file_path
from pydantic import ValidationError

from artefact import Card, feature_service_hash
from serving.errors import StartError

logger = logging.getLogger(__name__)

_APPLY = "run `feast -c {repo} apply`"


def open_store(feature_repo: Path, feature_store_yaml: Path | None = None) -> FeatureStore:
    """The feature store, its registry held in memory until it is refreshed by hand.

    With a time to live, the request that meets its end would wait for the whole registry to be read. So would, by Feast's
    mode "sync", the one that finds a registry's file changed, and it may find a file that is being written.

    Raises:
        StartError: if the configuration cannot be read, or the registry is not there.
    """
    file = feature_store_yaml or get_default_yaml_file_path(feature_repo)
    config = _configuration(feature_repo, file)
    config.registry.cache_ttl_seconds = 0
    if config.registry.registry_type == "file":
        config.registry.cache_mode = "thread"  # of files Feast starts no thread
    _check_registry_file(config, feature_repo)
    return FeatureStore(repo_path=str(feature_repo), config=config)


def check_definitions(store: FeatureStore, cards: Sequence[Card]) -> dict[str, str]:
    """Per model, why it does not fit the registered definitions; models that fit are absent."""
    found: dict[str, str] = {}
    for card in cards:
        try:
            inputs = {feature.name for feature in card.inputs}
            registered = feature_service_hash(store, card.feature_service, inputs)
        except FeastObjectNotFoundException as error:
            found[card.model] = f"{error}; {_APPLY.format(repo=store.repo_path)}"
            continue
        if registered != card.feature_service_hash:
            found[card.model] = (
                f"inputs in feature service {card.feature_service!r} changed since {card.model}@{card.version} was trained "
                f"(hash {card.feature_service_hash[:12]}, registered {registered[:12]}); train the model again"
            )
    return found


async def refresh_forever(
    store: FeatureStore,
    every_seconds: float,
    check: Callable[[FeatureStore], object],
    changed: Callable[[], Awaitable[None]],
) -> None:
    """Read the registry again and again in a thread; a failure keeps the registry that is held.

    Feast writes a registry's file in place: who reads it meanwhile, or after a writer was killed, may find it empty.

    Args:
        store: Its registry is replaced where the stored one has another version.
        every_seconds: Pause between two reads.
        check: Raises where what is read at every request is not in a store's registry: then that one is not used.
        changed: Awaited after each replacement: the next read resolves all features anew, which takes 20 ms.
    """
    while True:
        await asyncio.sleep(every_seconds)
        try:
            if await asyncio.to_thread(_refresh, store, check):
                await changed()
        except Exception:  # whatever the registry's storage raises
            logger.exception("the registry could not be read again; the one in memory stays in use")


def _refresh(store: FeatureStore, check: Callable[[FeatureStore], object]) -> bool:
    stored = FeatureStore(config=store.config, repo_path=str(store.repo_path))
    if stored.registry.proto().version_id == store.registry.proto().version_id:
        return False
    check(stored)
    # The very one that was looked at: read once more, it could be another one.
    store._registry = stored.registry  # noqa: SLF001
    store._clear_feature_service_cache()  # noqa: SLF001
    return True


def _configuration(repo: Path, file: Path) -> RepoConfig:
    """As Feast reads it, but for the offline store and the engine: history is not asked here, so they need not be installed."""
    try:
        said = yaml.safe_load(os.path.expandvars(file.read_text()))
        said.pop("batch_engine", None)
        config = RepoConfig(**said | {"offline_store": FeastConfigBaseModel()})
        config.repo_path = repo.resolve()
        _ = config.online_store, config.registry
    except FileNotFoundError as error:
        raise StartError(f"there is no {file}; set SHOP_FEATURE_REPO or SHOP_FEATURE_STORE_YAML") from error
    except ValidationError as error:
        raise StartError(f"{file} cannot be used: {FeastConfigError(error, file)}") from error
    return config


def _check_registry_file(config: RepoConfig, repo: Path) -> None:
    """Feast would create an empty registry where a file is absent, and say later that a service is unknown."""
    path = str(config.registry.path)
    if unset := re.search(r"\$\{?\w+\}?", path):
        raise StartError(f"registry path {path!r} holds {unset[0]}, which is not set in the environment")
    if not urlsplit(path).scheme and not (repo / path).exists():
        raise StartError(f"there is no registry {(repo / path).resolve()}; {_APPLY.format(repo=repo)}")
