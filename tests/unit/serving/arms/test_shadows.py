"""Shadows score what was answered, and nobody waits for them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from serving.arms.figures import ArmFigures
from serving.arms.shadows import Shadow, Shadows
from serving.candidates import Candidates
from serving.models import Model
from tests.unit.serving.arms.shop import served
from tests.unit.serving.fakes import Notebook


class Stage:
    """Shadows with their journal and figures."""

    def __init__(self, waiting_max: int = 100) -> None:
        self.registry = CollectorRegistry()
        self.journal = Notebook()
        self.shadows = Shadows(self.journal, ArmFigures(self.registry), waiting_max)

    def counted(self, outcome: str) -> float:
        return (
            self.registry.get_sample_value("shop_api_shadow_predictions_total", {"outcome": outcome}) or 0.0
        )

    def play(self, act: Callable[[], Awaitable[None]]) -> None:
        """They score meanwhile and are closed at the end."""

        async def whole() -> None:
            self.shadows.start()
            await act()
            await self.shadows.close()

        asyncio.run(whole())


@pytest.fixture(scope="module")
def fraud(trained: Path) -> Shadow:
    return Shadow("more-trees", Model.load(trained / "fraud" / "v2"), None)


def test_a_score_is_recorded_as_a_prediction_of_its_own(fraud: Shadow) -> None:
    """With the request's id, the experiment, and shadow=true; the deciding scores are not in it."""
    stage, given = Stage(), served()

    async def act() -> None:
        stage.shadows.offer(fraud, given)

    stage.play(act)
    (recorded,) = stage.journal.served
    assert recorded == replace(given, scores=recorded.scores)
    (score,) = recorded.scores.values()
    expected = fraud.model.score_columns({"transaction_amount": [60.0]}).tolist()
    assert [score.probability] == expected
    assert (score.version, score.inputs, score.arm, score.shadow) == (
        "fraud@v2",
        [60.0],
        "more-trees:shadow",
        True,
    )


def test_a_recommendation_is_scored_with_the_shadows_own_candidates(trained: Path) -> None:
    """Product b goes with a in the deciding model's table; in its own it is a that goes with b."""
    folder = trained / "recommendation" / "v2"
    shadow, stage = Shadow("by-session", Model.load(folder), Candidates.load(folder)), Stage()

    async def act() -> None:
        stage.shadows.offer(shadow, served())

    stage.play(act)
    (told,) = stage.journal.served
    (score,) = told.scores.values()
    assert shadow.candidates is not None
    assert score.inputs == [pytest.approx(shadow.candidates.score("a", "b"))] != [0.1]
    assert told.features["candidate_score"] == shadow.candidates.score("a", "b")


def test_orders_and_entries_of_lists_are_scored_together(trained: Path) -> None:
    """An order has more features than an entry of a list; each keeps its own, but for the candidates' score."""
    folder = trained / "recommendation" / "v2"
    shadow, stage = Shadow("by-session", Model.load(folder), Candidates.load(folder)), Stage()
    entry = served(row={"user_id": "user_1", "product_id": "b"})
    order = served(features={**entry.features, "orders": 3})

    async def act() -> None:
        for one in (entry, order, entry):
            stage.shadows.offer(shadow, one)

    stage.play(act)
    assert stage.counted("scored") == 3
    assert shadow.candidates is not None
    own = {"candidate_score": shadow.candidates.score("a", "b")}
    assert [one.features for one in stage.journal.served] == [
        {**one.features, **own} for one in (entry, order, entry)
    ]


def test_what_waits_is_bounded(fraud: Shadow) -> None:
    """Beyond it is shed and counted; what waited is scored, also at the end."""
    stage = Stage(waiting_max=70)

    async def act() -> None:
        for i in range(100):
            stage.shadows.offer(fraud, served(f"user_{i}"))

    stage.play(act)
    assert (stage.counted("scored"), stage.counted("shed")) == (70, 30)
    assert [one.row["user_id"] for one in stage.journal.served] == [f"user_{i}" for i in range(70)]


def test_a_shadow_that_fails_is_counted_and_others_go_on(fraud: Shadow, trained: Path) -> None:
    """Its input is missing."""
    other = Shadow("by-session", Model.load(trained / "fraud" / "v3"), None)
    stage, nothing = Stage(), served(row={"user_id": "u"})

    async def act() -> None:
        stage.shadows.offer(fraud, nothing)
        stage.shadows.offer(other, served())

    stage.play(act)
    assert (stage.counted("failed"), stage.counted("scored")) == (1, 1)


def test_the_event_loop_goes_on_meanwhile(fraud: Shadow, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that takes its time holds nobody up: the loop turns while it scores."""
    stage = Stage()
    begun, end = asyncio.Event(), threading.Event()

    async def act() -> None:
        loop = asyncio.get_running_loop()

        def slow(*_: object) -> None:
            loop.call_soon_threadsafe(begun.set)
            assert end.wait(10)
            raise ValueError("never scores")

        monkeypatch.setattr("serving.arms.shadows.scored_by", slow)
        stage.shadows.offer(fraud, served())
        await asyncio.wait_for(begun.wait(), 10)
        end.set()

    stage.play(act)
    assert stage.counted("failed") == 1
