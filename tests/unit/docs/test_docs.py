"""What the documents name exists, and what exists is named."""

import importlib.util
import re
from pathlib import Path

import pytest

from expectations.watch.settings import WatchSettings
from infra.settings import InfraSettings
from ingestion.batch.settings import BatchSettings
from ingestion.erasures.settings import EraseSettings
from ingestion.events.settings import EventSettings
from ingestion.predictions.settings import PredictionSettings
from ingestion.stream.settings import StreamSettings
from serving.settings import ServingSettings
from training.settings import TrainingSettings

ROOT = Path(__file__).parents[3]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
SETTINGS = (
    BatchSettings, EraseSettings, EventSettings, InfraSettings, PredictionSettings, ServingSettings, StreamSettings, TrainingSettings, WatchSettings,
)  # fmt: skip
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


@each_document
def test_every_module_in_a_command_exists(document: Path) -> None:
    """`python -m x.y` can be run."""
    for module in re.findall(r"python -m ([a-z_.]+[a-z_])", document.read_text()):
        spec = importlib.util.find_spec(module)
        assert spec is not None, module
        assert spec.submodule_search_locations is None or importlib.util.find_spec(f"{module}.__main__"), (
            module
        )


@each_document
def test_every_make_target_exists(document: Path) -> None:
    """`make x` in code can be made."""
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(), re.MULTILINE)) <= targets()


@each_document
def test_every_link_leads_somewhere(document: Path) -> None:
    """Relative links name files of the project."""
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / link).exists(), link


def test_every_make_target_is_in_the_readme() -> None:
    """The table of commands is complete."""
    readme = (ROOT / "README.md").read_text()
    assert {target for target in targets() if f"make {target}" not in readme} == set()


def test_settings_and_their_documentation_agree() -> None:
    """Every setting is in docs/operations.md, and nothing there is made up."""
    existing = {f"SHOP_{name.upper()}" for settings in SETTINGS for name in settings.model_fields}
    documented = set(
        re.findall(r"^\| `(SHOP_[A-Z0-9_]+)`", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    )
    assert documented == existing
