import logging

import pytest

from ingestion.stream.log import KeyValueFormatter, say


def test_a_line_has_its_values_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    """Values with blanks are quoted, so that a line can be split again."""
    with caplog.at_level(logging.INFO):
        say(
            logging.getLogger("t"),
            logging.INFO,
            "archived",
            topic="orders",
            rows=5,
            why="it was due",
            none="",
        )
    line = KeyValueFormatter().format(caplog.records[0])
    assert line.endswith("Z INFO archived topic=orders rows=5 why='it was due' none=''")
