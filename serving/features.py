"""How features are asked for, whoever reads them. Hot path."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Row = Mapping[str, Any]
"""Join keys and request columns of one question."""
Columns = Mapping[str, Sequence[Any]]
"""Values by feature name, one per row; None where there is no value."""


class FeatureReader(Protocol):
    """Reads the features of one plan."""

    async def read(self, rows: Sequence[Row]) -> Columns:
        """Features of each row, in order; there is at least one row.

        Raises:
            FeaturesUnavailableError: if the online store does not answer in time.
        """
        ...
