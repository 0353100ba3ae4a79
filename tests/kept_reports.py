"""Thirty days of everything that `python -m expectations report` shows, with something wrong in each area."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from artefact import MODEL_FILE, Override, save_card, set_champion
from artefact.folder import PAGE_FILE, VERDICT_FILE
from artefact.overrides import keep_override
from expectations.diagnosis import Alarm, Diagnosis
from expectations.drift import record as drift
from expectations.freshness import record as freshness
from expectations.freshness.record import Burn, FreshnessRun, ViewFreshness
from expectations.kept import KeptCheck
from expectations.parity import record as parity
from expectations.parity.record import Example, FeatureParity, ParityRun, ServiceParity, Standing
from expectations.quarantined import ENTRY_FILE, Entry
from expectations.site.markup import document
from tests.prediction_log import write_day
from tests.unit.training.cards import small_card

NOW = datetime(2026, 5, 31, 8, 20, tzinfo=UTC)
DAYS = 30
MARKUP = "<script>document.title = 'owned'</script>"
FEATURES = {
    f"{view}_{name}_{window}": view
    for view, names in {
        "user_orders": ("orders_count", "amount_sum", "amount_mean"),
        "user_views": ("views_count", "product_id_count_distinct"),
        "device_orders": ("orders_count", "user_id_count_distinct"),
        "product_orders": ("orders_count", "amount_mean"),
    }.items()
    for name in names
    for window in ("10m", "1h", "1d", "7d")
}
SUITES = (
    "events-orders",
    "events-page_views",
    "events-chargebacks",
    "features-user_orders",
    "training-fraud_v1",
)
LABEL_DELAY = timedelta(days=7)


def keep_reports(reports: Path, now: datetime = NOW) -> None:
    """Write the records of the days up to ``now`` below a reports' folder."""
    chance = np.random.default_rng(7)
    days = [now.date() - timedelta(days=n) for n in reversed(range(DAYS))]
    for day in days:
        for suite in SUITES:
            keep_check(reports, suite, day)
        drift.keep(drift_day(day, chance, now), reports)
    for day in days[: -LABEL_DELAY.days - 1]:
        drift.keep(performance_day(day, chance), reports)
    for hours in range(24 * DAYS):
        at = now - timedelta(hours=hours)
        parity.keep(parity_run(at, hours), reports)
        freshness.keep(freshness_run(at, hours), reports)


def keep_gates(data: Path) -> None:
    """A refused batch that waits and one that was released, rows that were held back, and a batch that was taken."""
    reason = f"expect_column_values_to_be_between({MARKUP})"
    released = {
        "what": "released",
        "by": "ada@desk",
        "time": (NOW - timedelta(days=3)).isoformat(),
        "reason": MARKUP,
    }
    for suite, age, rows, refused, closed in (
        ("features-user_orders", 2, 48_200, True, None),
        ("training-fraud_v1", 5, 31_000, True, released),
        ("features-device_orders", 1, 7, False, None),
        ("events-page_views", 4, 2, False, None),
    ):
        made = NOW - timedelta(days=age)
        entry = Entry(
            suite,
            f"{made:%Y%m%dT%H%M%S.%fZ}",
            made.isoformat(),
            rows,
            {reason: min(rows, 19)},
            refused,
            closed,
        )
        file = data / "quarantine" / entry.name / ENTRY_FILE
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(asdict(entry)))


def keep_check(reports: Path, suite: str, day: date) -> None:
    """One a day and suite; orders broke theirs a week before the end, with markup in what was found, and were taken a day later."""
    made = datetime.combine(day, time(6), UTC)
    age = (NOW.date() - day).days
    failed, taken = suite == "events-orders" and age in (6, 7), age == 6
    accepted = (
        {"by": "ada@desk", "reason": f"a sale {MARKUP}", "time": made.isoformat()}
        if failed and taken
        else None
    )
    failure = {
        "expectation": "expect_column_values_to_not_be_null",
        "column": MARKUP,
        "expected": {"mostly": 1.0},
        "observed": [None, MARKUP],
        "unexpected_count": 7,
        "examples": [{"order_id": MARKUP, "amount": None}],
        "reason": "the contract says so",
    }
    check = KeptCheck(
        suite=suite,
        batch=f"{day}",
        time=made.isoformat(),
        success=not failed,
        rows=48_200,
        evaluated=51,
        passed=50 if failed else 51,
        seconds=1.25,
        failures=[failure] if failed else [],
        page="index.html",
        accepted=accepted,
    )
    file = reports / "checks" / f"{made:%Y%m%dT%H%M%S.%fZ}-{suite}-{day}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(check)))


