"""The next thing is prepared while the last one is used, and nothing else changes."""

from collections.abc import Iterator
from threading import Event, get_ident

import pytest

from ingestion.stores.redis_online.ahead import ahead


def test_everything_is_prepared_in_order() -> None:
    """As ``map`` does."""
    assert list(ahead(lambda n: n * n, range(5))) == [0, 1, 4, 9, 16]
    assert list(ahead(str, [])) == []


def test_the_next_one_is_prepared_while_the_caller_has_the_last_one() -> None:
    """Nobody asked for it yet."""
    begun = [Event() for _ in range(3)]
    made = ahead(lambda n: begun[n].set(), range(3))
    next(made)
    assert begun[1].wait(10)
    assert not begun[2].is_set()
    made.close()


def test_one_alone_is_prepared_by_the_caller() -> None:
    """A thread would only cost time."""
    assert list(ahead(lambda _: get_ident(), [0])) == [get_ident()]


def test_an_error_comes_where_its_result_would_have() -> None:
    """What stands before it is used."""

    def halved(made: Iterator[float]) -> list[float]:
        return [next(made), next(made)]

    made = ahead(lambda n: 1 / (2 - n), range(4))
    assert halved(made) == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(made)
