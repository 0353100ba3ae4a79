"""Parity: what was served against what history says, feature by feature."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import Any, Final

from expectations.parity.record import Example, FeatureParity, ParityRun, ServiceParity, Standing
from expectations.site.area import Area, Problem, Tone, Trend, as_of, worst
from expectations.site.axes import Axis, days_since_epoch
from expectations.site.charts import Series, line_chart
from expectations.site.markup import Grid, Plot, Shown, gallery, meter, paragraph, pill, table

PAGE: Final = "parity.html"
TITLE: Final = "Parity"
_LOOKED_BACK: Final = timedelta(hours=24)
_WHY: Final = {
    Standing.DIFFERENT: (
        "The pipeline is skewed: no lag explains the difference.",
        "compare both sides of the first example on the page; look for a changed definition or a view not materialized since",
    ),
    Standing.STALE: (
        "Freshness was lost: the values were right once, and events since are missing for longer than lag explains.",
        "look at the lag of the stream workers, and whether every partition has one",
    ),
}


@dataclass(frozen=True)
class Least:
    """Shares of served values that the gate of parity asks for: equal as served, and with lag taken into account."""

    equal: float
    accounted: float


def parity_area(
    runs: Sequence[ParityRun], days: Sequence[date], now: datetime, stale: timedelta, least: Least
) -> Area:
    """The area; ``runs`` with the newest first."""
    if not runs:
        return Area(
            TITLE,
            PAGE,
            "unknown",
            "not measured",
            "`python -m expectations parity` compares what was served with history.",
        )
    newest = runs[0]
    compared = sum(service.compared for service in newest.services)
    equal, lagging = (sum(getattr(s, name) for s in newest.services) for name in ("equal", "lagging"))
    if not compared:
        return Area(
            TITLE, PAGE, "unknown", "nothing compared", "No served value could be compared with history."
        )
    problems = [*_behind(newest, least), *_problems(runs, least)]
    tone, late = as_of(worst([p.tone for p in problems]) if problems else "good", newest.until, now, stale)
    return Area(
        TITLE,
        PAGE,
        tone,
        f"{(equal + lagging) / compared:.3%} explained",
        f"{equal:,} of {compared:,} served values are equal to history, {lagging:,} more once events under way for up to "
        f"{newest.lag_seconds:g} s are counted in; {compared - equal - lagging:,} are not explained.{late}",
        Trend(f"explained share of served values, {len(days)} days", _by_day(runs, days)),
        problems,
        _body(runs),
    )


def _by_day(runs: Sequence[ParityRun], days: Sequence[date]) -> list[float | None]:
    """Over all measurements of a day."""
    shares: list[float | None] = []
    for day in days:
        services = [s for run in runs if run.until.date() == day for s in run.services]
        compared = sum(s.compared for s in services)
        shares.append(1 - sum(s.unexplained for s in services) / compared if compared else None)
    return shares


def _behind(run: ParityRun, least: Least) -> list[Problem]:
    """Services of which more was served before events had arrived than the gate lets pass."""
    return [
        Problem(
            run.until,
            f"{service.service}: {service.lagging:,} of {service.compared:,} served values lacked events under way; at least "
            f"{least.equal:.2%} are to be equal to history as served.",
            "Freshness was lost: events are longer under way than they may be.",
            "look at the lag of the stream workers and at the load of Redis",
            "look",
        )
        for service in run.services
        if service.compared and service.lagging / service.compared > 1 - least.equal
    ]


def _problems(runs: Sequence[ParityRun], least: Least) -> list[Problem]:
    """One for each service, view and standing of the last day, at its newest measurement."""
    lately = [run for run in runs if run.until > runs[0].until - _LOOKED_BACK]
    found: dict[tuple[str, str, Standing], list[tuple[ParityRun, int, int]]] = {}
    for run in lately:
        for service in run.services:
            for view in dict.fromkeys(feature.view for feature in service.features):
                _note(found, run, service, view)
    short = {s.service for s in runs[0].services if (s.accounted_ratio or 0) < least.accounted}
    return [
        _problem(*key, of, len(lately), runs[0], "bad" if key[0] in short else "look")
        for key, of in found.items()
    ]


def _note(
    found: dict[tuple[str, str, Standing], list[tuple[ParityRun, int, int]]],
    run: ParityRun,
    service: ServiceParity,
    view: str,
) -> None:
    features = [feature for feature in service.features if feature.view == view]
    compared = sum(feature.compared for feature in features)
    for standing, count in (
        (Standing.DIFFERENT, sum(feature.different for feature in features)),
        (Standing.STALE, sum(feature.stale for feature in features)),
    ):
        if count:
            found.setdefault((service.service, view, standing), []).append((run, count, compared))


def _problem(
    service: str,
    view: str,
    standing: Standing,
    of: Sequence[tuple[ParityRun, int, int]],
    measurements: int,
    newest: ParityRun,
    now: Tone,
) -> Problem:
    run, count, compared = of[0]
    why, action = _WHY[standing]
    again = "" if run is newest else " The newest measurement has none."
    return Problem(
        run.until,
        f"{service}, {view}: {count:,} of {compared:,} served values were {standing}, in {len(of)} of {measurements} "
        f"measurements within a day.{again}",
        why,
        action,
        now if run is newest else "look",
    )


def _body(runs: Sequence[ParityRun]) -> list[str]:
    newest = runs[0]
    spoken = (
        f"Measured {newest.measured:%F %H:%M} UTC in {newest.seconds:.0f} s, of predictions from {newest.since:%F %H:%M} to "
        f"{newest.until:%F %H:%M} UTC."
    )
    parts = [paragraph(spoken, "soft"), *_course(runs)]
    for service in newest.services:
        parts += _service(service)
    return parts


def _course(runs: Sequence[ParityRun]) -> list[str]:
    if len(runs) < 2:
        return []
    ordered = runs[::-1]
    x = [days_since_epoch(run.until) for run in ordered]
    lines = [
        Series("equal as served", x, [_share(run.services, "equal") for run in ordered]),
        Series("explained by lag, too", x, [_share(run.services, "equal", "lagging") for run in ordered]),
    ]
    low = min((value for line in lines for value in line.y if value is not None), default=0.99)
    y = Axis("share of values", min(0.99, low), 1)
    chart = line_chart(Axis("hour (UTC)", x[0], x[-1], days=True), y, lines)
    return [
        "<h2>Over time</h2>",
        gallery([Plot("Served values", chart, "The last measurement of each hour.")]),
    ]


def _share(services: Iterable[ServiceParity], *names: str) -> float | None:
    services = list(services)
    compared = sum(service.compared for service in services)
    return sum(getattr(s, name) for s in services for name in names) / compared if compared else None


_COLUMNS: Final = (
    "Feature",
    "Result",
    "Equal",
    "",
    "Compared",
    "Lag",
    "Stale",
    "Different",
    "Largest difference",
    "View",
)


def _service(service: ServiceParity) -> list[str]:
    features = sorted(service.features, key=lambda f: (-f.different, -f.stale, -f.lagging))
    degraded = (
        f"{service.records:,} predictions; {service.degraded:,} times a view did not come from the online store and was not "
        "compared. Lag, stale and different count values."
    )
    examples = [_example(f, f.example) for f in features if f.example]
    return [
        f"<h2>{escape(service.service)}</h2>",
        paragraph(degraded, "soft"),
        table(Grid(f"Features of {service.service}", _COLUMNS, [_row(f) for f in features]), sortable=True),
        *([f"<h3>First differences of {escape(service.service)}</h3>", *examples] if examples else []),
    ]


def _row(feature: FeatureParity) -> list[Any]:
    share = feature.equal / feature.compared if feature.compared else 0.0
    return [
        feature.feature,
        _result(feature),
        Shown(f"{share:.2%}" if feature.compared else "-", share),
        meter(share, "good" if share == 1 else ""),
        feature.compared,
        feature.lagging,
        feature.stale,
        feature.different,
        feature.largest_difference,
        feature.view,
    ]


def _result(feature: FeatureParity) -> str:
    if not feature.compared:
        return pill("unknown", "not compared")
    if feature.different:
        return pill("bad", "different")
    if feature.stale:
        return pill("look", "stale")
    return pill("good", "lag only" if feature.lagging else "equal")


def _example(feature: FeatureParity, example: Example) -> str:
    keys = ", ".join(f"{name} {value}" for name, value in example.keys.items() if value is not None)
    clock = f"{example.row_timestamp:%F %T.%f} UTC" if example.row_timestamp else "none"
    rows: list[list[Any]] = [
        ["Served", example.served],
        ["History at that instant", example.recomputed],
        ["Read at", f"{example.read:%F %T.%f} UTC"],
        ["Clock of the stored row", clock],
        ["Keys", keys],
        ["Request", example.request_id],
    ]
    title = f"{feature.feature}: {example.standing}"
    return f"<details><summary>{escape(title)}</summary>{table(Grid(title, ('', 'Value'), rows))}</details>"
