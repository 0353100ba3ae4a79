"""Messages of the prediction log, read: MessagePack, an array of the schema's version and a record. Hot path."""

from typing import Annotated, Any, Final

import msgspec

VERSION: Final = 1
MALFORMED: Final = "malformed_prediction"
UNKNOWN_VERSION: Final = "unknown_version"
_YEAR_2000_US, _YEAR_2100_US = 946_684_800_000_000, 4_102_444_800_000_000
_YEAR_1_US, _YEAR_9999_US = -62_135_596_800_000_000, 253_370_764_800_000_000


class ViewUse(msgspec.Struct):
    """What one feature view gave."""

    status: str
    event_timestamp_us: Annotated[int, msgspec.Meta(ge=_YEAR_1_US, lt=_YEAR_9999_US)] | None
    age_seconds: float | None
    rung: str


class Score(msgspec.Struct):
    """What one model said; the inputs are its encoded row, null for no value."""

    version: str
    probability: float
    inputs: list[float | None]
    arm: str | None
    shadow: bool


class Record(msgspec.Struct):
    """One prediction; the API's `serving.answers.Served` says what each field is."""

    request_id: str
    time_us: Annotated[int, msgspec.Meta(ge=_YEAR_2000_US, lt=_YEAR_2100_US)]
    row: dict[str, Any]
    rung: str
    views: dict[str, ViewUse]
    features: dict[str, Any]
    scores: dict[str, Score]
    risk_level: str | None
    latency_ms: float


class UnreadableError(ValueError):
    """A message that is no prediction.

    Attributes:
        kind: `MALFORMED` or `UNKNOWN_VERSION`, for counting.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


_records: Final = msgspec.msgpack.Decoder(tuple[int, Record])
_versions: Final = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw])


def read(message: bytes | None) -> Record:
    """One message's record.

    Raises:
        UnreadableError: it is none, or of a version that this program does not know.
    """
    try:
        version, record = _records.decode(message or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _check_version(message or b"")
        raise UnreadableError(MALFORMED, str(error)) from error
    if version != VERSION:
        raise _unknown(version)
    return record


def _check_version(message: bytes) -> None:
    try:
        version, _ = _versions.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    if version != VERSION:
        raise _unknown(version)


def _unknown(version: int) -> UnreadableError:
    return UnreadableError(
        UNKNOWN_VERSION, f"schema version {version}, this program reads {VERSION}: update it, then replay"
    )
