"""Somebody who issues tokens: a key pair, its public part in a file, signatures."""

import time
from pathlib import Path
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

ISSUER, AUDIENCE = "https://issuer.example", "shop-api"


class Issuer:
    """With one key after another.

    Attributes:
        file: The keys it makes known.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.turn("first")

    def turn(self, key_id: str) -> None:
        """Sign with a new key from now on, and make known only that."""
        self._key_id, self._key = key_id, generate_private_key(SECP256R1())
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self.file.write_bytes(
            orjson.dumps({"keys": [{**public, "kid": key_id, "use": "sig", "alg": "ES256"}]})
        )

    def token(self, key_id: str | None = None, **claims: Any) -> str:
        """A token that is good for a minute; claims that are None are left out."""
        good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "front", "scope": "predict", "exp": time.time() + 60}
        said = {name: value for name, value in {**good, **claims}.items() if value is not None}
        return jwt.encode(said, self._key, "ES256", headers={"kid": key_id or self._key_id})
