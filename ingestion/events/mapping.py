"""From the columns of any file to the fields of an event: a mapping is data, written in YAML or TOML.

::

    topic: orders
    key: user_id                     # field that becomes the message key
    timestamp: event_timestamp       # field with the event time
    columns:
      order_id: {template: "{InvoiceNo}-{number}", number_within: [InvoiceNo]}
      event_timestamp: {column: InvoiceDate, timezone: Europe/London}
      amount: {product: [Quantity, UnitPrice], decimals: 2}

A missing value becomes null, and so does one that cannot be cast or is no valid time: the contract of the topic decides
what happens to the event, the mapping leaves no row out.
"""

import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any, Final, Literal

import msgspec
import polars as pl
import yaml

TIMESTAMP: Final = pl.Datetime("us", "UTC")
NUMBER: Final = "number"
"""Name of the row number in a template."""

Cast = Literal["string", "integer", "number", "boolean"]
_CASTS: Final[Mapping[Cast, pl.DataType]] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
}
_ORIGINS: Final = ("column", "constant", "template", "product")
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".toml": tomllib.loads,
}
_RFC3339: Final = "%+"
_INCLUDED: Final = resources.files("ingestion.events.mappings")


class MappingError(ValueError):
    """A mapping cannot be read or does not fit the file."""


class FieldMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one field is made; exactly one of `column`, `constant`, `template`, `product` says from what.

    Attributes:
        column: A column as it is.
        constant: The same value for every event.
        template: Text with columns in braces; ``{number}`` counts rows from 1, in the order of the file.
        product: Columns that are multiplied.
        number_within: Columns within whose equal values ``{number}`` counts; over the whole file by default.
        extract: Regular expression; its first group is kept, of a text.
        cast: Types to turn the value into, one after the other.
        decimals: Digits after the point that a number is rounded to.
        timezone: Zone of a time that has none.
        format: How a time is written in a text, as in strftime, `%+` for RFC 3339; with a `timezone`, ISO 8601 by default.
        epoch: Unit of a time given as a number since 1970.
    """

    column: str | None = None
    constant: str | int | float | bool | None = None
    template: str | None = None
    product: list[str] | None = None
    number_within: list[str] = []
    extract: str | None = None
    cast: Cast | list[Cast] = []
    decimals: int | None = None
    timezone: str | None = None
    format: str | None = None
    epoch: Literal["s", "ms", "us"] | None = None

    def sources(self) -> set[str]:
        """Columns of the file that are needed."""
        named = {self.column} if self.column else set()
        return named | set(self.product or ()) | set(self.number_within) | self._template_names() - {NUMBER}

    def expression(self, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        """The field from a file with these columns."""
        value = self._value()
        if self.extract is not None:
            value = value.cast(pl.String).str.extract(self.extract)
        if self._is_time(schema):
            value = self._time(value, pl.String() if self.column is None else schema[self.column])
        for kind in [self.cast] if isinstance(self.cast, str) else self.cast:
            value = value.cast(_CASTS[kind], strict=False)
        return value if self.decimals is None else value.round(self.decimals)

    def _value(self) -> pl.Expr:
        if self.column is not None:
            return pl.col(self.column)
        if self.template is not None:
            return self._filled_template(self.template)
        if self.product is not None:
            factors = [pl.col(name).cast(pl.Float64, strict=False) for name in self.product]
            return pl.fold(pl.lit(1.0), lambda left, right: left * right, factors)
        return pl.lit(self.constant)

    def _filled_template(self, template: str) -> pl.Expr:
        number = pl.int_range(1, pl.len() + 1)
        counted = number.over(self.number_within) if self.number_within else number
        parts = [
            part
            for text, name, _, _ in Formatter().parse(template)
            for part in (
                pl.lit(text),
                *([] if name is None else [counted if name == NUMBER else pl.col(name)]),
            )
        ]
        return pl.concat_str(part.cast(pl.String) for part in parts)

    def _template_names(self) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(self.template or "") if name is not None}

    def _is_time(self, schema: Mapping[str, pl.DataType]) -> bool:
        stored = self.column is not None and schema[self.column].is_temporal() and not self.cast
        return stored or self.timezone is not None or self.format is not None or self.epoch is not None

    def _time(self, value: pl.Expr, stored: pl.DataType) -> pl.Expr:
        """Times in UTC; of two that a clock shows alike it is the first, one that the clock skips is null."""
        if self.epoch is not None:
            number = value.cast(pl.Int64, strict=False)
            return pl.from_epoch(number, self.epoch).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        if getattr(stored, "time_zone", None) is not None:
            return value.cast(TIMESTAMP)
        if self.timezone is None:
            return self._zoned_text(value, stored)
        local = value.str.to_datetime(self.format, strict=False) if stored == pl.String() else value
        zoned = local.cast(pl.Datetime("us")).dt.replace_time_zone(
            self.timezone, ambiguous="earliest", non_existent="null"
        )
        return zoned.cast(TIMESTAMP)

    def _zoned_text(self, value: pl.Expr, stored: pl.DataType) -> pl.Expr:
        form = self.format or _RFC3339
        if stored != pl.String() or ("%z" not in form and form != _RFC3339):
            raise MappingError(
                f"the times of {self.column!r} have no zone; add theirs, as in `timezone: Europe/London`"
            )
        return value.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)


class FileMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a file becomes the events of one topic.

    Attributes:
        topic: Where the events go.
        key: Field that becomes the message key.
        timestamp: Field with the event time.
        columns: How each field is made; a field that is not named here is absent from the messages.
    """

    topic: str
    key: str
    timestamp: str
    columns: dict[str, FieldMapping]

    def events(self, rows: pl.DataFrame) -> pl.DataFrame:
        """One event per row, in the order of the file; `timestamp` is ``Datetime("us", "UTC")``, null where it is invalid.

        Raises:
            MappingError: a column is not in the file, a zone is missing or unknown, or `timestamp` is no time.
        """
        for field, made in self.columns.items():
            if missing := sorted(made.sources() - set(rows.columns)):
                raise MappingError(f"field {field!r} needs {missing}; the file has {rows.columns}")
        try:
            events = rows.select(
                made.expression(rows.schema).alias(field) for field, made in self.columns.items()
            )
        except pl.exceptions.PolarsError as error:
            raise MappingError(f"the mapping does not fit the file: {error}") from error
        if events.schema[self.timestamp] != TIMESTAMP:
            kind = events.schema[self.timestamp]
            raise MappingError(
                f"field {self.timestamp!r} is {kind}, not a time; say `timezone`, `format` (%+ is RFC 3339) or `epoch`"
            )
        return events


