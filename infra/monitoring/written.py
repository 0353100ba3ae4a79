"""Objectives and dashboards as the files that Prometheus and Grafana read."""

import json
from pathlib import Path
from typing import Final

import yaml

from infra.monitoring.dashboards import DASHBOARDS
from infra.monitoring.objectives import OBJECTIVES

FOLDER: Final = Path(__file__).parents[1]
_HEAD: Final = "# Written by `python -m infra.monitoring` from infra/monitoring/objectives.py.\n"


def files() -> dict[str, str]:
    """Text by path below the folder `infra`."""
    dashboards = {
        f"grafana/dashboards/{one.name}.json": json.dumps(one.to_json(), indent=2) + "\n"
        for one in DASHBOARDS
    }
    return {"prometheus/rules/objectives.yml": _HEAD + _yaml(_objectives())} | dashboards


def _objectives() -> dict[str, object]:
    """A group is evaluated in order: its alerts judge the ratios of the same instant."""
    groups = [{"name": one.name, "rules": [*one.recordings(), *one.alerts()]} for one in OBJECTIVES]
    return {"groups": groups}


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, width=1000)
