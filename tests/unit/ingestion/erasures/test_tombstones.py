"""Who was erased up to when, and whose messages are kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ingestion.erasures.kept import Erasures
from ingestion.erasures.letters import is_gone, names
from ingestion.erasures.tombstones import Tombstones

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp()) * 1_000_000
HOUR = timedelta(hours=1)
TIMES = ("event_timestamp", "arrival_timestamp")


@pytest.fixture
def erasures(tmp_path: Path) -> Erasures:
    """Ann was erased at noon."""
    erasures = Erasures(tmp_path / "erasures")
    erasures.bury("ann", NOON_US)
    return erasures


def rows(*told: tuple[str | None, datetime, datetime]) -> pl.DataFrame:
    return pl.DataFrame(told, schema=["user_id", *TIMES], orient="row")


def test_what_happened_or_arrived_before_is_gone(erasures: Erasures) -> None:
    """Noon is the instant; the earlier of both times decides, and only about her.

    event    11   11   13   13   12   11
    arrival  11   13   13   11   13   11
    gone      x    x         x    x         the last one is bob's
    """
    told = [
        ("ann", NOON - HOUR, NOON - HOUR),
        ("ann", NOON - HOUR, NOON + HOUR),
        ("ann", NOON + HOUR, NOON + HOUR),
        ("ann", NOON + HOUR, NOON - HOUR),
        ("ann", NOON, NOON + HOUR),
        ("bob", NOON - HOUR, NOON - HOUR),
        (None, NOON - HOUR, NOON - HOUR),
    ]
    mask = erasures.tombstones().mask(rows(*told), TIMES)
    assert mask.to_list() == [True, True, False, True, True, False, False]


def test_without_tombstones_nothing_is_gone() -> None:
    """Also where there are no rows."""
    old = rows(("ann", NOON - HOUR, NOON - HOUR))
    assert [Tombstones().mask(table, TIMES).to_list() for table in (old, old.clear())] == [[False], []]


def test_of_two_tombstones_the_later_one_counts(erasures: Erasures) -> None:
    """Each set has a version of its own; the same one again changes nothing."""
    first = erasures.tombstones()
    erasures.bury("ann", NOON_US)
    assert erasures.tombstones() == first
    erasures.bury("ann", NOON_US + 1)
    second = erasures.tombstones()
    assert (second.instant_us("ann"), second.instant_us("bob")) == (NOON_US + 1, None)
    assert len({first.version, second.version, Tombstones().version}) == 3


def test_no_id_is_kept(erasures: Erasures, tmp_path: Path) -> None:
    """Neither in names nor in bytes."""
    files = [file for file in (tmp_path / "erasures").rglob("*") if file.is_file()]
    assert len(files) == 2
    assert not [file for file in files if "ann" in file.name or file.read_bytes()]


@pytest.mark.parametrize(
    ("key", "value", "gone"),
    [
        (b"ann", b"{", True),
        (b"ann", None, True),
        (None, b'{"user_id": "ann"}', True),
        (None, b'{"user_id": "ann", "event_timestamp": "2026-03-01T11:00:00Z"}', True),
        (b"ann", b'{"user_id": "ann", "event_timestamp": "2026-03-01T13:00:00Z"}', False),
        (b"ann", b'{"user_id": "ann", "event_timestamp": "2026-03-01T13:00:00"}', True),
        (b"bob", b'{"user_id": "bob"}', False),
        (b"bob", b'["ann"]', False),
        (b"\xff", b"\xff", False),
    ],
)
def test_a_message_that_cannot_be_read_is_kept_if_it_is_newer_or_of_others(
    erasures: Erasures, key: bytes | None, value: bytes | None, gone: bool
) -> None:
    """Whose it is, key and fields tell; a time without a zone tells nothing."""
    assert is_gone(erasures.tombstones(), key, value, "event_timestamp") is gone


@pytest.mark.parametrize(
    ("text", "has"),
    [
        (b'{"user_id": "user_1"}', True),
        (b"user_1", True),
        (b"of user_1.", True),
        (b"user_12", False),
        (b"a.user_1", False),
        (b"user_1.b", False),
        (b"", False),
        (None, False),
    ],
)
def test_an_id_is_found_as_a_word(text: bytes | None, has: bool) -> None:
    """Not inside of another one."""
    assert names(text, "user_1") is has
