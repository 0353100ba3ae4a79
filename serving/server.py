"""Composes the API from its settings, warms it up, serves it and ends it. Control path."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fastapi import FastAPI
from feast import FeatureStore
from feast.errors import FeastObjectNotFoundException

from artefact import ArtefactError, Card
from serving.admission import Admission
from serving.answers import Journal, ModelSet, NoJournal
from serving.app import create_app
from serving.arms.cast import Cast, load_cast
from serving.arms.chosen import ChosenArms
from serving.arms.figures import ArmFigures
from serving.arms.fit import fit_to
from serving.arms.shadows import Shadows
from serving.arms.swap import Swapper
from serving.dataplane import RECOMMENDATION, Predictor
from serving.erasures.desk import PERSON, ErasureDesk
from serving.erasures.opened import open_erasures
from serving.erasures.routes import add_erasures
from serving.errors import FeaturesUnavailableError, StartError
from serving.features import Readers, Row
from serving.freshness import Freshness
from serving.gate import answer
from serving.health import HealthMonitor
from serving.journal import open_journal
from serving.listening import check_not_open, listen
from serving.metrics import Metrics
from serving.models import Model
from serving.reading import PROBE_ROW, Reading, patient_readers
from serving.registry import check_definitions, open_store, refresh_forever
from serving.requests import EXAMPLE, PredictionRequest
from serving.rules import FRAUD
from serving.settings import ServingSettings
from serving.shop_rules import ShopRules
from serving.workers.place import Place

logger = logging.getLogger("serving")

WARM_UP = "warm-up"
"""Id of requests that nobody sent."""
_COLLECTED_AFTER = (20_000, 20, 20)
"""Objects and rounds between collections of garbage: an answer makes hundreds of objects, next to none in cycles."""
_WARM_UP_TIMEOUT_SECONDS = 30.0
"""The first read imports drivers and resolves the features; it may take long, later ones may not."""


@dataclass(frozen=True)
class Parts:
    """All that answers are made of; checked to fit each other."""

    store: FeatureStore
    cast: Cast

    @property
    def models(self) -> Mapping[str, Model]:
        """Those in use, by name."""
        return self.cast.champions

    @property
    def cards(self) -> tuple[list[Card], list[Card]]:
        """Of all versions of the fraud and of the recommendation model, champions first."""
        cards = [model.card for model in self.cast.models.values()]
        fraud, recommendation = ([c for c in cards if c.model == name] for name in (FRAUD, RECOMMENDATION))
        return fraud, recommendation

    def patient_readers(self, metrics: Metrics) -> Readers:
        """Readers for the start: they wait."""
        return patient_readers(self.store, *self.cards, _WARM_UP_TIMEOUT_SECONDS, metrics)

    def misfits(self) -> dict[str, str]:
        """Per model, why it does not fit the registered definitions."""
        return check_definitions(self.store, [model.card for model in self.models.values()])


def load_parts(settings: ServingSettings) -> Parts:
    """Read models and definitions.

    Raises:
        StartError: if something is missing or does not fit; it says which and what to do.
    """
    store = open_store(settings.feature_repo, settings.feature_store_yaml)
    try:
        return Parts(store, load_cast(settings.models, fit_to(store)))
    except ArtefactError as error:
        raise StartError(str(error)) from error


def model_set(cast: Cast, reads: Readers, shadows: Shadows, figures: ArmFigures) -> ModelSet:
    """The models of a cast with what they read."""
    return ModelSet(ChosenArms(cast, shadows, figures), cast.models, reads)


def predictor(models: ModelSet, settings: ServingSettings, metrics: Metrics, journal: Journal) -> Predictor:
    """The data plane over these models."""
    return Predictor(
        models=models,
        journal=journal,
        metrics=metrics,
        admission=Admission(settings.questions_max, metrics),
        candidates_max=settings.candidates_max,
        rules=ShopRules(frozenset(settings.bought_again)),
    )


async def warm_up(parts: Parts, settings: ServingSettings) -> None:
    """Answer questions about nobody until everything is loaded; they are not counted.

    Raises:
        StartError: if the online store does not answer, a feature that is read is not registered, or Feast does not read its view.
    """
    uncounted = Metrics()
    reads = parts.patient_readers(uncounted)
    figures = ArmFigures(uncounted.registry)
    models = model_set(parts.cast, reads, Shadows(NoJournal(), figures, 0), figures)
    patient = predictor(models, settings, uncounted, NoJournal())
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
    except ValueError as error:
        raise StartError(f"a first prediction failed: {error}") from error
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


class Composition:
    """The application with what it is made of, whose models can be replaced.

    Args:
        parts: Models and definitions.
        settings: Bounds and deadlines.
        metrics: Where everything is counted.
        journal: Is told of every prediction.

    Attributes:
        shadows: To be started and closed.
        monitor: Says whether it can answer.
        swapper: Looks for other models.
    """

    def __init__(self, parts: Parts, settings: ServingSettings, metrics: Metrics, journal: Journal) -> None:
        self._parts = parts
        self._settings = settings
        self._metrics = metrics
        self._figures = ArmFigures(metrics.registry)
        self.shadows = Shadows(journal, self._figures, settings.shadows_waiting_max)
        freshness = Freshness(settings.stream_stale_seconds)
        self._reading = Reading(
            parts.store,
            timeout_seconds=settings.feature_timeout_milliseconds / 1000,
            remembered_max=settings.remembered_max,
            freshness=freshness,
            metrics=metrics,
        )
        models = model_set(parts.cast, self._reading.readers(*parts.cards), self.shadows, self._figures)
        self._patient = parts.patient_readers(Metrics())
        self._predictor = predictor(models, settings, metrics, journal)
        self.swapper = Swapper(settings.models, fit_to(parts.store), self._use, parts.cast, self._figures)

        async def stream() -> str:
            return freshness.trouble

        self.monitor = HealthMonitor(
            lambda: self._parts.models,
            {"redis": self._reading.guard.trouble, "stream": stream, "wanted_models": self.swapper.trouble},
            self._misfits,
            datetime.now(UTC),
        )
        metrics.models_in_use(parts.cast.parts)

    def app(self, erasures: ErasureDesk) -> FastAPI:
        """The routes."""
        app = create_app(
            predictor=self._predictor,
            monitor=self.monitor,
            metrics=self._metrics,
            body_max_bytes=self._settings.body_max_bytes,
            batch_body_max_bytes=self._settings.batch_body_max_bytes,
            recommendations_default=self._settings.recommendations_default,
            recommendations_max=self._settings.candidates_max,
        )
        add_erasures(app, erasures)
        return app

    def forget(self, user_id: str) -> None:
        """Remember nothing of a person."""
        self._reading.forget(PERSON, user_id)

    async def refresh(self) -> None:
        """Read the registry again and again; the first read after a change is nobody's."""

        async def changed() -> None:
            self.monitor.definitions_changed()
            await self._patient.order.read([_nobody()])

        every_seconds = self._settings.registry_refresh_seconds
        await refresh_forever(self._parts.store, every_seconds, self._reading.check, changed)

    def _misfits(self) -> dict[str, str]:
        return self._parts.misfits()

    async def _use(self, cast: Cast) -> None:
        """Answer by other models from the next question on.

        A model that is new may read what no other did, or what was defined anew: features are resolved again, and read
        once before. What was remembered for the time without the online store stays, but for views that are read or defined
        otherwise.
        """
        parts, reads = replace(self._parts, cast=cast), self._predictor.models.readers
        if cast.models.keys() - self._parts.cast.models.keys():
            reads = await asyncio.to_thread(self._reading.readers, *parts.cards)
            self._patient = await asyncio.to_thread(parts.patient_readers, Metrics())
            with suppress(FeaturesUnavailableError):
                await self._patient.order.read([_nobody()])
        self._parts, self._predictor.models = parts, model_set(cast, reads, self.shadows, self._figures)
        self._metrics.models_in_use(cast.parts)
        self.monitor.definitions_changed()


