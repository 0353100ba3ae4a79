"""What a retrieval asks of each view: which features, under which names, by which keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from feast.feature_view import DUMMY_ENTITY_NAME


@dataclass(frozen=True)
class ViewRequest:
    """Features wanted of one view.

    Attributes:
        view: The Feast view with its projection.
        name: Name of the view in this retrieval.
        features: Column of the result for each feature.
        keys: Column of the entity rows for each join key of the view.
    """

    view: Any
    name: str
    features: Mapping[str, str]
    keys: Mapping[str, str]

    @property
    def ttl(self) -> timedelta:
        """How old a value may be; 0: any age."""
        return self.view.ttl or timedelta(0)


def requests(views: Sequence[Any], references: Sequence[str], *, full_names: bool) -> list[ViewRequest]:
    """What is asked of each view, in the order of the views; a view of which nothing is asked is left out.

    Args:
        views: Feast views with their projections (alias, version, renamed keys).
        references: ``view:feature`` of each feature.
        full_names: Name results ``view__feature`` instead of ``feature``.
    """
    asked = [_request(view, references, full_names=full_names) for view in views]
    return [request for request in asked if request.features]


def _request(view: Any, references: Sequence[str], *, full_names: bool) -> ViewRequest:
    projection = view.projection
    prefix = f"{projection.name_to_use()}:"
    features = [reference.removeprefix(prefix) for reference in references if reference.startswith(prefix)]
    lead = f"{projection.name_alias or view.name}__" if full_names else ""
    return ViewRequest(
        view=view,
        name=projection.name_alias or view.name,
        features={feature: f"{lead}{feature}" for feature in features},
        keys={key: projection.join_key_map.get(key, key) for key in join_keys(view)},
    )


def join_keys(view: Any) -> list[str]:
    """Join keys of a view, in its order; none for a view of the whole world."""
    if view.entities == [DUMMY_ENTITY_NAME]:
        return []
    return [column.name for column in view.entity_columns]
