"""Candidates on Amazon Beauty, with the defaults that the shop uses."""

import pytest

from tests.benchmarks.sequences import ASKED, DATA, LeftOut, measured, popularity
from training.sequences import Affinities

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.exists(), reason=f"no real data at {DATA}; set SHOP_TEST_DATA_DIR"),
]


def test_the_next_item_is_found_more_often_than_by_published_models() -> None:
    """Leave one out, full ranking; popularity comes out as published (its counts are without the targets here)."""
    data = LeftOut.read(DATA)
    affinities = Affinities.learn(data.visits, data.items)
    ours = measured(data, affinities.score(data.visits, len(data.targets)), affinities.popularity)
    assert ours["hit_rate_at_20"] >= ASKED[0]
    assert ours["ndcg_at_20"] >= ASKED[1]
    popular = measured(data, popularity(data), affinities.popularity)
    assert popular["hit_rate_at_20"] == pytest.approx(0.0217, abs=0.0002)
