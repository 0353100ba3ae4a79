"""Composes the API from its settings, warms it up, serves it and ends it. Control path."""

import asyncio
import gc
import logging
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI
from feast import FeatureStore
from feast.errors import FeastObjectNotFoundException

from artefact import ArtefactError
from serving.admission import Admission
from serving.answers import Arm, Champions, Journal, ModelSet, NoJournal
from serving.app import create_app
from serving.candidates import Candidates
from serving.dataplane import RECOMMENDATION, Predictor
from serving.errors import FeaturesUnavailableError, StartError
from serving.features import Readers
from serving.freshness import Freshness
from serving.health import HealthMonitor
from serving.journal import open_journal
from serving.metrics import Metrics
from serving.models import Model, load_champion
from serving.reading import PROBE_ROW, Reading, patient_readers
from serving.registry import check_definitions, open_store, refresh_forever
from serving.requests import EXAMPLE, PredictionRequest
from serving.rules import FRAUD
from serving.settings import ServingSettings

logger = logging.getLogger("serving")

WARM_UP = "warm-up"
"""Id of requests that nobody sent."""
_WARM_UP_TIMEOUT_SECONDS = 30.0
"""The first read imports drivers and resolves the features; it may take long, later ones may not."""


@dataclass(frozen=True)
class Parts:
    """All that answers are made of; checked to fit each other."""

    store: FeatureStore
    fraud: Model
    recommendation: Model
    candidates: Candidates

    @property
    def models(self) -> dict[str, Model]:
        """By name."""
        return {FRAUD: self.fraud, RECOMMENDATION: self.recommendation}

    def patient_readers(self, metrics: Metrics) -> Readers:
        """Readers for the start: they wait."""
        cards = [self.fraud.card], [self.recommendation.card]
        return patient_readers(self.store, *cards, _WARM_UP_TIMEOUT_SECONDS, metrics)

    def misfits(self) -> dict[str, str]:
        """Per model, why it does not fit the registered definitions."""
        return check_definitions(self.store, [model.card for model in self.models.values()])


def load_parts(settings: ServingSettings) -> Parts:
    """Read models and definitions.

    Raises:
        StartError: if something is missing or does not fit; it says which and what to do.
    """
    try:
        fraud = load_champion(settings.models, FRAUD)
        _ = fraud.thresholds
        recommendation = load_champion(settings.models, RECOMMENDATION)
        candidates = Candidates.load(recommendation.folder)
    except ArtefactError as error:
        raise StartError(str(error)) from error
    store = open_store(settings.feature_repo, settings.feature_store_yaml)
    parts = Parts(store, fraud, recommendation, candidates)
    if misfits := parts.misfits():
        raise StartError("; ".join(misfits.values()))
    return parts


def model_set(parts: Parts, reads: Readers) -> ModelSet:
    """The champions, for all."""
    arm = Arm("champion", None, parts.fraud, parts.recommendation, parts.candidates)
    return ModelSet(Champions(arm), {model.version: model for model in parts.models.values()}, reads)


def predictor(
    parts: Parts, settings: ServingSettings, reads: Readers, metrics: Metrics, journal: Journal
) -> Predictor:
    """The data plane over these parts."""
    return Predictor(
        models=model_set(parts, reads),
        journal=journal,
        metrics=metrics,
        admission=Admission(settings.questions_max, metrics),
        candidates_max=settings.candidates_max,
    )


async def warm_up(parts: Parts, settings: ServingSettings) -> None:
    """Answer questions about nobody until everything is loaded; they are not counted.

    Raises:
        StartError: if the online store does not answer, or a feature that is read is not registered.
    """
    uncounted = Metrics()
    reads = parts.patient_readers(uncounted)
    patient = predictor(parts, settings, reads, uncounted, NoJournal())
    question = PredictionRequest.model_validate(EXAMPLE | PROBE_ROW)
    try:
        for _ in range(settings.warm_up_requests):
            await patient.predict(question, WARM_UP)
        await patient.recommend(question.user_id, 1, WARM_UP)
    except FeaturesUnavailableError as error:
        raise StartError(
            f"{error.detail}; start Redis or correct online_store in feature_store.yaml"
        ) from error
    except (ArtefactError, FeastObjectNotFoundException, KeyError) as error:
        raise StartError(f"a first prediction failed: {error}; run `feast apply` and train again") from error
    gc.collect()
    gc.freeze()


def compose(
    parts: Parts, settings: ServingSettings, metrics: Metrics, journal: Journal
) -> tuple[FastAPI, HealthMonitor]:
    """The application and its monitor."""
    for name, model in parts.models.items():
        metrics.model(name, model.card.version)
    freshness = Freshness(settings.stream_stale_seconds)

    async def stream() -> str:
        return freshness.trouble

    reading = Reading(
        parts.store,
        timeout_seconds=settings.feature_timeout_milliseconds / 1000,
        remembered_max=settings.remembered_max,
        freshness=freshness,
        metrics=metrics,
    )
    reads = reading.readers([parts.fraud.card], [parts.recommendation.card])
    monitor = HealthMonitor(
        lambda: parts.models,
        {"redis": reading.guard.trouble, "stream": stream},
        parts.misfits,
        datetime.now(UTC),
    )
    app = create_app(
        predictor=predictor(parts, settings, reads, metrics, journal),
        monitor=monitor,
        metrics=metrics,
        body_max_bytes=settings.body_max_bytes,
        batch_body_max_bytes=settings.batch_body_max_bytes,
        recommendations_default=settings.recommendations_default,
        recommendations_max=settings.candidates_max,
    )
    return app, monitor


async def serve(settings: ServingSettings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first.

    Raises:
        StartError: if the API cannot start.
    """
    with listen(settings.api_host, settings.api_port) as listening:
        parts = load_parts(settings)
        try:
            await warm_up(parts, settings)
            await _serve(parts, listening, settings)
        finally:
            await parts.store.close()


async def _serve(parts: Parts, listening: socket.socket, settings: ServingSettings) -> None:
    metrics = Metrics()
    async with open_journal(settings, metrics.registry) as journal:
        app, monitor = compose(parts, settings, metrics, journal)
        refresh = asyncio.create_task(_refresh(parts, settings, monitor))
        host, port = listening.getsockname()[:2]
        logger.info("http://%s:%s answers with %s", host, port, [m.version for m in parts.models.values()])
        try:
            await _run(app, listening, settings)
        finally:
            refresh.cancel()
            with suppress(asyncio.CancelledError):
                await refresh


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address; clients are refused until the server listens.

    Raises:
        StartError: if the address is taken or not ours.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise StartError(
            f"cannot listen on {host}:{port}: {error}; set SHOP_API_HOST or SHOP_API_PORT"
        ) from error
    return listening


async def _run(app: FastAPI, listening: socket.socket, settings: ServingSettings) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=settings.stop_timeout_seconds,
        )
    )
    # uvicorn raises the signal that ended it once more; by then all is done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _done)
    await server.serve(sockets=[listening])


def _done(*_: Any) -> None:
    """Nothing is left to do."""


async def _refresh(parts: Parts, settings: ServingSettings, monitor: HealthMonitor) -> None:
    reads = parts.patient_readers(Metrics())

    async def changed() -> None:
        monitor.definitions_changed()
        question = PredictionRequest.model_validate(EXAMPLE | PROBE_ROW)
        await reads.order.read([question.entity_row(datetime.now(UTC))])

    await refresh_forever(parts.store, settings.registry_refresh_seconds, changed)
