"""Suites derived from the Feast registry: one per event type, feature view and feature service.

What belongs to this shop alone, and cannot be derived, is in `expectations.shop`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import great_expectations.expectations as gxe
from great_expectations import ExpectationSuite
from great_expectations.expectations.expectation import Expectation

from expectations import thresholds
from expectations.chance import tolerated
from expectations.columns import column_expectations, ordering_expectation
from expectations.definitions import (
    Column,
    EventDefinition,
    Store,
    ViewDefinition,
    event_definition,
    service_definition,
    view_definition,
)
from expectations.norms import Figure
from expectations.ranges import adjacent, feature_column, orderings
from expectations.settings import QualitySettings
from expectations.shop import shop_expectations

POSITION: Final = ("_topic", "_partition", "_offset")
"""Where an archived event came from in Kafka; null where history was loaded from files."""


@dataclass(frozen=True)
class BatchFacts:
    """What is known about a batch of events beside its rows.

    Attributes:
        start: First event time that belongs to the batch (aware); None: no bound.
        end: Event time at which the batch stops, not included (aware); None: no bound.
        known_keys: For a column, the values that the shop's tables name.
        rows: Rows of the batch: distributions are judged on large ones only, and a small one may have a few
            repeats whatever their share; None: not known, shares are taken as they are.
    """

    start: datetime | None = None
    end: datetime | None = None
    known_keys: Mapping[str, Collection[str]] = field(default_factory=dict)
    rows: int | None = None


def event_suite(
    store: Store, name: str, settings: QualitySettings, facts: BatchFacts | None = None
) -> ExpectationSuite:
    """Suite of a batch of archived events of one type.

    Raises:
        UnknownDefinitionError: the registry has no such event type.
        ThresholdError: the file of thresholds does not fit.
    """
    facts = facts or BatchFacts()
    events = event_definition(store, name)
    large = facts.rows is not None and facts.rows >= settings.distribution_rows_min
    expectations = [
        *_event_table(events, facts, settings),
        *(e for column in events.columns for e in column_expectations(column, settings)),
        *_event_times(events, facts, settings),
        *_references(events, facts, settings),
        *(shop_expectations(name, settings) if large else ()),
    ]
    return _suite(f"events-{name}", expectations, settings)


def day_suite(event: str, figures: Iterable[Figure]) -> ExpectationSuite:
    """Suite of the figures of one day's events, one row with a column for each, beside the days before."""
    expectations = [
        gxe.ExpectColumnValuesToBeBetween(
            column=figure.name, min_value=figure.minimum, max_value=figure.maximum, notes=figure.reason
        )
        for figure in figures
    ]
    return ExpectationSuite(name=f"day-{event}", expectations=expectations)


def feature_suite(store: Store, view: Any, settings: QualitySettings) -> ExpectationSuite:
    """Suite of a batch of rows of a Feast feature view, as `feast materialize` writes them."""
    definition = view_definition(store, view)
    keys = [Column(name, "string", nullable=False, reason="join key") for name in definition.join_keys]
    time = Column(definition.time_column, "timestamp", nullable=False, reason="time of the row")
    expectations = [
        *(e for column in (*keys, time) for e in column_expectations(column, settings)),
        _one_row_each(definition),
        *_view_features(definition, settings),
    ]
    return _suite(f"features-{definition.name}", expectations, settings)


def _one_row_each(view: ViewDefinition) -> Expectation:
    notes = "one row per join key and time"
    if not view.join_keys:
        return gxe.ExpectColumnValuesToBeUnique(column=view.time_column, notes=notes)
    return gxe.ExpectCompoundColumnsToBeUnique(column_list=[*view.join_keys, view.time_column], notes=notes)


def service_columns(store: Store, service_name: str) -> tuple[str, ...]:
    """Feature columns of a feature service, in its order.

    Raises:
        UnknownDefinitionError: the registry has no such service.
    """
    return service_definition(store, service_name).columns


