"""The meter: logged predictions, computed again from history and compared value by value."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.parity import history, lag
from expectations.parity.lag import CLOCK, Tolerated
from expectations.parity.plan import OnDemandView, ServicePlan, StoredView, plan
from expectations.parity.record import ParityRun, Standing
from expectations.parity.tally import NOT_COMPARED, SEVERITY, Codes, Tally
from expectations.parity.values import equal
from expectations.served import KEYS, RECORD, TIME, ServedLog, long, views, wide

COLUMNS: Final = ("request_id", *KEYS, "request", "views", "features")
ROWS_AT_ONCE: Final = 20_000
"""Predictions that are compared together: about 300 MB of values of both sides."""


@dataclass(frozen=True)
class Question:
    """What is to be measured.

    Attributes:
        services: Names of feature services.
        since: First instant of the predictions (aware).
        until: Behind the last one (aware).
        sample: About how many predictions of the interval are looked at; None: all.
    """

    services: Sequence[str]
    since: datetime
    until: datetime
    sample: int | None


def measure(
    store: Any,
    log: ServedLog,
    question: Question,
    tolerated: Tolerated,
    *,
    now: Callable[[], datetime],
    after: Callable[[int], None] = lambda _records: None,
) -> ParityRun:
    """Compare what was served in an interval with history.

    The archive must have what arrived until then: the stream worker writes it some seconds later.

    Args:
        store: A ``feast.FeatureStore``.
        log: The prediction log.
        question: Which predictions, and of which services.
        tolerated: How long something may be on its way.
        now: The present, aware.
        after: Told of progress: how many predictions were compared.

    Raises:
        NoPredictionsError: nothing is archived.
        UnknownDefinitionError: the registry has no such service.
    """
    began = time.perf_counter()
    plans = [plan(store, name) for name in question.services]
    tallies = [Tally(one) for one in plans]
    for records in _portions(log, question):
        for one, tally in zip(plans, tallies, strict=True):
            own = _records_of(one, records)
            if own.height:
                tally.add(own, *_compared(store, one, own, tolerated))
        after(records.height)
    return ParityRun(
        measured=now(),
        since=question.since,
        until=question.until,
        lag_seconds=tolerated.events.total_seconds(),
        seconds=round(time.perf_counter() - began, 3),
        services=tuple(tally.result() for tally in tallies),
    )


def _portions(log: ServedLog, question: Question) -> Iterator[pl.DataFrame]:
    share = None
    if question.sample is not None:
        share = min(1.0, question.sample / max(1, log.count(question.since, question.until)))
    for start, end in log.days(question.since, question.until):
        most = None if share is None else round(share * log.count(start, end))
        for portion in log.read(start, end, COLUMNS, most).iter_slices(ROWS_AT_ONCE):
            yield portion.drop(RECORD).with_row_index(RECORD)


def _records_of(plan: ServicePlan, records: pl.DataFrame) -> pl.DataFrame:
    """Those that read all of the service's views and have what its on-demand views ask of the request; numbered anew."""
    names = pl.element().struct.field("name")
    has = [
        pl.col(column).list.eval(names).list.set_intersection(wanted).list.len() == len(wanted)
        for column, wanted in (("views", [v.name for v in plan.stored]), ("request", list(plan.request)))
        if wanted
    ]
    return records.filter(*has).drop(RECORD).with_row_index(RECORD)


def _compared(
    store: Any, plan: ServicePlan, records: pl.DataFrame, tolerated: Tolerated
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Codes]]:
    """Served values, history's, and how each stands: codes per feature, an entry per record."""
    request = wide(records, "request", plan.request)
    asked = records.select(RECORD, *plan.keys, TIME).join(request, on=RECORD, maintain_order="left")
    served = wide(records, "features", plan.kinds)
    known = history.of_service(store, plan, asked)
    codes = _as_served(plan, records, served, known)
    rows = asked.join(served, on=RECORD, maintain_order="left")
    for view in plan.stored:
        _explain_stored(store, view, rows, _clocks(records, view), tolerated, codes)
    for part in plan.on_demand:
        _explain_on_demand(plan, part, rows, codes)
    return served, known, codes


def _as_served(
    plan: ServicePlan, records: pl.DataFrame, served: pl.DataFrame, known: pl.DataFrame
) -> dict[str, Codes]:
    """Equal, different, or not compared: not logged, or not read from the store."""
    live = _live(records)
    logged = long(records, "features").select(RECORD, "name").partition_by("name", as_dict=True)
    codes = {}
    for view in plan.views:
        needed = view.sources if isinstance(view, OnDemandView) else (view.name,)
        read = np.logical_and.reduce([live[name] for name in needed])
        for name in view.features:
            here = np.zeros(records.height, dtype=np.bool_)
            if (name,) in logged:
                here[logged[name,][RECORD].to_numpy()] = True
            same = equal(served[name], known[name]).to_numpy()
            told = np.where(same, SEVERITY[Standing.EQUAL], SEVERITY[Standing.DIFFERENT]).astype(np.int8)
            codes[name] = np.where(here & read, told, NOT_COMPARED).astype(np.int8)
    return codes


def _live(records: pl.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Per view, whether each record had its values from the online store."""
    live = {}
    for (name,), used in views(records).partition_by("view", as_dict=True).items():
        flags = np.zeros(records.height, dtype=np.bool_)
        flags[used.filter(pl.col("view_rung") == "live")[RECORD].to_numpy()] = True
        live[str(name)] = flags
    return live


def _clocks(records: pl.DataFrame, view: StoredView) -> pl.DataFrame:
    return views(records).filter(pl.col("view") == view.name).select(RECORD, CLOCK)


def _explain_stored(
    store: Any,
    view: StoredView,
    rows: pl.DataFrame,
    clocks: pl.DataFrame,
    tolerated: Tolerated,
    codes: dict[str, Codes],
) -> None:
    """Replace the codes of values that are not equal."""
    unequal = np.logical_or.reduce([_is_unequal(codes[name]) for name in view.features])
    if not unequal.any():
        return
    asked = rows.filter(pl.Series(unequal)).join(clocks, on=RECORD, how="left", maintain_order="left")
    found = lag.standings(store, view, asked, tolerated)
    places = found[RECORD].to_numpy()
    for name in view.features:
        told = found[name].replace_strict(SEVERITY, return_dtype=pl.Int8).to_numpy()
        now = codes[name][places]
        codes[name][places] = np.where(_is_unequal(now), told, now)


def _explain_on_demand(
    plan: ServicePlan, part: OnDemandView, rows: pl.DataFrame, codes: dict[str, Codes]
) -> None:
    """A value that follows from the logged inputs stands as the worst of them; one that does not is different."""
    unequal = np.logical_or.reduce([_is_unequal(codes[name]) for name in part.features])
    if not unequal.any():
        return
    places = np.flatnonzero(unequal)
    asked = rows[places]
    made = history.of_inputs(part, asked.select(*part.inputs, *plan.request))
    worst = np.maximum.reduce([codes[name][places] for name in part.inputs])
    for name in part.features:
        follows = equal(asked[name], made[name]).to_numpy()
        now = codes[name][places]
        told = np.where(follows, worst, SEVERITY[Standing.DIFFERENT])
        codes[name][places] = np.where(_is_unequal(now), told, now)


def _is_unequal(codes: Codes) -> NDArray[np.bool_]:
    return codes > SEVERITY[Standing.EQUAL]
