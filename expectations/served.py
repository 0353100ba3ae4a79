"""The prediction log as polars frames: what was asked, which features were used and how old they were, what was said of it.

::

    log = ServedLog("data/predictions")
    for start, end in log.days():
        records = log.read(start, end, most=10_000)                # a sample; the same one whenever it is asked for
        values = wide(records, "features", {"user_amount_sum_1h": pl.Float64()})
        ages = views(records)

Read a day, or an hour, at a time: a record has about 60 features, a hundred thousand of them are some 300 MB as `features`.
All intervals are half-open and of aware instants. The columns are told in docs/predictions.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

TIME: Final = "event_timestamp"
"""When the features of a record were read."""
KEYS: Final = ("user_id", "product_id", "device_id")
RECORD: Final = "record"
"""Number of a record within a frame; the frames made from it have it too."""
ALL: Final = (
    "request_id", *KEYS, TIME, "request", "rung", "risk_level", "latency_ms", "views", "features", "scores",
)  # fmt: skip
POSITION: Final = ("_topic", "_partition", "_offset")
"""Together they identify a record."""
DECIDES: Final = ~pl.col("scores").list.eval(pl.element().struct.field("shadow")).list.all()
"""Whether a record is an answer; else it is what a shadow model scored beside one."""
_HASHES: Final = 2**64


class NoPredictionsError(LookupError):
    """There is no prediction log to read; the message says what makes one."""


@dataclass(frozen=True)
class ServedLog:
    """The archive of the prediction log.

    Attributes:
        folder: A local path or a URL; below it are folders ``date=YYYY-MM-DD``.
    """

    folder: str

    def scan(self, start: datetime, end: datetime, columns: Sequence[str] = ALL) -> pl.LazyFrame:
        """Records of features read in an interval, in no order, with their `POSITION`.

        Each is there once; one that was joined into a larger file may be in two until the small one is deleted.

        Raises:
            NoPredictionsError: nothing is archived.
        """
        # Compared as it is: a day computed from it would have the files of all days read.
        day, instant = pl.col("date"), pl.col(TIME)
        return (
            self._files()
            .filter(day.is_between(start.astimezone(UTC).date(), end.astimezone(UTC).date()))
            .filter(instant >= start, instant < end)
            .select(*columns, *POSITION)
            # By position alone: `unique` would hash the lists of each row, too, in fifteen times as long.
            .filter(pl.struct(POSITION).is_first_distinct())
        )

    def read(
        self, start: datetime, end: datetime, columns: Sequence[str] = ALL, most: int | None = None
    ) -> pl.DataFrame:
        """Answers (no shadows) of an interval, sorted by time and `POSITION`, with their number as `RECORD`.

        Args:
            start: First instant.
            end: Behind the last one.
            columns: What is wanted of them.
            most: About so many, chosen by a hash of their position: the same ones each time. None: all.

        Raises:
            NoPredictionsError: nothing is archived.
        """
        wanted = list(dict.fromkeys([*columns, TIME]))
        found = self.scan(start, end, list(dict.fromkeys([*wanted, "scores"]))).filter(DECIDES)
        if most is not None:
            found = found.filter(_chosen(most, self.count(start, end)))
        records = found.select(*wanted, *POSITION).sort(TIME, *POSITION).collect()
        return records.with_row_index(RECORD)

    def count(self, start: datetime, end: datetime) -> int:
        """Answers of an interval.

        Raises:
            NoPredictionsError: nothing is archived.
        """
        return int(self.scan(start, end, [TIME, "scores"]).filter(DECIDES).select(pl.len()).collect().item())

    def days(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[tuple[datetime, datetime]]:
        """The days (UTC) that have records, as intervals in order; the first and the last are cut to the bounds.

        Raises:
            NoPredictionsError: nothing is archived.
        """
        dates = self._files().select(pl.col("date").unique().sort()).collect()
        for day in dates["date"]:
            first = _midnight(day)
            last = first + timedelta(days=1)
            begins, ends = max(first, start or first), min(last, end or last)
            if begins < ends:
                yield begins, ends

    def _files(self) -> pl.LazyFrame:
        files = pl.scan_parquet(
            f"{self.folder.rstrip('/')}/date=*/*.parquet",
            hive_schema={"date": pl.Date},
            missing_columns="insert",
            extra_columns="ignore",
        )
        try:
            files.collect_schema()
        except (FileNotFoundError, pl.exceptions.ComputeError) as error:
            raise NoPredictionsError(
                f"there are no predictions in {self.folder} ({error}); let `python -m ingestion.predictions` run beside "
                "the API, or name the folder with SHOP_PREDICTIONS_PATH"
            ) from error
        return files


def wide(records: pl.DataFrame, column: str, types: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Named values of ``features`` or ``request`` as columns.

    Args:
        records: Of `ServedLog.read`.
        column: Which of the two.
        types: The names, and what each is: text is told as it is, booleans and whole numbers are made of numbers.

    Returns:
        `RECORD` and the names, a row per record in its order; null where a record has no such value.
    """
    values = long(records.select(RECORD, column), column).filter(pl.col("name").is_in(list(types)))
    by_name = values.partition_by("name", as_dict=True)
    made = records.select(RECORD)
    for name, kind in types.items():
        held = "text" if kind == pl.String else "number"
        found = by_name.get((name,), values.clear())
        one = found.select(RECORD, pl.col(held).cast(kind).alias(name))
        made = made.join(one, on=RECORD, how="left", maintain_order="left")
    return made


def long(records: pl.DataFrame, column: str) -> pl.DataFrame:
    """Named values of ``features`` or ``request``: `RECORD`, ``name``, ``number``, ``text``; both null for null."""
    return _unnested(records, column)


def views(records: pl.DataFrame) -> pl.DataFrame:
    """What each feature view gave to each record.

    Returns:
        `RECORD`, ``view``, ``status``, ``row_timestamp`` (clock of the stored row; null where there is none),
        ``age_seconds`` (from then until it was read), ``view_rung`` (``live`` unless the store did not answer).
    """
    return _unnested(records, "views").rename(
        {"name": "view", TIME: "row_timestamp", "rung": "view_rung"}, strict=True
    )


def scores(records: pl.DataFrame) -> pl.DataFrame:
    """What each model said of each record: `RECORD`, ``model``, ``version``, ``probability``, ``inputs``, ``arm``, ``shadow``."""
    return _unnested(records, "scores")


def _unnested(records: pl.DataFrame, column: str) -> pl.DataFrame:
    rows = records.select(RECORD, column).explode(column).drop_nulls(column)
    return rows.unnest(column)


def _chosen(most: int, of: int) -> pl.Expr:
    """Whether a record is in the sample."""
    if most >= of:
        return pl.lit(value=True)
    return pl.struct(POSITION).hash(seed=0) < int(most / of * _HASHES)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
