"""Values of the features from the totals of the entities' rows, in compiled loops: one step each, however long the window."""

import math

from ingestion.windows import partials
from ingestion.windows.layout import (
    ADD,
    CLOCK,
    ENDLESS,
    HIGHEST,
    LAST,
    LINE,
    LOWEST,
    MEAN,
    TAKE,
    VALUE_A,
    VALUE_B,
    VALUE_C,
    VALUE_FUNCTION,
    VALUE_HOP,
    VALUE_LENGTH,
    WINDOW_LOSS,
)
from ingestion.windows.memory import compiled, prefetch

_FAR = 16


@compiled
def evaluate(rows, tables, width, slots, clocks, is_empty, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Clock (slots,), whether nothing is in any window (slots,), and values (features, slots) with NaN for null."""
    for i in range(len(slots)):
        if i + _FAR < len(slots):
            for word in range(slots[i + _FAR] * width, (slots[i + _FAR] + 1) * width, LINE):
                prefetch(rows.words, word)
        base = slots[i] * width
        clocks[i] = rows.words[base + CLOCK]
        is_empty[i] = True
        for window in range(len(tables.windows) - 1):
            if rows.words[base + tables.windows[window, WINDOW_LOSS]] != ENDLESS:
                is_empty[i] = False
        for feature in range(len(tables.values)):
            out[feature, i] = _value(rows, base, tables.values[feature])


@compiled
def _value(rows, base, how):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # one line per function
    function, a, b, c = how[VALUE_FUNCTION], base + how[VALUE_A], base + how[VALUE_B], base + how[VALUE_C]
    if function == TAKE:
        return float(rows.words[a])
    if function == ADD:
        return rows.floats[a] + rows.floats[a + 1]
    if function in (LOWEST, HIGHEST):
        extreme = _lower(rows.floats[a], rows.floats[a + 1])
        return extreme if function == LOWEST else -extreme
    if function == LAST:
        leaves = rows.words[a] // how[VALUE_HOP] * how[VALUE_HOP] + how[VALUE_LENGTH]
        return rows.floats[a + 2] if leaves > rows.words[base + CLOCK] else math.nan
    count = float(rows.words[a])
    if function == MEAN:
        return (rows.floats[b] + rows.floats[b + 1]) / count if count > 0.0 else math.nan
    return partials.deviation(count, rows.floats[b], rows.floats[b + 1], rows.floats[c], rows.floats[c + 1])


@compiled
def _lower(a, b):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return a if a <= b or math.isnan(b) else b
