"""Windowed features at one instant as they were known at another: what a store could serve that lags behind.

`evaluate_as_of` knows at an instant what had arrived by then. Here each question names both instants. The questions of an
entity are dealt out to rounds in which both move forward. In a round the first question that knows an event says from which
instant on the event is seen, and what is left is a question of `evaluate_as_of`.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows.asof import evaluate_as_of
from ingestion.windows.grid import INSTANT, POSITION, microseconds
from ingestion.windows.keys import Keys
from ingestion.windows.spec import TIMESTAMP, ViewSpec

KNOWN: Final = "known_timestamp"
"""Column of questions: what had arrived by then counts, whether that is before or after the instant."""
BEHIND, BEHIND_KNOWN = "behind_partition", "behind_known_timestamp"
"""Columns of questions: of that partition's events only what had arrived by then counts."""
_ROW, _ROUND, _SEEN, _ARRIVED = "__row", "__round", "__seen", "__arrived"
Ints = NDArray[np.int64]


def evaluate(spec: ViewSpec, events: pl.DataFrame, instants: pl.DataFrame, *, as_known: bool) -> pl.DataFrame:
    """Values of a view's features at instants, as `evaluate_as_known` where these have `KNOWN`, else as `evaluate_as_of`."""
    if KNOWN in instants.columns:
        return evaluate_as_known(spec, events, instants)
    return evaluate_as_of(spec, events, instants, as_known=as_known)


def evaluate_as_known(spec: ViewSpec, events: pl.DataFrame, instants: pl.DataFrame) -> pl.DataFrame:
    """Values of a view's features at instants, of the events that had arrived by others.

    Args:
        spec: The view.
        events: As for `evaluate_as_of`.
        instants: The join keys, `event_timestamp` and `KNOWN`; where that is null, what was known at the instant counts. May
            have `BEHIND` and `BEHIND_KNOWN`: where there is a partition, its events had to arrive by that instant instead.

    Returns:
        The feature columns, one row per row of `instants`, in its order.

    Raises:
        ValueError: a partition is asked for, and events do not tell theirs.
    """
    if instants.is_empty():
        return evaluate_as_of(spec, events, instants)
    known = pl.col(KNOWN).fill_null(pl.col(INSTANT)).cast(TIMESTAMP)
    asked = instants.with_columns(known).with_row_index(_ROW)
    known_of_all, behind_in_one = asked, asked.clear()
    if BEHIND in asked.columns:
        is_behind = pl.col(BEHIND).is_not_null()
        known_of_all, behind_in_one = asked.filter(~is_behind), asked.filter(is_behind)
    found = [
        _one_round(spec, _seen(spec, events, questions), questions)
        for questions in known_of_all.with_columns(_rounds(spec, known_of_all)).partition_by(_ROUND)
    ]
    nth = pl.int_range(pl.len()).over(spec.join_keys) if spec.join_keys else pl.int_range(pl.len())
    found += [
        _one_round(spec, _seen_behind(spec, events, questions), questions)
        for questions in behind_in_one.with_columns(nth.alias(_ROUND)).partition_by(_ROUND)
    ]
    return pl.concat(found).sort(_ROW).drop(_ROW)


def _one_round(spec: ViewSpec, seen: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    values = evaluate_as_of(
        replace(spec, arrival_column=_SEEN), seen, questions.select(*spec.join_keys, INSTANT)
    )
    return values.with_columns(questions[_ROW])


def _seen_behind(spec: ViewSpec, events: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    """The events that the one question of each entity knows, seen from its instant on; ties stay in order of arrival."""
    partition, _ = POSITION
    if partition not in events.columns:
        raise ValueError(
            f"events do not tell their partition, which {BEHIND!r} asks for; they have {events.columns}"
        )
    asked = questions.select(*spec.join_keys, pl.col(INSTANT).alias(_SEEN), KNOWN, BEHIND, BEHIND_KNOWN)
    keys = list(spec.join_keys)
    own = events.join(asked, on=keys) if keys else events.join(asked, how="cross")
    by = (
        pl.when(pl.col(partition) == pl.col(BEHIND))
        .then(pl.col(BEHIND_KNOWN).cast(TIMESTAMP))
        .otherwise(KNOWN)
    )
    return _in_order(spec, own.filter(_arrived(spec) <= by))


def _seen(spec: ViewSpec, events: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    """The events that some question knows, with the instant of the first one that does; ties stay in order of arrival."""
    keys = list(spec.join_keys)
    firsts = questions.group_by(*keys, KNOWN).agg(pl.col(INSTANT).min().alias(_SEEN)).sort(KNOWN)
    own = events.join(questions.select(keys).unique(), on=keys, how="semi") if keys else events
    return (
        _in_order(spec, own)
        .join_asof(
            firsts,
            left_on=_ARRIVED,
            right_on=KNOWN,
            by=keys or None,
            strategy="forward",
            check_sortedness=False,
        )
        .drop_nulls(_SEEN)
    )


def _in_order(spec: ViewSpec, events: pl.DataFrame) -> pl.DataFrame:
    """Events in order of arrival, with it as `_ARRIVED`; a position after each other's in a single partition."""
    position = [pl.col(column) for column in POSITION if column in events.columns]
    in_order = events.with_columns(_arrived(spec)).sort(_ARRIVED, *position, maintain_order=True)
    first, second = POSITION
    return in_order.with_columns(pl.lit(0, pl.Int64).alias(first), pl.int_range(pl.len()).alias(second))


def _arrived(spec: ViewSpec) -> pl.Expr:
    return pl.col(spec.arrival_column or spec.timestamp_column).cast(TIMESTAMP).alias(_ARRIVED)


def _rounds(spec: ViewSpec, questions: pl.DataFrame) -> pl.Series:
    """The round of each question: of an entity's in a round, a later instant knows no less, and equal ones the same."""
    entities = Keys(questions.select(spec.join_keys), questions.height).asked
    instants, known = microseconds(questions[INSTANT]), microseconds(questions[KNOWN])
    rounds = np.zeros(questions.height, dtype=np.int64)
    entity, ends = -1, list[tuple[int, int]]()
    for place in np.lexsort((known, instants, entities)).tolist():
        if entities[place] != entity:
            entity, ends = entities[place], []
        rounds[place] = _deal(ends, (int(instants[place]), int(known[place])))
    return pl.Series(_ROUND, rounds)


def _deal(ends: list[tuple[int, int]], question: tuple[int, int]) -> int:
    """The first round that a question may follow in; its end becomes the question."""
    for number, (instant, known) in enumerate(ends):
        if (instant, known) == question or (instant < question[0] and known <= question[1]):
            ends[number] = question
            return number
    ends.append(question)
    return len(ends) - 1
