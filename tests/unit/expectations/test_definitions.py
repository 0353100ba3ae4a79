"""JSON schemas as columns."""

from expectations.definitions import columns_of_schema


def test_a_schema_says_what_a_column_may_hold() -> None:
    """Types, nulls, open and closed bounds, lengths, choices and patterns are taken over."""
    schema = {
        "properties": {
            "order_id": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^o"},
            "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 10},
            "when": {"type": "string", "format": "date-time"},
            "channel": {"type": ["string", "null"], "enum": ["web", "app"]},
            "note": {"type": "string"},
        },
        "required": ["order_id", "amount", "when", "channel"],
    }
    order_id, amount, when, channel, note = columns_of_schema(schema)
    assert (order_id.kind, order_id.length_min, order_id.length_max, order_id.pattern) == (
        "string",
        1,
        64,
        "^o",
    )
    assert (amount.minimum, amount.open_minimum, amount.maximum, amount.open_maximum) == (0, True, 10, False)
    assert amount.never_negative
    assert when.kind == "timestamp"
    assert channel.choices == ("web", "app")
    assert [c.nullable for c in (order_id, amount, when, channel, note)] == [False, False, False, True, True]
