"""Predictions as the archive of the prediction log has them. Control path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import polars as pl

_AROUND = timedelta(hours=1)
_KEYS = ("user_id", "product_id", "device_id")
_POSITION = ["_topic", "_partition", "_offset", "arrival_timestamp"]


class NotLoggedError(LookupError):
    """No record of a request; the message says how to find one."""


@dataclass(frozen=True)
class LoggedScore:
    """What a model said; the attributes are those of `serving.answers.Score`."""

    model: str
    version: str
    probability: float
    inputs: list[float | None]
    arm: str | None
    shadow: bool


@dataclass(frozen=True)
class Logged:
    """One prediction.

    Attributes:
        request_id: Of its request.
        time: When the features were read.
        row: Join keys and request columns.
        features: Values as they were used, by name.
        rung: Where they came from, the worst of them.
        scores: Of each model.
    """

    request_id: str
    time: datetime
    row: Mapping[str, Any]
    features: Mapping[str, Any]
    rung: str
    scores: tuple[LoggedScore, ...]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """From a row of the archive."""
        keys = {key: record[key] for key in _KEYS if record[key] is not None}
        return cls(
            request_id=record["request_id"],
            time=record["event_timestamp"],
            row=keys | _values(record["request"]),
            features=_values(record["features"]),
            rung=record["rung"],
            scores=tuple(LoggedScore(**score) for score in record["scores"]),
        )


def find(archive: Path, request_id: str, about: datetime | None = None) -> list[Logged]:
    """All predictions of a request, in the order in which they were made.

    Args:
        archive: Folder with a subfolder ``date=YYYY-MM-DD`` per day (UTC).
        request_id: A client may have used it more than once.
        about: Aware; only days within an hour of it are opened. None: all days.

    Raises:
        NotLoggedError: there is none.
    """
    if not (files := _files(archive, about)):
        raise NotLoggedError(
            f"no predictions are archived in {archive}{_when(about)}; `python -m ingestion.predictions` archives them, "
            "SHOP_DATA_DIR says where"
        )
    found = (
        pl.scan_parquet(files, hive_partitioning=False, missing_columns="insert", extra_columns="ignore")
        .filter(pl.col("request_id") == request_id)
        .unique(_POSITION)  # files that were joined lie beside the joined one for an hour
        .sort("event_timestamp", "_partition", "_offset")
        .collect()
    )
    if found.is_empty():
        raise NotLoggedError(
            f"request {request_id!r} is not in {archive}{_when(about)}; an answer tells its id as `request_id` and in the "
            "header X-Request-ID, and takes some seconds to the archive. The last ones there: "
            + ", ".join(_last_ids(files))
        )
    return [Logged.of(record) for record in found.iter_rows(named=True)]


def _files(archive: Path, about: datetime | None) -> list[Path]:
    folders = [archive / f"date={day}" for day in _days(about)] if about else archive.glob("date=*")
    return sorted(file for folder in folders for file in folder.glob("[!._]*.parquet"))


def _days(about: datetime) -> Iterable[date]:
    moment = about.astimezone(UTC)
    return sorted({(moment - _AROUND).date(), (moment + _AROUND).date()})


def _last_ids(files: list[Path]) -> list[str]:
    newest = pl.read_parquet(files[-1], columns=["request_id", "event_timestamp"]).sort("event_timestamp")
    return newest["request_id"].unique(maintain_order=True).tail(3).to_list()


def _when(about: datetime | None) -> str:
    return f" about {about.isoformat()}" if about else ""


def _values(named: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {one["name"]: one["text"] if one["number"] is None else one["number"] for one in named}
