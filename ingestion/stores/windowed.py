"""Windowed features at any instant, straight from the archives of events: no log of features is kept."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Final

import polars as pl

from ingestion.compile import compile_view
from ingestion.stores.events import Events
from ingestion.stores.passes import in_part
from ingestion.stores.requests import ViewRequest
from ingestion.stores.sources import Source
from ingestion.windows.bitemporal import evaluate
from ingestion.windows.spec import ZERO_WHEN_EMPTY, ViewSpec, WindowedFeature

_ROW: Final = "__row"
_ARCHIVES_AT_ONCE: Final = 2
"""While one is read the other is computed."""


@dataclass(frozen=True)
class Question:
    """Features of one view, asked at instants.

    Attributes:
        spec: The view, with the features that are wanted.
        source: Archive of its events.
        instants: Join keys, `event_timestamp` and, where it is told by itself, `KNOWN`, one row per answer.
        keys: Columns of the entity rows that hold the keys: questions with the same ones ask for the same entities.
        names: Names of the answer's columns, in the order of the features.
    """

    spec: ViewSpec
    source: Source
    instants: pl.DataFrame
    keys: tuple[str, ...]
    names: Sequence[str]


def ask(request: ViewRequest, source: Source, instants: pl.DataFrame) -> Question:
    """Question for what a retrieval asks of a windowed view."""
    spec = compile_view(request.view)
    wanted = tuple(feature for feature in spec.features if feature.name in request.features)
    return Question(
        spec=replace(spec, features=wanted),
        source=source,
        instants=instants,
        keys=tuple(request.keys.values()),
        names=[request.features[feature.name] for feature in wanted],
    )


def answer(
    questions: Sequence[Question], interval: tuple[datetime, datetime], *, as_known: bool, limit_bytes: int
) -> list[pl.DataFrame]:
    """Feature columns for each question, one row per instant.

    Views over the same archive by the same keys share its reading and its order.

    Args:
        questions: What is asked.
        interval: First and last of all instants.
        as_known: Count an event only from its arrival on; otherwise from its event time on.
        limit_bytes: How much memory the events may take at once, about; more of them are read in parts.
    """
    archives = grouped(range(len(questions)), lambda i: questions[i].source.url)
    threads = max(1, min(_ARCHIVES_AT_ONCE, len(archives)))

    def answer_from(same_archive: list[int]) -> dict[int, pl.DataFrame]:
        asked = [questions[i] for i in same_archive]
        events = Events.of(asked[0].source, [q.spec for q in asked], *interval, limit_bytes // threads)
        answers: dict[int, pl.DataFrame] = {}
        for same_keys in grouped(same_archive, lambda i: (questions[i].spec.join_keys, questions[i].keys)):
            together = [questions[i] for i in same_keys]
            answers |= dict(zip(same_keys, _answer(together, events, as_known=as_known), strict=True))
        return answers

    with ThreadPoolExecutor(threads) as pool:
        answers = reduce(or_, pool.map(answer_from, archives), dict[int, pl.DataFrame]())
    return [answers[i] for i in range(len(questions))]


def _answer(questions: Sequence[Question], events: Events | None, *, as_known: bool) -> list[pl.DataFrame]:
    """Answers of questions that ask one archive for the same entities at the same instants."""
    instants = questions[0].instants
    return answer_together(
        questions,
        lambda spec: (
            never_seen(spec, instants.height)
            if events is None
            else _in_parts(spec, events, instants, as_known=as_known)
        ),
    )


def answer_together(
    questions: Sequence[Question], values_of: Callable[[ViewSpec], pl.DataFrame]
) -> list[pl.DataFrame]:
    """Feature columns for each of some questions that one view with the features of all of them answers.

    Args:
        questions: They ask one archive for the same entities at the same instants.
        values_of: The features of such a view at those instants.
    """
    spec, names = _joined([question.spec for question in questions])
    values = values_of(spec)
    return [
        values.select(values[name].alias(theirs) for name, theirs in zip(own, question.names, strict=True))
        for own, question in zip(names, questions, strict=True)
    ]


def _in_parts(spec: ViewSpec, events: Events, instants: pl.DataFrame, *, as_known: bool) -> pl.DataFrame:
    parts = events.parts(spec)
    if parts == 1:
        return evaluate(spec, events.read(spec), instants, as_known=as_known)
    numbered = instants.with_row_index(_ROW)
    found = []
    for part in range(parts):
        asked = numbered.filter(in_part(spec.join_keys, part, parts))
        values = evaluate(spec, events.read(spec, part, parts), asked, as_known=as_known)
        found.append(values.with_columns(asked[_ROW]))
    return pl.concat(found).sort(_ROW).drop(_ROW)


def _joined(specs: Sequence[ViewSpec]) -> tuple[ViewSpec, list[list[str]]]:
    """One view with the features of several, each once, and the name of each view's features in it."""
    features: dict[WindowedFeature, WindowedFeature] = {}
    names = []
    for spec in specs:
        plain = [replace(feature, name="") for feature in spec.features]
        for feature in plain:
            features.setdefault(feature, replace(feature, name=str(len(features))))
        names.append([features[feature].name for feature in plain])
    return replace(specs[0], features=tuple(features.values())), names


def grouped(items: Iterable[int], key: Callable[[int], Hashable]) -> list[list[int]]:
    """Items of equal keys together, in the order of their first ones."""
    groups: dict[Hashable, list[int]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def never_seen(spec: ViewSpec, rows: int) -> pl.DataFrame:
    """Values of empty windows: counts and sums are 0, the others null."""
    return pl.select(
        pl.repeat(0 if f.function in ZERO_WHEN_EMPTY else None, rows, dtype=f.dtype).alias(f.name)
        for f in spec.features
    )
