"""Which products are worth ranking for a customer: those that go with the last one they looked at, then what sells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from artefact import CANDIDATES_FILE, POPULAR_FILE, ArtefactError


@dataclass(frozen=True)
class Candidates:
    """Candidates of the recommendation artefact.

    Attributes:
        neighbours: Per product, itself and what goes with it, best first, each with its score.
        popular: Most popular products, best first.
    """

    neighbours: Mapping[str, Mapping[str, float]]
    popular: Sequence[str]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read both tables of an artefact folder.

        Raises:
            ArtefactError: if one is absent or has other columns.
        """
        try:
            pairs = _ranked(folder / CANDIDATES_FILE, "product_id", "candidate_id", "score")
            popular = _ranked(folder / POPULAR_FILE, "product_id")
        except (OSError, pa.ArrowException, KeyError) as error:
            raise ArtefactError(
                f"the candidates in {folder} cannot be read: {error}; train the model again"
            ) from error
        neighbours: dict[str, dict[str, float]] = {}
        for product, candidate, score in zip(*pairs, strict=True):
            neighbours.setdefault(product, {})[candidate] = score
        return cls(neighbours, popular[0])

    def of(self, last_viewed: str | None, count: int) -> list[str]:
        """Up to ``count`` products in the order of the slate: those of the last viewed one, then popular ones."""
        slate = chain(self.neighbours.get(last_viewed, ()) if last_viewed else (), self.popular)
        return list(islice(dict.fromkeys(slate), count))

    def score(self, last_viewed: str | None, product: str) -> float | None:
        """How well a product goes with the last viewed one; None if it is not among its candidates."""
        return self.neighbours.get(last_viewed, {}).get(product) if last_viewed else None


def _ranked(file: Path, *columns: str) -> list[list[Any]]:
    """Columns of a table in the order of its ranks. pyarrow, which Feast loads anyway, keeps polars out of the API."""
    table = pq.read_table(file, partitioning=None).sort_by("rank")
    return [table.column(name).to_pylist() for name in columns]
