"""How files become events, and which mappings are refused with which words."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from ingestion.events.mapping import FileMapping, MappingError, included_mappings, load_mapping, read_rows

ROWS = pl.DataFrame(
    {
        "invoice": ["a", "a", "b", None],
        "when": [datetime(2020, 7, 1, 12), datetime(2020, 1, 1), None, datetime(2020, 3, 29, 1, 30)],  # noqa: DTZ001
        "pieces": [2, 3, 4, 5],
        "price": [1.005, 2.0, float("nan"), None],
        "customer": [17.0, None, 18.0, 19.0],
        "code": ["85X", "POST", "-", None],
    }
)


def made(rows: pl.DataFrame = ROWS, **field: Any) -> list[Any]:
    """Values of one field made by a mapping."""
    columns = {"at": {"column": "when", "timezone": "Europe/London"}, "field": field}
    raw = {"topic": "t", "key": "field", "timestamp": "at", "columns": columns}
    return msgspec.convert(raw, FileMapping).events(rows)["field"].to_list()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ({"column": "invoice"}, ["a", "a", "b", None]),
        ({"constant": 7}, [7, 7, 7, 7]),
        ({"template": "{invoice}-{pieces}!"}, ["a-2!", "a-3!", "b-4!", None]),
        ({"template": "{number}"}, ["1", "2", "3", "4"]),
        ({"template": "{invoice}.{number}", "number_within": ["invoice"]}, ["a.1", "a.2", "b.1", None]),
        (
            {"product": ["pieces", "price"], "decimals": 2},
            [2.01, 6.0, pytest.approx(float("nan"), nan_ok=True), None],
        ),
        ({"column": "customer", "cast": ["integer", "string"]}, ["17", None, "18", "19"]),
        ({"column": "code", "extract": "^([0-9]{2}|[A-Z]+)"}, ["85", "POST", None, None]),
        ({"column": "code", "cast": "integer"}, [None] * 4),
        ({"column": "pieces", "cast": "boolean"}, [True] * 4),
    ],
)
def test_a_field_is_made_from_columns(field: dict[str, Any], values: list[Any]) -> None:
    """Missing values and impossible casts are null; no row is left out."""
    assert made(**field) == values


def test_local_times_become_utc() -> None:
    """Summer time counts; a time that the clock skipped in spring is null."""
    assert made(column="when", timezone="Europe/London") == [
        datetime(2020, 7, 1, 11, tzinfo=UTC),
        datetime(2020, 1, 1, tzinfo=UTC),
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (["2020-07-01T02:00:00+02:00", "soon"], {"format": "%+"}),
        (["2020-07-01 01:00", None], {"timezone": "Europe/London"}),
        (["1.7.2020 00:00 +0000", "2020"], {"format": "%d.%m.%Y %H:%M %z"}),
        (["1.7.2020 01:00", "2020"], {"format": "%d.%m.%Y %H:%M", "timezone": "Europe/London"}),
        ([1593561600, None], {"epoch": "s"}),
        (["1593561600000", "x"], {"epoch": "ms"}),
        ([datetime(2020, 7, 1, tzinfo=UTC), None], {}),
    ],
)
def test_times_are_read_as_they_are_written(values: list[Any], field: dict[str, Any]) -> None:
    """Text with or without zone, numbers, aware columns: midnight in UTC; what is no time is null."""
    rows = pl.DataFrame({"when": values})
    columns = {"at": {"column": "when"} | field}
    raw = {"topic": "t", "key": "at", "timestamp": "at", "columns": columns}
    events = msgspec.convert(raw, FileMapping).events(rows)
    assert events.schema == {"at": pl.Datetime("us", "UTC")}
    assert events["at"].to_list() == [datetime(2020, 7, 1, tzinfo=UTC), None]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"at": {"column": "wen"}}, r"field 'at' needs \['wen'\]; the file has \['invoice', 'when'"),
        ({"at": {"column": "when"}}, "the times of 'when' have no zone; add theirs"),
        ({"at": {"column": "code", "format": "%d.%m.%Y"}}, "the times of 'code' have no zone"),
        ({"at": {"column": "invoice"}}, "field 'at' is String, not a time"),
        ({"at": {"column": "when", "timezone": "Mars/Olympus"}}, "does not fit the file"),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_an_error(columns: dict[str, Any], words: str) -> None:
    """It names what is missing and what is there."""
    raw = {"topic": "t", "key": "at", "timestamp": "at", "columns": columns}
    with pytest.raises(MappingError, match=words):
        msgspec.convert(raw, FileMapping).events(ROWS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("topic: t", "missing required field `key`"),
        ("{topic: t, key: a, timestamp: b, columns: {a: {colum: x}}}", "unknown field `colum`"),
        (
            "{topic: t, key: a, timestamp: b, columns: {a: {column: x}}}",
            "timestamp 'b' is none of the fields",
        ),
        ("{topic: t, key: a, timestamp: a, columns: {a: {}}}", "field 'a' is made from nothing"),
        (
            "{topic: t, key: a, timestamp: a, columns: {a: {column: x, constant: 1}}}",
            "made from .'column', 'constant'.; say exactly one of",
        ),
        ("topic: [", "while parsing"),
    ],
)
def test_a_mapping_that_cannot_be_read_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    """It names the mapping and the problem."""
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    with pytest.raises(MappingError, match=words):
        load_mapping(str(file))


def test_a_mapping_may_be_toml(tmp_path: Path) -> None:
    """The same words in another notation."""
    file = tmp_path / "mapping.toml"
    file.write_text('topic = "t"\nkey = "a"\ntimestamp = "a"\n[columns.a]\ncolumn = "when"\nepoch = "s"\n')
    assert load_mapping(str(file)).columns["a"].epoch == "s"


@pytest.mark.parametrize("name", included_mappings())
def test_included_mappings_can_be_loaded(name: str) -> None:
    """Each by its name."""
    assert load_mapping(name).columns


def test_an_unknown_mapping_is_an_error_that_lists_the_known_ones() -> None:
    """By name or by path."""
    for name in ("retail", "no/such.yaml"):
        with pytest.raises(MappingError, match=r"give a .yaml or .toml file or one of \['online_retail'\]"):
            load_mapping(name)


def test_values_of_a_csv_file_stay_text(tmp_path: Path) -> None:
    """An id keeps its zeros; an empty cell is null."""
    file = tmp_path / "rows.csv"
    file.write_text("id,n\n007,\n")
    assert read_rows(file).to_dicts() == [{"id": "007", "n": None}]


def test_a_file_that_is_absent_or_of_another_kind_is_an_error(tmp_path: Path) -> None:
    """It names the file."""
    (tmp_path / "rows.xlsx").write_text("")
    for name, words in (("rows.xlsx", "neither .parquet nor .csv"), ("none.csv", "there is no file")):
        with pytest.raises(MappingError, match=words):
            read_rows(tmp_path / name)
