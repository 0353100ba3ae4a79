"""What people do with the quarantine: look, use after a fix, or let go. Each decision is kept with who made it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
import polars as pl
import yaml
from feast import FeatureStore
from rich.console import Console
from rich.table import Table

from expectations.archive import known_keys
from expectations.broken import with_broken_rows
from expectations.checking import CheckResult, check
from expectations.definitions import event_definition
from expectations.gate import acceptance
from expectations.quarantine import REASONS, Quarantine, QuarantineError
from expectations.quarantined import Entry
from expectations.reports import utc_now
from expectations.settings import QualitySettings
from expectations.suites import BatchFacts, event_suite, feature_suite

_EVENTS, _FEATURES = "events-", "features-"


def show_entries(console: Console, *, closed: bool) -> int:
    """Print what waits, and (`closed`) what was decided about; the exit status."""
    table = Table("entry", title="Quarantine", title_justify="left")
    table.add_column("rows", justify="right")
    for name in ("what", "reasons", "became"):
        table.add_column(name)
    for entry in Quarantine(QualitySettings()).entries():
        if closed or entry.closed is None:
            what = "whole batch, refused" if entry.refused else "rows"
            table.add_row(entry.name, f"{entry.rows:,}", what, _reasons(entry), _outcome(entry.closed))
    console.print(table)
    return 0


def show_rows(console: Console, name: str, count: int) -> int:
    """Print rows of an entry with what they break; the exit status.

    Raises:
        QuarantineError: there is no such entry.
    """
    quarantine = Quarantine(QualitySettings())
    entry = quarantine.entry(name)
    console.print(f"{entry.name}: {entry.rows:,} rows, kept {entry.time}; {_outcome(entry.closed) or 'open'}")
    for row in quarantine.rows(entry).sort(pl.col(REASONS).list.len() == 0).head(count).iter_rows(named=True):
        console.print(f"  {', '.join(row.pop(REASONS)) or 'breaks nothing by itself'}", markup=False)
        console.print(f"    {row}", markup=False, highlight=False, soft_wrap=True)
    return 0


def replay(console: Console, repo: Path, name: str, file: Path | None, accept: str) -> int:
    """Use the rows of an entry that meet their suite now, with a reason (`accept`) all of them.

    Features are written to the online store, where a newer row stays; events to a parquet file beside its mapping, for
    ``python -m ingestion.replay``: one that was archived before counts once.

    Raises:
        QuarantineError: there is no such entry, it is closed, or of a kind that cannot be replayed.
    """
    settings = QualitySettings()
    quarantine, store = Quarantine(settings), FeatureStore(repo_path=str(repo))
    entry = _open(quarantine, name)
    rows = quarantine.rows(entry)
    result = _held_again(store, entry, rows.drop(REASONS), settings)
    if entry.refused and not result.success and not accept:
        console.print(str(result), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    good = ~pl.int_range(rows.height, eager=True).is_in([] if accept else list(result.broken))
    used, left = rows.filter(good).drop(REASONS), rows.filter(~good)
    if used.height:
        told = _use(store, entry, used, file)
        console.print(f"{used.height:,} rows {told}", soft_wrap=True)
    if left.height:
        remaining = replace(entry, rows=left.height)
        quarantine.keep(remaining, left, [result.broken[i] for i in (~good).arg_true()])
        console.print(f"{left.height:,} rows still break: {_reasons(quarantine.entry(name))}", style="red")
        return 1
    quarantine.close(entry, _decision("replayed", accept or "they meet their suite", settings, utc_now()))
    return 0


def release(console: Console, name: str, reason: str) -> int:
    """Close an entry without using its rows; the exit status.

    Raises:
        QuarantineError: there is no such entry, or it is closed.
    """
    settings = QualitySettings()
    quarantine = Quarantine(settings)
    entry = _open(quarantine, name)
    quarantine.close(entry, _decision("released", reason, settings, utc_now()))
    console.print(f"{entry.name} is closed; its rows stay in {quarantine.file(entry)}", soft_wrap=True)
    return 0


def _open(quarantine: Quarantine, name: str) -> Entry:
    entry = quarantine.entry(name)
    if entry.closed is not None:
        raise QuarantineError(f"{name} was decided about: {_outcome(entry.closed)}")
    return entry


def _held_again(store: Any, entry: Entry, rows: pl.DataFrame, settings: QualitySettings) -> CheckResult:
    suite = _suite_today(store, entry, rows, settings)
    result = check(rows, suite, examples=settings.failure_examples)
    return with_broken_rows(rows, suite, result, rows.height)


def _suite_today(
    store: Any, entry: Entry, rows: pl.DataFrame, settings: QualitySettings
) -> gx.ExpectationSuite:
    if entry.suite.startswith(_FEATURES):
        view = store.registry.get_any_feature_view(entry.suite.removeprefix(_FEATURES), store.project)
        return feature_suite(store, view, settings)
    if entry.suite.startswith(_EVENTS):
        facts = BatchFacts(known_keys=known_keys(settings), rows=rows.height)
        return event_suite(store, entry.suite.removeprefix(_EVENTS), settings, facts)
    raise QuarantineError(
        f"{entry.name} is a training set: nothing takes it again; train anew, which reads its rows again"
    )


def _use(store: Any, entry: Entry, rows: pl.DataFrame, file: Path | None) -> str:
    if entry.suite.startswith(_FEATURES):
        return _serve(store, entry.suite.removeprefix(_FEATURES), rows)
    if file is None:
        raise QuarantineError(f"{entry.name} has events: name a file with --to FILE that they are written to")
    return _write_events(store, entry.suite.removeprefix(_EVENTS), rows, file)


def _serve(store: Any, view: str, rows: pl.DataFrame) -> str:
    """Feast's own way asks for the time of creation too, which rows of windows do not have: that of the row is taken."""
    source = store.registry.get_any_feature_view(view, store.project).batch_source
    created = source.created_timestamp_column
    if created and created not in rows.columns:
        rows = rows.with_columns(pl.col(source.timestamp_field).alias(created))
    store.write_to_online_store(view, rows.to_pandas())
    return f"written to the online store, view {view}"


def _write_events(store: Any, event: str, rows: pl.DataFrame, file: Path) -> str:
    """A parquet file of the contract's columns, and the mapping that `python -m ingestion.replay` reads it by."""
    events = event_definition(store, event)
    names = [column.name for column in events.columns if column.name in rows.columns]
    topic = store.registry.get_data_source(event, store.project).kafka_options.topic
    keys = {entity.join_key for entity in store.registry.list_entities(store.project)}
    mapping = {
        "topic": topic,
        "key": next((name for name in names if name in keys), events.event_id),
        "timestamp": events.time_column,
        "columns": {name: {"column": name} for name in names},
    }
    rows.select(names).write_parquet(file)
    described = file.with_suffix(".yaml")
    described.write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    return f"written; send them with: python -m ingestion.replay {file} --mapping {described}"


def _decision(what: str, reason: str, settings: QualitySettings, now: datetime) -> dict[str, str]:
    taken = acceptance(settings.model_copy(update={"gate_override": reason}), now)
    return {"what": what, **({} if taken is None else vars(taken))}


def _reasons(entry: Entry) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in entry.reasons.items())


def _outcome(closed: Mapping[str, Any] | None) -> str:
    return (
        "" if closed is None else f"{closed['what']} by {closed['by']}, {closed['time']}: {closed['reason']}"
    )
