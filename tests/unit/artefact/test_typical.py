from typing import Any

import pytest

from artefact import InputFeature, typical_values
from tests.small_models import CATEGORIES


@pytest.mark.parametrize(
    ("dtype", "statistics", "typical"),
    [
        ("Float64", {"null_share": 0.1, "quantiles": {"0.5": 2.5}}, 2.5),
        ("Int64", {"null_share": 0.0, "quantiles": {"0.5": 3.0}}, 3),
        ("Bool", {"null_share": 0.0, "quantiles": {"0.5": 1.0}}, True),
        ("Float64", {"null_share": 0.6, "quantiles": {"0.5": 2.5}}, None),
        ("Float64", {"null_share": 0.5, "quantiles": {"0.5": None}}, None),
        ("String", {"null_share": 0.2, "categories": {"books": 0.3, "garden": 0.5}}, "garden"),
        ("String", {"null_share": 0.9, "categories": {"books": 0.1}}, None),
    ],
)
def test_the_typical_value_is_the_median_or_the_most_frequent(
    dtype: str, statistics: dict[str, Any], typical: Any
) -> None:
    """Null where most training rows had none; of the type that the feature has."""
    feature = InputFeature(name="f", dtype=dtype, categories=CATEGORIES if dtype == "String" else None)
    found = typical_values([feature], {"f": statistics})
    assert found == {"f": typical}
    assert type(found["f"]) is type(typical)


def test_an_input_without_statistics_has_no_typical_value() -> None:
    """It is absent."""
    assert typical_values([InputFeature(name="f", dtype="Float64")], {}) == {}
