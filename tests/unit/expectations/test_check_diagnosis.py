from typing import Any

import pytest

from expectations.check_diagnosis import of_checks, of_parity
from expectations.checking import CheckResult, Failure
from expectations.diagnosis import Diagnosis
from expectations.parity.record import FeatureParity, ServiceParity
from expectations.settings import QualitySettings


def _result(suite: str, *failures: tuple[str, str, Any]) -> CheckResult:
    found = [Failure(kind, column, {}, observed, None, [], "") for kind, column, observed in failures]
    return CheckResult(suite, not found, 100, found, {}, 0.0, validation=None)  # type: ignore[arg-type]


BETWEEN, NOT_NULL = "expect_column_values_to_be_between", "expect_column_values_to_not_be_null"
PAIR = "expect_column_pair_values_a_to_be_greater_than_b"
SOME = "expect_column_proportion_of_non_null_values_to_be_between"
UNIQUE, SET = "expect_column_values_to_be_unique", "expect_column_values_to_be_in_set"


@pytest.mark.parametrize(
    ("suite", "failure", "diagnosis"),
    [
        ("events-orders", (NOT_NULL, "amount", []), Diagnosis.PIPELINE),
        ("events-orders", (BETWEEN, "amount", [-1]), Diagnosis.PIPELINE),
        ("events-orders", ("expect_compound_columns_to_be_unique", "_topic", []), Diagnosis.PIPELINE),
        ("events-orders", (UNIQUE, "order_id", []), Diagnosis.WORLD),
        ("events-orders", (SET, "product_id", []), Diagnosis.WORLD),
        ("day-orders", (BETWEEN, "amount_q50", [9e9]), Diagnosis.WORLD),
        ("day-orders", (BETWEEN, "events_05h", [1]), Diagnosis.WORLD),
        ("day-orders", (BETWEEN, "lag_seconds", [-7200.0]), Diagnosis.WORLD),
        ("day-orders", (BETWEEN, "lag_seconds", [7200.0]), Diagnosis.FRESHNESS),
        ("day-orders", (BETWEEN, "silent_minutes", [60]), Diagnosis.FRESHNESS),
        ("day-orders", (BETWEEN, "events_05h", [0.0]), Diagnosis.FRESHNESS),
        ("day-orders", (BETWEEN, "offsets_missing_share", [0.3]), Diagnosis.PIPELINE),
        ("features-user_orders", (BETWEEN, "user_orders_count_1h", [-1]), Diagnosis.PIPELINE),
        ("features-user_orders", (PAIR, "a, b", [[1, 2]]), Diagnosis.PIPELINE),
        ("training-fraud_v1", (BETWEEN, "user_orders_count_1h", [-1]), Diagnosis.PIPELINE),
        ("training-fraud_v1", ("expect_column_mean_to_be_between", "is_fraud", 0.9), Diagnosis.WORLD),
        ("training-fraud_v1", (SOME, "user_orders_count_1h", 0.0), None),
    ],
)
def test_each_broken_expectation_has_a_diagnosis(
    suite: str, failure: tuple[str, str, Any], diagnosis: Diagnosis | None
) -> None:
    """By what it looks at."""
    assert of_checks([_result("events-page_views"), _result(suite, failure)]) == diagnosis


def test_the_most_telling_failure_decides() -> None:
    """Damage before clocks, clocks before silence, silence before small numbers; nothing failed, nothing said."""
    few, silent = (BETWEEN, "events_05h", [1]), (BETWEEN, "silent_minutes", [60])
    clock, damage = (BETWEEN, "same_instant_share", [0.5]), (BETWEEN, "partitions", [3])
    failures = [few]
    expected = [Diagnosis.WORLD]
    for worse, told in (
        (silent, Diagnosis.FRESHNESS),
        (clock, Diagnosis.WORLD),
        (damage, Diagnosis.PIPELINE),
    ):
        failures.append(worse)
        expected.append(told)
    found = [of_checks([_result("day-orders", *failures[: i + 1])]) for i in range(len(failures))]
    assert found == expected
    assert of_checks([_result("day-orders")]) is None


@pytest.mark.parametrize(
    ("stale", "different", "diagnosis"),
    [(0, 0, None), (5_000, 0, Diagnosis.FRESHNESS), (100, 500, Diagnosis.PIPELINE)],
)
def test_parity_that_is_missed_is_late_or_wrong(
    stale: int, different: int, diagnosis: Diagnosis | None
) -> None:
    """Values that nothing explains come first."""
    equal = 100_000 - stale - different
    feature = FeatureParity("f", "v", 100_000, equal, 0, stale, different, None, example=None)
    assert of_parity(ServiceParity("s", 1, 0, (feature,)), QualitySettings()) == diagnosis
