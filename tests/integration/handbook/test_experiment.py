"""The handbook's single split, with the handbook's own models, on features from our windows."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.benchmarks.handbook import (
    DATA,
    SPLIT_END,
    WEEK,
    applied_store,
    asked,
    leak_is_refused,
    own_models,
)
from tests.benchmarks.report import Report
from tests.repos.handbook.load import LABEL_DELAY, read_transactions
from training.settings import TrainingSettings

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.exists(), reason=f"no real data at {DATA}; set SHOP_TEST_DATA_DIR"),
]


def test_rows_and_figures_are_the_published_ones(tmp_path: Path) -> None:
    """The same numbers of rows and frauds; logistic regression and random forest within 0.005 in every figure."""
    transactions, report = read_transactions(DATA), Report("handbook")
    store = applied_store(tmp_path / "shop", transactions, LABEL_DELAY)
    own_models(report, store, asked(store, transactions, "handbook", SPLIT_END - 3 * WEEK, SPLIT_END))
    assert len(report.bars) == 3
    assert all(bar.holds for bar in report.bars), report.summary


def test_labels_that_are_known_at_once_are_refused(tmp_path: Path) -> None:
    """By the order's own instant, and by an AUC that nobody can have."""
    transactions, report = read_transactions(DATA), Report("handbook")
    store = applied_store(tmp_path / "shop", transactions, timedelta())
    leak_is_refused(report, store, transactions, TrainingSettings())
    assert all(bar.holds for bar in report.bars), report.notes