def drift_day(day: date, chance: np.random.Generator, now: datetime) -> drift.DriftDay:
    """The mean amount of a customer drifts away over the last days; a category has markup for a name."""
    start, age = datetime.combine(day, time(), UTC), (now.date() - day).days
    subjects = [_compared(name, view, age, chance) for name, view in FEATURES.items()]
    subjects += [_category(age), _compared(drift.SCORE, None, age, chance)]
    whole = drift.Interval(start, start + timedelta(days=1), 33_000, tuple(subjects))
    hours = tuple(
        drift.Interval(start + timedelta(hours=n), start + timedelta(hours=n + 1), 1_400, tuple(subjects))
        for n in range(0, 24, 6)
    )
    return drift.DriftDay("fraud", "fraud@20260501T000000Z-0123abcd", day, NOW, whole, hours)


def _compared(name: str, view: str | None, age: int, chance: np.random.Generator) -> drift.Compared:
    drifted = name == "user_orders_amount_mean_1d" and age < 4
    reference = chance.dirichlet(np.full(10, 40.0))
    moved = (
        np.roll(reference, 3) * np.linspace(0.2, 2.0, 10) if drifted else chance.dirichlet(400 * reference)
    )
    why = "38 % of the values computed again from the archive moved likewise (PSI 0.41)"
    return drift.Compared(
        subject=name,
        view=view,
        reference_rows=50_000,
        rows=33_000,
        psi=0.44 - 0.05 * age if drifted else float(chance.exponential(0.008)),
        test="ks",
        statistic=0.31 if drifted else 0.01,
        p_value=1e-12 if drifted else 0.4,
        p_adjusted=1e-10 if drifted else 0.8,
        missing_reference=0.02,
        missing=0.021,
        new_categories=0.0,
        new_names=(),
        bins=drift.Bins(
            tuple(np.geomspace(1, 500, 11).tolist()),
            (),
            tuple(reference.tolist()),
            tuple((moved / moved.sum()).tolist()),
        ),
        alarm=Alarm(("distribution",), Diagnosis.WORLD, why) if drifted else None,
    )


def _category(age: int) -> drift.Compared:
    alarm = Alarm(("new_categories",), Diagnosis.PIPELINE, f"{MARKUP} is in no event of the archive")
    return drift.Compared(
        subject="product_category",
        view="product_catalogue",
        reference_rows=50_000,
        rows=33_000,
        psi=0.02,
        test="chi2",
        statistic=0.05,
        p_value=0.2,
        p_adjusted=0.4,
        missing_reference=0.0,
        missing=0.0,
        new_categories=0.3 if age == 0 else 0.0,
        new_names=(MARKUP,) if age == 0 else (),
        bins=drift.Bins((), ("toys", "books", MARKUP), (0.6, 0.4, 0.0), (0.4, 0.3, 0.3)),
        alarm=alarm if age == 0 else None,
    )


def performance_day(day: date, chance: np.random.Generator) -> drift.PerformanceDay:
    """As good as in training, until it is not."""
    late = (NOW.date() - day).days < 11
    precision = (0.35 if late else 0.55) + float(chance.normal(0, 0.03))
    start = datetime.combine(day, time(), UTC)
    alarm = Alarm(("ranking",), Diagnosis.WORLD, "average precision 0.35 against 0.55") if late else None
    return drift.PerformanceDay(
        model="fraud",
        version="fraud@20260501T000000Z-0123abcd",
        day=day,
        built=NOW,
        settled=start + timedelta(days=1) + LABEL_DELAY,
        orders=31_000,
        positives=290,
        label_rate=drift.Figure(0.0094, 0.0084, 0.0105),
        predicted_rate=drift.Figure(0.0091, 0.009, 0.0092),
        average_precision=drift.Figure(precision, precision - 0.06, precision + 0.05),
        auc=drift.Figure(0.9, 0.88, 0.92),
        reference_label_rate=0.0092,
        reference_average_precision=0.55,
        reference_auc=0.9,
        alarm=alarm,
    )


