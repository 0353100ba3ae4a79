"""The as-of executor: windowed features of many entities at many instants, straight from the events."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows import partials, sweep
from ingestion.windows.channels import Channel, Encoder
from ingestion.windows.grid import INSTANT, Grid
from ingestion.windows.ordering import share_groups, share_rows
from ingestion.windows.spec import TIMESTAMP, ViewSpec, WindowedFeature

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

TOTALS: Final = ("count", "sum", "mean")
"""Functions that can be told from running totals."""


def evaluate_as_of(
    spec: ViewSpec, events: pl.DataFrame, instants: pl.DataFrame, *, as_known: bool = True
) -> pl.DataFrame:
    """Values of a view's features at given instants.

    Args:
        spec: The view.
        events: The columns `spec.columns` (the id only where a feature aggregates it) and `_partition` and `_offset`
            where they are known, repeats already taken out, in any order; sorted by time it is faster.
        instants: The join keys and `event_timestamp` (UTC microseconds); rows may repeat, in any order.
        as_known: Count an event only from its arrival on; otherwise from its event time on.

    Returns:
        The feature columns, one row per row of `instants`, in its order.
    """
    if instants.is_empty():
        return pl.DataFrame(schema=dict(spec.schema))
    grid = Grid.of(spec, events, instants, as_known=as_known)
    encoder = Encoder(spec, dict(zip(grid.line.events.columns, grid.line.events.dtypes, strict=True)))
    channels = np.take(encoder.encode(grid.line.events), grid.line.order, axis=1)
    totals = [f for f in spec.features if f.function in TOTALS] if grid.line.is_prompt else []
    columns = _totals(totals, encoder, channels, grid)
    values: dict[str, Floats] = {}
    for feature in spec.features:
        if feature.name not in columns:
            if feature.name not in values:
                together = _together(feature, [f for f in spec.features if f not in totals], encoder)
                values |= _evaluate(feature, together, encoder, channels, grid)
            columns[feature.name] = encoder.decode(feature, values[feature.name][grid.positions])
    return pl.DataFrame([columns[feature.name] for feature in spec.features])


def latest_rows(spec: ViewSpec, events: pl.DataFrame, end_us: int) -> pl.DataFrame:
    """What the online store holds at an instant: a row per entity that ever had an event before it.

    Args:
        spec: The view.
        events: As for `evaluate_as_of`.
        end_us: The instant, exclusive.

    Returns:
        Join keys, `event_timestamp` and features. The timestamp is the entity's clock: the instant just after its
        newest event or the last boundary up to `end_us` at which one of its windows lost a tile, if that is later.
        The features are constant from the clock to `end_us`.
    """
    end = pl.lit(end_us).cast(TIMESTAMP)
    known = pl.col(spec.arrival_column) <= end if spec.arrival_column else pl.lit(value=True)
    past = events.filter((pl.col(spec.timestamp_column) < end) & known).drop_nulls(spec.join_keys)
    clocks = past.group_by(spec.join_keys, maintain_order=True).agg(_clock(spec, end_us).alias(INSTANT))
    at_end = clocks.select(*spec.join_keys, end.alias(INSTANT))
    return clocks.hstack(evaluate_as_of(spec, past, at_end))


def _clock(spec: ViewSpec, end_us: int) -> pl.Expr:
    time = pl.col(spec.timestamp_column).cast(pl.Int64)
    losses = [time // hop * hop + window for window, hop in spec.windows]
    reached = [pl.when(loss <= end_us).then(loss).max() for loss in losses]
    return pl.max_horizontal(time.max() + 1, *reached).cast(TIMESTAMP)


def _totals(
    features: list[WindowedFeature], encoder: Encoder, channels: Floats, grid: Grid
) -> dict[str, pl.Series]:
    """Columns, in the order of the question, of features that running totals tell."""
    if not features:
        return {}
    features = sorted(features, key=lambda f: (f.hop_us, f.window_us))
    used = sorted({encoder.position(f) for f in features})
    numbers = (
        [used.index(encoder.position(f)) for f in features],
        [f.window_us for f in features],
        [f.hop_us for f in features],
        [partials.CODES[f.function] for f in features],
    )
    line, rows = grid.line, len(grid.instants)
    values = np.empty((rows, len(features)))
    share_groups(
        sweep.sweep_totals,
        line.bounds + grid.bounds,
        line.times,
        line.bounds,
        grid.instants,
        grid.bounds,
        grid.order,
        channels[used],
        *(np.array(each, dtype=np.int64) for each in numbers),
        values,
    )
    columns = np.empty((len(features), rows))
    share_rows(sweep.as_columns, rows, values, columns)
    return {f.name: _column(f, columns[i], encoder) for i, f in enumerate(features)}


def _column(feature: WindowedFeature, values: Floats, encoder: Encoder) -> pl.Series:
    if feature.function == "count" and feature.dtype == pl.Int64:
        return pl.Series(feature.name, values.astype(np.int64))
    return encoder.decode(feature, values)


def _together(
    feature: WindowedFeature, features: list[WindowedFeature], encoder: Encoder
) -> list[WindowedFeature]:
    """Those of the features that one sweep yields together with this one, itself included."""
    if feature.function not in (*TOTALS, "std"):
        return [feature]
    return [
        f
        for f in features
        if f.function in (*TOTALS, "std")
        and (f.window_us, f.hop_us) == (feature.window_us, feature.hop_us)
        and encoder.channel(f) == encoder.channel(feature)
    ]


def _evaluate(
    feature: WindowedFeature,
    together: list[WindowedFeature],
    encoder: Encoder,
    channels: Floats,
    grid: Grid,
) -> dict[str, Floats]:
    """Values (sorted instants,) of features of one channel over one window."""
    channel, x = encoder.channel(feature), channels[encoder.position(feature)]
    window = (feature.window_us, feature.hop_us)
    out = np.empty((len(together), len(grid.instants)))
    match feature.function:
        case "min" | "max":
            sign = 1.0 if feature.function == "min" else -1.0
            _sweep(sweep.sweep_extreme, grid, x, *window, sign, out[0])
        case "last":
            _sweep(sweep.sweep_last, grid, x, *window, out[0])
        case "count_distinct":
            _sweep(sweep.sweep_distinct, grid, *_codes(channel, x), *window, out[0])
        case "count" if all(f.function == "count" for f in together):
            _sweep(sweep.sweep_count, grid, x, *window, out[0])
            out[1:] = out[0]
        case _:
            functions = np.array([partials.CODES[f.function] for f in together], dtype=np.int64)
            squares = any(f.function == "std" for f in together)
            _sweep(sweep.sweep_partials if squares else sweep.sweep_sums, grid, x, *window, functions, out)
    return {f.name: out[i] for i, f in enumerate(together)}


def _sweep(loop: Callable[..., None], grid: Grid, *arguments: Any) -> None:
    """Run a loop of `sweep` over all entities, on all cores."""
    line = grid.line
    share_groups(
        loop,
        line.bounds + grid.bounds,
        line.times,
        line.seen,
        line.arrivals,
        line.bounds,
        grid.instants,
        grid.bounds,
        *arguments,
    )


def _codes(channel: Channel, x: Floats) -> tuple[Ints, int]:
    """Numbers 0, 1, ... of the different values (events,), -1 for null, and how many there are at most."""
    if channel.form != "code":
        x = pl.Series(x, nan_to_null=True).rank("dense").fill_null(0).to_numpy() - 1.0
    codes = np.where(np.isnan(x), -1, x).astype(np.int64)
    return codes, int(codes.max(initial=-1)) + 1
