"""API keys: made once, shown once, kept as hashes.

A key is ``shop_<id>_<secret>``. Its secret is 256 random bits, so a fast hash keeps it: there is nothing to guess that
a slow one would protect. The id is part of what is hashed; a line copied under another id fits no key.

The file has one line per key, ``<id> <scopes, separated by commas> <hash, 64 hex digits>``; empty lines and lines that
begin with ``#`` are left alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Self

from serving.access.principals import SCOPES, Principal

PREFIX = "shop_"
_SECRET_BYTES = 32
_ID = re.compile(r"[a-z0-9-]{1,32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_KEY_CHARACTERS = 128


class KeyFileError(ValueError):
    """A line, an id or a scope that cannot be used."""


@dataclass(frozen=True)
class KeyRecord:
    """What is kept of a key.

    Attributes:
        id: Small letters, digits and hyphens, at most 32.
        scopes: At least one.
        hash: Of id and secret, hex.
    """

    id: str
    scopes: frozenset[str]
    hash: str

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the file.

        Raises:
            KeyFileError: naming what is wrong with it; the hash is not repeated.
        """
        parts = line.split()
        if len(parts) != 3:
            raise KeyFileError(f"a line has an id, scopes and a hash, this one has {len(parts)} parts")
        key_id, scopes, digest = parts
        if not _HASH.fullmatch(digest):
            raise KeyFileError(f"the hash of key {key_id!r} is not 64 hex digits")
        return cls(checked_id(key_id), checked_scopes(scopes.split(",")), digest)

    @property
    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.id} {','.join(sorted(self.scopes))} {self.hash}"

    @property
    def principal(self) -> Principal:
        """Who shows the key."""
        return Principal(f"key:{self.id}", self.scopes)


def issue(key_id: str, scopes: Iterable[str]) -> tuple[str, KeyRecord]:
    """A new key, to be shown once, and what is kept of it.

    Raises:
        KeyFileError: if the id or a scope has no valid form.
    """
    secret = token_urlsafe(_SECRET_BYTES)
    record = KeyRecord(checked_id(key_id), checked_scopes(scopes), _hash(key_id, secret))
    return f"{PREFIX}{key_id}_{secret}", record


def matching(records: Mapping[str, KeyRecord], key: str) -> KeyRecord | None:
    """The record of a key that somebody shows; None where there is none.

    One hash is computed and compared in constant time whether the id is known or not.
    """
    if len(key) > _KEY_CHARACTERS or not key.isascii():
        return None
    key_id, _, secret = key.removeprefix(PREFIX).partition("_")
    record = records.get(key_id)
    good = compare_digest(_hash(key_id, secret), record.hash if record else _NOBODY)
    return record if good else None


def parse_file(text: str) -> dict[str, KeyRecord]:
    """Records by id.

    Raises:
        KeyFileError: naming the line.
    """
    found: dict[str, KeyRecord] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            record = KeyRecord.parse(line)
        except KeyFileError as error:
            raise KeyFileError(f"line {number}: {error}") from None
        if record.id in found:
            raise KeyFileError(f"line {number}: there are two keys {record.id!r}; revoke one of them")
        found[record.id] = record
    return found


def checked_id(key_id: str) -> str:
    """The id, if it has the form of one.

    Raises:
        KeyFileError: if not.
    """
    if not _ID.fullmatch(key_id):
        raise KeyFileError(f"the id {key_id!r} may have small letters, digits and hyphens, at most 32")
    return key_id


def checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes, if there is one and all exist.

    Raises:
        KeyFileError: naming those that do not.
    """
    found = frozenset(scopes)
    if unknown := found - {*SCOPES}:
        raise KeyFileError(
            f"there is no scope {', '.join(sorted(map(repr, unknown)))}; there are {', '.join(SCOPES)}"
        )
    if not found:
        raise KeyFileError(f"a key needs a scope: {', '.join(SCOPES)}")
    return found


def _hash(key_id: str, secret: str) -> str:
    return blake2b(f"{key_id}_{secret}".encode(), digest_size=32, person=b"shop-api-key").hexdigest()


_NOBODY = _hash("", token_urlsafe(_SECRET_BYTES))
