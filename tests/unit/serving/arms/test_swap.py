"""Models change while questions are answered."""

import asyncio
import logging
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from artefact import Card, set_champion
from serving.arms.cast import Cast, load_cast
from serving.arms.figures import ArmFigures
from serving.arms.swap import Swapper
from tests.unit.serving.arms.shop import experiment, fits, run_experiments


class Stage:
    """A swapper over a folder, and what it put in use.

    Attributes:
        misfit: A version that does not fit for now.
    """

    def __init__(self, folder: Path) -> None:
        self.misfit: str | None = None
        self.used: list[Cast] = []
        self.registry = CollectorRegistry()
        self.swapper = Swapper(
            folder, self._fit, self._use, load_cast(folder, fits), ArmFigures(self.registry)
        )

    async def _use(self, cast: Cast) -> None:
        self.used.append(cast)

    def _fit(self, card: Card) -> str | None:
        return "other definitions" if card.version == self.misfit else None

    def look(self) -> bool:
        return asyncio.run(self.swapper.look())

    def counted(self, outcome: str) -> float:
        return self.registry.get_sample_value("shop_api_model_swaps_total", {"outcome": outcome}) or 0.0


def test_nothing_changes_where_nothing_changed(folder: Path) -> None:
    """However often one looks."""
    stage = Stage(folder)
    assert [stage.look(), stage.look()] == [False, False]
    assert not stage.used


def test_a_new_champion_is_put_in_use_once(folder: Path) -> None:
    """And the old one again, after a rollback."""
    stage = Stage(folder)
    set_champion(folder, "fraud", "v2")
    assert [stage.look(), stage.look()] == [True, False]
    set_champion(folder, "fraud", "v1")
    assert stage.look()
    assert [cast.champions["fraud"].version for cast in stage.used] == ["fraud@v2", "fraud@v1"]
    assert stage.counted("swapped") == 2


def test_an_experiment_begins_and_ends_without_a_restart(folder: Path) -> None:
    """Its challenger is loaded and let go."""
    stage = Stage(folder)
    run_experiments(folder, [experiment()])
    stage.look()
    run_experiments(folder, [])
    stage.look()
    assert [set(cast.models) - {"fraud@v1", "recommendation@v1"} for cast in stage.used] == [
        {"fraud@v2"},
        set(),
    ]


def test_what_is_refused_is_told_once_and_tried_again(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its definitions may be registered later: then it is put in use.

    look      1         2         3
    v2     refused   refused    fits
    """
    stage = Stage(folder)
    stage.misfit = "v2"
    set_champion(folder, "fraud", "v2")
    with caplog.at_level(logging.WARNING):
        assert [stage.look(), stage.look()] == [False, False]
    assert len(caplog.records) == 1
    assert asyncio.run(stage.swapper.trouble()) == "fraud@v2: other definitions; fraud@v1 stays in use"
    assert stage.registry.get_sample_value("shop_api_models_refused") == 1
    stage.misfit = None
    assert stage.look()
    assert not asyncio.run(stage.swapper.trouble())
    assert stage.registry.get_sample_value("shop_api_models_refused") == 0
    assert (stage.counted("refused"), stage.counted("swapped")) == (1, 1)


def test_whatever_goes_wrong_the_next_look_comes(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder that cannot be read changes nothing."""
    stage = Stage(folder)
    (folder / "fraud" / "champion").write_bytes(b"\xff")
    assert not stage.look()
    assert "the models in use stay" in caplog.text
    set_champion(folder, "fraud", "v2")
    assert stage.look()


def test_a_signal_does_not_wait_for_the_time(folder: Path) -> None:
    """An hour between two looks, and the change is in use at once."""

    async def act() -> None:
        changed = asyncio.Event()
        figures = ArmFigures(CollectorRegistry())

        async def use(_: Cast) -> None:
            changed.set()

        swapper = Swapper(folder, fits, use, load_cast(folder, fits), figures)
        running = asyncio.create_task(swapper.run(3_600))
        set_champion(folder, "fraud", "v2")
        swapper.look_now()
        await asyncio.wait_for(changed.wait(), 20)
        running.cancel()

    asyncio.run(act())
