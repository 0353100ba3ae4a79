"""Windowed features at any instant, straight from the archives of events: no log of features is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import polars as pl

from ingestion.archive import EmptyArchiveError
from ingestion.compile import compile_view
from ingestion.stores.requests import ViewRequest
from ingestion.stores.sources import Source, SourceError
from ingestion.windows.asof import evaluate_as_of
from ingestion.windows.dedup import without_repeats
from ingestion.windows.spec import ZERO_WHEN_EMPTY, ViewSpec

_POSITION = ("_partition", "_offset")


@dataclass(frozen=True)
class Question:
    """Features of one view, asked at instants.

    Attributes:
        spec: The view, with the features that are wanted.
        source: Archive of its events.
        instants: Join keys and `event_timestamp`, one row per answer.
        names: Names of the answer's columns, in the order of the features.
    """

    spec: ViewSpec
    source: Source
    instants: pl.DataFrame
    names: Sequence[str]


def ask(request: ViewRequest, source: Source, instants: pl.DataFrame) -> Question:
    """Question for what a retrieval asks of a windowed view."""
    spec = compile_view(request.view)
    wanted = tuple(feature for feature in spec.features if feature.name in request.features)
    return Question(
        spec=replace(spec, features=wanted),
        source=source,
        instants=instants,
        names=[request.features[feature.name] for feature in wanted],
    )


def answer(
    questions: Sequence[Question], interval: tuple[datetime, datetime], *, as_known: bool
) -> list[pl.DataFrame]:
    """Feature columns for each question, one row per instant; an archive that several ask for is read once.

    Args:
        questions: What is asked.
        interval: First and last of all instants.
        as_known: Count an event only from its arrival on; otherwise from its event time on.
    """
    answers: dict[int, pl.DataFrame] = {}
    order = sorted(range(len(questions)), key=lambda i: questions[i].source.url)
    for _, group in groupby(order, key=lambda i: questions[i].source.url):
        answers |= _answer_from_one(questions, list(group), interval, as_known=as_known)
    return [answers[i] for i in range(len(questions))]


def read_events(
    source: Source, specs: Iterable[ViewSpec], first: datetime, end: datetime
) -> pl.DataFrame | None:
    """Events that count for some instant in ``[first, end]``, repeats taken out; None when none were ever archived.

    An event that repeats an older one is recognised although the older one is in no window any more: events are read
    one deduplication horizon further back.

    Raises:
        SourceError: if the archive lacks a column that a feature aggregates.
    """
    specs = list(specs)
    reach = max(spec.longest_us + spec.dedup_horizon_us for spec in specs)
    try:
        rows = source.archive.scan(_before(first, reach), end)
    except EmptyArchiveError:
        return None
    has = rows.collect_schema().names()
    wanted = dict.fromkeys([c for spec in specs for c in spec.columns] + [c for c in _POSITION if c in has])
    if missing := sorted({*wanted} - {*has}):
        raise SourceError(
            f"archive {source.url!r} has no column {missing}, which views aggregate; it has {sorted(has)}"
        )
    return without_repeats(rows.select(*wanted).collect(), specs[0])


def _answer_from_one(
    questions: Sequence[Question],
    group: Sequence[int],
    interval: tuple[datetime, datetime],
    *,
    as_known: bool,
) -> dict[int, pl.DataFrame]:
    asked = [questions[i] for i in group]
    events = read_events(asked[0].source, [question.spec for question in asked], *interval)
    return dict(zip(group, (_values(question, events, as_known=as_known) for question in asked), strict=True))


def _values(question: Question, events: pl.DataFrame | None, *, as_known: bool) -> pl.DataFrame:
    spec, instants = question.spec, question.instants
    values = (
        never_seen(spec, instants.height)
        if events is None
        else evaluate_as_of(spec, events, instants, as_known=as_known)
    )
    return values.rename(dict(zip(values.columns, question.names, strict=True)))


def never_seen(spec: ViewSpec, rows: int) -> pl.DataFrame:
    """Values of empty windows: counts and sums are 0, the others null."""
    return pl.select(
        pl.repeat(0 if f.function in ZERO_WHEN_EMPTY else None, rows, dtype=f.dtype).alias(f.name)
        for f in spec.features
    )


def _before(instant: datetime, microseconds: int) -> datetime | None:
    try:
        return instant.astimezone(UTC) - timedelta(microseconds=microseconds)
    except OverflowError:
        return None
