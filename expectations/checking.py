"""Holds a frame to a suite with Great Expectations, in memory and without a network."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import great_expectations as gx
import pandas as pd
import polars as pl
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from expectations.kept import Acceptance

_COLUMN_ARGUMENTS: Final = ("column", "column_A", "column_B")
_LISTED: Final = 20
"""A longer set of allowed values is shortened in results: it is in the tables already."""


@dataclass(frozen=True)
class Failure:
    """One expectation that was not met.

    Attributes:
        expectation: Great Expectations' name of it.
        column: The column, or several separated by commas; empty for the whole table.
        expected: Its arguments.
        observed: What was found instead.
        unexpected_count: Rows that break it; None where it is about the batch as a whole.
        examples: A few of these rows, whole.
        reason: Where the expectation comes from.
    """

    expectation: str
    column: str
    expected: Mapping[str, Any]
    observed: Any
    unexpected_count: int | None
    examples: Sequence[Mapping[str, Any]]
    reason: str

    def __str__(self) -> str:
        rows = "" if self.unexpected_count is None else f" in {self.unexpected_count} rows"
        lines = [
            f"{self.expectation}({self.column}): observed {self.observed}{rows}; expected {dict(self.expected)}"
        ]
        return "\n".join([*lines, *(f"    {row}" for row in self.examples)])


@dataclass(frozen=True)
class CheckResult:
    """What came of holding a batch to a suite.

    Attributes:
        suite: Its name.
        success: Whether every expectation held.
        rows: Rows of the batch.
        failures: What did not hold.
        statistics: Great Expectations' counts.
        seconds: How long it took.
        validation: Great Expectations' own result.
        accepted: By whom a batch that did not hold was taken all the same, at a gate.
        broken: Number of each row that a gate put aside -> the expectations that it breaks.
    """

    suite: str
    success: bool
    rows: int
    failures: Sequence[Failure]
    statistics: Mapping[str, Any]
    seconds: float
    validation: ExpectationSuiteValidationResult = field(repr=False, compare=False)
    accepted: Acceptance | None = None
    broken: Mapping[int, Sequence[str]] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        held = f"{self.statistics['successful_expectations']} of {self.statistics['evaluated_expectations']}"
        lines = [f"{self.suite}: {held} expectations held for {self.rows:,} rows"]
        return "\n".join([*lines, *(f"  {failure}" for failure in self.failures)])


def check(
    frame: pl.DataFrame | pd.DataFrame,
    suite: gx.ExpectationSuite,
    *,
    examples: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> CheckResult:
    """Hold a batch to a suite.

    Args:
        frame: The batch; time columns aware, UTC.
        suite: What is expected of it.
        examples: Example rows per failing expectation.
        clock: Seconds, for `CheckResult.seconds`.

    An expectation that cannot be evaluated (its column is absent, its types cannot be compared) has failed.
    """
    began = clock()
    rows = as_pandas(frame)
    validation = validate(rows, suite, {"result_format": "SUMMARY", "partial_unexpected_count": examples})
    failed = sorted((r for r in validation.results if not r.success), key=_from_whole_to_part)
    failures = [_failure(result, rows, examples) for result in failed]
    for result in validation.results:
        _make_storable(result)
    return CheckResult(
        suite=suite.name,
        success=bool(validation.success),
        rows=len(rows),
        failures=failures,
        statistics=dict(validation.statistics),
        seconds=clock() - began,
        validation=validation,
    )


def as_pandas(frame: pl.DataFrame | pd.DataFrame) -> pd.DataFrame:
    """The same rows for Great Expectations; whole numbers with nulls stay whole (pandas `Int64`)."""
    if isinstance(frame, pd.DataFrame):
        return frame.reset_index(drop=True)
    frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    holed = [c for c in frame.columns if frame[c].dtype.is_integer() and frame[c].null_count()]
    rows = frame.drop(holed).to_pandas()
    for name in holed:
        values, missing = frame[name].cast(pl.Int64).fill_null(0).to_numpy(), frame[name].is_null().to_numpy()
        rows[name] = pd.arrays.IntegerArray(values.copy(), missing.copy())
    return rows[frame.columns]


def plain(value: Any) -> Any:
    """A value as JSON has it: times in ISO 8601, numpy's numbers as Python's, NaN as null, the rest as text."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN is not JSON
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | str) else str(value)


def validate(
    rows: pd.DataFrame, suite: gx.ExpectationSuite, result_format: Mapping[str, Any]
) -> ExpectationSuiteValidationResult:
    """Great Expectations' result, freed of the batch: its newest context and its result would keep the rows alive."""
    batch = _quiet_context().data_sources.pandas_default.read_dataframe(rows, asset_name=suite.name)
    validation = batch.validate(suite, result_format=dict(result_format))
    validation.meta.pop("batch_spec", None)
    _quiet_context()
    return validation


def _quiet_context() -> Any:
    configuration = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    return gx.get_context(project_config=configuration, mode="ephemeral")


def _from_whole_to_part(result: ExpectationValidationResult) -> int:
    """Order of a report: the table, then which columns there are, then what is in them."""
    name = result.expectation_config.type
    return 0 if name.startswith("expect_table") else 1 if name == "expect_column_to_exist" else 2


def _failure(result: ExpectationValidationResult, rows: pd.DataFrame, examples: int) -> Failure:
    configuration = result.expectation_config
    found = result.result or {}
    arguments = {k: v for k, v in configuration.kwargs.items() if k != "batch_id"}
    columns = [arguments.pop(name) for name in _COLUMN_ARGUMENTS if name in arguments]
    if configuration.type.startswith("expect_compound_columns"):
        columns = arguments.pop("column_list")
    return Failure(
        expectation=configuration.type,
        column=", ".join(columns),
        expected={k: _short(plain(v)) for k, v in arguments.items()},
        observed=_observed(result),
        unexpected_count=found.get("unexpected_count"),
        examples=_example_rows(rows, found.get("partial_unexpected_index_list") or [], examples),
        reason=str(configuration.notes or ""),
    )


def _observed(result: ExpectationValidationResult) -> Any:
    found = result.result or {}
    if message := _exception_message(result.exception_info):
        return message
    if "observed_value" in found:
        return plain(found["observed_value"])
    seen = [plain(value) for value in found.get("partial_unexpected_list", [])]
    return [value for i, value in enumerate(seen) if value not in seen[:i]]


def _exception_message(info: Any) -> str | None:
    """Great Expectations gives one record, or one per metric that could not be computed."""
    if not isinstance(info, Mapping):
        return None
    records = [info] if "exception_message" in info else list(info.values())
    messages = [
        str(r["exception_message"]) for r in records if isinstance(r, Mapping) and r.get("raised_exception")
    ]
    return messages[0] if messages else None


def _example_rows(rows: pd.DataFrame, index: Sequence[Any], examples: int) -> list[dict[str, Any]]:
    return [{str(k): plain(v) for k, v in rows.iloc[int(i)].items()} for i in index[:examples]]


def _make_storable(result: ExpectationValidationResult) -> None:
    """Great Expectations puts numpy's booleans into results, which its own stores cannot write."""
    result.success = bool(result.success)
    result.result = plain(result.result)
    kwargs = result.expectation_config.kwargs
    if "value_set" in kwargs:
        kwargs["value_set"] = _short(kwargs["value_set"])


def _short(value: Any) -> Any:
    if isinstance(value, list) and len(value) > _LISTED:
        return [*value[:3], f"... {len(value):,} values"]
    return value
