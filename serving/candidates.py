"""Which products are worth ranking for a customer: those that go with the last one they looked at, then what sells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Self

import polars as pl

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
            neighbours = (
                pl.read_parquet(folder / CANDIDATES_FILE, columns=["product_id", "candidate_id", "rank"])
                .sort("product_id", "rank")
                .group_by("product_id", maintain_order=True)
                .agg("candidate_id")
            )
            popular = pl.read_parquet(folder / POPULAR_FILE, columns=["product_id", "rank"]).sort("rank")
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ArtefactError(
                f"the candidates in {folder} cannot be read: {error}; train the model again"
            ) from error
        return cls(dict(neighbours.iter_rows()), popular["product_id"].to_list())

    def of(self, last_viewed: str | None, count: int) -> list[str]:
        """Up to ``count`` products in the order of the slate: those of the last viewed one, then popular ones."""
        slate = chain(self.neighbours.get(last_viewed, ()) if last_viewed else (), self.popular)
        return list(islice(dict.fromkeys(slate), count))
