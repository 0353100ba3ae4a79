"""Which keys hold rows of an entity, also those of finer entities that it is part of. Control path."""

from collections.abc import Iterable, Mapping
from typing import Any

from feast import FeatureView
from feast.value_type import ValueType

from ingestion.stores.redis_online import keys


def types_of(view: FeatureView) -> dict[str, ValueType]:
    """Join keys of a view and their types."""
    return {column.name: column.dtype.to_value_type() for column in view.entity_columns}


def keys_of(
    client: Any, types: Mapping[str, ValueType], entity: Mapping[str, Any], project: str
) -> Iterable[bytes]:
    """Keys of a view's rows that an entity is, or is part of; the finer ones are found by a scan over the whole database.

    Args:
        client: Of Redis.
        types: Join keys of the view and their types.
        entity: Value of some of the join keys, or of all.
        project: Feast project.
    """
    parts = [keys.part(entity[name], types[name].name) if name in entity else None for name in sorted(types)]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        return [keys.prefix(types) + b"".join(known) + project.encode()]
    pattern = keys.pattern([keys.prefix(types), *known], project)
    return [key for key in client.scan_iter(pattern) if _holds(keys.parts_of(key, types, project), parts)]


def _holds(stored: list[bytes] | None, wanted: list[bytes | None]) -> bool:
    # The pattern may also match inside a longer value.
    return stored is not None and all(want in (None, have) for want, have in zip(wanted, stored, strict=True))
