"""The next item of 22,363 customers of Amazon Beauty: leave one out, full ranking, beside popularity and SASRec.

The real data is looked for in SHOP_TEST_DATA_DIR (by default ../shared/data), or given by ``--file`` (lines of
``user item item ...`` in order of time); without it nothing is measured. A user's last item is the target, everything
before it may be used; items of the user's history are not ranked.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.benchmarks.report import Bar, Report, parser
from training.metrics import hit_figures, list_figures
from training.sequences import Affinities, Visits

DATA = Path(os.environ.get("SHOP_TEST_DATA_DIR", "../shared/data")) / "amazon_beauty_sequences.txt"
K = 20
PUBLISHED = {"popularity": (0.0217, 0.0084), "SASRec": (0.0902, 0.0394), "S3-Rec": (0.0994, 0.0414)}
ASKED = (0.112, 0.060)
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LeftOut:
    """Histories without their last items, and those.

    Attributes:
        visits: All items but the last of each person.
        targets: The last item of each person [P].
        items: How many items there are.
    """

    visits: Visits
    targets: Ints
    items: int

    @classmethod
    def read(cls, file: Path) -> "LeftOut":
        """From lines of ``user item item ...``; who has one item only is left out."""
        rows = [line.split()[1:] for line in file.read_text().splitlines()]
        histories = [row for row in rows if len(row) > 1]
        names, numbers = np.unique([item for row in histories for item in row], return_inverse=True)
        lengths = np.array([len(row) for row in histories])
        ends = np.cumsum(lengths) - 1
        person = np.repeat(np.arange(len(histories)), lengths)
        before = np.ones(len(numbers), bool)
        before[ends] = False
        return cls(Visits.of_persons(person[before], numbers[before]), numbers[ends], len(names))

    def unseen(self, scores: Iterator[Floats]) -> Iterator[tuple[Ints, Floats]]:
        """Persons and their scores [B, I], block by block, with minus infinity for what they had already."""
        starts = np.searchsorted(self.visits.person, np.arange(len(self.targets) + 1))
        first = 0
        for block in scores:
            persons = np.arange(first, first + len(block))
            theirs = slice(starts[first], starts[first + len(block)])
            mine = block[persons - first, self.targets[persons]].copy()
            block[self.visits.person[theirs] - first, self.visits.item[theirs]] = -np.inf
            block[persons - first, self.targets[persons]] = mine
            yield persons, block
            first += len(block)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    made = parser("sequences", __doc__)
    made.add_argument("--file", type=Path, default=DATA, help="sequences to measure (default: %(default)s)")
    options = made.parse_args(argv)
    if not options.file.exists():
        print(f"sequences: no real data at {options.file}; set SHOP_TEST_DATA_DIR")
        return 0
    report, data = Report("sequences"), LeftOut.read(options.file)
    begin = time.perf_counter()
    affinities = Affinities.learn(data.visits, data.items)
    learnt = time.perf_counter()
    persons = len(data.targets)
    ours = measured(data, affinities.score(data.visits, persons), affinities.popularity)
    ranked = time.perf_counter()
    popular = measured(data, popularity(data), affinities.popularity)
    for name, figure, least in zip(
        ("HR@20", "NDCG@20"), (f"hit_rate_at_{K}", f"ndcg_at_{K}"), ASKED, strict=True
    ):
        # The bars are Beauty's.
        report.add(Bar(name, ours[figure], "", least=least if options.file == DATA else None))
        report.add(
            Bar(f"{name} beside popularity's", ours[figure], "", popular[figure], "popularity", least=1.5)
        )
    report.add(Bar("MRR@20", ours[f"mrr_at_{K}"], "", popular[f"mrr_at_{K}"], "popularity"))
    report.add(
        Bar(
            "items that are shown to somebody",
            100 * ours["coverage"],
            "%",
            100 * popular["coverage"],
            "popularity",
        )
    )
    report.add(
        Bar(
            "visits of a shown item, share of the most visited one's",
            ours["popularity_of_shown"],
            "",
            popular["popularity_of_shown"],
            "popularity",
            lower_is_better=True,
        )
    )
    report.add(Bar("learning", learnt - begin, "s"))
    report.add(Bar("ranking of all items for one person", 1e3 * (ranked - learnt) / persons, "ms"))
    report.note(
        f"{persons:,} persons, {data.items:,} items, {len(data.visits.item):,} visits before the targets"
    )
    if options.file == DATA:
        published = ", ".join(f"{name} {hit:.4f} / {gain:.4f}" for name, (hit, gain) in PUBLISHED.items())
        report.note(
            f"published HR@20 / NDCG@20: {published} (that popularity counts the targets, ours does not)"
        )
    return report.finish(options.json)


def measured(data: LeftOut, scores: Iterator[Floats], popular: Floats) -> dict[str, float]:
    """Figures of lists of 20; an item that scores the same as the target stands before it."""
    ranks = np.empty(len(data.targets))
    lists = np.empty((len(data.targets), K), np.int64)
    for persons, block in data.unseen(scores):
        mine = block[np.arange(len(persons)), data.targets[persons]]
        ranks[persons] = (block >= mine[:, None]).sum(axis=1) - 1
        lists[persons] = np.argpartition(-block, K, axis=1)[:, :K]
    return hit_figures(ranks, K) | list_figures(lists, popular)


def popularity(data: LeftOut, block: int = 1_000) -> Iterator[Floats]:
    """The same scores for everybody: how often an item was visited, targets not counted."""
    counts = np.bincount(data.visits.item, minlength=data.items).astype(float)
    for start in range(0, len(data.targets), block):
        yield np.tile(counts, (min(block, len(data.targets) - start), 1))


if __name__ == "__main__":
    sys.exit(main())
