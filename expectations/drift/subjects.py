"""What is looked at: the inputs of a model and its score, and what the registry says about where they come from."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from artefact import Card
from expectations.days import archived_days
from expectations.definitions import Store, view_definition


@dataclass(frozen=True)
class Subject:
    """One input, or the score.

    Attributes:
        name: The input's name, or `record.SCORE`.
        view: The stored feature view it is a field of; None: it is computed on demand, from the request, or the score.
        kind: Feast's name of its type.
        categories: What is known of a text; None for numbers.
        covered_from: From when on the archive holds all of the windows behind it (UTC); None: it is no window.
    """

    name: str
    view: str | None
    kind: str
    categories: tuple[str, ...] | None
    covered_from: datetime | None


def subjects_of(store: Store, card: Card, archive: str) -> tuple[Subject, ...]:
    """The inputs of a model.

    Args:
        store: Has the definitions of the model's feature service.
        card: Of the model.
        archive: Folder of the archives, a local path or a URL, one below it for each event type.
    """
    service = store.registry.get_feature_service(card.feature_service, store.project)
    origins = {
        field.name: _origin(store, projection.name, field.name, archive)
        for projection in service.feature_view_projections
        for field in projection.features
    }
    unknown: tuple[None, None] = (None, None)  # an input from the request
    return tuple(
        Subject(
            name=feature.name,
            view=origins.get(feature.name, unknown)[0],
            kind=feature.dtype,
            categories=("false", "true") if feature.dtype == "Bool" else feature.categories,
            covered_from=origins.get(feature.name, unknown)[1],
        )
        for feature in card.inputs
    )


def _origin(store: Store, view_name: str, feature: str, archive: str) -> tuple[str | None, datetime | None]:
    """The stored view of a feature, and from when on the archive covers its windows."""
    view = store.registry.get_any_feature_view(view_name, store.project)
    if not hasattr(view, "source_feature_view_projections"):
        return view_name, _covered_from(store, view, {feature}, archive)
    starts = (
        _covered_from(store, source, {field.name for field in projection.features}, archive)
        for projection in view.source_feature_view_projections.values()
        for source in (store.registry.get_any_feature_view(projection.name, store.project),)
    )
    return None, max((start for start in starts if start), default=None)


def _covered_from(store: Store, view: Any, features: set[str], archive: str) -> datetime | None:
    windows = [f.window for f in view_definition(store, view).windowed if f.name in features]
    if not windows or not (days := archived_days(f"{archive}/{view.tags['event_source']}")):
        return None
    return datetime.combine(days[0], time(), UTC) + timedelta(days=1) + max(windows)
