"""Is the API alive, and can it answer? Control path."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from serving.models import Model


@dataclass(frozen=True)
class ModelState:
    """A model that is loaded."""

    version: str
    feature_service: str
    created: datetime


@dataclass(frozen=True)
class Health:
    """Answer to ``GET /health``: the process is alive."""

    status: Literal["ok"]
    started: datetime
    uptime_seconds: float
    models: dict[str, ModelState]


@dataclass(frozen=True)
class Check:
    """One thing that is needed, or wished for, to answer; ``reason`` says what is wrong or worth knowing."""

    ok: bool
    reason: str = ""


@dataclass(frozen=True)
class Readiness:
    """Answer to ``GET /ready``."""

    ready: bool
    checks: dict[str, Check]


Wished = Callable[[], Awaitable[str]]
"""What is wrong with something that answers are better with; empty where nothing is."""


class HealthMonitor:
    """Answers the probes of an orchestrator.

    Args:
        models: Those in use, by name.
        wished: Dependencies by name whose trouble is told and does not take the API out of service: it answers without.
        misfits: Per model, why it does not fit the registered definitions; models that fit are absent.
        started: When the process began to serve.
    """

    def __init__(
        self,
        models: Callable[[], Mapping[str, Model]],
        wished: Mapping[str, Wished],
        misfits: Callable[[], Mapping[str, str]],
        started: datetime,
    ) -> None:
        self._models = models
        self._wished = wished
        self._misfits = misfits
        self._started = started
        self._found: Mapping[str, str] = {}
        self._needs: dict[str, Callable[[], Awaitable[str]]] = {}

    def needs(self, name: str, trouble: Callable[[], Awaitable[str]]) -> None:
        """Have ``/ready`` ask one thing more, which takes the API out of service while ``trouble`` is not empty."""
        self._needs[name] = trouble

    def definitions_changed(self) -> None:
        """Compare the models with the registered definitions again."""
        self._found = self._misfits()

    def health(self, now: datetime) -> Health:
        """Liveness: never waits for anything."""
        loaded = {
            name: ModelState(model.card.version, model.card.feature_service, model.card.created)
            for name, model in self._models().items()
        }
        return Health("ok", self._started, (now - self._started).total_seconds(), loaded)

    async def ready(self) -> Readiness:
        """Each dependency by name.

        A model whose feature service changed goes on answering from the definitions it was loaded with, and without the
        online store answers are made of remembered and typical values: that is said, and does not take the API out of
        service, since another process of it would do no better.
        """
        needed = {
            "registry": Check(ok=True, reason="definitions changed" if self._found else ""),
            **{name: _check(await trouble()) for name, trouble in self._needs.items()},
            **{name: Check(ok=True, reason=self._found.get(name, "")) for name in self._models()},
        }
        wished = {name: _check(await trouble()) for name, trouble in self._wished.items()}
        return Readiness(all(check.ok for check in needed.values()), needed | wished)


def _check(trouble: str) -> Check:
    return Check(ok=not trouble, reason=trouble)
