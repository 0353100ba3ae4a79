"""Parity: what the online store serves now against what history says of the same instant."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from feast import FeatureStore

RELATIVE_TOLERANCE = 1e-9
BOUNDARY_MARGIN_SECONDS = 2.0


@dataclass(frozen=True)
class Parity:
    """Values compared between both stores.

    Attributes:
        equal: Values that agree: floats to 1e-9 relative, all others exactly; null equals null.
        compared: All values, rows times features.
        differences: The first few that differ: feature, entity row, online value, historical value.
    """

    equal: int
    compared: int
    differences: tuple[tuple[str, Mapping[str, Any], Any, Any], ...]

    @property
    def complete(self) -> bool:
        """Whether something was compared and all of it agreed."""
        return self.compared > 0 and self.equal == self.compared


def compare(store: FeatureStore, service: str, rows: list[dict[str, Any]]) -> Parity:
    """Read a feature service for the rows from both stores at this instant and compare every value.

    The stream must have caught up. Waits, at most some seconds, until no boundary of a window is near: the worker
    may pass one a moment later than the clock does.

    Args:
        store: With the registry of the definitions.
        service: Name of the feature service.
        rows: Join keys and request data, one mapping per entity row.
    """
    features = store.get_feature_service(service)
    _wait_between_boundaries()
    instant = datetime.now(UTC)
    online = store.get_online_features(features=features, entity_rows=rows).to_df()
    asked = pd.DataFrame(rows).assign(event_timestamp=pd.Timestamp(instant).as_unit("us"))
    historical = store.get_historical_features(entity_df=asked, features=features).to_df()
    names = [name for name in online.columns if name not in rows[0]]
    differences = [
        (name, rows[i], served, known)
        for name in names
        for i, (served, known) in enumerate(zip(online[name], historical[name], strict=True))
        if not values_equal(served, known)
    ]
    compared = len(names) * len(rows)
    return Parity(compared - len(differences), compared, tuple(differences[:5]))


def _wait_between_boundaries() -> None:
    # Every hop is a whole number of minutes, so boundaries lie on whole minutes.
    past = time.time() % 60
    if past < BOUNDARY_MARGIN_SECONDS:
        time.sleep(BOUNDARY_MARGIN_SECONDS - past)
    elif past > 60 - 5 * BOUNDARY_MARGIN_SECONDS:
        time.sleep(60 - past + BOUNDARY_MARGIN_SECONDS)


def values_equal(served: Any, known: Any) -> bool:
    """Whether two values agree: floats to 1e-9 relative, all others exactly; null equals null."""
    if _is_null(served) or _is_null(known):
        return _is_null(served) and _is_null(known)
    if isinstance(served, float) or isinstance(known, float):
        return math.isclose(served, known, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)
    return bool(served == known)


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
