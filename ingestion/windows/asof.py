"""The as-of executor: windowed features of many entities at many instants, straight from the events."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows import partials, sweep
from ingestion.windows.channels import Encoder
from ingestion.windows.spec import TIMESTAMP, SpecError, ViewSpec, WindowedFeature

INSTANT = "event_timestamp"
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def evaluate_as_of(
    spec: ViewSpec, events: pl.DataFrame, instants: pl.DataFrame, *, as_known: bool = True
) -> pl.DataFrame:
    """Values of a view's features at given instants.

    Args:
        spec: The view.
        events: The columns `spec.columns`, repeats already taken out, in any order.
        instants: The join keys and `event_timestamp` (UTC microseconds); rows may repeat, in any order.
        as_known: Count an event only from its arrival on; otherwise from its event time on.

    Returns:
        The feature columns, one row per row of `instants`, in its order.
    """
    if instants.is_empty():
        return pl.DataFrame(schema=dict(spec.schema))
    grid = _Grid.of(spec, events, instants, as_known=as_known)
    encoder = Encoder(spec, dict(zip(grid.events.columns, grid.events.dtypes, strict=True)))
    channels = encoder.encode(grid.events)
    values: dict[str, Floats] = {}
    for feature in spec.features:
        if feature.name not in values:
            values |= _evaluate(feature, spec, encoder, channels, grid)
    return pl.DataFrame([encoder.decode(f, values[f.name][grid.positions]) for f in spec.features])


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


@dataclass(frozen=True)
class _Grid:
    """Events and instants in the order of the sweep; see `sweep` for the arrays."""

    events: pl.DataFrame
    entities: Ints
    times: Ints
    seen: Ints
    arrivals: Ints
    event_bounds: Ints
    instants: Ints
    instant_bounds: Ints
    positions: Ints
    """(rows of the question,): where each row's answer stands among the sorted instants."""

    @classmethod
    def of(cls, spec: ViewSpec, events: pl.DataFrame, instants: pl.DataFrame, *, as_known: bool) -> "_Grid":
        keys = list(spec.join_keys)
        asked = instants.select(*keys, pl.col(INSTANT).cast(TIMESTAMP).cast(pl.Int64).alias("_t"))
        if asked["_t"].has_nulls():
            raise SpecError(
                f"view {spec.name!r}: {asked['_t'].null_count()} rows have no event_timestamp; give each one"
            )
        entities = asked.select(keys).unique(maintain_order=True).with_row_index("_entity")
        asked = (
            asked.with_row_index("_row")
            .join(entities, on=keys, how="left", nulls_equal=True)
            .sort("_entity", "_t")
        )
        relevant = _relevant(spec, events, asked, entities, as_known=as_known)
        owner = relevant["_entity"].to_numpy().astype(np.int64)
        seen = relevant["_seen"].to_numpy()
        edges = np.arange(entities.height + 1)
        positions = np.empty(asked.height, dtype=np.int64)
        positions[asked["_row"].to_numpy()] = np.arange(asked.height)
        return cls(
            events=relevant,
            entities=owner,
            times=relevant["_time"].to_numpy(),
            seen=seen,
            arrivals=np.lexsort((seen, owner)),
            event_bounds=np.searchsorted(owner, edges),
            instants=asked["_t"].to_numpy(),
            instant_bounds=np.searchsorted(asked["_entity"].to_numpy(), edges),
            positions=positions,
        )


def _relevant(
    spec: ViewSpec, events: pl.DataFrame, asked: pl.DataFrame, entities: pl.DataFrame, *, as_known: bool
) -> pl.DataFrame:
    """Events of the entities asked for that some instant can see, sorted by (entity, time, arrival)."""
    time = pl.col(spec.timestamp_column).cast(TIMESTAMP).cast(pl.Int64)
    arrival = pl.col(spec.arrival_column).cast(TIMESTAMP).cast(pl.Int64) if spec.arrival_column else time
    oldest, newest = int(asked["_t"].min()), int(asked["_t"].max())  # type: ignore[arg-type]  # not empty, no nulls
    order = [c for c in ("_partition", "_offset") if c in events.columns]
    return (
        events.select(*spec.columns, *order)
        .with_columns(
            _time=time,
            _seen=pl.max_horizontal(time + 1, arrival) if as_known else time + 1,
            _arrival=arrival,
        )
        .filter((pl.col("_time") >= oldest - spec.longest_us) & (pl.col("_time") < newest))
        .join(entities.drop_nulls(), on=list(spec.join_keys), how="inner")
        .sort("_entity", "_time", "_arrival", *order, maintain_order=True)
    )


def _evaluate(
    feature: WindowedFeature, spec: ViewSpec, encoder: Encoder, channels: Floats, grid: _Grid
) -> dict[str, Floats]:
    """Values (sorted instants,) of a feature and of those that the same sweep yields."""
    x = channels[encoder.position(feature)]
    arrays = (grid.times, grid.seen, grid.arrivals, grid.event_bounds, grid.instants, grid.instant_bounds)
    window = (feature.window_us, feature.hop_us)
    out = np.empty(len(grid.instants))
    match feature.function:
        case "min" | "max":
            sweep.sweep_extreme(*arrays, x, *window, 1.0 if feature.function == "min" else -1.0, out)
        case "last":
            sweep.sweep_last(*arrays, x, *window, out)
        case "count_distinct":
            sweep.sweep_distinct(*arrays, _pairs(grid.entities, x), *window, out)
        case _:
            return _evaluate_partials(feature, spec, encoder, x, grid)
    return {feature.name: out}


def _evaluate_partials(
    feature: WindowedFeature, spec: ViewSpec, encoder: Encoder, x: Floats, grid: _Grid
) -> dict[str, Floats]:
    together = [
        f
        for f in spec.features
        if f.function in ("count", "sum", "mean", "std")
        and (f.window_us, f.hop_us) == (feature.window_us, feature.hop_us)
        and encoder.channel(f) == encoder.channel(feature)
    ]
    functions = np.array([partials.CODES[f.function] for f in together], dtype=np.int64)
    out = np.empty((len(together), len(grid.instants)))
    sweep.sweep_partials(
        grid.times,
        grid.seen,
        grid.arrivals,
        grid.event_bounds,
        grid.instants,
        grid.instant_bounds,
        x,
        feature.window_us,
        feature.hop_us,
        functions,
        out,
    )
    return {f.name: out[i] for i, f in enumerate(together)}


def _pairs(entities: Ints, x: Floats) -> Ints:
    """Number of each event's (entity, value) pair, -1 for null; shape (events,)."""
    frame = pl.DataFrame({"entity": entities, "value": x})
    numbers = (
        frame.select(pl.struct("entity", "value").rank("dense")).to_series().to_numpy().astype(np.int64) - 1
    )
    return np.where(np.isnan(x), -1, numbers)
