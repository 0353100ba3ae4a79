"""Who sent a request: by API key, by token, or anybody where the API is open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from serving.access.key_file import KeyFile
from serving.access.keys import PREFIX
from serving.access.principals import SCOPES, Principal
from serving.access.tokens import TokenError, Tokens
from serving.errors import UnauthenticatedError

KEY_HEADER: Final = "X-API-Key"
_LOOPBACK: Final = ("127.0.0.1", "::1")
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


@dataclass(frozen=True)
class Authentication:
    """Ways to say who one is.

    Attributes:
        keys: API keys, in ``X-API-Key`` or as a bearer token; None where there are none.
        tokens: JWT as bearer tokens; None where none are accepted.
    """

    keys: KeyFile | None = None
    tokens: Tokens | None = None

    @property
    def open(self) -> bool:
        """Whether nobody is asked who they are."""
        return self.keys is None and self.tokens is None

    async def principal(self, headers: Headers, client: str) -> Principal:
        """Who sent a request with these headers.

        Raises:
            UnauthenticatedError: if they do not say it, or what they say is not accepted.
        """
        if self.open:
            return Principal(f"open:{client}", frozenset(SCOPES))
        if key := headers.get(KEY_HEADER):
            return self._of_key(key)
        kind, _, credentials = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not credentials:
            raise UnauthenticatedError(f"send {self.ways}", self._challenge())
        if credentials.startswith(PREFIX):
            return self._of_key(credentials.strip())
        return await self._of_token(credentials.strip())

    @property
    def ways(self) -> str:
        """How to say who one is."""
        ways = {f"an API key in {KEY_HEADER}": self.keys, "a token in Authorization: Bearer": self.tokens}
        return " or ".join(way for way, accepted in ways.items() if accepted)

    def _of_key(self, key: str) -> Principal:
        record = self.keys.find(key) if self.keys else None
        if record is None:
            raise UnauthenticatedError("the API key is not known", self._challenge("invalid_token"))
        return record.principal

    async def _of_token(self, token: str) -> Principal:
        if self.tokens is None:
            raise UnauthenticatedError(
                "tokens are not accepted, API keys are", self._challenge("invalid_token")
            )
        try:
            return await self.tokens.principal(token)
        except TokenError as error:
            raise UnauthenticatedError(str(error), self._challenge("invalid_token")) from error

    def _challenge(self, error: str = "") -> Mapping[str, str]:
        """RFC 6750: without credentials there is no error to tell."""
        said = f', error="{error}"' if error else ""
        return {"WWW-Authenticate": f'Bearer realm="shop"{said}'}


def of_this_machine(headers: Headers, client: str) -> bool:
    """Whether a program of this machine asks for itself, not a proxy for somebody else."""
    return client in _LOOPBACK and not any(name in headers for name in _FORWARDED)
