"""What answers come to."""

import math

import pytest

from infra.answers import Answer, Answers, rung_of


def answered(number: int, **changes: object) -> Answer:
    """The n-th request, due at second n and answered after n + 1 milliseconds."""
    plain = Answer(number, float(number), 0.0, number + 1.0, "200", False, "live", 0)
    return plain._replace(**changes)


@pytest.mark.parametrize(
    ("content", "rung"),
    [
        (b'{"user_id":"u","degraded":null}', "live"),
        (b'{"degraded": "remembered", "views": {}}', "remembered"),
        (b'{"title":"too many questions"}', None),
        (b"", None),
    ],
)
def test_an_answer_tells_where_its_features_came_from(content: bytes, rung: str | None) -> None:
    """Null means live; an error says nothing."""
    assert rung_of(content) == rung


def test_answers_are_chosen_by_when_they_were_due() -> None:
    """Half-open: the request due at the end belongs to what follows."""
    found = Answers([answered(number) for number in range(10)], 10.0).within(2.0, 5.0)
    assert [answer.number for answer in found.answers] == [2, 3, 4]
    assert (found.seconds, found.per_second) == (3.0, 1.0)


def test_percentiles_are_latencies_that_were_seen() -> None:
    """Nearest rank; 1 is the longest; of nothing there is none."""
    found = Answers([answered(number) for number in range(100)], 1.0)
    assert [found.latency_ms(share) for share in (0.5, 0.99, 0.999, 1)] == [50.0, 99.0, 100.0, 100.0]
    assert math.isnan(Answers().latency_ms(0.5))


def test_what_failed_is_told_by_its_kind() -> None:
    """Load shedding is no server error, a broken connection no answer."""
    found = Answers(
        [
            answered(0),
            answered(1, status="503", retry_after=True, rung=None),
            answered(2, status="500", rung=None),
            answered(3, status="ConnectionResetError", rung=None),
            answered(4, broken=2),
        ]
    )
    assert (found.failed, found.server_errors, found.unanswered, found.broken) == (3, 1, 1, 2)
    assert found.rungs == {"live": 2, None: 3}
