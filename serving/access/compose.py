"""The guard of an API from its settings. Control path."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress

from feast import FeatureStore
from prometheus_client import CollectorRegistry

from serving.access.authentication import Authentication
from serving.access.buckets import LocalBuckets, Rate
from serving.access.guard import AccessMetrics, Guard
from serving.access.jwks import Jwks, JwksError
from serving.access.key_file import KeyFile
from serving.access.keys import KeyFileError
from serving.access.limiter import Limiter, Link
from serving.access.tokens import ASYMMETRIC, Tokens
from serving.errors import StartError
from serving.settings import ServingSettings

logger = logging.getLogger(__name__)


@asynccontextmanager
async def guarding(
    settings: ServingSettings, store: FeatureStore, registry: CollectorRegistry
) -> AsyncIterator[Guard]:
    """A guard; meanwhile the keys of tokens are read again and again.

    Raises:
        StartError: if keys cannot be read, or settings are missing.
    """
    tokens = _tokens(settings)
    guard = Guard(Authentication(_keys(settings), tokens), _limiter(settings, store), AccessMetrics(registry))
    if tokens is None:
        yield guard
        return
    try:
        await tokens.jwks.read()
    except JwksError as error:
        raise StartError(f"{error}; set SHOP_API_JWT_JWKS") from error
    reading = asyncio.create_task(tokens.jwks.read_forever(settings.api_jwt_refresh_seconds))
    try:
        yield guard
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


def _keys(settings: ServingSettings) -> KeyFile | None:
    try:
        return KeyFile(settings.api_keys_file) if settings.api_keys_file else None
    except KeyFileError as error:
        raise StartError(str(error)) from error


def _tokens(settings: ServingSettings) -> Tokens | None:
    if settings.api_jwt_jwks is None:
        return None
    if not settings.api_jwt_issuer or not settings.api_jwt_audience:
        raise StartError(
            "SHOP_API_JWT_JWKS is set: set SHOP_API_JWT_ISSUER and SHOP_API_JWT_AUDIENCE as well"
        )
    algorithms = settings.jwt_algorithms
    if not algorithms or not ASYMMETRIC.issuperset(algorithms):
        raise StartError(
            f"SHOP_API_JWT_ALGORITHMS is {settings.api_jwt_algorithms!r}; name some of {', '.join(sorted(ASYMMETRIC))}"
        )
    try:
        jwks = Jwks(settings.api_jwt_jwks, settings.api_jwt_unknown_key_seconds)
    except JwksError as error:
        raise StartError(str(error)) from error
    return Tokens(
        jwks,
        settings.api_jwt_issuer,
        settings.api_jwt_audience,
        algorithms,
        settings.api_jwt_scopes_claim,
        settings.api_jwt_leeway_seconds,
    )


def _limiter(settings: ServingSettings, store: FeatureStore) -> Limiter | None:
    if settings.api_rate_per_second is None:
        return None
    rate = Rate(settings.api_rate_per_second, settings.rate_burst)
    local = LocalBuckets(rate, settings.api_rate_clients_max)
    return Limiter(rate, local, _link(store), settings.api_rate_timeout_milliseconds / 1000)


def _link(store: FeatureStore) -> Callable[[], AbstractContextManager[Link]] | None:
    """The online store's own way to Redis, where it has one."""
    connections = getattr(store.provider.online_store, "connections", None)
    if connections is None:
        logger.warning("the online store shares no connection: rates are held by each process alone")
        return None

    def link() -> AbstractContextManager[Link]:
        return connections(store.config).async_link()

    return link
