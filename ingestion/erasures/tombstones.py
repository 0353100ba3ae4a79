"""Who was erased up to when: salted hashes and instants. Rows are looked up on the hot path."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from ingestion.shares import shares_of

PERSON: Final = "user_id"
"""Column, and join key, that names a person."""
BUCKETS: Final = 2**16
"""Rows are looked up by a quick hash first; few of those of others fall into the bucket of one who was erased."""
_DIGEST_BYTES: Final = 16


@dataclass(frozen=True)
class Tombstones:
    """A set of them.

    Attributes:
        salt: Key of the hashes.
        instants_us: Up to when what they did is gone, Unix microseconds, by `digest` of the person.
        buckets: The buckets of all of them.
    """

    salt: bytes = b""
    instants_us: Mapping[str, int] = field(default_factory=dict)
    buckets: frozenset[int] = frozenset()

    @cached_property
    def version(self) -> str:
        """Another one for each set; empty for the empty set."""
        told = "".join(f"{digest}{us}" for digest, us in sorted(self.instants_us.items()))
        return hashlib.blake2b(told.encode(), digest_size=6).hexdigest() if told else ""

    def instant_us(self, person: str) -> int | None:
        """Up to when what this person did is gone; None for everybody else."""
        return self.instants_us.get(digest(person, self.salt)) if self.instants_us else None

    def mask(self, rows: pl.DataFrame, times: Sequence[str]) -> pl.Series:
        """True for rows that are gone, shape (rows,): those whose earliest time is not after the person's instant.

        Args:
            rows: The person, and the times as datetimes.
            times: Columns with times; one of them at least.
        """
        if not self.buckets or rows.is_empty() or PERSON not in rows.columns:
            return pl.Series([False]).new_from_index(0, rows.height)
        persons = rows[PERSON].cast(pl.String)
        suspects = np.isin(shares_of([persons], BUCKETS), list(self.buckets))
        ends = self._ends(persons.filter(pl.Series(suspects)).unique())
        if not ends:
            return pl.Series([False]).new_from_index(0, rows.height)
        return rows.select(gone(ends, times).alias("gone"))["gone"]

    def _ends(self, persons: pl.Series) -> dict[str, int]:
        told = {person: self.instant_us(person) for person in persons.drop_nulls()}
        return {person: us for person, us in told.items() if us is not None}


def gone(ends: Mapping[str, int], times: Sequence[str]) -> pl.Expr:
    """Which rows are gone. One without any time is.

    Args:
        ends: Up to when, Unix microseconds, by person; at least one.
        times: Columns with times.
    """
    end = pl.col(PERSON).cast(pl.String).replace_strict(dict(ends), default=None, return_dtype=pl.Int64)
    earliest = pl.min_horizontal(pl.col(time).dt.epoch("us") for time in times)
    return end.is_not_null() & (earliest <= end).fill_null(value=True)


def digest(person: str, salt: bytes) -> str:
    """What stands for a person where their id must not."""
    return hashlib.blake2b(person.encode(), key=salt, digest_size=_DIGEST_BYTES).hexdigest()


def bucket(person: str) -> int:
    """The bucket of a person."""
    return int(shares_of([pl.Series([person])], BUCKETS)[0])
