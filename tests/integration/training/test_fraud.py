"""The fraud model from archive to artefact, on a simulated month."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest

from artefact import MODEL_FILE, champion_path, encode_rows, feature_service_hash
from tests.integration.training.conftest import END, SimulatedShop, scenario_recall
from training.__main__ import main
from training.errors import NotEnoughHistoryError, RefusedTrainingSetError
from training.fraud import train_fraud
from training.fraud_orders import fraud_split, labelled_orders
from training.history import TIME, read_events, read_features
from training.publish import EVALUATION_FILE, TrainedModel


@pytest.fixture(scope="module")
def trained(shop: SimulatedShop) -> TrainedModel:
    """Trained once."""
    return train_fraud(shop.store(), shop.settings)


def test_the_model_beats_the_rules_on_days_it_never_saw(trained: TrainedModel) -> None:
    """By half of their average precision at least; an AUC of 1 would be a leak."""
    test, rules = trained.card.metrics["test"], trained.card.metrics["rules"]
    assert 0.8 < test["auc"] < 0.999
    assert test["average_precision"] > 1.5 * rules["average_precision"]
    assert test["card_precision_at_100"] > rules["card_precision_at_100"]


def test_every_scenario_is_found(shop: SimulatedShop, trained: TrainedModel) -> None:
    """The hardest is the compromised product: honest orders in all but the label."""
    evaluation = pl.read_parquet(trained.path / EVALUATION_FILE)
    assert trained.card.thresholds is not None
    recall = scenario_recall(shop, evaluation, trained.card.thresholds.medium)
    assert set(recall) == {"large_amount", "account_takeover", "compromised_product", "card_testing"}
    assert min(recall, key=recall.__getitem__) == "compromised_product"
    assert all(share > 0.1 for share in recall.values())


def test_the_artefact_is_the_champion_and_belongs_to_its_features(
    shop: SimulatedShop, trained: TrainedModel
) -> None:
    """Its card has the hash of the definitions it was trained on."""
    assert champion_path(shop.settings.models_dir, "fraud") == trained.path
    assert trained.card.feature_service_hash == feature_service_hash(
        shop.store(), "fraud_v1", {feature.name for feature in trained.card.inputs}
    )
    assert trained.card.inputs[0].name == "transaction_amount"
    names = {feature.name for feature in trained.card.inputs}
    assert not names & {"user_device_id_last_30d", "user_signup_seconds"}
    assert names == set(trained.card.statistics)


def test_the_saved_model_scores_features_as_in_the_evaluation(
    shop: SimulatedShop, trained: TrainedModel
) -> None:
    """Read back from the folder, with features asked for again."""
    split = fraud_split(shop.store(), shop.settings)
    orders = labelled_orders(shop.store(), split, shop.settings).filter(part="test").tail(200)
    rows = read_features(shop.store(), "fraud_v1", orders)
    session = onnxruntime.InferenceSession(trained.path / MODEL_FILE)
    (scores,) = session.run(["probability"], {"features": encode_rows(trained.card, rows.to_dict())})
    evaluated = pl.read_parquet(trained.path / EVALUATION_FILE).tail(200)
    assert evaluated["order_id"].equals(orders["order_id"])
    np.testing.assert_allclose(scores, evaluated["score"], atol=1e-6)


def test_labels_are_what_was_known_and_no_row_is_repeated(shop: SimulatedShop) -> None:
    """At the cut for training, at the end for the test; the archive repeats some orders and chargebacks."""
    split = fraud_split(shop.store(), shop.settings)
    rows = labelled_orders(shop.store(), split, shop.settings)
    assert rows["order_id"].is_unique().all()
    assert not shop.history.orders["order_id"].is_unique().all()
    assert (rows["request_device_id"] == rows["device_id"]).all()
    known = {
        row["order_id"]: row["arrival_timestamp"]
        for row in shop.history.chargebacks.sort("arrival_timestamp", descending=True).iter_rows(named=True)
    }

    def expected(order_id: str, part: str) -> int:
        arrival: datetime | None = known.get(order_id)
        return int(arrival is not None and arrival <= (split.end if part == "test" else split.cut))

    assert rows["is_fraud"].to_list() == [
        expected(order_id, part) for order_id, part in rows.select("order_id", "part").iter_rows()
    ]


def test_an_order_does_not_see_itself(shop: SimulatedShop) -> None:
    """The first order of a customer finds no order of theirs, whatever its amount."""
    orders = read_events(
        shop.store(),
        "orders_archive",
        ("order_id", "user_id", "product_id", "device_id", "amount"),
        None,
        None,
    )
    first = orders.sort(TIME).unique("user_id", keep="first").head(50)
    rows = read_features(
        shop.store(),
        "fraud_v1",
        first.select(
            "order_id",
            "user_id",
            "product_id",
            "device_id",
            TIME,
            transaction_amount="amount",
            request_seconds=pl.col(TIME).dt.epoch("s"),
            request_device_id="device_id",
        ),
    )
    assert rows["user_orders_count_30d"].to_list() == [0] * 50
    assert rows["amount_to_user_mean"].null_count() == 50


def test_the_same_run_twice_gives_the_same_artefact(shop: SimulatedShop, trained: TrainedModel) -> None:
    """The same version, byte for byte the same model."""
    elsewhere = shop.settings.model_copy(update={"data_dir": shop.settings.data_dir.parent / "again"})
    again = train_fraud(shop.store(), elsewhere, now=lambda: END)
    assert again.card.version == trained.card.version
    assert (again.path / MODEL_FILE).read_bytes() == (trained.path / MODEL_FILE).read_bytes()
    assert again.card == trained.card.model_copy(update={"created": END})


def test_windows_without_frauds_are_refused(shop: SimulatedShop) -> None:
    """The message says which window, how many, and what to change."""
    early = shop.settings.model_copy(update={"training_data_end": END - timedelta(days=14)})
    with pytest.raises(NotEnoughHistoryError, match=r"known frauds among .* SHOP_FRAUD_TRAIN_DAYS"):
        train_fraud(shop.store(), early)


def test_a_training_set_that_breaks_its_expectations_trains_nothing(
    shop: SimulatedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No positive label may be believed here: exit status 1, the report on stderr, no artefact."""
    for name, value in shop.settings.model_dump().items():
        monkeypatch.setenv(f"SHOP_{name.upper()}", _as_text(value))
    monkeypatch.setenv("SHOP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SHOP_LABEL_RATE_MAX", "0.0001")
    monkeypatch.delenv("SHOP_TRAINING_DATA_END")
    assert main(["fraud", "--repo", str(shop.repo)]) == 1
    error = capsys.readouterr().err
    assert "fraud was not trained: batch refused" in error
    assert "is_fraud" in error
    assert not (tmp_path / "models").exists()


def test_a_refusal_is_an_error_for_callers_in_python(
    shop: SimulatedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the gate's report as its message."""
    monkeypatch.setenv("SHOP_LABEL_RATE_MIN", "0.9")
    monkeypatch.setenv("SHOP_LABEL_RATE_MAX", "1")
    elsewhere = shop.settings.model_copy(update={"data_dir": tmp_path})
    with pytest.raises(RefusedTrainingSetError, match="is_fraud"):
        train_fraud(shop.store(), elsewhere)


def test_an_archive_without_events_in_a_window_is_named(shop: SimulatedShop) -> None:
    """With the window."""
    with pytest.raises(NotEnoughHistoryError, match=r"'orders_archive' holds no event in \[2030"):
        read_events(shop.store(), "orders_archive", ("order_id",), END.replace(year=2030), None)


def _as_text(value: object) -> str:
    return str(list(value)).replace("'", '"') if isinstance(value, tuple) else str(value)
