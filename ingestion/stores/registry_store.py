"""The registry's file: always whole, and views that can be read while they are written. Control path."""

import uuid
from datetime import UTC, datetime
from itertools import chain

from feast.feature_view import FeatureViewState
from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.Registry_pb2 import Registry as RegistryProto

from ingestion.stores.whole_file import replaced


class WholeFileRegistryStore(FileRegistryStore):
    """Feast's file, replaced in one step: by Feast's own store it is empty while it is written, and for good after a kill.

    Of its views `readable` holds.
    """

    def get_registry_proto(self) -> RegistryProto:
        """What is registered.

        Raises:
            FileNotFoundError: nothing is.
        """
        return readable(super().get_registry_proto())

    def _write_registry(self, registry_proto: RegistryProto) -> None:
        registry_proto.version_id = str(uuid.uuid4())
        registry_proto.last_updated.FromDatetime(datetime.now(UTC))
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with replaced(self._filepath) as file:
            file.write(registry_proto.SerializeToString())


def readable(registry: RegistryProto) -> RegistryProto:
    """The registry with views that were materialized before available while they are again; changed in place.

    Feast marks a view for as long as a materialization writes it, for good where that one was killed, and reads no feature
    of a view that is marked, neither online nor of the past. Yet a writer replaces rows by newer ones, one by one: what is
    there can be read at any time. A view whose first materialization is not done stays marked.
    """
    for view in chain(registry.feature_views, registry.stream_feature_views):
        if view.meta.state == FeatureViewState.MATERIALIZING and view.meta.materialization_intervals:
            view.meta.state = FeatureViewState.AVAILABLE_ONLINE.to_proto()
    return registry
