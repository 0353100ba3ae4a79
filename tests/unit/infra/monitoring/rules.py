"""Rules of infra/prometheus as they are committed."""

from pathlib import Path
from typing import Any

import yaml

INFRA = Path(__file__).parents[4] / "infra"
FILES = sorted((INFRA / "prometheus" / "rules").glob("*.yml"))
Rule = dict[str, Any]


def rules(kind: str) -> list[Rule]:
    """Rules that are an ``alert``, or that ``record``."""
    groups = [group for file in FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS, RECORDINGS = rules("alert"), rules("record")
