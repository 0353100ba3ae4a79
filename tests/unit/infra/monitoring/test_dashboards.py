"""Dashboards show what our programs tell, in PromQL that Prometheus takes."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.monitoring.written import FOLDER
from tests.unit.infra.monitoring.known import labels_by_sample
from tests.unit.infra.monitoring.promql import selectors
from tests.unit.infra.monitoring.rules import RECORDINGS

GRAFANA = FOLDER / "grafana"
DASHBOARDS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text()) for file in sorted((GRAFANA / "dashboards").glob("*.json"))
}


def queries(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def test_there_is_one_each_for_stream_serving_features_and_models() -> None:
    """And no other that nobody looks after."""
    assert DASHBOARDS.keys() == {"stream", "serving", "features", "models"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_queries_ask_for_metrics_and_labels_that_our_programs_tell(name: str, tmp_path: Path) -> None:
    """A metric that was renamed would leave an empty picture."""
    known = labels_by_sample(tmp_path) | {rule["record"]: {"slo"} for rule in RECORDINGS}
    assert len(queries(DASHBOARDS[name])) >= 8
    for query in queries(DASHBOARDS[name]):
        for selector in selectors(query):
            assert selector.metric in known, query
            assert selector.labels.keys() <= known[selector.metric], query


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (infra/install-test-tools.sh)")
def test_prometheus_takes_every_query(tmp_path: Path) -> None:
    """As rules; Grafana's own variable is a duration."""
    asked = [query for dashboard in DASHBOARDS.values() for query in queries(dashboard)]
    rules = [
        {"record": f"query:{i}", "expr": query.replace("$__rate_interval", "1m")}
        for i, query in enumerate(asked)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_beside_one_another(name: str) -> None:
    """None covers another one, and each has a number of its own."""
    panels = DASHBOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells
        assert max(x for x, _ in own) < 24
        cells |= own


def test_the_data_source_of_the_panels_is_the_one_that_is_provisioned() -> None:
    """By its uid; and the folder of dashboards is told to Grafana."""
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    used = {
        target["datasource"]["uid"]
        for dashboard in DASHBOARDS.values()
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }
    assert used == {source["uid"]}