def parity_run(at: datetime, hours: int) -> ParityRun:
    """All is equal but for lag; in the last three hours a view has stale values, and one feature differs."""
    keys = {"user_id": f"user_{MARKUP}", "device_id": None}
    features = []
    for name, view in FEATURES.items():
        stale = 40 if view == "device_orders" and hours < 3 else 0
        different = 3 if name == "user_orders_amount_sum_7d" and hours < 3 else 0
        standing = Standing.DIFFERENT if different else Standing.STALE if stale else Standing.LAGGING
        example = Example("3f0c9a", at, keys, 120.5, 133.25, at - timedelta(seconds=4), standing)
        equal = 1_000 - 2 - stale - different
        features.append(FeatureParity(name, view, 1_000, equal, 2, stale, different, 12.75, example))
    service = ServiceParity("fraud_v1", 1_000, 12, tuple(features))
    return ParityRun(at, at - timedelta(hours=1), at, 5.0, 9.5, (service,))


def freshness_run(at: datetime, hours: int) -> FreshnessRun:
    """The views of devices burn their budget in the last hours."""
    views = []
    for view in dict.fromkeys(FEATURES.values()):
        burning = view == "device_orders" and hours < 24
        missed = 900 if burning else 12
        burns = (Burn(1, 22.0 if burning else 0.1, 3_600), Burn(6, 9.0 if burning else 0.1, 21_600))
        left = -0.4 if burning else 0.88
        views.append(
            ViewFreshness(view, "stream", 1.0, 0.99, 60_000, missed, 0.06, 0.2 + burning, left, burns)
        )
    views.append(ViewFreshness("user_profile", "log", 90_000.0, 0.99, 1_000, 0, 3_600.0, 7_300.0, 1.0, ()))
    views.append(ViewFreshness("product_statistics", "log", 90_000.0, 0.99, 0, 0, None, None, 1.0, ()))
    return FreshnessRun(at, at - timedelta(days=30), at, tuple(views))


def keep_predictions(folder: Path, rows: int = 300) -> None:
    """Three days of predictions; on the last one the store was away for a while."""
    for age, live in ((2, 1.0), (1, 1.0), (0, 0.95)):
        write_day(folder, NOW.date() - timedelta(days=age), rows, live)


def keep_models(data: Path) -> None:
    """A model in use and an older version that failed a check, and the report of an experiment."""
    folder = data / "models" / "fraud"
    for version, holds in (("20260501T000000Z-0123abcd", True), ("20260401T000000Z-4567cdef", False)):
        published = folder / version
        published.mkdir(parents=True)
        save_card(small_card().model_copy(update={"version": version}), published)
        check = {"name": "calibration", "holds": holds, "detail": "mean error 0.01"}
        (published / VERDICT_FILE).write_text(json.dumps({"promote": holds, "checks": [check]}))
        (published / PAGE_FILE).write_text(document(f"fraud {version}", ["<h1>fraud</h1>"]))
        (published / MODEL_FILE).touch()
    keep_override(
        Override(
            by="ada@desk",
            reason=f"a busy machine {MARKUP}",
            time=NOW - timedelta(days=9),
            failed={"calibration": "0.2"},
        ),
        folder / "20260401T000000Z-4567cdef",
    )
    set_champion(data / "models", "fraud", "20260501T000000Z-0123abcd")
    experiment = data / "experiments" / "more-trees.html"
    experiment.parent.mkdir()
    experiment.write_text(document("more-trees", ["<h1>more-trees</h1>"]))
