"""What goes with what, learnt from courses of items: sequential rules and likeness of items, summed.

A rule says what follows: of two visits of one course, ``lag`` apart, the later item speaks for itself with its weight over
``lag``, the earlier one with half of that. Likeness says what the same people visit, whenever that was: a cosine, damped
for popular items and for people who visit everything. Both are brought to one scale, so that the sum of them needs no
tuning for a shop of another size. An item that follows from several visits is worth their sum, the last visit counting
most.

Items and people are numbers here; `training.slates` gives them names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How visits become affinities; chosen on Amazon Beauty's last but one items, flat around these values.

    Attributes:
        lags: How far apart two visits of a rule may be.
        backward: What an item that came before is worth beside one that came after.
        damping: Power of the sum of an item's rules that they are divided by: 0 keeps counts, 1 makes shares.
        likeness: What likeness adds to the rules, both scaled.
        popularity_damping: Power of both items' visits that their likeness is divided by; 0.5 is the cosine.
        half_life: Visits after which a visit counts half.
        remembered: Visits of a person, the last ones, that make likeness.
        popularity: What popularity adds, for those of whom nothing else is known: less than any rule.
    """

    lags: int = 10
    backward: float = 0.5
    damping: float = 0.5
    likeness: float = 0.5
    popularity_damping: float = 0.2
    half_life: float = 1.5
    remembered: int = 50
    popularity: float = 1e-3


@dataclass(frozen=True)
class Visits:
    """Visits sorted by person and time; all arrays are [V].

    Attributes:
        person: Number of the person, not falling.
        course: Number of the course, not falling; rules do not reach from one course into the next.
        item: Number of the item.
        weight: What the visit is worth.
    """

    person: Ints
    course: Ints
    item: Ints
    weight: Floats

    @classmethod
    def of_persons(cls, person: Ints, item: Ints) -> Self:
        """Visits that are worth the same, a person's whole history being one course."""
        return cls(person, person, item, np.ones(len(item)))


@dataclass(frozen=True)
class Affinities:
    """How strongly one item leads to another.

    Attributes:
        between: [I, I], from the item of the row to that of the column; no item leads to itself.
        popularity: Share of the most visited item's visits [I].
        recipe: What they were made with.
    """

    between: sparse.csr_matrix
    popularity: Floats
    recipe: Recipe

    @classmethod
    def learn(cls, visits: Visits, items: int, recipe: Recipe | None = None) -> Self:
        """Affinities of ``items`` items; the same visits give the same affinities, bit by bit."""
        recipe = recipe or Recipe()
        between = _scaled(_rules(visits, items, recipe)) + recipe.likeness * _scaled(
            _likeness(visits, items, recipe)
        )
        counts = np.bincount(visits.item, visits.weight, minlength=items)
        return cls(sparse.csr_matrix(between), counts / max(counts.max(initial=0), 1e-300), recipe)

    def score(self, visits: Visits, persons: int, block: int = 1_000) -> Iterator[Floats]:
        """Scores [block, I] of every item for persons 0, 1, 2, ..., by their visits so far."""
        history = _by_recency(visits, persons, self.between.shape[0], self.recipe)
        prior = self.recipe.popularity * self.popularity
        for start in range(0, persons, block):
            yield (history[start : start + block] @ self.between).toarray() + prior

    def best(self, count: int) -> tuple[Ints, Ints, Floats]:
        """Item, candidate and affinity of the ``count`` strongest of each item, the strongest first."""
        pairs = self.between.tocoo()
        # Ties go by number: the order does not depend on how the sums were made.
        order = np.lexsort((pairs.col, -pairs.data, pairs.row))
        rows, starts = pairs.row[order].astype(np.int64), self.between.indptr
        kept = np.arange(len(order)) - starts[rows] < count
        return rows[kept], pairs.col[order][kept].astype(np.int64), pairs.data[order][kept]


def _rules(visits: Visits, items: int, recipe: Recipe) -> sparse.csr_matrix:
    found = sparse.csr_matrix((items, items))
    for lag in range(1, recipe.lags + 1):
        together = np.flatnonzero(visits.course[:-lag] == visits.course[lag:])
        before, after = visits.item[together], visits.item[together + lag]
        forward, backward = (
            visits.weight[together + lag] / lag,
            visits.weight[together] / lag * recipe.backward,
        )
        found = found + _summed(
            np.append(forward, backward), np.append(before, after), np.append(after, before), items
        )
    totals = np.asarray(found.sum(axis=1)).ravel()
    return _without_itself(sparse.diags_array(_damped(totals, recipe.damping)) @ found)


def _likeness(visits: Visits, items: int, recipe: Recipe) -> sparse.csr_matrix:
    latest = _places_from_the_end(visits.person) < recipe.remembered
    person, item = visits.person[latest], visits.item[latest]
    persons = int(person.max(initial=-1)) + 1
    seen = sparse.csr_matrix((visits.weight[latest], (person, item)), shape=(persons, items))
    visited = np.asarray(seen.sum(axis=1)).ravel()
    common = seen.T @ sparse.diags_array(_damped(visited, 0.5)) @ seen
    by_item = sparse.diags_array(_damped(np.asarray(seen.sum(axis=0)).ravel(), recipe.popularity_damping))
    return _without_itself(by_item @ common @ by_item)


def _by_recency(visits: Visits, persons: int, items: int, recipe: Recipe) -> sparse.csr_matrix:
    worth = 0.5 ** (_places_from_the_end(visits.person) / recipe.half_life)
    return sparse.csr_matrix((worth, (visits.person, visits.item)), shape=(persons, items))


def _places_from_the_end(person: Ints) -> Ints:
    """0 for the last visit of each person, 1 for the last but one, ..."""
    ends = np.searchsorted(person, person, side="right")
    return ends - 1 - np.arange(len(person))


def _summed(values: Floats, rows: Ints, columns: Ints, items: int) -> sparse.csr_matrix:
    return sparse.coo_matrix((values, (rows, columns)), shape=(items, items)).tocsr()


def _without_itself(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix(matrix)
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return matrix


def _damped(totals: Floats, power: float) -> Floats:
    return np.where(totals > 0, np.maximum(totals, 1e-300) ** -power, 0)


def _scaled(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Divided by the mean over items of the strongest entry."""
    strongest = matrix.max(axis=1).toarray().ravel()
    present = strongest[strongest > 0]
    return matrix / present.mean() if len(present) else matrix
