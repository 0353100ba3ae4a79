"""The recommendation model from archive to artefact, on a simulated month."""

import polars as pl
import pytest

from artefact import CANDIDATE_SCORE, CANDIDATES_FILE, MODEL_FILE, POPULAR_FILE, champion_path
from artefact.folder import PAGE_FILE
from tests.integration.training.conftest import END, TrainingShop
from training.publish import TrainedModel
from training.recommendation import train_recommendation
from training.run import summary


@pytest.fixture(scope="module")
def trained(shop: TrainingShop) -> TrainedModel:
    """Trained once."""
    return train_recommendation(shop.store(), shop.settings)


def test_lists_beat_popularity_at_every_moment(trained: TrainedModel) -> None:
    """By half at least, before the session that led to the order already; the more is seen the better."""
    ranking = trained.card.metrics["ranking"]
    rates = [ranking[m]["hit_rate_at_20"] for m in ("before_the_session", "after_one_view", "at_the_order")]
    assert all(row["times_popularity"] >= 1.5 for row in ranking.values())
    assert rates == sorted(rates)
    assert all(row["hit_rate_at_20"] <= row["in_slate"] for row in ranking.values())


def test_the_card_says_what_is_left_without_the_store(trained: TrainedModel) -> None:
    """Popularity, after one page view."""
    rungs, moment = trained.card.metrics["rungs"], trained.card.metrics["ranking"]["after_one_view"]
    assert rungs["live"]["hit_rate_at_20"] == moment["hit_rate_at_20"]
    assert rungs["rules"]["hit_rate_at_20"] == moment["popularity_hit_rate_at_20"]


def test_the_ranker_improves_on_the_slates_own_order(trained: TrainedModel) -> None:
    """Where nothing of the session is seen, the slate's order is mostly popularity."""
    row = trained.card.metrics["ranking"]["before_the_session"]
    assert row["hit_rate_at_20"] >= row["unranked_hit_rate_at_20"]


def test_scores_are_probabilities_of_the_slates_as_they_are(trained: TrainedModel) -> None:
    """Sampled negatives are weighed back: predicted and observed shares agree."""
    ranker = trained.card.metrics["ranker"]
    assert ranker["auc"] > 0.8
    assert ranker["expected_calibration_error"] < 0.01


def test_the_tables_are_as_serving_reads_them(shop: TrainingShop, trained: TrainedModel) -> None:
    """Each product is its own candidate of rank 0; ranks have no gaps."""
    assert champion_path(shop.settings.models_dir, "recommendation") == trained.path
    candidates = pl.read_parquet(trained.path / CANDIDATES_FILE)
    assert candidates.schema == {
        "product_id": pl.String,
        "candidate_id": pl.String,
        "rank": pl.Int32,
        "score": pl.Float64,
    }
    assert (candidates.filter(rank=0)["product_id"] == candidates.filter(rank=0)["candidate_id"]).all()
    ranks = candidates.group_by("product_id").agg(pl.col("rank").sort())["rank"].to_list()
    assert all(row == list(range(len(row))) for row in ranks)
    popular = pl.read_parquet(trained.path / POPULAR_FILE)
    assert popular["rank"].to_list() == list(range(1, popular.height + 1))


def test_the_ranker_reads_the_candidates_score_and_no_ids(trained: TrainedModel) -> None:
    """Products and customers are described, not remembered."""
    names = [feature.name for feature in trained.card.inputs]
    assert names[0] == CANDIDATE_SCORE
    assert "user_product_id_last_1d" not in names
    categories = [feature.categories or () for feature in trained.card.inputs]
    assert not any("prod_" in value for values in categories for value in values)


def test_the_same_run_twice_gives_the_same_artefact(shop: TrainingShop, trained: TrainedModel) -> None:
    """Tables included."""
    elsewhere = shop.settings.model_copy(update={"data_dir": shop.settings.data_dir.parent / "again"})
    again = train_recommendation(shop.store(), elsewhere, now=lambda: END)
    assert again.card.version == trained.card.version
    for name in (MODEL_FILE, CANDIDATES_FILE, POPULAR_FILE):
        assert (again.path / name).read_bytes() == (trained.path / name).read_bytes()


def test_lists_show_more_than_what_sells(trained: TrainedModel) -> None:
    """Most of the catalogue is shown to somebody; the checks and the report are as for fraud."""
    assert trained.card.metrics["lists"]["before_the_session"]["coverage"] > 0.5
    assert trained.verdict.failed == []
    assert (trained.path / PAGE_FILE).read_text().count("<svg") == 9


def test_a_model_trained_again_is_held_against_the_champion(
    shop: TrainingShop, trained: TrainedModel
) -> None:
    """The same model gains nothing and loses nothing."""
    again = train_recommendation(shop.store(), shop.settings)
    (check,) = [check for check in again.verdict.checks if "champion" in check.name]
    assert check.holds
    assert f"+0.0000 (+0.0000 .. +0.0000) against {trained.card.version}" in check.detail


def test_the_summary_shows_each_moment_beside_popularity(trained: TrainedModel) -> None:
    """One line each."""
    assert summary([trained]).row_count == 3
