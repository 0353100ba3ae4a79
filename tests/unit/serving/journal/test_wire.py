"""A prediction as bytes."""

import math

import msgspec
import numpy as np
import pytest

from serving.journal.wire import VERSION, encode
from tests.predictions_made import served


def test_a_message_is_the_version_and_the_fields_by_name() -> None:
    """Readers need not know our classes."""
    version, record = msgspec.msgpack.decode(encode(served("r9")))
    assert version == VERSION
    assert (record["request_id"], record["row"]["user_id"]) == ("r9", "user_0001")
    assert record["views"]["user_profile"]["status"] == "NOT_FOUND"
    assert record["scores"]["fraud"]["inputs"] == [0.25, None, -1.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.0, 0.1, float(np.float32(0.1)), 2**63 - 1])
def test_numbers_keep_every_bit(value: float) -> None:
    """Also those that JSON does not know."""
    _, record = msgspec.msgpack.decode(encode(served(features={"one": value})))
    assert repr(record["features"]["one"]) == repr(value)


def test_values_of_numpy_are_plain_values() -> None:
    """A feature may come as a scalar or an array."""
    features = {"count": np.int64(3), "share": np.float32(0.5), "last": np.array([1, 2])}
    _, record = msgspec.msgpack.decode(encode(served(features=features)))
    assert record["features"] == {"count": 3, "share": 0.5, "last": [1, 2]}


@pytest.mark.parametrize("value", [object(), 2**64, "\ud800"])
def test_what_cannot_be_logged_is_refused(value: object) -> None:
    """An object, an integer of more than 64 bits, half a character."""
    with pytest.raises((TypeError, OverflowError, UnicodeEncodeError)):
        encode(served(features={"odd": value}))