def training_suite(
    store: Store, service_name: str, settings: QualitySettings, *, label: str | None = None
) -> ExpectationSuite:
    """Suite of a training set: the features of a service in its order, then the label if there is one.

    Raises:
        UnknownDefinitionError: the registry has no such service.
    """
    service = service_definition(store, service_name)
    columns = [*service.columns, *([label] if label else [])]
    expectations: list[Expectation] = [
        gxe.ExpectTableRowCountToBeBetween(min_value=1, notes="a training set has rows"),
        gxe.ExpectTableColumnsToMatchOrderedList(column_list=columns, notes="order of the feature service"),
        *(_some_value(column) for column in service.columns),
        *(e for view in service.views for e in _view_features(view, settings, only=set(service.columns))),
        *(_label_rate(label, settings) if label else ()),
    ]
    return _suite(f"training-{service_name}", expectations, settings)


def _suite(name: str, expectations: Sequence[Expectation], settings: QualitySettings) -> ExpectationSuite:
    return ExpectationSuite(
        name=name, expectations=list(thresholds.apply(settings.quality_thresholds, name, expectations))
    )


def _event_table(
    events: EventDefinition, facts: BatchFacts, settings: QualitySettings
) -> Iterator[Expectation]:
    columns = [*(column.name for column in events.columns), events.arrival_column, *POSITION]
    yield gxe.ExpectTableRowCountToBeBetween(min_value=1, notes="a batch has rows")
    yield gxe.ExpectTableColumnsToMatchSet(
        column_set=columns,
        exact_match=True,
        notes="the contract's columns, the arrival and the position in Kafka",
    )
    yield gxe.ExpectColumnValuesToBeUnique(
        column=events.event_id,
        mostly=1 - tolerated(settings.repeated_share_max, facts.rows, settings),
        notes="an event id is repeated only when a message is sent twice",
    )
    yield gxe.ExpectCompoundColumnsToBeUnique(
        column_list=list(POSITION),
        ignore_row_if="any_value_is_missing",
        notes="a message of Kafka is archived once",
    )


def _event_times(
    events: EventDefinition, facts: BatchFacts, settings: QualitySettings
) -> Iterator[Expectation]:
    arrival = Column(events.arrival_column, "timestamp", nullable=False, reason="every event arrived")
    yield from column_expectations(arrival, settings)
    yield gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=events.arrival_column,
        column_B=events.time_column,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
        mostly=1 - tolerated(settings.early_arrival_share_max, facts.rows, settings),
        notes="an event arrives after it happened",
    )
    if facts.start is not None or facts.end is not None:
        yield gxe.ExpectColumnValuesToBeBetween(
            column=events.time_column,
            min_value=facts.start,
            max_value=facts.end,
            strict_max=True,
            notes="the batch holds its own interval, the end not included",
        )


def _references(
    events: EventDefinition, facts: BatchFacts, settings: QualitySettings
) -> Iterator[Expectation]:
    for column in events.columns:
        if column.name in facts.known_keys:
            yield gxe.ExpectColumnValuesToBeInSet(
                column=column.name,
                value_set=sorted(facts.known_keys[column.name]),
                mostly=1 - tolerated(settings.unknown_key_share_max, facts.rows, settings),
                notes="named by the shop's tables",
            )


def _view_features(
    view: ViewDefinition, settings: QualitySettings, only: Collection[str] | None = None
) -> Iterator[Expectation]:
    derived = {feature.name: feature_column(feature) for feature in view.windowed}
    for column in view.columns:
        if only is None or column.name in only:
            yield from column_expectations(derived.get(column.name, column), settings)
    features = tuple(f for f in view.windowed if only is None or f.name in only)
    for ordering in adjacent(list(orderings(features))):
        yield ordering_expectation(ordering, settings)


def _some_value(column: str) -> Expectation:
    return gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(
        column=column, min_value=0, strict_min=True, notes="a column of nulls teaches nothing"
    )


def _label_rate(label: str, settings: QualitySettings) -> Iterator[Expectation]:
    yield gxe.ExpectColumnValuesToNotBeNull(column=label, notes="every training row has its label")
    yield gxe.ExpectColumnValuesToBeInSet(column=label, value_set=[0, 1], notes="a label is 0 or 1")
    yield gxe.ExpectColumnMeanToBeBetween(
        column=label,
        min_value=settings.label_rate_min,
        max_value=settings.label_rate_max,
        notes="share of positive labels",
    )
