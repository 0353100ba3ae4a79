"""What is said of an experiment, from the frames it is made of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from artefact.experiments import Experiment
from training.arms_compared import Comparison, compared
from training.experiment_page import page, table, verdict, warning

START = datetime(2026, 6, 1, tzinfo=UTC)
END = START + timedelta(days=10)


def experiment(model: str = "fraud", **changes: Any) -> Experiment:
    given = {"name": "e", "salt": "s", "champion": "v1", "challenger": "v2", "share": 0.5, "started": START}
    return Experiment.model_validate({"model": model} | given | changes)


def compared_with(one: Experiment, rates: dict[str, float], customers: int = 1_000) -> Comparison:
    """Every arm with so many customers, spread over five days; the first ones have the outcome."""
    rows = [
        {
            "arm": arm,
            "version": f"{one.model}@{version}",
            "user_id": f"{arm}_{i}",
            "rung": "live",
            "probability": 0.5,
            "label": int(i % 20 == 0),
            "outcome": int(i % 100 < rate * 100),
            "settled_at": START + timedelta(hours=i % 120),
        }
        for (arm, rate), version in zip(rates.items(), ("v1", "v2"), strict=False)
        for i in range(customers)
    ]
    frame = pl.DataFrame(rows)
    return compared(one, frame, frame, frame, END)


@pytest.mark.parametrize(
    ("model", "champion", "challenger", "said"),
    [
        ("fraud", 0.1, 0.3, "the challenger is worse: decided wrongly +"),
        ("fraud", 0.3, 0.1, "the challenger is better: decided wrongly -"),
        ("recommendation", 0.1, 0.3, "the challenger is better: lists with an order +"),
        ("recommendation", 0.3, 0.1, "the challenger is worse: lists with an order -"),
        ("fraud", 0.2, 0.2, "open: the arms may differ by -"),
    ],
)
def test_which_arm_is_better_depends_on_what_is_counted(
    model: str, champion: float, challenger: float, said: str
) -> None:
    """Wrong decisions are bad, orders are good."""
    found = compared_with(experiment(model), {"champion": champion, "challenger": challenger})
    assert verdict(found).startswith(said)
    assert warning(found) is None
    assert said.split(":", maxsplit=1)[0] in page(found)


def test_an_uneven_split_is_said_before_anything_else() -> None:
    """As many customers in both arms where the challenger has a tenth."""
    found = compared_with(experiment(share=0.1), {"champion": 0.3, "challenger": 0.1})
    assert warning(found) is not None
    assert "not split by the share of 10.0%" in page(found)
    assert "the challenger is better" not in page(found)


def test_shadows_alone_decide_nothing() -> None:
    """No test, no course."""
    one = experiment(challenger=None, share=None, shadows=("v3",))
    found = compared_with(one, {"champion": 0.2})
    assert (found.difference, found.course, found.split_p_value) == (None, (), None)
    assert verdict(found) == "only shadows: nothing was decided by them"
    assert [arm.arm for arm in found.arms] == ["champion", "shadow"]
    assert "<svg" not in page(found)


def test_an_arm_without_outcomes_is_empty_in_the_table() -> None:
    """Not 0 %: nothing is known."""
    found = compared_with(experiment(), {"champion": 0.2})
    challenger = found.arms[1]
    assert (challenger.settled, challenger.outcome_rate, challenger.average_precision) == (0, None, None)
    assert list(table(found).columns[2].cells)[-2:] == ["", ""]


def test_a_customer_with_many_outcomes_has_one_in_the_test() -> None:
    """The first that settled.

    ::

        outcome    1        0        0
        day        2        1        3
        counted             ^
    """
    rows = pl.DataFrame(
        {
            "arm": "champion",
            "version": "fraud@v1",
            "user_id": "u",
            "rung": "live",
            "probability": [0.9, 0.1, 0.1],
            "label": [0, 0, 0],
            "outcome": [1, 0, 0],
            "settled_at": [START + timedelta(days=day) for day in (2, 1, 3)],
        }
    )
    found = compared(experiment(), rows, rows, rows, END)
    assert (found.outcomes["champion"].units, found.outcomes["champion"].successes) == (1, 0)
    assert found.arms[0].outcome_rate == pytest.approx(1 / 3)
