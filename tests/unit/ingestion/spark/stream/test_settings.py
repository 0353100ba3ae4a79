"""The guide tells every setting of the program's own."""

import re
from pathlib import Path

from ingestion.spark.stream.settings import SparkStreamSettings
from ingestion.stream.settings import WindowSettings

GUIDE = Path(__file__).parents[5] / "docs" / "spark.md"
TOLD_IN_WORDS = {"SHOP_SPARK_CONF": "none", "SHOP_SPARK_CHECKPOINTS": "`spark` in the data folder"}


def test_the_guide_lists_every_setting_with_its_default() -> None:
    """And none that does not exist."""
    listed = dict(re.findall(r"^\| `(SHOP_\w+)` \| ([^|]*?) \|", GUIDE.read_text(), re.MULTILINE))
    own = SparkStreamSettings.model_fields.keys() - WindowSettings.model_fields.keys()
    defaults = {f"SHOP_{name.upper()}": str(SparkStreamSettings.model_fields[name].default) for name in own}
    assert {name: default.strip("`") for name, default in listed.items()} == defaults | {
        name: told.strip("`") for name, told in TOLD_IN_WORDS.items()
    }
