"""Double-double arithmetic: a number as an unevaluated sum ``high + low`` of two float64, about 32 digits.

Windows add and take away values millions of times; with 106 bits of significand the error of that stays far
below the 1e-9 that values are compared to, and a variance survives the cancellation in its textbook formula.
After T. J. Dekker, "A floating-point technique for extending the available precision" (1971).
"""

from numba import njit

_SPLIT = 134217729.0  # 2**27 + 1


@njit(cache=True, inline="always")
def two_sum(a: float, b: float) -> tuple[float, float]:
    """The rounded sum and its exact error."""
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


@njit(cache=True, inline="always")
def two_product(a: float, b: float) -> tuple[float, float]:
    """The rounded product and its exact error; exact while |a|, |b| < 1e150."""
    product = a * b
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@njit(cache=True, inline="always")
def add(a_high: float, a_low: float, b_high: float, b_low: float) -> tuple[float, float]:
    """Sum of two double-doubles."""
    s, e = two_sum(a_high, b_high)
    t, f = two_sum(a_low, b_low)
    e += t
    high = s + e
    e = e - (high - s) + f
    total = high + e
    return total, e - (total - high)


@njit(cache=True, inline="always")
def square_over(high: float, low: float, n: float) -> tuple[float, float]:
    """``(high + low) ** 2 / n``."""
    p, e = two_product(high, high)
    e += 2.0 * high * low
    quotient = p / n
    back, back_error = two_product(quotient, n)
    rest = ((p - back) - back_error) + e
    correction = rest / n
    total = quotient + correction
    return total, correction - (total - quotient)
