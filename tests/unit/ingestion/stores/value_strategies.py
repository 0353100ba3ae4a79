"""Python values of every value type that Feast has, as Hypothesis draws them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

_TEXT = st.text(max_size=200)
_INT32 = st.integers(-(2**31), 2**31 - 1)
_INT64 = st.integers(-(2**63), 2**63 - 1)
_SECOND = st.integers(-10_000_000_000, 10_000_000_000).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
_ZONED = st.builds(
    lambda at, zone: at.astimezone(ZoneInfo(zone)),
    _SECOND,
    st.sampled_from(["Europe/Berlin", "UTC", "Asia/Tokyo"]),
)
_DECIMAL = st.decimals(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _INT32 | _TEXT, lambda part: st.lists(part) | st.dictionaries(_TEXT, part)
)
_MAP = st.dictionaries(_TEXT, _TEXT | _INT64 | st.booleans(), max_size=4)
_UUID = st.uuids(version=4)

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "BYTES": st.binary(max_size=200),
    "STRING": _TEXT,
    "INT32": _INT32,
    "INT64": _INT64,
    "DOUBLE": st.floats(allow_nan=False),
    "FLOAT": st.floats(allow_nan=False, width=32),
    "BOOL": st.booleans(),
    "UNIX_TIMESTAMP": _SECOND,
    "UUID": _UUID,
    "TIME_UUID": st.integers(0, 2**32).map(lambda n: uuid.uuid1(node=n, clock_seq=1)),
    "DECIMAL": _DECIMAL,
}
"""Types that have lists and sets of their own."""

VALUES: dict[str, st.SearchStrategy[Any]] = {
    **SCALARS,
    **{f"{name}_LIST": st.lists(values, min_size=1, max_size=4) for name, values in SCALARS.items()},
    **{f"{name}_SET": st.sets(values, min_size=1, max_size=4) for name, values in SCALARS.items()},
    "PDF_BYTES": st.binary(min_size=1, max_size=200),
    "IMAGE_BYTES": st.binary(min_size=1, max_size=200),
    "JSON": _JSON.filter(lambda value: not isinstance(value, str) and value is not None),
    "JSON_LIST": st.lists(_MAP, min_size=1, max_size=3),
    "MAP": _MAP,
    "MAP_LIST": st.lists(_MAP, min_size=1, max_size=3),
    "STRUCT": _MAP,
    "STRUCT_LIST": st.lists(_MAP, min_size=1, max_size=3),
    "SCALAR_MAP": st.dictionaries(_INT64 | _UUID, _TEXT, min_size=1, max_size=3),
    "VALUE_LIST": st.lists(st.lists(_INT64, min_size=1, max_size=3), min_size=1, max_size=3),
    "VALUE_SET": st.lists(st.lists(_INT64, min_size=1, max_size=3), min_size=1, max_size=3),
    "ZONED_TIMESTAMP": _ZONED,
}
"""Every type but UNKNOWN and NULL."""
