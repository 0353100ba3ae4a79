"""What a soak needs."""

import pytest

from tests.benchmarks import soak


def test_a_soak_takes_longer_than_what_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The first minute is no measure; it says so before it starts anything."""
    with pytest.raises(SystemExit):
        soak.main(["--minutes", "2"])
    assert "give more than 2" in capsys.readouterr().err
