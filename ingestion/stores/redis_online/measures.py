"""Feast's own metrics of a read, where its server has switched them on."""

from collections.abc import Sequence

from feast import metrics

from ingestion.stores.redis_online.cells import Cell
from ingestion.stores.redis_online.request import Request


def measure(request: Request, replies: Sequence[Sequence[Cell]], seconds: float) -> None:
    """Count a read as Feast counts it.

    Args:
        request: What was asked for.
        replies: Of the commands of its lookups; a cell per feature, then the event timestamp.
        seconds: How long the server took to answer.
    """
    if not metrics._config.online_features:  # noqa: SLF001  as Feast's own stores ask
        return
    metrics.track_online_store_read(seconds)
    start = 0
    for lookup in request.lookups:
        stop = start + len(lookup.keys)
        stored = [reply[-1] is not None for reply in replies[start:stop]]
        found = sum(stored if lookup.rows is None else [stored[place] for place in lookup.rows])
        rows = len(stored) if lookup.rows is None else len(lookup.rows)
        features = len(lookup.plan.features)
        metrics.track_feature_statuses(lookup.plan.view.name, features * found, features * (rows - found))
        start = stop
