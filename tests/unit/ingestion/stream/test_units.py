from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ingestion.shares import shares_of
from ingestion.stream.units import PARTS, Unit, of_share, units_of
from tests.unit.ingestion.stream.shop import orders_topic

EVERY_PART = frozenset(range(PARTS))


def test_every_view_and_share_belongs_to_one_part_for_good(tmp_path: Path) -> None:
    """By the name alone: workers of any version and machine agree."""
    units = units_of([orders_topic(tmp_path)], 4, EVERY_PART)
    assert {unit.name: unit.part for unit in units} == {
        "product_orders/0": 5,
        "product_orders/1": 19,
        "product_orders/2": 9,
        "product_orders/3": 31,
        "user_orders/0": 18,
        "user_orders/1": 4,
        "user_orders/2": 30,
        "user_orders/3": 8,
    }


def test_units_of_other_parts_are_left_out(tmp_path: Path) -> None:
    """Parts 5 and 18 are one unit of each view."""
    units = units_of([orders_topic(tmp_path)], 4, frozenset({5, 18}))
    assert [unit.name for unit in units] == ["user_orders/0", "product_orders/0"]


def test_a_unit_replaces_the_same_share_of_the_same_view_defined_otherwise() -> None:
    """Neither itself, nor another share or division of the view."""
    unit = Unit("v", 0, 2, "new")
    others = [
        Unit("v", 0, 2, "old"),
        unit,
        Unit("v", 1, 2, "old"),
        Unit("v", 0, 3, "old"),
        Unit("w", 0, 2, "old"),
    ]
    assert [unit.replaces(other) for other in others] == [True, False, False, False, False]


def test_the_share_of_a_key_never_changes() -> None:
    """Fixed by the bytes of its text; whatever stands before it in the column."""
    keys = pl.Series(["ann", "bob", "größer", "", None, "ann"])
    assert (
        shares_of([keys], 1000).tolist()
        == shares_of([keys[2:].extend(keys[:2])], 1000)[[4, 5, 0, 1, 2, 3]].tolist()
    )
    assert shares_of([pl.Series(["ann", "bob"])], 1000).tolist() == [
        shares_of([pl.Series([k])], 1000)[0] for k in ("ann", "bob")
    ]
    assert shares_of([pl.Series([7])], 1000).tolist() == shares_of([pl.Series(["7"])], 1000).tolist()


def test_columns_of_a_key_are_not_run_together() -> None:
    """("ab", "c") and ("a", "bc") are two keys."""
    shares = shares_of([pl.Series(["ab", "a"]), pl.Series(["c", "bc"])], 1 << 30)
    assert shares[0] != shares[1]


@pytest.mark.parametrize("shares", [1, 3])
def test_each_event_is_of_one_share_and_shares_are_about_equal(shares: int) -> None:
    """Nothing is lost or taken twice."""
    events = pl.DataFrame({"user_id": [f"user_{n}" for n in range(3000)], "n": np.arange(3000)})
    parts = [of_share(events, ["user_id"], Unit("v", share, shares, "")) for share in range(shares)]
    assert sorted(pl.concat(parts)["n"].to_list()) == list(range(3000))
    assert all(abs(part.height - 3000 / shares) < 150 for part in parts)
