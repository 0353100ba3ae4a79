from pathlib import Path

import pytest

from connections.settings import describe
from ingestion.stream.errors import KafkaUnreachableError
from ingestion.stream.settings import StreamSettings


def test_the_broker_s_address_is_found_where_it_was_left(tmp_path: Path) -> None:
    """A setting wins over the file."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "kafka.addr").write_text("127.0.0.1:1\n")
    assert StreamSettings(data_dir=tmp_path, kafka_bootstrap=None).kafka().bootstrap == "127.0.0.1:1"
    assert StreamSettings(data_dir=tmp_path, kafka_bootstrap="b:2").kafka().bootstrap == "b:2"


def test_an_unknown_broker_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    """It names the file that was looked for, the command and the setting."""
    with pytest.raises(
        KafkaUnreachableError, match=r"kafka\.addr; start one with `make up`, or set SHOP_KAFKA_BOOTSTRAP"
    ):
        StreamSettings(data_dir=tmp_path, kafka_bootstrap=None).kafka()


def test_every_setting_says_what_it_is_for() -> None:
    """The help lists each variable with a sentence and its default."""
    lines = describe(StreamSettings).splitlines()
    assert len(lines) == len(StreamSettings.model_fields)
    assert all(field.description for field in StreamSettings.model_fields.values())
    assert any(line.startswith("  SHOP_STREAM_ARCHIVE_SECONDS") and line.endswith("[5.0]") for line in lines)
