"""Predictions of both arms, joined with chargebacks and orders that came later."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from artefact.experiments import change_experiments
from ingestion.predictions.record import Score
from tests.integration.training.conftest import END, TrainingShop
from tests.integration.training.predicted import is_challenged, judged, record, write_experiment
from tests.prediction_log import archive_records
from training.arms_compared import ArmFigures, Comparison
from training.errors import NotEnoughHistoryError
from training.experiment import report
from training.experiment_page import verdict
from training.experiment_report import main
from training.history import data_end
from training.settings import TrainingSettings

START = END - timedelta(days=20)
DELAY_DAYS = 5


@pytest.fixture(scope="module")
def settings(shop: TrainingShop, tmp_path_factory: pytest.TempPathFactory) -> TrainingSettings:
    """A data folder of its own for models and predictions, beside the shop's archives."""
    return TrainingSettings(data_dir=tmp_path_factory.mktemp("data"), fraud_label_delay_days=DELAY_DAYS)


def orders_of(shop: TrainingShop) -> pl.DataFrame:
    return shop.history.archives["orders"].filter(pl.col("event_timestamp") >= START).unique("order_id")


def frauds_of(shop: TrainingShop) -> set[str]:
    """Orders that were known as fraud by the end."""
    end = data_end(shop.store())
    charged = shop.history.archives["chargebacks"].filter(pl.col("arrival_timestamp") <= end)
    return set(charged["order_id"])


@pytest.fixture(scope="module")
def fraud(shop: TrainingShop, settings: TrainingSettings) -> Comparison:
    """Twenty days of orders, each judged."""
    experiment = write_experiment(settings.models_dir, "fraud", START)
    archive_records(judged(orders_of(shop), frauds_of(shop)), settings.data_dir)
    return report(shop.store(), experiment, settings)


def arms(comparison: Comparison) -> dict[str, ArmFigures]:
    return {arm.arm: arm for arm in comparison.arms}


def test_orders_are_counted_as_a_loop_counts_them(fraud: Comparison, shop: TrainingShop) -> None:
    """Settled are those whose chargeback was waited for.

    START                      END - 5 days        END
      |---------- settled ----------|---- open ------|
    """
    end, frauds, orders = data_end(shop.store()), frauds_of(shop), orders_of(shop)
    settled = [
        (user, order)
        for order, user, time in orders.select("order_id", "user_id", "event_timestamp").iter_rows()
        if time + timedelta(days=DELAY_DAYS) <= end
    ]
    for name, challenged in (("champion", False), ("challenger", True)):
        found = arms(fraud)[name]
        mine = [order for user, order in settled if is_challenged(user) == challenged]
        assert found.settled == len(mine)
        assert found.positives == sum(order in frauds for order in mine)
        customers = orders.filter(pl.col("user_id").map_elements(is_challenged, pl.Boolean) == challenged)[
            "user_id"
        ]
        assert (found.predictions, found.customers) == (len(customers), customers.n_unique())
    assert arms(fraud)["shadow"].settled == len(settled)


def test_the_arm_that_knows_is_better(fraud: Comparison) -> None:
    """v2 decides nothing wrongly, v1 flags three good orders in ten."""
    found = arms(fraud)
    assert (found["challenger"].outcome_rate, found["challenger"].average_precision) == (0, 1)
    assert found["champion"].outcome_rate == pytest.approx(0.3, abs=0.05)
    assert found["champion"].average_precision < 0.2  # type: ignore[operator]
    assert found["shadow"].average_precision == 1
    assert verdict(fraud).startswith("the challenger is better: decided wrongly -")


def test_the_test_counts_each_customer_once(fraud: Comparison) -> None:
    """Not each order: those of one customer resemble each other."""
    found = arms(fraud)
    for arm, outcomes in fraud.outcomes.items():
        assert 0 < outcomes.units <= found[arm].customers < found[arm].settled


def test_the_course_ends_where_the_test_stands(fraud: Comparison) -> None:
    """A look per day on which something settled, the bounds closing in."""
    assert fraud.difference == fraud.course[-1][1]
    widths = [difference.high - difference.low for _, difference in fraud.course]
    assert len(widths) == 15
    assert widths == sorted(widths, reverse=True)


def test_an_even_split_is_believed(fraud: Comparison) -> None:
    """Half of the customers are in each arm."""
    assert fraud.split_p_value is not None
    assert fraud.split_p_value > 0.001


def test_a_lost_arm_is_noticed(shop: TrainingShop, tmp_path: Path) -> None:
    """Where predictions of one arm are missing, the page says so before it says anything else."""
    settings = TrainingSettings(data_dir=tmp_path, fraud_label_delay_days=DELAY_DAYS)
    experiment = write_experiment(settings.models_dir, "fraud", START)
    kept = [
        one
        for one in judged(orders_of(shop), frauds_of(shop))
        if not is_challenged(one.row["user_id"]) or one.row["user_id"].endswith("1")
    ]
    archive_records(kept, tmp_path)
    found = report(shop.store(), experiment, settings)
    assert found.split_p_value is not None
    assert found.split_p_value < 0.001


