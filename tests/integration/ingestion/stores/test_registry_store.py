"""The registry's file beside writers that are at work, or were killed."""

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from feast.feature_view import FeatureViewState
from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.Registry_pb2 import Registry as RegistryProto
from feast.repo_config import RegistryConfig

from ingestion.stores.bucket_registry_store import BucketRegistryStore
from ingestion.stores.registry_store import WholeFileRegistryStore, readable
from tests.services import Bucket


class Killed(BaseException):
    """No handler of errors sees it."""


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("kind", "left"), [(FileRegistryStore, "other"), (WholeFileRegistryStore, "first")])
def test_what_a_killed_writer_leaves(
    kind: Callable[[RegistryConfig, Path], FileRegistryStore],
    left: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Feast's own store has written over what was there by the time it is sure of what it wrote."""
    store = kind(RegistryConfig(path="folder/registry.db"), tmp_path)
    written = RegistryProto(registry_schema_version="first")
    store.update_registry_proto(written)
    assert store.get_registry_proto() == written
    version = written.version_id

    def killed(descriptor: int) -> None:
        raise Killed

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(Killed):
        store.update_registry_proto(RegistryProto(registry_schema_version="other"))
    found = store.get_registry_proto()
    assert found.registry_schema_version == left
    assert (found.version_id == version) == (left == "first")
    assert files(tmp_path / "folder") == ["registry.db"]


def test_an_absent_file_is_told_of_as_feast_does(tmp_path: Path) -> None:
    """Feast makes an empty registry of it."""
    store = WholeFileRegistryStore(RegistryConfig(path=str(tmp_path / "registry.db")), tmp_path)
    with pytest.raises(FileNotFoundError, match="feast apply"):
        store.get_registry_proto()


@pytest.mark.parametrize(
    ("before", "materialized", "read"),
    [
        ("MATERIALIZING", True, "AVAILABLE_ONLINE"),
        ("MATERIALIZING", False, "MATERIALIZING"),
        ("GENERATED", True, "GENERATED"),
        ("STATE_UNSPECIFIED", False, "STATE_UNSPECIFIED"),
    ],
)
def test_only_views_that_hold_rows_are_read_while_they_are_written(
    before: str, materialized: bool, read: str
) -> None:
    """Both kinds of views; a first materialization may have written some of the entities only."""
    registry = RegistryProto()
    for views in (registry.feature_views, registry.stream_feature_views):
        meta = views.add().meta
        meta.state = FeatureViewState[before].to_proto()
        if materialized:
            meta.materialization_intervals.add()
    states = [view.meta.state for view in (*readable(registry).feature_views, *registry.stream_feature_views)]
    assert [FeatureViewState.from_proto(state).name for state in states] == [read] * 2


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Feast leaves its download open
def test_a_registry_in_a_bucket(tmp_path: Path, bucket: Bucket) -> None:
    """A view that a materialization has marked can be read there, too."""
    store = BucketRegistryStore(RegistryConfig(path=f"{bucket.url}/registry.db"), tmp_path)
    with pytest.raises(FileNotFoundError):
        store.get_registry_proto()
    gc.collect()
    registry = RegistryProto()
    meta = registry.feature_views.add().meta
    meta.materialization_intervals.add()
    meta.state = FeatureViewState.MATERIALIZING.to_proto()
    store.update_registry_proto(registry)
    (view,) = store.get_registry_proto().feature_views
    assert view.meta.state == FeatureViewState.AVAILABLE_ONLINE
