"""Who a token (JWT, RFC 7519) speaks for: signature, issuer, audience, times, scopes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.exceptions import PyJWTError

from serving.access.jwks import Jwks
from serving.access.principals import SCOPES, Principal

ASYMMETRIC: Final = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)
"""With a shared secret, or no signature, whoever knows the public key could sign."""
_TOKEN_CHARACTERS = 8192
_SUBJECT_CHARACTERS = 128


class TokenError(Exception):
    """Why a token is not accepted; it may be told to whoever sent it."""


@dataclass(frozen=True)
class Tokens:
    """Reads tokens of one issuer.

    Attributes:
        jwks: Its keys.
        issuer: What ``iss`` must be.
        audience: What ``aud`` must be or have.
        algorithms: Those accepted; what the token names is not asked.
        scopes_claim: Claim with the scopes, one text separated by spaces or a list.
        leeway_seconds: How far the clocks may differ.
    """

    jwks: Jwks
    issuer: str
    audience: str
    algorithms: Sequence[str]
    scopes_claim: str
    leeway_seconds: float

    async def principal(self, token: str) -> Principal:
        """Who the token speaks for; scopes that are none of ours are left out.

        Raises:
            TokenError: if it is not accepted, with the reason.
        """
        if len(token) > _TOKEN_CHARACTERS:
            raise TokenError(f"the token is longer than {_TOKEN_CHARACTERS} characters")
        try:
            claims = await self._claims(token)
        except PyJWTError as error:
            raise TokenError(f"the token is not accepted: {error}") from error
        subject = str(claims["sub"])[:_SUBJECT_CHARACTERS]
        return Principal(f"jwt:{subject}", self._scopes(claims))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in self.algorithms:
            raise TokenError(f"the token is signed in a way not accepted; use {', '.join(self.algorithms)}")
        key_id = header.get("kid")
        key = await self.jwks.key(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise TokenError("the token is signed with a key that its issuer does not name")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(self.algorithms),
            issuer=self.issuer,
            audience=self.audience,
            leeway=self.leeway_seconds,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return claims

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[str]:
        said = claims.get(self.scopes_claim)
        named = said.split() if isinstance(said, str) else said if isinstance(said, list) else ()
        return frozenset(scope for scope in SCOPES if scope in named)
