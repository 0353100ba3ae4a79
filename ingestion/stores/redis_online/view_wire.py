"""What a feature view looks like in Redis: its hash fields, and its rows turned into wire form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from feast import FeatureView, RepoConfig
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.online_stores.helpers import _mmh3, compute_versioned_name
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from feast.utils import make_tzaware
from feast.value_type import ValueType
from google.protobuf.timestamp_pb2 import Timestamp

from ingestion.stores.redis_online import keys, values
from ingestion.stores.redis_online.ragged import Bytes
from ingestion.stores.redis_online.timestamps import Instants, instants
from ingestion.stores.redis_online.write import Rows

ProtoRow = tuple[EntityKey, dict[str, Value], Any, Any]
"""Entity key, values by feature, event timestamp and creation timestamp, as Feast hands rows to online stores."""


@dataclass(frozen=True)
class ViewWire:
    """Names of a view's hash fields.

    Attributes:
        name: Name of the view, with its version where the registry keeps versions apart.
        timestamp_field: Hash field of the event timestamp.
    """

    name: str
    timestamp_field: bytes

    def field(self, feature: str) -> bytes:
        """Hash field of a feature."""
        return bytes(_mmh3(f"{self.name}:{feature}"))


def view_wire(config: RepoConfig, view: FeatureView) -> ViewWire:
    """Hash field names of a view.

    Raises:
        ValueError: if the project still serialises entity keys as Feast did before 0.38.
    """
    version = config.entity_key_serialization_version
    if version != 3:
        raise ValueError(
            f"entity_key_serialization_version is {version}; this store reads and writes 3 only: "
            "set it in feature_store.yaml and materialize again"
        )
    name = compute_versioned_name(view, config.registry.enable_online_feature_view_versioning)
    return ViewWire(name, f"_ts:{name}".encode())


def row_fields(config: RepoConfig, view: FeatureView) -> list[bytes]:
    """Hash fields of a view's row: the event timestamp, then the features."""
    wire = view_wire(config, view)
    return [wire.timestamp_field, *(wire.field(feature.name) for feature in view.features)]


def entity_key(config: RepoConfig, key: EntityKey) -> bytes:
    """Redis key of an entity."""
    return serialize_entity_key(key, entity_key_serialization_version=3) + config.project.encode()


def rows_of_protos(config: RepoConfig, wire: ViewWire, data: list[ProtoRow]) -> Rows:
    """Wire form of rows that all have the same features."""
    return Rows(
        keys=pa.array([entity_key(config, key) for key, *_ in data], pa.binary()),
        instants=_instants([at for _, _, at, _ in data]),
        values={
            wire.field(feature): pa.array(
                [row[feature].SerializeToString() for _, row, _, _ in data], pa.binary()
            )
            for feature in data[0][1]
        },
    )


def rows_of_table(config: RepoConfig, view: FeatureView, wire: ViewWire, table: pa.Table) -> Rows:
    """Wire form of a table with the view's join keys, features and event timestamp; other columns are ignored.

    Raises:
        ValueError: naming the view and the column that is missing or does not fit its type.
    """
    types = {field.name: field.dtype.to_value_type() for field in [*view.entity_columns, *view.features]}
    at = view.batch_source.timestamp_field
    _refuse_missing(view.name, table, [*types, at])
    columns: dict[str, pa.Array] = {name: _one_chunk(table[name]) for name in [*types, at]}
    join_keys = {name: (columns[name], types[name].name) for name in view.join_keys}
    return Rows(
        keys=keys.columns(join_keys, config.project),
        instants=instants(columns[at]),
        values={
            wire.field(feature.name): _encoded(
                view.name, feature.name, columns[feature.name], types[feature.name]
            )
            for feature in view.features
        },
    )


def encode_any(column: pa.Array, value_type: ValueType) -> Bytes:
    """Value bytes of a column; types that are not encoded by column go through Feast's own conversion."""
    if value_type.name in values.ENCODED:
        return values.encode(column, value_type.name)
    protos = python_values_to_proto_values(column.to_numpy(zero_copy_only=False), value_type)
    return pa.array([proto.SerializeToString() for proto in protos], pa.binary())


def _encoded(view: str, feature: str, column: pa.Array, value_type: ValueType) -> Bytes:
    try:
        return encode_any(column, value_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, AssertionError, TypeError) as error:
        raise ValueError(
            f"{view}.{feature} is {value_type.name}, the column is {column.type}: {error}"
        ) from error


def _refuse_missing(view: str, table: pa.Table, needed: list[str]) -> None:
    if missing := sorted(set(needed) - set(table.column_names)):
        raise ValueError(
            f"view {view!r} is written without {missing}; the table has {sorted(table.column_names)}"
        )


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    made = column.combine_chunks()
    return made if isinstance(made, pa.Array) else pa.concat_arrays(made.chunks)


def _instants(times: list[Any]) -> Instants:
    stamps = [Timestamp() for _ in times]
    for stamp, time in zip(stamps, times, strict=True):
        stamp.FromDatetime(make_tzaware(time))
    return Instants(np.array([s.seconds for s in stamps]), np.array([s.nanos for s in stamps]))


def as_table(frame: Any, mapping: Mapping[str, str] | None) -> pa.Table:
    """An Arrow table of a polars frame or an Arrow table, columns renamed by a source's field mapping."""
    table = frame if isinstance(frame, pa.Table) else frame.to_arrow()
    return table.rename_columns([(mapping or {}).get(name, name) for name in table.column_names])
