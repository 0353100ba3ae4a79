"""The products: shelves inside categories, skewed popularity, prices, and what is looked at together.

A shelf is a handful of products that replace one another. The neighbours on a shelf and two products of one other
shelf are related to a product: customers go from one to the other, which is what a recommender can learn.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl

from ingestion.events.simulator.config import ShopConfig
from ingestion.events.simulator.draws import DAY, Floats, Ints, micros, pick

CATEGORIES: Final = (
    "art", "baby", "bath", "books", "camping", "electronics", "fashion", "furniture", "games", "garden",
    "grocery", "health", "jewellery", "kitchen", "music", "office", "pets", "shoes", "sports", "toys",
)  # fmt: skip
_SHELF_SIZE: Final = 10
_NEIGHBOURS: Final = np.array([1, -1, 2, -2, 3, -3])
_RELATED_WEIGHTS: Final = np.array([0.20, 0.20, 0.13, 0.13, 0.07, 0.07, 0.12, 0.08])
_STOCK_OUT_SHARE: Final = 0.08


@dataclass(frozen=True)
class Catalogue:
    """Products 0..P-1 on shelves 0..S-1; every array of length P unless said otherwise.

    Attributes:
        names: Product ids as text.
        category: Index into `CATEGORIES`.
        shelf: Shelf of each product; the products of a shelf are consecutive.
        shelf_first: First product of each shelf, shape [S].
        popularity: Sums to 1.
        price: List price.
        related: Related products, shape [P, 8].
        listed_us: When each came into the catalogue.
        gone_us: When each went out of stock and came back; both 0 where it never did, shape [P, 2].
    """

    names: pl.Series
    category: Ints
    shelf: Ints
    shelf_first: Ints
    popularity: Floats
    price: Floats
    related: Ints
    listed_us: Ints
    gone_us: Ints

    @classmethod
    def drawn(cls, config: ShopConfig, rng: np.random.Generator) -> Self:
        """Draw a catalogue."""
        count = config.products
        shelves = count // _SHELF_SIZE
        shelf = np.arange(count) * shelves // count
        shelf_first = np.searchsorted(shelf, np.arange(shelves))
        weight = (rng.permutation(count) + 4.0) ** -0.75
        popularity: Floats = (weight / weight.sum()).astype(np.float64)
        base = np.exp(rng.normal(3.2, 0.7, len(CATEGORIES)))
        category = shelf % len(CATEGORIES)
        present_us = micros(config.present)
        return cls(
            names=pl.Series([f"prod_{i:04d}" for i in range(count)]),
            category=category,
            shelf=shelf,
            shelf_first=shelf_first,
            popularity=popularity,
            price=np.round(base[category] * np.exp(rng.normal(0, 0.45, count)), 0) + 0.99,
            related=_related(rng, shelf, shelf_first, popularity),
            listed_us=present_us - rng.integers(90 * DAY, 900 * DAY, count),
            gone_us=_stock_outs(rng, present_us, count),
        )

    def category_names(self) -> pl.Series:
        """Category of each product as text."""
        return pl.Series(CATEGORIES).gather(self.category)

    def popular(self, rng: np.random.Generator, size: int) -> Ints:
        """Products by popularity."""
        return pick(rng, self.popularity, size)

    def from_shelves(self, rng: np.random.Generator, shelves: Ints) -> Ints:
        """One product of each given shelf, by popularity; shape as `shelves`."""
        return _from_shelves(rng, shelves, self.shelf_first, self.popularity)

    def related_to(self, rng: np.random.Generator, products: Ints) -> Ints:
        """One related product for each of `products`; shape as `products`."""
        return self.related[products, pick(rng, _RELATED_WEIGHTS, len(products))]

    def rows(self, as_of_us: int) -> pl.DataFrame:
        """A row per product and change up to an instant, in the columns of the catalogue's feature view."""
        out = self.gone_us[:, 0] > 0
        changes = [
            (np.arange(len(self.price)), self.listed_us, True),
            (np.flatnonzero(out), self.gone_us[out, 0], False),
            (np.flatnonzero(out), self.gone_us[out, 1], True),
        ]
        return pl.concat(
            [self._rows(products, times, stocked) for products, times, stocked in changes]
        ).filter(pl.col("event_timestamp") <= pl.lit(as_of_us).cast(pl.Datetime("us", "UTC")))

    def _rows(self, products: Ints, times_us: Ints, in_stock: bool) -> pl.DataFrame:
        times = pl.Series(times_us).cast(pl.Datetime("us", "UTC"))
        return pl.DataFrame(
            {
                "product_id": self.names.gather(products),
                "product_category": self.category_names().gather(products),
                "product_list_price": self.price[products],
                "product_in_stock": np.full(len(products), in_stock),
                "event_timestamp": times,
                "created_timestamp": times,
            }
        )


def _from_shelves(rng: np.random.Generator, shelves: Ints, first: Ints, popularity: Floats) -> Ints:
    bounds = np.concatenate([[0.0], np.cumsum(popularity)])
    ends = np.append(first[1:], len(popularity))
    low, high = bounds[first[shelves]], bounds[ends[shelves]]
    drawn = np.searchsorted(bounds, low + rng.random(len(shelves)) * (high - low), side="right") - 1
    return drawn.clip(first[shelves], ends[shelves] - 1)


def _related(rng: np.random.Generator, shelf: Ints, first: Ints, popularity: Floats) -> Ints:
    """Six neighbours on the shelf, taken as a ring, and two products of the shelf that goes with it; shape [P, 8]."""
    sizes = np.diff(np.append(first, len(shelf)))
    place = np.arange(len(shelf)) - first[shelf]
    ring = first[shelf][:, None] + (place[:, None] + _NEIGHBOURS) % sizes[shelf][:, None]
    partner = rng.permutation(len(first))[shelf]
    others = [_from_shelves(rng, partner, first, popularity) for _ in range(2)]
    return np.column_stack([ring, *others])


def _stock_outs(rng: np.random.Generator, present_us: int, count: int) -> Ints:
    start = present_us - rng.integers(0, 60 * DAY, count)
    periods = np.column_stack([start, start + rng.integers(DAY, 7 * DAY, count)])
    return periods * (rng.random((count, 1)) < _STOCK_OUT_SHARE)
