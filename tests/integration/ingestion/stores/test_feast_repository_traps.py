"""What Feast 0.67 does unexpectedly with definitions and with other libraries, and that it does not happen here."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from importlib import metadata
from pathlib import Path

import pytest
from feast import FeatureStore, StreamFeatureView
from feast.aggregation import Aggregation
from feast.errors import ConflictingFeatureViewNames
from feast.repo_contents import RepoContents
from feast.repo_operations import apply_total_with_repo_instance, parse_repo
from packaging.requirements import Requirement

import feature_repo
from feature_repo import stream_views
from ingestion.compile import compile_view
from ingestion.derive import windowed_view
from tests.small_shop import orders, small_shop, user

PACKAGE = {
    "__init__.py": "",
    "views.py": """
from feast import FeatureView, Field, FileSource
from feast.types import Int64
table = FileSource(name="table", path="table.parquet", timestamp_field="event_timestamp")
profile = FeatureView(name="profile", schema=[Field(name="age", dtype=Int64)], source=table)
""",
    "services.py": """
from feast import FeatureService
from twice.views import profile
adults = FeatureService(name="adults", features=[profile])
""",
    "feature_store.yaml": """
project: twice
provider: local
registry: registry.db
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
""",
}


@pytest.fixture(autouse=True)
def _no_bare_names_stay() -> Iterator[None]:
    """Feast imports a repository's modules by names that anybody may have."""
    yield
    for name in ("definitions", "views", "services", "twice", "twice.views", "twice.services"):
        sys.modules.pop(name, None)


def definitions(repository: Path, monkeypatch: pytest.MonkeyPatch) -> RepoContents:
    """What `feast apply` finds in a repository; the package around it is importable."""
    monkeypatch.syspath_prepend(str(repository.parent))
    monkeypatch.syspath_prepend(str(repository))
    monkeypatch.chdir(repository)
    return parse_repo(repository)


def test_trap_1_stock_feast_finds_objects_twice_where_a_repository_is_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once as views.profile and once as twice.views.profile; one module that re-exports everything has each once."""
    repository = tmp_path / "twice"
    repository.mkdir()
    for name, text in PACKAGE.items():
        (repository / name).write_text(text)
    found = definitions(repository, monkeypatch)
    assert [view.name for view in found.feature_views] == ["profile", "profile"]
    store = FeatureStore(str(repository))
    with pytest.raises(ConflictingFeatureViewNames):
        apply_total_with_repo_instance(store, "twice", store.registry, found, skip_source_validation=True)
    (repository / "definitions.py").write_text(
        "from twice.services import adults\nfrom twice.views import profile\n"
    )
    (repository / ".feastignore").write_text("views.py\nservices.py\n")
    assert [view.name for view in parse_repo(repository).feature_views] == ["profile"]


def test_trap_1_definitions_of_the_shop_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them: the windowed views are those of their module."""
    found = definitions(Path(feature_repo.__file__).parent, monkeypatch)
    objects = [
        *found.data_sources,
        *found.entities,
        *found.feature_views,
        *found.stream_feature_views,
        *found.on_demand_feature_views,
        *found.feature_services,
    ]
    assert [name for name, times in Counter((type(o), o.name) for o in objects).items() if times > 1] == []
    declared = {view.name for view in vars(stream_views).values() if isinstance(view, StreamFeatureView)}
    assert {view.name for view in found.stream_feature_views} == declared


def test_trap_10_stock_feast_wants_an_old_great_expectations() -> None:
    """Its extra excludes the version that runs here, directly; that works: tests/integration/expectations."""
    name = "great-expectations"
    requirements = {
        package: [
            r for r in map(Requirement, metadata.requires(package) or []) if r.name.replace("_", "-") == name
        ]
        for package in ("feast", "feast-shop")
    }
    (stocks,), (our,) = requirements["feast"], requirements["feast-shop"]
    assert not stocks.specifier.contains(metadata.version(name))
    assert our.specifier.contains(metadata.version(name))
    imported = "great_expectations/dataset/"
    assert not [file for file in metadata.files(name) or [] if str(file).startswith(imported)]
    assert "from great_expectations.dataset import" in _file_of_feast("dqm/profilers/ge_profiler.py")


def _file_of_feast(path: str) -> str:
    return Path(str(metadata.distribution("feast").locate_file(f"feast/{path}"))).read_text()


STOCK = "from feast import FeatureStore"
STREAM = """
import ingestion.stream.__main__
from ingestion.stream.feast_start import import_feast
import_feast()
from feast import FeatureStore
"""
WHERE = "\nimport prometheus_client.values\nprint(prometheus_client.values.ValueClass.__name__)"


def test_trap_11_stock_feast_makes_metrics_files() -> None:
    """For whoever imports prometheus_client behind it; the stream worker imports it before.

    The API: tests/unit/serving/test_settings.py.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROMETHEUS")}
    running = [
        subprocess.Popen(
            [sys.executable, "-O", "-W", "ignore", "-c", program + WHERE],
            stdout=subprocess.PIPE, text=True, env=environment,
        )
        for program in (STOCK, STREAM)
    ]  # fmt: skip
    printed = [process.communicate(timeout=60)[0].split()[-1] for process in running]
    assert printed == ["MmapedValue", "MutexValue"]


@pytest.mark.parametrize(("window", "hop"), [(120, 5), (60, 1)])
def test_trap_16_stock_feast_calls_views_equal_whose_windows_differ(
    tmp_path: Path, window: int, hop: int
) -> None:
    """What is kept for a view goes by our hash of its definition instead, before and after it was registered.

    Windows of a state: test_incremental.py. Inputs of a model: tests/integration/artefact/test_service_hash.py.
    """
    applied, changed = _sum_over(60, 5), _sum_over(window, hop)
    assert applied == changed
    assert compile_view(applied).definition_hash() != compile_view(changed).definition_hash()
    store = small_shop(tmp_path, {"type": "sqlite", "path": str(tmp_path / "online.db")})
    hashes = []
    for view in (applied, _sum_over(60, 5), changed):
        store.apply([view])
        hashes.append(compile_view(store.get_stream_feature_view("sums")).definition_hash())
    assert hashes == [compile_view(view).definition_hash() for view in (applied, applied, changed)]


def _sum_over(window: int, hop: int) -> StreamFeatureView:
    """One feature, whose name does not tell its window."""
    over, step = timedelta(minutes=window), timedelta(minutes=hop)
    return windowed_view(
        "sums",
        entities=[user],
        events=orders,
        description="Sums.",
        aggregations=[Aggregation("amount", "sum", over, step, name="spent")],
    )