async def serve(settings: ServingSettings, place: Place | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        settings: Of the API.
        place: Of this process among several; None where it is alone.

    Raises:
        StartError: if the API cannot start.
    """
    # Until there are models to look for: a look comes soon after the start anyway.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    check_not_open(settings.api_host, guarded=settings.guarded, allow_open=settings.api_allow_open)
    with place.socket() if place else listen(settings.api_host, settings.api_port) as listening:
        parts = load_parts(settings)
        try:
            await warm_up(parts, settings)
            await _serve(parts, listening, settings, place)
        finally:
            await parts.store.close()


async def _serve(
    parts: Parts, listening: socket.socket, settings: ServingSettings, place: Place | None
) -> None:
    metrics = Metrics()
    async with open_journal(settings, metrics.registry) as journal:
        composition = Composition(parts, settings, metrics, journal)
        composition.shadows.start()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, composition.swapper.look_now)
        beside = [
            asyncio.create_task(composition.refresh()),
            asyncio.create_task(composition.swapper.run(settings.models_refresh_seconds)),
        ]
        host, port = listening.getsockname()[:2]
        versions = [model.version for model in parts.models.values()]
        logger.info("%s://%s:%s answers with %s", settings.api_scheme, host, port, versions)
        try:
            async with open_erasures(settings, parts.store, composition.forget) as erasures:
                await answer(
                    composition.app(erasures),
                    listening,
                    settings,
                    store=parts.store,
                    metrics=metrics,
                    monitor=composition.monitor,
                    place=place,
                )
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await composition.shadows.close()


def _nobody() -> Row:
    """An order of a customer who does not exist."""
    return PredictionRequest.model_validate(EXAMPLE | PROBE_ROW).entity_row(datetime.now(UTC))
