"""Expectations about single columns, from what a definition allows them to hold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from expectations.at_least import ExpectColumnPairValuesAToBeAtLeastB
from expectations.definitions import Column, Kind
from expectations.ranges import Ordering
from expectations.settings import QualitySettings

# `Int64Dtype` is what whole numbers with nulls are in pandas.
_WHOLE: Final = ["int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "Int64Dtype"]
_PANDAS_TYPES: Final[Mapping[Kind, Sequence[str]]] = {
    "string": ["str"],
    "integer": _WHOLE,
    "number": ["float64", "float32"],
    "boolean": ["bool", "bool_"],
}


def column_expectations(column: Column, settings: QualitySettings) -> Iterator[Expectation]:
    """Existence, type, nulls, range, length, choices and pattern of one column."""
    common = {"column": column.name, "notes": column.reason or "feature view's schema"}
    yield gxe.ExpectColumnToExist(**common)
    if column.kind == "timestamp":
        yield gxe.ExpectColumnTypeToBe(type_="datetime64[us, UTC]", **common)
    elif column.kind is not None:
        yield gxe.ExpectColumnValuesToBeInTypeList(type_list=list(_PANDAS_TYPES[column.kind]), **common)
    if not column.nullable:
        yield gxe.ExpectColumnValuesToNotBeNull(mostly=1 - settings.null_share_max, **common)
    yield from _value_expectations(column, {**common, "mostly": 1 - settings.out_of_range_share_max})


def ordering_expectation(ordering: Ordering, settings: QualitySettings) -> Expectation:
    """`larger` >= `smaller`, to the last bit for whole numbers and up to rounding for others."""
    common: dict[str, Any] = {
        "column_A": ordering.larger,
        "column_B": ordering.smaller,
        "ignore_row_if": "either_value_is_missing",
        "mostly": 1 - settings.out_of_range_share_max,
        "notes": ordering.reason,
    }
    if ordering.exact:
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB(or_equal=True, **common)
    return ExpectColumnPairValuesAToBeAtLeastB(or_equal=True, **common)


def _value_expectations(column: Column, common: Mapping[str, Any]) -> Iterator[Expectation]:
    if column.minimum is not None or column.maximum is not None:
        yield gxe.ExpectColumnValuesToBeBetween(
            min_value=column.minimum,
            max_value=column.maximum,
            strict_min=column.open_minimum,
            strict_max=column.open_maximum,
            **common,
        )
    if column.length_min is not None or column.length_max is not None:
        yield gxe.ExpectColumnValueLengthsToBeBetween(
            min_value=column.length_min, max_value=column.length_max, **common
        )
    if column.choices is not None:
        yield gxe.ExpectColumnValuesToBeInSet(value_set=list(column.choices), **common)
    if column.pattern is not None:
        yield gxe.ExpectColumnValuesToMatchRegex(regex=column.pattern, **common)
