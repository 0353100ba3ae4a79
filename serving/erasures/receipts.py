"""Receipts as they are answered, and requests as they are sent: JSON that `python -m ingestion.erase` reads and writes."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field

from serving.request_ids import new_id

PLACES: Final = {
    "online_store": "rows of the person, and of the person with products",
    "stream_state": "windows are computed anew without the person, also those of products and devices",
    "snapshots": "saved windows of before are deleted",
    "archive": "events are left out of the files",
    "tables": "rows are left out of the files",
    "prediction_log": "predictions are left out of the files",
    "dead_letters": "messages that could not be read are deleted",
    "reports": "what they quote is taken out, pages that name the person are deleted",
    "quarantine": "rows that broke an expectation are left out",
}
"""Where something is to be done, and what."""
_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class ErasedPerson:
    """Who it is about, for whoever knows their id."""

    salt: Annotated[str, Field(description="Key of the hash, hex digits.")]
    hash: Annotated[str, Field(description="BLAKE2b-256 of the id, keyed with the salt; hex digits.")]


@dataclass(frozen=True, slots=True)
class ErasedPlace:
    """One place."""

    state: Literal["waiting", "done"]
    removed: Annotated[int, Field(ge=0, description="How much was taken out.")]
    of: Annotated[str, Field(description="What is counted, or what is to be done.")]
    at: datetime | None
    reason: Annotated[str, Field(description="What it waits for.")]


@dataclass(frozen=True, slots=True)
class Remaining:
    """What expires by itself."""

    place: str
    until: Annotated[datetime | None, Field(description="Null: for as long as the broker keeps it.")]


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """Answer to ``DELETE /users/{user_id}`` and ``GET /erasures/{receipt}``."""

    receipt: Annotated[str, Field(description="Ask for `/erasures/{receipt}`.")]
    person: ErasedPerson
    requested: Annotated[
        datetime, Field(description="Whatever the person did up to then is gone, also what arrives later.")
    ]
    state: Literal["requested", "under_way", "done"]
    places: Mapping[str, ErasedPlace]
    remains: list[Remaining]
    finished: datetime | None


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """A message of the topic of requests."""

    receipt: str
    user_id: str
    salt: str
    requested_us: int

    @classmethod
    def of(cls, user_id: str, now_us: int) -> "ErasureRequest":
        """A new one."""
        return cls(new_id(), user_id, secrets.token_hex(_SALT_BYTES), now_us)

    def receipt_json(self) -> dict[str, Any]:
        """The receipt before anything has been done."""
        digest = hashlib.blake2b(self.user_id.encode(), key=bytes.fromhex(self.salt), digest_size=32)
        waiting = {"state": "waiting", "removed": 0, "at": None, "reason": ""}
        return {
            "receipt": self.receipt,
            "person": {"salt": self.salt, "hash": digest.hexdigest()},
            "requested": (
                datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.requested_us)
            ).isoformat(),
            "state": "requested",
            "places": {place: waiting | {"of": what} for place, what in PLACES.items()},
            "remains": [],
            "finished": None,
        }


def request_of(message: bytes | None) -> ErasureRequest | None:
    """A request that was sent; None for anything else."""
    try:
        return ErasureRequest(**orjson.loads(message or b""))
    except (orjson.JSONDecodeError, TypeError):
        return None
