"""Which arm a customer is in: the same whenever they come, whichever process asks. Hot path."""

from hashlib import blake2b

_BITS = 53
"""As many as a float holds."""


def position(salt: str, user_id: str) -> float:
    """A place in [0, 1) that is the same for ever, evenly spread over customers, and independent between salts."""
    digest = blake2b(user_id.encode("utf-8", "surrogatepass"), key=salt.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> (64 - _BITS)) / 2**_BITS


def is_challenged(salt: str, share: float, user_id: str) -> bool:
    """Whether the customer is among the ``share`` that the challenger answers.

    A share that grows keeps the customers it had.
    """
    return position(salt, user_id) < share
