"""The page of gates: what waits, what was decided, and by whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from artefact import Override, set_champion
from artefact.overrides import keep_override
from expectations.kept import KeptCheck
from expectations.quarantined import Entry, read_entries
from expectations.site.area import Area
from expectations.site.gates_page import gates_area
from expectations.site.items import Item, item_list
from expectations.site.models_page import Version, collect_versions, models_area
from expectations.site.quality_page import last_days
from tests.kept_reports import keep_gates, keep_models

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS = last_days(NOW, 30)
MARKUP = "<b>sale</b>"
REASON = "expect_column_values_to_be_between(amount)"
WHOLE = Entry("features-user_orders", "20260531T080000.000000Z", "2026-05-31T08:00:00+00:00", 900, {REASON: 19}, refused=True)  # fmt: skip
ROWS = replace(WHOLE, suite="events-orders", batch="2026-05-31", rows=2, reasons={REASON: 2}, refused=False)
DECISION = {"what": "released", "by": "ada@desk", "time": "2026-06-01T09:00:00+00:00", "reason": MARKUP}
HELD = KeptCheck("features-user_orders", "b", "2026-05-31T08:00:00+00:00", True, 5, 9, 9, 0.5, [], "x.html")
TAKEN = replace(
    HELD,
    success=False,
    batch=WHOLE.batch,
    failures=[{"expectation": "expect_column_values_to_be_between", "column": "amount"}],
    accepted={"by": "ada@desk", "time": "2026-05-31T08:00:00+00:00", "reason": MARKUP},
)
VERSION = Version("fraud", "v2", False, "xgboost", NOW, NOW, ("calibration",), None)
OVERRIDE = Override(by="ada@desk", reason=MARKUP, time=NOW, failed={"calibration": "mean error 0.2"})


def area_of(
    checks: list[KeptCheck], entries: list[Entry], versions: list[Version] | None = None
) -> tuple[Area, str]:
    area = gates_area(checks, entries, versions or [], DAYS, NOW)
    return area, "".join(area.body)


def test_a_refused_batch_waits_with_its_rows_and_reasons() -> None:
    """For a day it is nobody's fault that nothing was decided."""
    fresh = replace(WHOLE, time=(NOW - timedelta(hours=3)).isoformat())
    area, page = area_of([HELD], [fresh, ROWS])
    assert (area.tone, area.number, area.problems) == ("good", "2 undecided", [])
    assert "1 refused batch and 2 single rows wait" in area.sentence
    for text in (
        fresh.name,
        f"The whole batch, 900 rows. They break {REASON} in 19.",
        "2 rows",
        "waits",
        ROWS.name,
    ):
        assert text in page


def test_a_refused_batch_that_nobody_decides_about_is_to_be_looked_at() -> None:
    """After a day; the commands that decide are named."""
    area, _ = area_of([HELD], [WHOLE])
    (problem,) = area.problems
    assert (area.tone, problem.tone) == ("look", "look")
    assert f"quarantine show {WHOLE.name}" in problem.action


def test_a_decision_is_told_with_who_made_it_and_why() -> None:
    """What somebody wrote is text."""
    area, page = area_of([HELD], [replace(WHOLE, closed=DECISION)])
    assert (area.tone, area.number) == ("good", "0 undecided")
    assert "Decided 2026-06-01 09:00 UTC by ada@desk: &lt;b&gt;sale&lt;/b&gt;" in page
    assert "released" in page


def test_a_batch_that_was_taken_does_not_wait() -> None:
    """It is told once, with what failed; also where its rows were kept before decisions were."""
    area, page = area_of([TAKEN], [WHOLE])
    assert (area.tone, area.number) == ("good", "0 undecided")
    assert "gates were overruled 1 time in 30 days" in area.sentence
    assert page.count(WHOLE.name) == 1
    assert "by ada@desk: &lt;b&gt;sale&lt;/b&gt;" in page
    assert f"Failed: {REASON}." in page


def test_a_promotion_against_the_checks_is_told_with_who_and_why() -> None:
    """And what the checks had found."""
    area, page = area_of([HELD], [], [replace(VERSION, champion=True, overrides=(OVERRIDE,))])
    assert area.problems == []
    for text in ("overruled", "fraud v2 (in use)", "by ada@desk: &lt;b&gt;", "calibration: mean error 0.2"):
        assert text in page


def test_the_newest_version_that_was_not_promoted_is_to_be_looked_at() -> None:
    """Older ones are listed only."""
    older = replace(VERSION, name="v1", created=NOW - timedelta(days=1))
    area, page = area_of([HELD], [], [VERSION, older])
    (problem,) = area.problems
    assert "fraud v2, the newest version, was not promoted." in problem.what
    assert page.count("refused</span>") == 2
    assert area_of([HELD], [], [older, replace(VERSION, failed=())])[0].problems == []


def test_an_override_is_on_the_page_of_models_too(tmp_path: Path) -> None:
    """Of the version in use it is named in what is to be looked at; without a record that is said."""
    keep_models(tmp_path)
    set_champion(tmp_path / "models", "fraud", "20260401T000000Z-4567cdef")
    versions = collect_versions(tmp_path, tmp_path / "reports")
    (problem,) = models_area(versions, []).problems
    assert problem.why.startswith(
        "ada@desk promoted it against its checks, 2026-05-22 08:20 UTC: a busy machine"
    )
    silent = [replace(version, overrides=()) for version in versions]
    assert "no record" in models_area(silent, []).problems[0].why
    keep_override(OVERRIDE, tmp_path / "models" / "fraud" / "20260401T000000Z-4567cdef")
    assert [len(v.overrides) for v in collect_versions(tmp_path, tmp_path / "reports")] == [0, 2]


def test_entries_are_read_from_the_folder(tmp_path: Path) -> None:
    """The newest first; a folder that is not there has none."""
    assert read_entries(tmp_path / "quarantine") == []
    keep_gates(tmp_path)
    entries = read_entries(tmp_path / "quarantine")
    assert [entry.rows for entry in entries] == [7, 48_200, 2, 31_000]


def test_where_nothing_came_to_a_gate_nothing_is_known() -> None:
    """No empty claim that all is well."""
    assert area_of([], [])[0].tone == "unknown"


def test_a_long_list_is_folded() -> None:
    """Twenty are shown, the newest first."""
    items = [Item("look", "waits", f"entry_{n}", NOW - timedelta(days=n), "") for n in range(25)]
    page = "".join(item_list("Waiting", items, "none"))
    assert "5 older" in page
    assert page.index("entry_0") < page.index("entry_19") < page.index("<details>") < page.index("entry_20")
