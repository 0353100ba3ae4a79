"""Thresholds of single expectations, `mostly`, from a file of the operator's: what is not named keeps its default.

::

    events-orders:                                # suite
      amount:                                     # column, or columns separated by ", "
        expect_column_values_to_be_between: 0.999 # share of rows that must hold
    training-fraud_v1:
      is_fraud:
        expect_column_values_to_not_be_null: 1
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from great_expectations.expectations.expectation import Expectation
from pydantic import Field, RootModel, ValidationError

_SUITES = ("events-", "features-", "training-")

Share = Annotated[float, Field(ge=0, le=1)]


class ThresholdError(ValueError):
    """The file of thresholds cannot be read, or names what there is not."""


class Thresholds(RootModel[dict[str, dict[str, dict[str, Share]]]]):
    """Suite -> column -> expectation -> share of rows that must hold."""


def read_thresholds(path: Path | None) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """Content of a file of thresholds; nothing where there is no file to read.

    Raises:
        ThresholdError: it is absent, no YAML of this form, or names a suite of no known kind.
    """
    if path is None:
        return {}
    try:
        stated = Thresholds.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {}).root
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ThresholdError(
            f"thresholds cannot be read from SHOP_QUALITY_THRESHOLDS={path}: {error}"
        ) from error
    if unknown := [name for name in stated if not name.startswith(_SUITES)]:
        raise ThresholdError(
            f"{path} names the suites {unknown}; suites with thresholds are events-<event type>, features-<view> and "
            "training-<service>; what a day may be beside others is set by SHOP_VOLUME_SHARE_MAX and the like"
        )
    return stated


def apply(path: Path | None, suite: str, expectations: Sequence[Expectation]) -> Sequence[Expectation]:
    """The expectations of a suite, with the shares that the file states.

    Raises:
        ThresholdError: as `read_thresholds`, or the suite has no such column or expectation, or it knows no share.
    """
    stated = read_thresholds(path).get(suite, {})
    shares = {(column, kind): share for column, of in stated.items() for kind, share in of.items()}
    changed = []
    for expectation in expectations:
        share = shares.pop((columns_of(expectation), expectation.expectation_type), None)
        changed.append(expectation if share is None else _with_share(path, suite, expectation, share))
    if shares:
        there = sorted(f"{columns_of(e)}: {e.expectation_type}" for e in expectations if hasattr(e, "mostly"))
        raise ThresholdError(
            f"{path}: the suite {suite} has no {[f'{column}: {kind}' for column, kind in shares]}; it has {there}"
        )
    return changed


def columns_of(expectation: Any) -> str:
    """The column of an expectation, several separated by a comma and a space; empty for the whole table."""
    if columns := getattr(expectation, "column_list", None):
        return ", ".join(columns)
    names = (getattr(expectation, name, None) for name in ("column", "column_A", "column_B"))
    return ", ".join(name for name in names if name)


def _with_share(path: Path | None, suite: str, expectation: Any, share: float) -> Expectation:
    if not hasattr(expectation, "mostly"):
        raise ThresholdError(
            f"{path}: {expectation.expectation_type} of {suite} is about the batch as a whole, it has no share of rows"
        )
    changed: Expectation = expectation.copy(update={"mostly": share})
    return changed
