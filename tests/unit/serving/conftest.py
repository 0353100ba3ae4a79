import pytest

from serving.models import Model
from tests.unit.serving.fakes import small_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """Fraud and recommendation, trained once."""
    return small_models(tmp_path_factory.mktemp("models"))
