"""Fingerprints of 122 bits: an id is remembered in 16 bytes, whatever its length.

The bytes of an id, seven at a time, and its length are the coefficients of a polynomial, which is evaluated modulo the
prime 2**61 - 1 at two secret points (Carter and Wegman's universal hashing). Two different polynomials of degree d
agree at a random point with a probability of at most d / 2**61, so two different ids of up to 63 bytes have the same
fingerprint with at most (10 / 2**61)**2, about 2**-115: with a thousand million ids remembered, one in 10**16 is the
chance that any two of them are confused. The points are drawn for each filter, so that nobody can aim at a collision.
"""

import secrets

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.windows.hashing import short_word, word

Prints = NDArray[np.uint64]
_PRIME = np.uint64(2**61 - 1)
_SEVEN_BYTES = np.uint64(2**56 - 1)
_LOW_31 = np.uint64(2**31 - 1)
_LOW_30 = np.uint64(2**30 - 1)


def secret_points() -> Prints:
    """Two points at random, shape (2,)."""
    return np.array([1 + secrets.randbelow(2**61 - 2) for _ in range(2)], dtype=np.uint64)


@njit(cache=True, nogil=True, inline="always")
def _reduced(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    x = (x & _PRIME) + (x >> np.uint64(61))
    return x - _PRIME if x >= _PRIME else x


@njit(cache=True, nogil=True, inline="always")
def _product(a, b):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The product modulo the prime of two numbers below it, from halves whose products fit 64 bits."""
    a_high, a_low = a >> np.uint64(31), a & _LOW_31
    b_high, b_low = b >> np.uint64(31), b & _LOW_31
    middle = a_low * b_high + a_high * b_low
    high = a_high * b_high * np.uint64(2) + (middle >> np.uint64(30))
    return _reduced(high + ((middle & _LOW_30) << np.uint64(31)) + a_low * b_low)


@njit(cache=True, nogil=True, inline="always")
def _with(value, coefficient, point):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return _product(_reduced(value + coefficient), point)


@njit(cache=True, nogil=True)
def _of_number(value, point):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    low = _with(np.uint64(0), value & _SEVEN_BYTES, point)
    return _with(low, value >> np.uint64(56), point)


@njit(cache=True, nogil=True)
def fingerprint(raw, points, prints):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Fingerprints of a `Raw` of one column into `prints` (rows, 2)."""
    for row in range(len(prints)):
        first, second = np.uint64(0), np.uint64(0)
        if raw.fixed.shape[1]:
            first = _of_number(np.uint64(raw.fixed[row, 0]), points[0])
            second = _of_number(np.uint64(raw.fixed[row, 0]), points[1])
        else:
            length = np.int64(raw.lengths[row, 0])
            at, end = raw.starts[row, 0], raw.starts[row, 0] + length
            while at + 8 <= end:
                piece = word(raw.data, at) & _SEVEN_BYTES
                first, second = _with(first, piece, points[0]), _with(second, piece, points[1])
                at += 7
            piece = short_word(raw.data, at, end - at)
            first, second = _with(first, piece, points[0]), _with(second, piece, points[1])
            first = _with(first, np.uint64(length), points[0])
            second = _with(second, np.uint64(length), points[1])
        prints[row, 0], prints[row, 1] = first, second