def load_mapping(source: str) -> FileMapping:
    """A mapping from a ``.yaml``, ``.yml`` or ``.toml`` file, or one that comes with the project, by its name.

    Raises:
        MappingError: there is none, or it says something that a mapping cannot say.
    """
    path = Path(source)
    try:
        if path.suffix in _READERS:
            raw = _READERS[path.suffix](path.read_text("utf-8"))
        else:
            raw = yaml.safe_load((_INCLUDED / f"{source}.yaml").read_text("utf-8"))
        mapping = msgspec.convert(raw, FileMapping)
    except FileNotFoundError as error:
        raise MappingError(
            f"there is no mapping {source!r}; give a .yaml or .toml file or one of {included_mappings()}"
        ) from error
    except (msgspec.ValidationError, yaml.YAMLError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"mapping {source!r}: {error}") from error
    _check(source, mapping)
    return mapping


def included_mappings() -> list[str]:
    """Names of the mappings that come with the project."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in _INCLUDED.iterdir() if entry.name.endswith(".yaml")
    )


def read_rows(path: Path) -> pl.DataFrame:
    """All rows of a parquet or CSV file; of a CSV file every value is text, so that no id loses its zeros.

    Raises:
        MappingError: there is no such file, or it is neither.
    """
    if not path.is_file():
        raise MappingError(f"there is no file {str(path)!r}")
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    if path.suffix in {".csv", ".gz"}:
        return pl.read_csv(path, infer_schema=False)
    raise MappingError(f"{str(path)!r} is neither .parquet nor .csv (or .csv.gz); convert it to one of them")


def _check(source: str, mapping: FileMapping) -> None:
    for role in ("key", "timestamp"):
        if (field := getattr(mapping, role)) not in mapping.columns:
            raise MappingError(
                f"mapping {source!r}: {role} {field!r} is none of the fields {sorted(mapping.columns)}"
            )
    for field, made in mapping.columns.items():
        origins = [name for name in _ORIGINS if getattr(made, name) is not None]
        if len(origins) != 1:
            raise MappingError(
                f"mapping {source!r}: field {field!r} is made from {origins or 'nothing'}; say exactly one of {_ORIGINS}"
            )
