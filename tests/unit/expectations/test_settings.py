"""Settings of the gates."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from expectations.settings import QualitySettings


def test_reports_lie_in_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """`SHOP_DATA_DIR` moves them."""
    monkeypatch.setenv("SHOP_DATA_DIR", "/somewhere")
    assert QualitySettings().reports_dir == Path("/somewhere/reports")


def test_settings_cannot_be_changed_or_leave_their_range() -> None:
    """They are frozen, and a share is between 0 and 1."""
    with pytest.raises(ValidationError, match="frozen"):
        QualitySettings().data_dir = Path()  # type: ignore[misc]
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        QualitySettings(repeated_share_max=5)
