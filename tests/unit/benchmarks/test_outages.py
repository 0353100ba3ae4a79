"""When an API is back to normal."""

from infra.answers import Answer, Answers
from infra.scrape import Metrics
from tests.benchmarks.outages import Outage

OUTAGE = Outage(begin=10.0, back=20.0, end=24.0, counted=Metrics({}))


def answers(**rungs_by_due: str | None) -> Answers:
    return Answers(
        [
            Answer(n, float(due.lstrip("s")), 0.0, 1.0, "200", False, rung, 0)
            for n, (due, rung) in enumerate(rungs_by_due.items())
        ],
        30.0,
    )


def test_it_is_live_again_behind_the_last_answer_from_elsewhere() -> None:
    """Counted from when what was away is back; a failed request is not live either."""
    assert (
        OUTAGE.seconds_until_live(answers(s11="remembered", s20="typical", s21="remembered", s22="live")) == 1
    )
    assert OUTAGE.seconds_until_live(answers(s20="live", s23=None)) == 3


def test_it_was_never_away_where_nothing_was_noticed() -> None:
    """Nor do answers before and behind the fault count."""
    assert OUTAGE.seconds_until_live(answers(s9="typical", s11="live", s12="remembered", s24="typical")) == 0
