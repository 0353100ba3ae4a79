"""Which rows of a batch break an expectation, and which ones: a second look, at what was broken only.

Repeated ids are not among them: the windows count an event once, whichever of its rows is read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import great_expectations as gx
import pandas as pd
import polars as pl
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    Expectation,
)

from expectations.checking import CheckResult, as_pandas, validate
from expectations.thresholds import columns_of

_REPEATS = "unique"


def with_broken_rows(
    frame: pl.DataFrame | pd.DataFrame, suite: gx.ExpectationSuite, result: CheckResult, most: int
) -> CheckResult:
    """The result of the same frame and suite, with the rows that break an expectation of which at most so many do.

    Args:
        frame: The batch.
        suite: What it was held to.
        result: What came of it.
        most: An expectation that more rows break says something about the batch, and names none.
    """
    counts = {
        (r.expectation_config.type, _columns(r.expectation_config.kwargs)): _count(r.result)
        for r in result.validation.results
    }
    again = [
        e
        for e in suite.expectations
        if _about_rows(e) and 0 < counts.get((e.expectation_type, columns_of(e)), 0) <= most
    ]
    return replace(result, broken=_broken(as_pandas(frame), suite.name, again)) if again else result


def _broken(rows: pd.DataFrame, name: str, expectations: Sequence[Expectation]) -> dict[int, Sequence[str]]:
    suite = gx.ExpectationSuite(name=name, expectations=[e.copy(update={"id": None}) for e in expectations])
    found: dict[int, list[str]] = defaultdict(list)
    for one in validate(rows, suite, {"result_format": "COMPLETE"}).results:
        configuration = one.expectation_config
        for row in (one.result or {}).get("unexpected_index_list") or []:
            found[int(row)].append(f"{configuration.type}({_columns(configuration.kwargs)})")
    return dict(sorted(found.items()))


def _count(found: Mapping[str, Any] | None) -> int:
    return int((found or {}).get("unexpected_count") or 0)


def _about_rows(expectation: Expectation) -> bool:
    kinds = (ColumnMapExpectation, ColumnPairMapExpectation)
    return isinstance(expectation, kinds) and _REPEATS not in expectation.expectation_type


def _columns(arguments: Mapping[str, str]) -> str:
    return ", ".join(arguments[name] for name in ("column", "column_A", "column_B") if arguments.get(name))
