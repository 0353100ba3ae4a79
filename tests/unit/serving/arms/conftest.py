import shutil
from pathlib import Path

import pytest

from tests.unit.serving.arms.shop import write_models


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained once; tests do not change it."""
    return write_models(tmp_path_factory.mktemp("versions"))


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(trained, tmp_path / "models"))
