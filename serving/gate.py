"""Between the socket and the routes: composed here, in the order in which a request meets it. Control path."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from fastapi import FastAPI
from feast import FeatureStore
from starlette.middleware.cors import CORSMiddleware

from serving.access.authentication import KEY_HEADER
from serving.access.compose import guarding
from serving.access.openapi import describe
from serving.edge.depth import BoundedDepth
from serving.edge.drain import ClosingConnections, Drain, DrainingServer, end_quietly
from serving.edge.headers import SecurityHeaders
from serving.edge.protocol import bounded
from serving.errors import StartError
from serving.health import HealthMonitor
from serving.logs import AccessLog, Ids
from serving.metrics import Metrics
from serving.request_ids import HEADER
from serving.settings import ServingSettings
from serving.tracing import TracedStage, Traces, exporting
from serving.workers.crew import Crew
from serving.workers.place import Place

_CORS_MAX_AGE_SECONDS = 600


async def answer(
    app: FastAPI,
    listening: socket.socket,
    settings: ServingSettings,
    *,
    store: FeatureStore,
    metrics: Metrics,
    monitor: HealthMonitor,
    place: Place | None,
) -> None:
    """Serve ``app`` until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        app: With all its routes.
        listening: Bound.
        settings: Of the API.
        store: Whose Redis holds the rates.
        metrics: Of this process.
        monitor: Told of the end and of the other workers.
        place: Of this process among several; None where it is alone.

    Raises:
        StartError: if something named in the settings is missing or wrong.
    """
    drain = Drain()
    monitor.needs("drain", drain.trouble)
    async with AsyncExitStack() as stack:
        if place is not None:
            crew = Crew(place.folder, place.number, settings.api_workers, metrics.registry, drain.trouble)
            monitor.needs("workers", crew.trouble)
            metrics.expose = crew.exposition
            await stack.enter_async_context(crew.meeting())
        await stack.enter_async_context(gate(app, settings, store, metrics, drain))
        server = DrainingServer(_config(app, settings), drain, settings.api_drain_seconds)
        end_quietly()
        if place is not None:
            stack.enter_context(place.ending_with_its_supervisor(server.end))
        await server.serve(sockets=[listening])


@asynccontextmanager
async def gate(
    app: FastAPI, settings: ServingSettings, store: FeatureStore, metrics: Metrics, drain: Drain
) -> AsyncIterator[None]:
    """Put everything before the routes of ``app``; what is added last is met first.

    Raises:
        StartError: if something named in the settings is missing or wrong.
    """
    async with AsyncExitStack() as stack:
        guard = await stack.enter_async_context(guarding(settings, store, metrics.registry))
        guard.protect(app)
        describe(app, guard)
        app.add_middleware(BoundedDepth, most=settings.api_json_depth_max)
        if settings.cors_origins:
            _add_cors(app, settings.cors_origins)
        if settings.api_traces_endpoint:
            tracer = stack.enter_context(exporting(settings.api_traces_endpoint))
            metrics.stage |= {name: TracedStage(stage, name, tracer) for name, stage in metrics.stage.items()}
            app.add_middleware(Traces, tracer=tracer)
        if settings.api_access_log:
            salt = settings.log_ids_salt
            app.add_middleware(AccessLog, ids=Ids(salt.get_secret_value() if salt else None))
        pages = frozenset(page for page in (app.docs_url, app.redoc_url) if page)
        app.add_middleware(SecurityHeaders, pages=pages, tls=settings.api_tls_certificate is not None)
        app.add_middleware(ClosingConnections, drain=drain)
        yield


def _add_cors(app: FastAPI, origins: list[str]) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", KEY_HEADER, HEADER],
        expose_headers=[HEADER, "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
        max_age=_CORS_MAX_AGE_SECONDS,
    )


def _config(app: FastAPI, settings: ServingSettings) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=bounded(
            settings.api_headers_max, settings.api_head_max_bytes, settings.api_head_timeout_seconds
        ),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        # Whoever is on this machine could name any address as theirs.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=settings.api_keep_alive_seconds,
        timeout_graceful_shutdown=settings.stop_timeout_seconds,
        ssl_certfile=settings.api_tls_certificate,
        ssl_keyfile=settings.api_tls_key,
        ssl_ca_certs=str(settings.api_tls_client_ca) if settings.api_tls_client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if settings.api_tls_client_ca else ssl.CERT_NONE,
    )
    if settings.api_tls_certificate is None and (settings.api_tls_key or settings.api_tls_client_ca):
        raise StartError(
            "SHOP_API_TLS_KEY and SHOP_API_TLS_CLIENT_CA mean nothing without SHOP_API_TLS_CERTIFICATE"
        )
    try:
        config.load()
    except OSError as error:
        files = [
            file
            for file in (settings.api_tls_certificate, settings.api_tls_key, settings.api_tls_client_ca)
            if file
        ]
        raise StartError(
            f"TLS cannot be used with {', '.join(map(str, files))}: {error}; set SHOP_API_TLS_CERTIFICATE, "
            "SHOP_API_TLS_KEY and SHOP_API_TLS_CLIENT_CA to PEM files"
        ) from error
    return config
