"""On-demand features, computed here from what was read, remembered or taken as typical. Hot path."""

from collections.abc import Sequence

from feast import OnDemandFeatureView

from serving.features import Columns, FeatureReader, Features, Row


class WithOnDemand:
    """Adds the features of plain Python on-demand views to those of another reader.

    The views' functions are called as Feast calls them, without its type checks of every argument on the way: half of
    the time of a view.

    Args:
        stored: Reads what the functions take.
        views: The views.
    """

    def __init__(self, stored: FeatureReader, views: Sequence[OnDemandFeatureView]) -> None:
        self._stored = stored
        self._views = [_Called(view) for view in views]

    async def read(self, rows: Sequence[Row]) -> Features:
        """See `serving.features.FeatureReader`."""
        found = await self._stored.read(rows)
        columns = dict(found.columns)
        for view in self._views:
            columns |= view(rows, columns)
        return Features(columns, found.views)


class _Called:
    """The function of a view, and what it takes."""

    def __init__(self, view: OnDemandFeatureView) -> None:
        sources = view.source_feature_view_projections.values()
        pairs = [(f"{source.name}__{f.name}", f.name) for source in sources for f in source.features]
        self._function = view.feature_transformation.udf
        self._inputs = [(name, name) for name in view.get_request_data_schema()]
        self._inputs += [(name, name) for _, name in pairs] + pairs

    def __call__(self, rows: Sequence[Row], columns: Columns) -> Columns:
        """New columns; each input has its own name, and that of its view in front of it as a second one."""
        made: Columns = self._function(
            {
                told: columns[name] if name in columns else [row[name] for row in rows]
                for told, name in self._inputs
            }
        )
        return made
