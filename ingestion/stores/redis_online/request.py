"""What one call of ``get_online_features`` asks for: resolved once for each state of the registry. Hot path."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from feast import FeatureView, utils
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL
from feast.online_response import OnlineResponse
from feast.value_type import ValueType

from ingestion.stores.redis_online.asked import Asked, Lookup, asked, key_parts, lookup
from ingestion.stores.redis_online.cells import Cell
from ingestion.stores.redis_online.plan import KeyPlan, ReadPlan, key_plans
from ingestion.stores.redis_online.response import CellsResponse
from ingestion.stores.redis_online.views import view_rows

EntityRows: TypeAlias = Sequence[Mapping[str, Any]] | Mapping[str, Any]
"""Rows, or columns of Python values, of Feast values or a ``RepeatedValue``."""


@dataclass(frozen=True)
class RequestPlan:
    """How the features of one list of references, or of one feature service, are read.

    Attributes:
        keys: How the views are read, by the key of their entities.
        names: Names of each view's features in the response.
        join_keys: Columns of a request that are join keys.
        entity_names: Entities that a request may name instead of their join key, which Feast deprecates.
        key_types: Type of each join key.
        request_data: Columns of a request that on-demand views need.
        feature_types: Type of each feature, by its name in the response.
        on_demand: The on-demand views that are computed on top.
        references: Feature references, resolved.
        kept: Names of features that were asked for; others are inputs of on-demand views.
        full_names: Whether features are named by their view, too.
        without_entity: Whether there are views without entity.
    """

    keys: tuple[KeyPlan, ...]
    names: tuple[tuple[str, ...], ...]
    join_keys: frozenset[str]
    entity_names: Mapping[str, str]
    key_types: Mapping[str, ValueType]
    request_data: frozenset[str]
    feature_types: dict[str, ValueType]
    on_demand: Sequence[Any]
    references: Sequence[str]
    kept: frozenset[str]
    full_names: bool
    without_entity: bool

    def request(self, entity_rows: EntityRows) -> "Request":
        """What is asked for.

        Raises:
            KeyError: if a join key is missing.
            ValueError: if one is null or of a type that keys cannot have.
            Exception: what Feast raises on rows and values that do not fit.
        """
        given = {
            name: asked(name, values, self.key_types.get(name, ValueType.UNKNOWN))
            for name, values in _by_column(entity_rows).items()
        }
        rows = utils._validate_entity_values({name: column.values for name, column in given.items()})  # noqa: SLF001
        keys = {self._join_key(name): column for name, column in given.items() if self._is_key(name)}
        data = {name: column for name, column in given.items() if name in self.request_data}
        utils.ensure_request_data_values_exist(set(self.request_data), data)
        return Request(self, {**keys, **data}, self._lookups(keys, rows))

    def _lookups(self, keys: Mapping[str, Asked], rows: int) -> list[Lookup]:
        parts = key_parts(keys, self.join_keys)
        if self.without_entity:
            nobody = asked(DUMMY_ENTITY_ID, [DUMMY_ENTITY_VAL], ValueType.STRING).parts()
            parts[DUMMY_ENTITY_ID] = nobody * rows
        return [lookup(plan, parts) for plan in self.keys]

    def _is_key(self, name: str) -> bool:
        return name not in self.request_data and (name in self.join_keys or name in self.entity_names)

    def _join_key(self, name: str) -> str:
        if name in self.join_keys:
            return name
        warnings.warn("Using entity name is deprecated. Use join_key instead.", stacklevel=2)
        return self.entity_names[name]


@dataclass(frozen=True)
class Request:
    """What one call asks for.

    Attributes:
        plan: How it is read.
        columns: The columns given: join keys, then what on-demand views need.
        lookups: What the views of each key are asked for.
    """

    plan: RequestPlan
    columns: Mapping[str, Asked]
    lookups: Sequence[Lookup]

    def response(
        self, replies: Sequence[Sequence[Cell]], *, now_seconds: float, with_versions: bool
    ) -> OnlineResponse:
        """The response; on-demand views are computed as Feast computes them.

        Args:
            replies: Of the commands of the lookups, in their order.
            now_seconds: Unix seconds against which the views' TTLs are held.
            with_versions: Whether the response tells the versions of the views.
        """
        plan = self.plan
        views = view_rows(self.lookups, replies, plan.names, now_seconds)
        shown = {name: column for name, column in self.columns.items() if name != DUMMY_ENTITY_ID}
        made = CellsResponse(shown, views, plan.feature_types, with_versions)
        return self._with_on_demand(made) if plan.on_demand else made

    def _with_on_demand(self, made: CellsResponse) -> OnlineResponse:
        plan, proto = self.plan, made.proto
        utils._augment_response_with_on_demand_transforms(  # noqa: SLF001
            proto, list(plan.references), list(plan.on_demand), plan.full_names, plan.feature_types
        )
        utils._drop_unneeded_columns(proto, set(plan.kept | (self.columns.keys() - plan.request_data)))  # noqa: SLF001
        return OnlineResponse(proto, feature_types=plan.feature_types)


def request_plan(
    context: Any, feature_types: dict[str, ValueType], full_names: bool, plan_of: Callable[..., ReadPlan]
) -> RequestPlan:
    """Plan of a request that Feast has resolved.

    Args:
        context: What ``feast.utils._get_cached_request_context`` gives.
        feature_types: What ``OnlineStore._build_feature_types`` gives for it.
        full_names: Whether features are named by their view, too.
        plan_of: Makes the plan of a view and its requested features.
    """
    references, on_demand, entity_names, key_types, join_keys, grouped, kept, data, without_entity = context
    return RequestPlan(
        keys=key_plans([plan_of(view, features) for view, features in grouped]),
        names=tuple(_names(view, features, full_names) for view, features in grouped),
        join_keys=frozenset(name for name in join_keys if isinstance(name, str)),
        entity_names=entity_names,
        key_types=key_types,
        request_data=frozenset(data),
        feature_types=feature_types,
        on_demand=on_demand,
        references=references,
        kept=frozenset(kept),
        full_names=full_names,
        without_entity=without_entity,
    )


def _names(view: FeatureView, features: Sequence[str], full_names: bool) -> tuple[str, ...]:
    lead = f"{view.projection.name_to_use()}__" if full_names else ""
    return tuple(lead + feature for feature in features)


def _by_column(entity_rows: EntityRows) -> Mapping[str, list[Any]]:
    if not isinstance(entity_rows, list):
        given: Mapping[str, Any] = entity_rows  # type: ignore[assignment]
        return {k: list(v) if isinstance(v, Sequence) else list(v.val) for k, v in given.items()}
    columns: dict[str, list[Any]] = {name: [] for name in entity_rows[0]}
    for row in entity_rows:
        for name, value in row.items():
            if name not in columns:
                raise ValueError("All entity_rows must have the same keys.")
            columns[name].append(value)
    return columns
