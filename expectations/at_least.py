"""An expectation of our own: column A >= column B, where the two may differ by rounding.

Great Expectations compares exactly; a sum over a day and the same events' sum over an hour, added in another order,
need not be equal to the last bit.
"""

from typing import Any, ClassVar

import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    column_pair_condition_partial,
)

from expectations.ranges import RELATIVE_TOLERANCE


class ColumnPairValuesAAtLeastB(ColumnPairMapMetricProvider):
    """The condition behind `ExpectColumnPairValuesAToBeAtLeastB`, one boolean per row."""

    condition_metric_name = "column_pair_values.a_at_least_b"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_A",
        "column_B",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ()

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_A: "pd.Series[Any]", column_B: "pd.Series[Any]", **_: Any) -> "pd.Series[bool]":  # noqa: N803, N805
        slack = RELATIVE_TOLERANCE * np.maximum(column_A.abs(), column_B.abs())
        return column_A + slack >= column_B


class ExpectColumnPairValuesAToBeAtLeastB(gxe.ExpectColumnPairValuesAToBeGreaterThanB):
    """Expect column A to be greater than or equal to column B, up to rounding (1e-9 relative)."""

    map_metric: ClassVar[str] = "column_pair_values.a_at_least_b"
    success_keys: ClassVar[tuple[str, ...]] = ("column_A", "column_B", "ignore_row_if", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column_A", "column_B")
