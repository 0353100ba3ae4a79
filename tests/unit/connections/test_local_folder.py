from pathlib import Path

import pytest
from pydantic import ValidationError

from expectations.settings import QualitySettings
from serving.settings import ServingSettings
from training.settings import TrainingSettings


@pytest.mark.parametrize(
    ("settings", "name"),
    [(ServingSettings, "models_dir"), (TrainingSettings, "data_dir"), (QualitySettings, "data_dir")],
)
@pytest.mark.parametrize("url", ["s3://bucket/models", Path("s3://bucket/models")])
def test_models_in_a_bucket_are_refused_with_the_way_out(settings: type, name: str, url: str | Path) -> None:
    """A folder named `s3:` would be made otherwise; the error says what to mount, and what may be in a bucket."""
    with pytest.raises(ValidationError, match=rf"(?s){name}.*is a URL.*mount one.*SHOP_PREDICTIONS_PATH"):
        settings(**{name: url})
