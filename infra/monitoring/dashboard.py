"""A Grafana dashboard as data, and the JSON that Grafana reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Json = dict[str, object]

DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "prometheus"}
"""As infra/grafana/provisioning names it."""
_COLUMNS: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True)
class Panel:
    """A picture of some queries.

    Attributes:
        title: What is seen.
        queries: PromQL by legend; ``{{label}}`` in a legend is a label's value.
        unit: Grafana's name of the unit: ``s``, ``reqps``, ``percentunit``, ``short``, ``bytes``, ``none``.
        limit: Where it turns red; None where no value is bad by itself.
        below: Values below the limit are the bad ones.
        kind: ``timeseries`` over time, ``stat`` the newest value.
        width: Of 24 columns.
        help: A sentence for whoever does not know the figure.
    """

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    limit: float | None = None
    below: bool = False
    kind: Literal["timeseries", "stat"] = "timeseries"
    width: int = 8
    help: str = ""

    def to_json(self, number: int, x: int, y: int) -> Json:
        """The panel with its number, at a place."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.help,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": _HEIGHT},
            "targets": [
                {"refId": chr(ord("A") + i), "datasource": DATASOURCE, "expr": query, "legendFormat": legend}
                for i, (legend, query) in enumerate(self.queries.items())
            ],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": _TIMESERIES if self.kind == "timeseries" else _STAT,
        }

    def _defaults(self) -> Json:
        defaults: Json = {"unit": self.unit, "min": 0}
        if self.limit is None:
            return defaults
        low, high = ("red", "green") if self.below else ("green", "red")
        steps = [{"color": low, "value": None}, {"color": high, "value": self.limit}]
        shown = {"custom": {"thresholdsStyle": {"mode": "line"}}} if self.kind == "timeseries" else {}
        return defaults | shown | {"thresholds": {"mode": "absolute", "steps": steps}}


_TIMESERIES: Final[Json] = {
    "legend": {"displayMode": "list", "placement": "bottom"},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
_STAT: Final[Json] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}


@dataclass(frozen=True)
class Dashboard:
    """Rows of panels.

    Attributes:
        name: Of the file and in the address.
        title: Above it.
        rows: Panels by the title of their row, in order.
    """

    name: str
    title: str
    rows: Mapping[str, tuple[Panel, ...]] = field(default_factory=dict)

    def to_json(self) -> Json:
        """What Grafana imports."""
        return {
            "uid": f"shop-{self.name}",
            "title": self.title,
            "tags": ["feast-shop"],
            "schemaVersion": 39,
            "editable": False,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "utc",
            "links": [
                {
                    "type": "dashboards",
                    "tags": ["feast-shop"],
                    "asDropdown": False,
                    "title": "",
                    "keepTime": True,
                }
            ],
            "panels": list(self._panels()),
        }

    def _panels(self) -> Iterator[Json]:
        number, y = 1, 0
        for title, panels in self.rows.items():
            yield {
                "id": number,
                "type": "row",
                "title": title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
            }
            number, y, x = number + 1, y + 1, 0
            for panel in panels:
                if x + panel.width > _COLUMNS:
                    x, y = 0, y + _HEIGHT
                yield panel.to_json(number, x, y)
                number, x = number + 1, x + panel.width
            y += _HEIGHT
