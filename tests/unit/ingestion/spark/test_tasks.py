"""What Spark's workers compute, without Spark: runs of files, buckets of entities, repeats."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from ingestion.archive import Archive
from ingestion.spark import session
from ingestion.spark.events import runs_of
from ingestion.spark.frames import arrow_schema, from_batches, from_table, to_table
from ingestion.spark.portions import BUCKET, HASH, ORDER, Portions, Wanted, id_hashes, read_events
from ingestion.spark.session import SparkUnavailableError, open_session
from ingestion.spark.tasks import ROW, evaluate_bucket
from ingestion.windows.bitemporal import KNOWN, evaluate
from ingestion.windows.grid import INSTANT
from ingestion.windows.spec import TIMESTAMP
from tests.small_shop import NOON, order, write_orders
from tests.unit.ingestion.windows import strategies as drawn

COLUMNS = ("order_id", "user_id", "event_timestamp")
TYPES = {"order_id": pl.String(), "user_id": pl.String(), "event_timestamp": pl.Datetime("us", "UTC")}
SCHEMA = {**TYPES, ORDER: pl.Int64(), BUCKET: pl.Int64()}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Three files; o1 comes twice, in different ones."""
    for names in (["o0", "o1"], ["o2", "o1"], ["o3"]):
        write_orders(tmp_path, [order(name, f"user_{name}", 1 + i) for i, name in enumerate(names)])
    return Archive(tmp_path / "data", "orders")


def read(portions: Portions, wanted: Wanted, schema: Any = SCHEMA) -> pl.DataFrame:
    """What the tasks read of all runs, given their numbers as Spark does."""
    numbers = pa.RecordBatch.from_pydict({"id": list(range(len(portions.runs)))})
    rows = from_batches(read_events(portions, wanted, schema, iter([numbers])))
    assert rows is not None
    return rows


def portions_of(archive: Archive, size: int) -> Portions:
    names = archive.files()
    runs = [tuple(names[i : i + size]) for i in range(0, len(names), size)]
    return Portions(archive, tuple(runs), names[-1], NOON, NOON + timedelta(hours=1))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_order_of_the_archive_is_kept_however_files_are_divided(archive: Archive, size: int) -> None:
    """Rows sorted by ORDER are those of one scan."""
    rows = read(portions_of(archive, size), Wanted(COLUMNS, ("user_id",), 4)).sort(ORDER)
    whole = archive.scan(NOON, NOON + timedelta(hours=1)).select(COLUMNS).collect()
    assert rows.select(COLUMNS).equals(whole)


def test_rows_of_an_entity_are_in_one_bucket(archive: Archive) -> None:
    """Whatever file they lie in; without keys all are in the first."""
    rows = read(portions_of(archive, 1), Wanted(COLUMNS, ("user_id",), 4))
    assert rows.group_by("user_id").agg(pl.col(BUCKET).n_unique())[BUCKET].to_list() == [1] * 4
    assert read(portions_of(archive, 1), Wanted(COLUMNS, (), 4))[BUCKET].unique().to_list() == [0]


def test_suspects_and_others_are_all_events(archive: Archive) -> None:
    """Both events of the id that comes twice are suspects, the three others are not."""
    suspects = tuple(id_hashes(pl.Series(["o1"])).to_list())
    wanted = Wanted(COLUMNS, ("user_id",), 4, event_id="order_id", suspects=suspects)
    others = read(portions_of(archive, 2), wanted)
    both = read(
        portions_of(archive, 2),
        Wanted(COLUMNS, ("user_id",), 4, "order_id", suspects, only_suspects=True),
        {**SCHEMA, HASH: pl.Int64()},
    )
    assert sorted(others["order_id"]) == ["o0", "o2", "o3"]
    assert both["order_id"].to_list() == ["o1", "o1"]


def test_an_event_without_an_id_is_no_suspect() -> None:
    """Its hash is null."""
    assert id_hashes(pl.Series(["a", None])).null_count() == 1


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([1, 1, 1], [3]), ([2, 2, 2], [1, 1, 1]), ([9, 1, 1], [1, 2]), ([], [])],
)
def test_files_are_read_together_up_to_a_size(sizes: Sequence[int], expected: Sequence[int]) -> None:
    """Neighbours only; a file that is larger stays alone."""
    names = [str(i) for i in range(len(sizes))]
    runs, total = runs_of(names, dict(zip(names, sizes, strict=True)), 3)
    assert [len(run) for run in runs] == list(expected)
    assert sum(runs, ()) == tuple(names)
    assert total == sum(sizes)


@pytest.mark.parametrize("knows", [False, True])
def test_a_bucket_is_answered_as_the_local_store_answers_it(knows: bool) -> None:
    """Instants alone, and with a time of knowledge."""
    spec = drawn.view(drawn.feature("sum", "amount", 20, 5), drawn.feature("last", "label", 20, 5))
    frame = pl.DataFrame(
        {
            "user": ["anna", "anna", "bert"],
            "event_timestamp": pl.Series([3, 4, 5]).cast(TIMESTAMP),
            "arrival_timestamp": pl.Series([9, 4, 5]).cast(TIMESTAMP),
            "amount": [1.0, 2.0, 4.0],
            "label": ["a", "b", "c"],
        }
    )
    instants = pl.DataFrame({"user": ["bert", "anna"], INSTANT: pl.Series([6, 8]).cast(TIMESTAMP)})
    if knows:
        instants = instants.with_columns(pl.Series(KNOWN, [10, 10]).cast(TIMESTAMP))
    schema = {ROW: pl.Int64(), **spec.schema}
    asked = instants.with_columns(pl.Series(ROW, [7, 8]), pl.lit(0, pl.Int64).alias(BUCKET))
    events = frame.reverse().with_columns(pl.Series(ORDER, [2, 1, 0]), pl.lit(0, pl.Int64).alias(BUCKET))
    found = from_table(
        evaluate_bucket(spec, True, schema, to_table(asked, asked.schema), to_table(events, events.schema))
    )
    assert found[ROW].to_list() == [7, 8]
    assert found.drop(ROW).equals(evaluate(spec, frame, instants, as_known=True))
    assert found.drop(ROW).row(1) == ((3.0, "b") if knows else (2.0, "b"))


def test_texts_have_the_offsets_that_spark_knows() -> None:
    """Polars' own are larger."""
    frame = pl.DataFrame({"a": ["x", None], "b": [1, 2]})
    assert to_table(frame, frame.schema).schema == arrow_schema(frame.schema)
    assert arrow_schema(frame.schema).field("a").type == pa.string()


def test_without_pyspark_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra, and the engine that needs no Spark."""
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)
    monkeypatch.setitem(__import__("sys").modules, "pyspark.errors", None)
    with pytest.raises(SparkUnavailableError, match=r"extra `spark`.*WindowEngine"):
        open_session(session.DEFAULTS)
