"""Loads the handbook's raw transactions as two event archives."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from ingestion.archive import Archive

LABEL_DELAY = timedelta(days=7)


def read_transactions(path: Path) -> pl.DataFrame:
    """The raw file with the columns of the `transactions` events and `fraud`; times are taken as UTC."""
    return pl.read_parquet(path).select(
        transaction_id=pl.col("TRANSACTION_ID").cast(pl.String),
        event_timestamp=pl.col("TX_DATETIME").dt.replace_time_zone("UTC"),
        customer_id=pl.col("CUSTOMER_ID").cast(pl.String),
        terminal_id=pl.col("TERMINAL_ID").cast(pl.String),
        amount=pl.col("TX_AMOUNT"),
        fraud=pl.col("TX_FRAUD"),
    )


def write_archives(transactions: pl.DataFrame, root: Path, delay: timedelta = LABEL_DELAY) -> None:
    """Archives `transactions` and, `delay` later each, `labels` below `root`; they arrive when they happen."""
    Archive(root, "transactions").write(transactions.drop("fraud"))
    known = transactions.select("transaction_id", pl.col("event_timestamp") + delay, "terminal_id", "fraud")
    Archive(root, "labels").write(known)