def test_a_prediction_that_no_order_followed_has_no_outcome(shop: TrainingShop, tmp_path: Path) -> None:
    """Nor has an order its second prediction: only the last before it counts.

    prediction  prediction  order           prediction
       -40 min     -5 min      0                +1 min
                     '---------'
    """
    settings = TrainingSettings(data_dir=tmp_path, fraud_label_delay_days=DELAY_DAYS)
    experiment = write_experiment(settings.models_dir, "fraud", START, share=0.5)
    user, product, time = (
        orders_of(shop).sort("event_timestamp").select("user_id", "product_id", "event_timestamp").row(500)
    )
    score = {"fraud": Score("fraud@v1", 0.1, [1.0], "fraud-v2:champion", False)}
    moments = [time + timedelta(minutes=minutes) for minutes in (-40, -5, 1)]
    archive_records(
        [
            record(f"r{i}", user, product, at, score, request_seconds=int(at.timestamp()))
            for i, at in enumerate(moments)
        ],
        tmp_path,
    )
    champion = arms(report(shop.store(), experiment, settings))["champion"]
    assert (champion.predictions, champion.settled) == (3, 1)


def test_a_row_that_lies_in_two_files_counts_once(shop: TrainingShop, tmp_path: Path) -> None:
    """While small files are joined, a reader may see both."""
    settings = TrainingSettings(data_dir=tmp_path, fraud_label_delay_days=DELAY_DAYS)
    experiment = write_experiment(settings.models_dir, "fraud", START)
    few = list(judged(orders_of(shop).head(50), frauds_of(shop)))
    archive_records(few, tmp_path)
    archive_records(few, tmp_path)
    found = report(shop.store(), experiment, settings)
    assert sum(arm.predictions for arm in found.arms) == 100


def test_lists_are_joined_with_orders_of_the_same_customer(shop: TrainingShop, tmp_path: Path) -> None:
    """v2 lists what is ordered an hour later among others, v1 does not."""
    settings = TrainingSettings(data_dir=tmp_path)
    experiment = write_experiment(settings.models_dir, "recommendation", START)
    orders = orders_of(shop).filter(pl.col("event_timestamp") > START + timedelta(hours=1))
    records = []
    for order, user, product, time in orders.select(
        "order_id", "user_id", "product_id", "event_timestamp"
    ).iter_rows():
        arm, version = ("challenger", "v2") if is_challenged(user) else ("champion", "v1")
        listed = ["no_such_product", *([product] if arm == "challenger" else [])]
        for place, one in enumerate(listed):
            said = Score(
                f"recommendation@{version}", 0.1 + 0.5 * place, [1.0], f"recommendation-v2:{arm}", False
            )
            records.append(record(order, user, one, time - timedelta(hours=1), {"recommendation": said}))
            beside = Score("recommendation@v3", 0.4, [1.0], "recommendation-v2:shadow", True)
            records.append(record(order, user, one, time - timedelta(hours=1), {"recommendation": beside}))
    archive_records(records, tmp_path)
    found = report(shop.store(), experiment, settings)
    assert arms(found)["challenger"].outcome_rate == 1
    assert arms(found)["champion"].outcome_rate == 0
    assert arms(found)["shadow"].outcome_rate is None
    assert (
        arms(found)["shadow"].settled == arms(found)["champion"].settled + arms(found)["challenger"].settled
    )
    assert verdict(found).startswith("the challenger is better: lists with an order +")


def test_without_predictions_the_error_says_what_to_start(shop: TrainingShop, tmp_path: Path) -> None:
    """The folder is named."""
    settings = TrainingSettings(data_dir=tmp_path)
    experiment = write_experiment(settings.models_dir, "fraud", START)
    with pytest.raises(
        NotEnoughHistoryError, match=r"no predictions in .*; let `python -m ingestion.predictions`"
    ):
        report(shop.store(), experiment, settings)


def test_the_command_prints_a_table_and_writes_a_page(
    fraud: Comparison,
    shop: TrainingShop,
    settings: TrainingSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The page needs nothing but itself."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("SHOP_FRAUD_LABEL_DELAY_DAYS", str(DELAY_DAYS))
    assert main(["fraud-v2", "--repo", str(shop.repo)]) == 0
    assert "the challenger is better" in capsys.readouterr().out
    page = (settings.data_dir / "experiments" / "fraud-v2.html").read_text()
    for text in ("fraud-v2", "the challenger is better", "fraud@v3", "One outcome per customer", "<svg"):
        assert text in page
    assert "://" not in page


def test_an_experiment_that_nobody_knows_is_named(
    settings: TrainingSettings,
    shop: TrainingShop,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With those that are known."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    change_experiments(settings.models_dir, lambda known: known)
    assert main(["other", "--repo", str(shop.repo)]) == 1
    assert "there is no experiment 'other'; known: " in capsys.readouterr().err
