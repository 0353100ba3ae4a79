"""The card as a page that people read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from artefact import Card, InputFeature, Override


def card_markdown(card: Card, overrides: Sequence[Override] = ()) -> str:
    """Markdown of a card: what it was trained on, how well it does, what it expects, who overruled its checks."""
    parts = [
        f"# {card.model} {card.version}",
        _facts(card),
        *(
            ["## Checks overruled", _table(("by", "when", "why", "failed"), map(_override_row, overrides))]
            if overrides
            else []
        ),
        *(f"## {_words(name).capitalize()}\n\n{_block(value)}" for name, value in card.metrics.items()),
        "## Inputs",
        _table(
            ("feature", "type", "null", "mean / most frequent", "1 % .. 99 %"),
            (_input_row(feature, card.statistics[feature.name]) for feature in card.inputs),
        ),
        "## Packages",
        _table(("package", "version"), card.packages.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(card: Card) -> str:
    facts = {
        "feature service": f"{card.feature_service} (definition {card.feature_service_hash[:12]})",
        "trained on": f"{card.data_window.start:%Y-%m-%d %H:%M} to {card.data_window.end:%Y-%m-%d %H:%M} UTC",
        "created": f"{card.created:%Y-%m-%d %H:%M:%S} UTC",
        "seed": card.seed,
        "code": card.git_revision or "unknown revision",
    }
    if card.accepted:
        facts["expectations"] = (
            f"broken ({', '.join(card.accepted.failures)}); taken by {card.accepted.by}: {card.accepted.reason}"
        )
    if card.thresholds:
        facts["risk"] = f"MEDIUM from {card.thresholds.medium:.4f}, HIGH from {card.thresholds.high:.4f}"
    return _table(("", ""), facts.items())


def _override_row(override: Override) -> tuple[str, ...]:
    failed = ", ".join(f"{name} ({found})" for name, found in override.failed.items())
    return (
        override.by,
        f"{override.time:%Y-%m-%d %H:%M:%S} UTC",
        _one_line(override.reason),
        _one_line(failed),
    )


def _one_line(text: str) -> str:
    """What somebody wrote, as a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _block(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        return _cell(value)
    if value and all(isinstance(row, Mapping) for row in value.values()):
        return _grid(value)
    rows = [(_words(key), _cell(figure)) for key, figure in value.items() if not _is_rows(figure)]
    tables = [_rows_table(key, figure) for key, figure in value.items() if _is_rows(figure)]
    return "\n\n".join([_table(("", ""), rows), *tables])


def _grid(value: Mapping[str, Mapping[str, Any]]) -> str:
    """A row per entry, a column per figure that any of them has."""
    columns = list(
        dict.fromkeys(key for row in value.values() for key, figure in row.items() if not _is_rows(figure))
    )
    rows = [[_words(name), *(_cell(row.get(column)) for column in columns)] for name, row in value.items()]
    return _table(("", *map(_words, columns)), rows)


def _is_rows(figure: Any) -> bool:
    return isinstance(figure, list) and bool(figure) and isinstance(figure[0], Mapping)


def _rows_table(name: str, rows: list[Mapping[str, Any]]) -> str:
    columns = list(rows[0])
    return f"{_words(name).capitalize()}:\n\n" + _table(
        columns, ([_cell(row[c]) for c in columns] for row in rows)
    )


def _input_row(feature: InputFeature, figures: Mapping[str, Any]) -> tuple[str, ...]:
    null = f"{figures['null_share']:.1%}"
    if feature.categories is not None:
        shares = figures["categories"]
        top = max(shares, key=shares.__getitem__) if shares else ""
        return feature.name, f"{feature.dtype}, {len(feature.categories)} values", null, top, ""
    quantiles = figures["quantiles"]
    spread = f"{_cell(quantiles['0.01'])} .. {_cell(quantiles['0.99'])}"
    return feature.name, feature.dtype, null, _cell(figures["mean"]), spread


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(figure)}" for key, figure in value.items())
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)
