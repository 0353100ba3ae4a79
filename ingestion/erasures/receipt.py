"""What was asked, and what has been done about it. The API writes the one and passes on the other: JSON on two topics."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

PLACES: Final = (
    "online_store",
    "stream_state",
    "snapshots",
    "archive",
    "tables",
    "prediction_log",
    "dead_letters",
    "reports",
    "quarantine",
)
State = Literal["requested", "under_way", "done"]


class Request(msgspec.Struct, frozen=True):
    """A message of the topic of requests.

    Attributes:
        receipt: Its id.
        user_id: The person.
        salt: Key of the hash that stands for the person in the receipt, hex digits.
        requested_us: The instant up to which everything is to be gone, Unix microseconds.
    """

    receipt: str
    user_id: str
    salt: str
    requested_us: int


class Place(msgspec.Struct):
    """What has been done in one place.

    Attributes:
        state: How far it is.
        removed: What was taken out, as far as the program that counted was not killed.
        of: What is counted.
        at: When it was done.
        reason: What it waits for; empty otherwise.
    """

    state: Literal["waiting", "done"] = "waiting"
    removed: int = 0
    of: str = ""
    at: datetime | None = None
    reason: str = ""


class Person(msgspec.Struct):
    """Who was erased, for whoever knows their id: BLAKE2b-256 of it, keyed with the salt."""

    salt: str
    hash: str


class Remains(msgspec.Struct):
    """What is not deleted but expires, and when."""

    place: str
    until: datetime | None


class Receipt(msgspec.Struct):
    """A message of the topic of receipts, keyed by its id; it does not hold the person's id."""

    receipt: str
    person: Person
    requested: datetime
    state: State
    places: dict[str, Place]
    remains: list[Remains]
    finished: datetime | None = None


def begun(request: Request) -> Receipt:
    """The receipt of a request that is under way."""
    requested = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=request.requested_us)
    digest = hashlib.blake2b(request.user_id.encode(), key=bytes.fromhex(request.salt), digest_size=32)
    person = Person(request.salt, digest.hexdigest())
    return Receipt(request.receipt, person, requested, "under_way", {name: Place() for name in PLACES}, [])
