"""Windowed features at any instant, computed by Spark: events and instants meet by their entity."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl

from ingestion.spark.events import SparkEvents
from ingestion.spark.frames import from_table, spark_schema, to_table
from ingestion.spark.portions import BUCKET, in_buckets
from ingestion.spark.tasks import ROW, evaluate_bucket
from ingestion.stores.windowed import Question, answer_together, grouped, never_seen
from ingestion.windows.spec import ViewSpec


def answer(
    session: Any,
    questions: Sequence[Question],
    interval: tuple[datetime, datetime],
    *,
    as_known: bool,
    portion_bytes: int,
) -> list[pl.DataFrame]:
    """Feature columns for each question, one row per instant.

    Views over the same archive by the same keys are computed together.

    Args:
        session: The Spark session.
        questions: What is asked.
        interval: First and last of all instants.
        as_known: Count an event only from its arrival on; otherwise from its event time on.
        portion_bytes: How much of the files a task reads, and about how much of them it computes.
    """
    answers: dict[int, pl.DataFrame] = {}
    for same_archive in grouped(range(len(questions)), lambda i: questions[i].source.url):
        asked = [questions[i] for i in same_archive]
        specs = [question.spec for question in asked]
        events = SparkEvents.of(session, asked[0].source, specs, interval, portion_bytes)
        for same in grouped(same_archive, lambda i: (questions[i].spec.join_keys, questions[i].keys)):
            instants = questions[same[0]].instants
            found = answer_together(
                [questions[i] for i in same],
                partial(_values, session, events, instants, as_known=as_known),
            )
            answers |= dict(zip(same, found, strict=True))
    return [answers[i] for i in range(len(questions))]


def _values(
    session: Any, events: SparkEvents | None, instants: pl.DataFrame, spec: ViewSpec, *, as_known: bool
) -> pl.DataFrame:
    if events is None or instants.is_empty():
        return never_seen(spec, instants.height)
    asked = in_buckets(instants, spec.join_keys, events.buckets).with_row_index(ROW)
    asked = asked.with_columns(pl.col(ROW).cast(pl.Int64))
    rows = session.createDataFrame(to_table(asked, asked.schema), spark_schema(asked.schema))
    found = {ROW: pl.Int64(), **spec.schema}
    answers = (
        rows.groupBy(BUCKET)
        .cogroup(events.read(spec).groupBy(BUCKET))
        .applyInArrow(partial(evaluate_bucket, spec, as_known, found), spark_schema(found))
    )
    return from_table(answers.toArrow()).sort(ROW).cast(pl.Schema(found)).drop(ROW)
