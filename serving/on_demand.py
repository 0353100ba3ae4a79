"""On-demand features, computed here from what was read, remembered or taken as typical. Hot path."""

from collections.abc import Iterable, Sequence

from feast import OnDemandFeatureView

from serving.features import FeatureReader, Features, Row


class WithOnDemand:
    """Adds the features of plain Python on-demand views to those of another reader.

    Args:
        stored: Reads what the views' functions take.
        views: The views.
    """

    def __init__(self, stored: FeatureReader, views: Sequence[OnDemandFeatureView]) -> None:
        self._stored = stored
        self._views = [(view, list(_inputs(view))) for view in views]

    async def read(self, rows: Sequence[Row]) -> Features:
        """See `serving.features.FeatureReader`."""
        found = await self._stored.read(rows)
        columns = dict(found.columns)
        for view, inputs in self._views:
            given = {
                name: columns[name] if name in columns else [row[name] for row in rows] for name in inputs
            }
            columns |= view.transform_dict(given)
        return Features(columns, found.views)


def _inputs(view: OnDemandFeatureView) -> Iterable[str]:
    sources = view.source_feature_view_projections.values()
    return [*view.get_request_data_schema(), *(f.name for source in sources for f in source.features)]
