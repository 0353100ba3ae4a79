from pathlib import Path

import polars as pl
import pytest

from artefact import CANDIDATES_FILE, POPULAR_FILE, ArtefactError
from serving.candidates import Candidates

CANDIDATES = Candidates({"a": {"a": 1.0, "b": 0.5, "c": 0.2}}, ["c", "d", "e"])


def test_what_goes_with_the_last_viewed_comes_first_then_what_sells() -> None:
    """No product is named twice."""
    assert CANDIDATES.of("a", 10) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("last_viewed", [None, "unheard of"])
def test_without_a_known_last_view_what_sells_is_shown(last_viewed: str | None) -> None:
    """A customer never seen gets an answer."""
    assert CANDIDATES.of(last_viewed, 10) == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("last_viewed", "product", "score"),
    [("a", "b", 0.5), ("a", "e", None), ("x", "b", None), (None, "b", None)],
)
def test_a_score_belongs_to_a_pair(last_viewed: str | None, product: str, score: float | None) -> None:
    """A product that does not go with the last viewed one has none."""
    assert CANDIDATES.score(last_viewed, product) == score


def test_the_slate_is_cut_at_the_count() -> None:
    """The first ones stay."""
    assert CANDIDATES.of("a", 2) == ["a", "b"]


def test_tables_are_read_in_the_order_of_their_ranks(tmp_path: Path) -> None:
    """Whatever the order of their rows."""
    rows = {
        "product_id": ["a", "b", "a"],
        "candidate_id": ["c", "b", "a"],
        "rank": [1, 0, 0],
        "score": [0.5, 1, 1],
    }
    pl.DataFrame(rows, strict=False).write_parquet(tmp_path / CANDIDATES_FILE)
    pl.DataFrame({"product_id": ["z", "y"], "rank": [2, 1]}).write_parquet(tmp_path / POPULAR_FILE)
    assert Candidates.load(tmp_path) == Candidates({"a": {"a": 1.0, "c": 0.5}, "b": {"b": 1.0}}, ["y", "z"])


def test_an_absent_table_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """The folder is named."""
    with pytest.raises(ArtefactError, match="train the model again"):
        Candidates.load(tmp_path)


def test_a_table_with_other_columns_is_an_error(tmp_path: Path) -> None:
    """The reader's reason is passed on."""
    pl.DataFrame({"product": ["a"]}).write_parquet(tmp_path / CANDIDATES_FILE)
    with pytest.raises(ArtefactError, match="cannot be read"):
        Candidates.load(tmp_path)
