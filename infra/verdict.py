"""What a run of the demo showed, figure by figure, and whether it is what it must be."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from artefact import Card
from infra.live import LiveOutcome, LogOutcome
from infra.parity import Parity

EVENTS_PER_SECOND_LEAST = 1_000
PREDICT_P99_MS_MOST = 30.0
FRESHNESS_P99_SECONDS_MOST = 1.0


@dataclass(frozen=True)
class Figure:
    """One line of the table; `held` is None where nothing is demanded."""

    name: str
    value: str
    demanded: str = ""
    held: bool | None = None


def stream_figures(outcome: LiveOutcome) -> list[Figure]:
    """Every message accounted for, and how fast features were readable."""
    sent, stream = outcome.sent, outcome.stream
    consumed = stream.total("shop_stream_messages_consumed_total")
    valid, dead = (
        stream.total("shop_stream_events_valid_total"),
        stream.total("shop_stream_dead_letters_total"),
    )
    late, repeated = (
        stream.total("shop_stream_events_late_total"),
        stream.total("shop_stream_events_repeated_total"),
    )
    malformed = sum(sent["malformed"].values())
    rate = sent["total"] / outcome.seconds
    p50, p99 = (stream.quantile("shop_stream_freshness_seconds", q) for q in (0.5, 0.99))
    return [
        Figure("events sent", f"{sent['total']:,}"),
        Figure("events in", f"{consumed:,.0f}", f"= {sent['total']:,}", consumed == sent["total"]),
        Figure("valid", f"{valid:,.0f}", f"= {sent['valid']:,}", valid == sent["valid"]),
        Figure("dead-lettered", f"{dead:,.0f}", f"= {malformed:,}", dead == malformed),
        Figure("late (used)", f"{late:,.0f}", f"= {sent['late']:,}", late == sent["late"]),
        Figure(
            "repeated (once counted)",
            f"{repeated:,.0f}",
            f"= {sent['duplicate']:,}",
            repeated == sent["duplicate"],
        ),
        Figure(
            "events/s", f"{rate:,.0f}", f">= {EVENTS_PER_SECOND_LEAST:,}", rate >= EVENTS_PER_SECOND_LEAST
        ),
        Figure("event to Redis, p50", f"{p50 * 1e3:,.0f} ms"),
        Figure(
            "event to Redis, p99",
            f"{p99 * 1e3:,.0f} ms",
            f"< {FRESHNESS_P99_SECONDS_MOST:g} s",
            p99 < FRESHNESS_P99_SECONDS_MOST,
        ),
    ]


def api_figures(outcome: LiveOutcome) -> list[Figure]:
    """What the clients of /predict saw while the events flowed."""
    load = outcome.load
    return [
        Figure("predictions", f"{load.requests:,}", "no failure", load.failed == 0 and load.requests > 0),
        Figure("predictions/s", f"{load.per_second:,.0f}"),
        Figure("predict, p50", f"{load.p50_ms:.1f} ms"),
        Figure(
            "predict, p99",
            f"{load.p99_ms:.1f} ms",
            f"< {PREDICT_P99_MS_MOST:g} ms",
            load.p99_ms < PREDICT_P99_MS_MOST,
        ),
        Figure("predict, max", f"{load.max_ms:.1f} ms"),
    ]


def log_figures(outcome: LogOutcome) -> list[Figure]:
    """Every prediction in the archive of the prediction log."""
    complete = outcome.archived == outcome.logged and not outcome.unlogged
    return [
        Figure("predictions logged", f"{outcome.logged:,.0f}", "none shed or failed", not outcome.unlogged),
        Figure("predictions archived", f"{outcome.archived:,.0f}", f"= {outcome.logged:,.0f}", complete),
    ]


def model_figures(fraud: Card, recommendation: Card) -> list[Figure]:
    """On orders after the training window, beside the baselines."""
    test, rules = fraud.metrics["test"], fraud.metrics["rules"]
    figures = [
        _against(f"fraud {name.replace('_', ' ')}", test[name], rules[name], "rules")
        for name in ("auc", "average_precision")
    ]
    for moment, row in recommendation.metrics["ranking"].items():
        for name, value in row.items():
            if name.startswith("hit_rate_at_"):
                label = f"{name.replace('_', ' ')}, {moment.replace('_', ' ')}"
                figures.append(_against(label, value, row[f"popularity_{name}"], "popularity"))
    return figures


def parity_figures(parities: Mapping[str, Parity]) -> list[Figure]:
    """Served online values against historical ones."""
    return [
        Figure(f"parity {service}", f"{p.equal:,} / {p.compared:,} equal", "all", p.complete)
        for service, p in parities.items()
    ]


def quality_figures(reports: Path) -> list[Figure]:
    """Every check that was kept: archive days, feature batches, training sets."""
    checks = [json.loads(file.read_text()) for file in sorted((reports / "checks").glob("*.json"))]
    passed, evaluated = sum(c["passed"] for c in checks), sum(c["evaluated"] for c in checks)
    good = sum(c["success"] for c in checks)
    return [
        Figure("batches accepted", f"{good} / {len(checks)}", "all", bool(checks) and good == len(checks)),
        Figure("expectations held", f"{passed:,} / {evaluated:,}"),
    ]


def table(figures: Sequence[Figure], **titles: Any) -> Table:
    """The closing table."""
    drawn = Table("figure", "value", "demanded", "", **titles)
    for figure in figures:
        mark = {True: "[green]held[/]", False: "[red]missed[/]", None: ""}[figure.held]
        drawn.add_row(figure.name, figure.value, figure.demanded, mark)
    return drawn


def _against(name: str, value: float, baseline: float, of: str) -> Figure:
    return Figure(name, f"{value:.3f}", f"> {baseline:.3f} ({of})", value > baseline)
