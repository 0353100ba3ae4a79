"""Records of promotions against the checks of a version."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from artefact import ArtefactError, Override, load_overrides
from artefact.folder import OVERRIDES_FILE
from artefact.overrides import keep_override

FIRST = Override(
    by="ada@desk", reason="a\nsale", time=datetime(2026, 2, 3, tzinfo=UTC), failed={"parity": "x"}
)


def test_records_are_added_and_read_in_order(tmp_path: Path) -> None:
    """A reason of two lines is one record."""
    assert load_overrides(tmp_path) == ()
    second = FIRST.model_copy(update={"reason": "again"})
    keep_override(FIRST, tmp_path)
    keep_override(second, tmp_path)
    assert load_overrides(tmp_path) == (FIRST, second)


def test_a_record_needs_a_reason_and_an_instant_with_a_zone() -> None:
    """Nobody overrules without saying why."""
    for change in ({"reason": ""}, {"time": datetime(2026, 2, 3)}):  # noqa: DTZ001  the point of it
        with pytest.raises(ValidationError):
            Override.model_validate(FIRST.model_dump() | change)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """It is not taken for no record."""
    (tmp_path / OVERRIDES_FILE).write_text("nothing\n")
    with pytest.raises(ArtefactError, match=OVERRIDES_FILE):
        load_overrides(tmp_path)
