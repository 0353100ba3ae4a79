"""What a benchmark's report says of its figures."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import SHORTER, names
from tests.benchmarks.report import Bar, Report, parser, percentile


@pytest.mark.parametrize(
    ("bar", "ratio", "holds"),
    [
        (Bar("a rate against a peer", 40.0, "rows/s", 10.0, least=4), 4.0, True),
        (Bar("a duration against a peer", 5.0, "ms", 10.0, least=4, lower_is_better=True), 2.0, False),
        (Bar("a rate alone", 999.0, "events/s", least=1_000), None, False),
        (Bar("a duration alone", 30.0, "ms", least=30, lower_is_better=True), None, True),
        (Bar("shown only", 1.0, "ms", 5.0), 0.2, True),
    ],
)
def test_a_bar_is_held_against_its_peer_or_its_bound(bar: Bar, ratio: float | None, holds: bool) -> None:
    """Above 1 is better than the peer; without a peer the bound is on the figure, the bound itself included."""
    assert (bar.ratio, bar.holds) == (ratio, holds)


def test_a_report_that_falls_short_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The closing line names what fell short, the exit status is not 0, and the JSON file has every figure."""
    report = Report("example")
    report.add(Bar("good", 2.0, "x", 1.0, least=1))
    report.add(Bar("bad", 1.0, "x", 2.0, least=1))
    assert report.finish(tmp_path / "figures.json") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "example: 1 of 2 bars hold; short: bad"
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [bar["holds"] for bar in figures["bars"]] == [True, False]
    assert "cores" in figures["machine"]


def test_a_report_that_holds_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing short: exit status 0."""
    report = Report("example")
    report.add(Bar("good", 2.0, "x", 1.0, least=1))
    assert report.finish() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "example: 1 of 1 bars hold"


def test_percentiles_are_measured_values() -> None:
    """Nearest rank; the highest share is the maximum."""
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (51.0, 100.0, 100.0)
    with pytest.raises(ValueError, match="at least one value"):
        percentile([], 0.5)


def test_benchmarks_are_found_by_their_main() -> None:
    """Helpers such as the report are no benchmarks."""
    assert "online" in names()
    assert "report" not in names()
    assert SHORTER.keys() <= set(names())


def test_every_benchmark_takes_a_json_file(tmp_path: Path) -> None:
    """--json FILE is common to all."""
    assert parser("online", "First line.").parse_args(["--json", str(tmp_path)]).json == tmp_path
