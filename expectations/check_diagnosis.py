"""Which of three things a broken expectation, or a miss of parity, is, where that can be told.

Events that break their contract, or lie twice or not at all where Kafka had them once, were damaged behind the door: messages
are held to the contract before they are archived. A sender's clock that is wrong, ids that are used again, keys that
nobody knows and other values are the world's doing. Silence, and events that arrive long after they happened, are a loss
of freshness. Of features, what is expected follows from their definitions: no events whatever give other values.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from expectations.checking import CheckResult
from expectations.diagnosis import Diagnosis
from expectations.parity.gate import missed
from expectations.parity.record import ServiceParity
from expectations.settings import QualitySettings

_DAMAGED: Final = frozenset(
    {
        "expect_table_columns_to_match_set",
        "expect_table_row_count_to_be_between",
        "expect_compound_columns_to_be_unique",
        "expect_column_to_exist",
        "expect_column_type_to_be",
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_between",
        "expect_column_value_lengths_to_be_between",
        "expect_column_values_to_match_regex",
    }
)
"""What the contract and the archive themselves promise; expectations about events, not about a day's figures."""
_DAMAGED_FIGURES: Final = re.compile(r"partitions|offsets_missing_share")
_LATE_FIGURES: Final = re.compile(r"silent_minutes|lag_seconds")
_HOUR_FIGURES: Final = re.compile(r"events_\d\dh")
_CLOCK_FIGURES: Final = re.compile(r"same_instant_share")
_ARRIVAL_PAIR: Final = "expect_column_pair_values_a_to_be_greater_than_b"
_SHARE_OF_LABELS: Final = "expect_column_mean_to_be_between"
_UNTELLING: Final = frozenset({"expect_column_proportion_of_non_null_values_to_be_between"})
"""A feature without any value may be one that nothing happened to, or one that was not computed."""


@dataclass(frozen=True)
class Broken:
    """An expectation that was not met.

    Attributes:
        suite: Of which suite.
        expectation: Great Expectations' name of it.
        column: The column, or several separated by commas.
        observed: What was found instead.
    """

    suite: str
    expectation: str
    column: str
    observed: Any


@dataclass(frozen=True)
class Told:
    """A diagnosis, the expectation that tells it, and how."""

    diagnosis: Diagnosis
    by: Broken
    why: str


def of_checks(results: Iterable[CheckResult]) -> Diagnosis | None:
    """Of all that failed on one day; None where nothing failed."""
    told = of_broken(
        Broken(result.suite, failure.expectation, failure.column, failure.observed)
        for result in results
        for failure in result.failures
    )
    return None if told is None else told.diagnosis


def of_broken(found: Iterable[Broken]) -> Told | None:
    """The most telling one's of expectations that failed together; None where none can tell.

    Damage comes first. A clock that is wrong also makes hours silent and events late, so it comes before these; and silence
    before numbers that are too small.
    """
    telling = [broken for broken in found if broken.expectation not in _UNTELLING]
    for rule, diagnosis, why in _RULES:
        for broken in telling:
            if rule(broken):
                return Told(diagnosis, broken, why)
    return None


def of_parity(service: ServiceParity, settings: QualitySettings) -> Diagnosis | None:
    """Of a measurement that missed its bounds; None where it held them.

    Values that nothing explains are the pipeline's doing; where these are within the bound, others came too late.
    """
    if not missed(service, settings):
        return None
    allowed = (1 - settings.parity_accounted_share_min) * service.compared
    return Diagnosis.PIPELINE if service.different > allowed else Diagnosis.FRESHNESS


def _is_computed(broken: Broken) -> bool:
    if broken.suite.startswith("training-"):
        return broken.expectation != _SHARE_OF_LABELS
    return broken.suite.startswith("features-")


def _is_damaged(broken: Broken) -> bool:
    if broken.suite.startswith("day-"):
        return bool(_DAMAGED_FIGURES.fullmatch(broken.column))
    return broken.suite.startswith("events-") and broken.expectation in _DAMAGED


def _is_a_clock(broken: Broken) -> bool:
    if broken.suite.startswith("day-"):
        return bool(_CLOCK_FIGURES.fullmatch(broken.column)) or _arrives_early(broken)
    return broken.expectation == _ARRIVAL_PAIR


def _arrives_early(broken: Broken) -> bool:
    return broken.column == "lag_seconds" and any(float(seconds) < 0 for seconds in broken.observed)


def _is_late(broken: Broken) -> bool:
    if not broken.suite.startswith("day-"):
        return False
    return bool(_LATE_FIGURES.fullmatch(broken.column)) or _nothing_came(broken)


def _nothing_came(broken: Broken) -> bool:
    return bool(_HOUR_FIGURES.fullmatch(broken.column)) and not any(broken.observed)


def _is_else(_broken: Broken) -> bool:
    return True


_RULES: Final = (
    (_is_computed, Diagnosis.PIPELINE, "no events give such features by their definition"),
    (
        _is_damaged,
        Diagnosis.PIPELINE,
        "events keep their contract and come once when they are taken in; this happened behind the door",
    ),
    (_is_a_clock, Diagnosis.WORLD, "a sender's clock is wrong"),
    (_is_late, Diagnosis.FRESHNESS, "events were silent, or arrived long after they happened"),
    (_is_else, Diagnosis.WORLD, "the events themselves are unlike those that were expected"),
)
