"""What a ledger of predictions says of a log."""

from infra.answers import Answer
from tests.benchmarks.ledger import Ledger

KILLED = 10.0


def asked(number: int, due: float, status: str = "200", broken: int = 0) -> Answer:
    return Answer(number, due, 0.0, 1.0, status, False, "live", broken)


def ledger(answers: list[Answer], archived: list[str], acknowledged: int = 0) -> Ledger:
    return Ledger.of("r", answers, archived, acknowledged, KILLED)


def test_all_that_was_answered_and_archived_is_well() -> None:
    """Requests of others may be in the archive; those that failed need not be."""
    found = ledger([asked(0, 1.0), asked(1, 2.0, "503")], ["r-0", "of another"], acknowledged=2)
    assert found == Ledger([], [], set(), 0)


def test_what_was_answered_and_is_not_archived_is_lost() -> None:
    """Unless it was answered in the last second before a worker was killed, which is told apart.

    ::

        due    8.9      9.0 … 9.9    10.0 killed
               lost     with it      lost
    """
    found = ledger([asked(0, 8.9), asked(1, 9.0), asked(2, 9.9), asked(3, 10.0)], [])
    assert found.lost == ["r-0", "r-3"]
    assert found.lost_with_a_worker == ["r-1", "r-2"]


def test_a_row_too_many_is_told() -> None:
    """But for a request that the client sent again, since its connection broke."""
    found = ledger([asked(0, 1.0), asked(1, 2.0, broken=1)], ["r-0", "r-0", "r-1", "r-1"])
    assert found.twice == {"r-0"}


def test_fewer_rows_than_were_acknowledged_are_missing() -> None:
    """A row that is there twice does not make up for one that is not."""
    assert ledger([], ["a", "a", "b"], acknowledged=4).missing == 2
    assert ledger([], ["a", "b"], acknowledged=1).missing == 0
