"""Feast's own metrics of a read, where its server has switched them on."""

from collections.abc import Sequence

from feast import metrics

from ingestion.stores.redis_online.cells import Cell
from ingestion.stores.redis_online.request import Request


def measure(request: Request, replies: Sequence[Sequence[Cell]], seconds: float) -> None:
    """Count a read as Feast counts it.

    Args:
        request: What was asked for.
        replies: Of the commands of its lookups; of each view a cell per feature, then the event timestamp.
        seconds: How long the server took to answer.
    """
    if not metrics._config.online_features:  # noqa: SLF001  as Feast's own stores ask
        return
    metrics.track_online_store_read(seconds)
    start = 0
    for lookup in request.lookups:
        stop = start + len(lookup.keys)
        rows = range(len(lookup.keys)) if lookup.rows is None else lookup.rows
        for view, cells in zip(lookup.plan.views, lookup.plan.cells, strict=True):
            stored = [reply[cells][-1] is not None for reply in replies[start:stop]]
            found, features = sum(stored[place] for place in rows), len(view.features)
            metrics.track_feature_statuses(view.view.name, features * found, features * (len(rows) - found))
        start = stop
