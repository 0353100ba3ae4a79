"""The public keys of whoever issues tokens (a JSON Web Key Set, RFC 7517): read beside the requests."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

import orjson
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

logger = logging.getLogger(__name__)

FETCH_TIMEOUT_SECONDS: Final = 5.0
_BYTES_MAX: Final = 1 << 20
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class JwksError(ValueError):
    """The keys cannot be read, or not from there."""


class Jwks:
    """Keys by their id (``kid``).

    Keys that are held stay valid when they cannot be read again: an issuer that is away for an hour stops nobody.

    Args:
        source: ``https://`` address, ``http://`` of this machine, or path of a file.
        unknown_key_seconds: Pause between two reads that a token with an unknown key id may cause: without it anybody
            could have the issuer asked as often as they like.
        clock: Seconds, monotonic.

    Raises:
        JwksError: if the address would be read unprotected.
    """

    def __init__(
        self, source: str, unknown_key_seconds: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._source = checked_source(source)
        self._unknown_key_seconds = unknown_key_seconds
        self._clock = clock
        self._keys: Mapping[str, PyJWK] = {}
        self._asked_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def key(self, key_id: str) -> PyJWK | None:
        """The key of this id; an unknown one is looked for at the issuer, at most every so often."""
        found = self._keys.get(key_id)
        if found is None and await self._looked_again():
            found = self._keys.get(key_id)
        return found

    async def read(self) -> None:
        """Read the keys now.

        Raises:
            JwksError: naming the source and the reason.
        """
        self._keys = await asyncio.to_thread(_fetch, self._source)

    async def read_forever(self, every_seconds: float) -> None:
        """Read the keys again and again; a failure keeps those that are held."""
        while True:
            await asyncio.sleep(every_seconds)
            await self._try_to_read()

    async def _looked_again(self) -> bool:
        if self._reading is None or self._reading.done():
            if self._clock() - self._asked_at < self._unknown_key_seconds:
                return False
            self._asked_at = self._clock()
            self._reading = asyncio.create_task(self._try_to_read())
        # One who gives up must not take the answer from the others who wait for it.
        await asyncio.shield(self._reading)
        return True

    async def _try_to_read(self) -> None:
        try:
            await self.read()
        except JwksError as error:
            logger.warning("%s; the keys read before stay valid", error)


def checked_source(source: str) -> str:
    """The source, if what it says can be believed.

    Raises:
        JwksError: if it is an address of another machine without TLS.
    """
    url = urlsplit(source)
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        raise JwksError(f"the keys of tokens must come over https, not from {source}; set SHOP_API_JWT_JWKS")
    return source


def _fetch(source: str) -> dict[str, PyJWK]:
    try:
        found = PyJWKSet.from_dict(_read(source)).keys
    except (OSError, ValueError, PyJWTError, AttributeError) as error:
        raise JwksError(f"the keys of tokens cannot be read from {source}: {error}") from error
    return {key.key_id: key for key in found if key.key_id and key.key_type != "oct"}


def _read(source: str) -> dict[str, Any]:
    if urlsplit(source).scheme not in ("http", "https"):
        content = Path(source).read_bytes()
    else:
        with urlopen(source, timeout=FETCH_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the scheme is checked above
            content = answer.read(_BYTES_MAX)
    keys: dict[str, Any] = orjson.loads(content)
    return keys
