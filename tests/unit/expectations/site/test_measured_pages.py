"""The areas of parity, freshness, drift and performance: from records to a verdict."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from expectations import records
from expectations.diagnosis import Alarm, Diagnosis
from expectations.drift.record import Bins, DriftDay, keep
from expectations.freshness.record import Burn
from expectations.parity.record import ParityRun
from expectations.site.drift_page import bin_names, drift_area
from expectations.site.freshness_page import freshness_area
from expectations.site.measured import daily, hourly
from expectations.site.parity_page import Least, parity_area
from expectations.site.performance_page import performance_area
from expectations.site.quality_page import last_days
from tests.kept_reports import NOW, drift_day, freshness_run, parity_run, performance_day

STALE = timedelta(hours=48)
DAYS = last_days(NOW, 30)
LEAST = Least(0.99, 0.9999)
QUIET, TROUBLED = 5, 0
"""Hours before the end: `tests.kept_reports` has trouble in the last three."""


def chance() -> np.random.Generator:
    return np.random.default_rng(7)


def test_parity_is_good_when_lag_explains_what_differs() -> None:
    """The figure is the share that is accounted for."""
    area = parity_area([parity_run(NOW, QUIET)], DAYS, NOW, STALE, LEAST)
    assert (area.tone, area.number, area.problems) == ("good", "100.000% explained", [])


def test_values_that_history_does_not_have_fail_where_the_gate_would() -> None:
    """By view, with the diagnosis: nothing explains it, or it was right once."""
    area = parity_area([parity_run(NOW, TROUBLED)], DAYS, NOW, STALE, LEAST)
    assert area.tone == "bad"
    assert [problem.why.split(":")[0] for problem in area.problems] == [
        "The pipeline is skewed",
        "Freshness was lost",
    ]
    lenient = parity_area([parity_run(NOW, TROUBLED)], DAYS, NOW, STALE, Least(0.9, 0.9))
    assert lenient.tone == "look"


def test_too_much_lag_is_to_be_looked_at_although_it_is_explained() -> None:
    """The gate asks for values that are equal as served, too."""
    area = parity_area([parity_run(NOW, QUIET)], DAYS, NOW, STALE, Least(0.9999, 0.99))
    assert area.tone == "look"
    assert "lacked events under way" in area.problems[0].what


def test_a_difference_that_is_over_is_still_told() -> None:
    """For a day, as something to look at."""
    runs = [parity_run(NOW, QUIET), parity_run(NOW - timedelta(hours=1), TROUBLED)]
    area = parity_area(runs, DAYS, NOW, STALE, LEAST)
    assert area.tone == "look"
    assert "The newest measurement has none." in area.problems[0].what


def test_an_example_has_both_sides() -> None:
    """What was served, what history says, and whose it was."""
    page = "".join(parity_area([parity_run(NOW, TROUBLED)], DAYS, NOW, STALE, LEAST).body)
    for text in ("120.5", "133.2", "History at that instant", "3f0c9a"):
        assert text in page
    assert "<script>" not in page


def test_one_measurement_an_hour_is_read(tmp_path: Path) -> None:
    """The last of each; older ones than asked for only where there is nothing newer."""
    for minutes in (0, 10, 70, 4_000):
        at = NOW - timedelta(minutes=minutes)
        records.keep(parity_run(at, QUIET), tmp_path, at)
    found = [run.measured for run in hourly(ParityRun, tmp_path, NOW - timedelta(days=1))]
    assert found == [NOW, NOW - timedelta(minutes=70)]
    assert len(hourly(ParityRun, tmp_path, NOW + timedelta(days=9))) == 1


def test_an_overspent_budget_fails() -> None:
    """The view, how late it is, and how fast it burns; views without data do not count."""
    assert freshness_area([freshness_run(NOW, 30)], DAYS, NOW, STALE).tone == "good"
    area = freshness_area([freshness_run(NOW, TROUBLED)], DAYS, NOW, STALE)
    assert (area.tone, area.number) == ("bad", "4 of 5 views fresh")
    (problem,) = area.problems
    assert problem.what.startswith("device_orders overspent its error budget: 900 of 60,000")
    assert "22.0 x over 1 h" in problem.why


def test_a_budget_that_burns_fast_is_to_be_looked_at() -> None:
    """At the pace of the pager, although most of it is left."""
    run = freshness_run(NOW, 30)
    burning = replace(run.views[0], burns=(Burn(1, 15.0, 3_600),))
    area = freshness_area([replace(run, views=(burning,))], DAYS, NOW, STALE)
    assert area.tone == "look"
    assert "has 88% of its error budget left" in area.problems[0].what


def test_a_day_with_too_few_predictions_is_not_judged() -> None:
    """It is not known whether anything drifted."""
    day = drift_day(NOW.date(), chance(), NOW)
    area = drift_area([replace(day, whole=replace(day.whole, subjects=()))], DAYS, NOW, STALE)
    assert (area.tone, area.number) == ("unknown", "too few predictions")


def test_days_are_read_from_one_on(tmp_path: Path) -> None:
    """And of a model that stopped, its last."""
    for age in (0, 1, 9):
        keep(drift_day(NOW.date() - timedelta(days=age), chance(), NOW), tmp_path)
    keep(replace(drift_day(NOW.date() - timedelta(days=9), chance(), NOW), model="old"), tmp_path)
    found = daily(DriftDay, tmp_path / "drift", NOW.date() - timedelta(days=5))
    assert [(day.model, (NOW.date() - day.day).days) for day in found] == [
        ("fraud", 1), ("fraud", 0), ("old", 9),
    ]  # fmt: skip


def test_drift_tells_which_of_three_it_is() -> None:
    """The world is looked at; the pipeline has failed."""
    area = drift_area([drift_day(NOW.date(), chance(), NOW)], DAYS, NOW, STALE)
    assert (area.tone, area.number) == ("bad", "2 of 38 drifted")
    assert "1 world, 1 pipeline" in area.sentence
    assert {problem.tone for problem in area.problems} == {"bad", "look"}


def test_drift_of_other_days_is_told_once_with_how_often() -> None:
    """One problem for a feature, at its newest alarm."""
    found = [drift_day(NOW.date() - timedelta(days=age), chance(), NOW) for age in (6, 5, 4, 3, 2, 1)]
    (problem,) = drift_area(found, DAYS, NOW, STALE).problems
    assert "on 3 of 6 days" in problem.what


def test_bins_have_names() -> None:
    """Categories, intervals, and single values."""
    assert bin_names(Bins((), ("toys", "books"), (0.5, 0.5), (1.0, 0.0))) == ["toys", "books"]
    assert bin_names(Bins((0.0, 0.0, 2.5), (), (0.5, 0.5), (1.0, 0.0))) == ["0", "0 .. 2.5"]


def test_performance_is_judged_by_its_newest_settled_day() -> None:
    """An alarm of the world is looked at, one of the pipeline has failed; days in between are counted."""
    late, early = (performance_day(NOW.date() - timedelta(days=age), chance()) for age in (8, 12))
    assert performance_area([early], DAYS, early.settled, STALE).tone == "good"
    area = performance_area([early, late], DAYS, NOW, STALE)
    assert area.tone == "look"
    assert "on 1 of 2 days" in area.problems[0].what
    broken = replace(late, alarm=Alarm(("calibration",), Diagnosis.PIPELINE, "it differs"))
    assert performance_area([early, broken], DAYS, NOW, STALE).tone == "bad"


def test_what_was_never_measured_is_not_known() -> None:
    """Nor what was measured long ago."""
    assert {
        parity_area([], DAYS, NOW, STALE, LEAST).tone,
        freshness_area([], DAYS, NOW, STALE).tone,
        drift_area([], DAYS, NOW, STALE).tone,
        performance_area([], DAYS, NOW, STALE).tone,
        parity_area([parity_run(NOW - timedelta(days=9), QUIET)], DAYS, NOW, STALE, LEAST).tone,
    } == {"unknown"}
