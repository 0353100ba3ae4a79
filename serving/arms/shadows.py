"""Models that score what was answered, beside the answers and never in their way.

What waits is bounded; beyond that it is shed and counted. A thread of its own runs the models: onnxruntime lets the event
loop go on meanwhile. Each score is told to the journal as a prediction of its own with the request's id, so that the
answer's record waits for nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from artefact import CANDIDATE_SCORE
from artefact.experiments import SHADOW
from serving.answers import Journal, Score, Served
from serving.arms.figures import ArmFigures
from serving.candidates import Candidates
from serving.models import Model
from serving.scoring import LAST_VIEWED_COLUMN

logger = logging.getLogger(__name__)

_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Shadow:
    """A model that decides nothing.

    Attributes:
        experiment: What it belongs to.
        model: Scores.
        candidates: Its own, where it recommends: an input of it comes from them.
    """

    experiment: str
    model: Model
    candidates: Candidates | None


class Shadows:
    """Scores what it is offered, some time.

    Args:
        journal: Is told of every score.
        figures: Where scores and what was shed are counted.
        waiting_max: Predictions that may wait; 0 sheds all.
    """

    def __init__(self, journal: Journal, figures: ArmFigures, waiting_max: int) -> None:
        self._journal = journal
        self._figures = figures
        self._waiting_max = waiting_max
        self._waiting: deque[tuple[Shadow, Served]] = deque()
        self._offered = asyncio.Event()
        self._closing = False
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "shadows")

    def offer(self, shadow: Shadow, served: Served) -> None:
        """Let the shadow score what was served, unless too much waits already. Takes a microsecond."""
        if len(self._waiting) >= self._waiting_max:
            self._figures.shadow["shed"].inc()
            return
        self._waiting.append((shadow, served))
        self._offered.set()

    def start(self) -> None:
        """Begin to score; within a running event loop."""
        self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Score what still waits, then end."""
        self._closing = True
        self._offered.set()
        if self._worker:
            await self._worker
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        while True:
            await self._offered.wait()
            self._offered.clear()
            await self._empty()
            if self._closing:
                return

    async def _empty(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            for shadow, group in groupby(sorted(batch, key=_shadow_id), key=lambda one: one[0]):
                await self._score(shadow, [served for _, served in group])

    async def _score(self, shadow: Shadow, served: Sequence[Served]) -> None:
        loop = asyncio.get_running_loop()
        try:
            scored = await loop.run_in_executor(self._thread, scored_by, shadow, served)
        except Exception:  # whatever is wrong with a shadow, answers go on
            logger.exception("shadow %s of %s failed", shadow.model.version, shadow.experiment)
            self._figures.shadow["failed"].inc(len(served))
            return
        for one in scored:
            self._journal.record(one)
            self._figures.shadow["scored"].inc()
            await asyncio.sleep(0)


def scored_by(shadow: Shadow, served: Sequence[Served]) -> list[Served]:
    """The predictions as a shadow makes them: from the same values as the deciding models had, but its own candidates."""
    own: dict[str, list[Any]] = {}
    columns = _columns([{**one.row, **one.features} for one in served])
    if shadow.candidates is not None:
        pairs = zip(columns[LAST_VIEWED_COLUMN], columns["product_id"], strict=True)
        own[CANDIDATE_SCORE] = [shadow.candidates.score(viewed, product) for viewed, product in pairs]
    rows = shadow.model.encode({**columns, **own})
    inputs = rows.astype(object)
    inputs[np.isnan(rows)] = None
    name, arm = shadow.model.card.model, f"{shadow.experiment}:{SHADOW}"
    scored = zip(served, shadow.model.score(rows).tolist(), inputs.tolist(), strict=True)
    return [
        replace(
            one,
            features={**one.features, **{feature: values[place] for feature, values in own.items()}},
            scores={name: Score(shadow.model.version, probability, values, arm, shadow=True)},
        )
        for place, (one, probability, values) in enumerate(scored)
    ]


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in rows[0]}


def _shadow_id(offered: tuple[Shadow, Served]) -> int:
    return id(offered[0])
