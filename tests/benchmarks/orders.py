"""The orders that benchmarks of the API ask about, of customers and products as the simulated shop names them."""

import json

CUSTOMERS = PRODUCTS = 1_000
"""Those with features from the start; the simulated shop has five times as many customers."""
NEWCOMER_EVERY = 10


def customers() -> list[str]:
    """Names of those with features."""
    return [f"user_{number:05}" for number in range(CUSTOMERS)]


def products() -> list[str]:
    """Names of those with features."""
    return [f"prod_{number:04}" for number in range(PRODUCTS)]


def is_newcomer(number: int) -> bool:
    """Whether the n-th order is of somebody who was never seen; each tenth is."""
    return number % NEWCOMER_EVERY == 0


def order(number: int) -> bytes:
    """Body of the n-th `POST /predict`. Primes spread customers and products."""
    customer = number * 7919 % CUSTOMERS
    asked = {
        "user_id": f"newcomer_{number}" if is_newcomer(number) else f"user_{customer:05}",
        "product_id": f"prod_{number * 104_729 % PRODUCTS:04}",
        "transaction_amount": round(1 + number * 15_485_863 % 50_000 / 100, 2),
        "context": {"session_id": f"session_{number}", "device_id": f"dev_{customer:04}"},
    }
    return json.dumps(asked).encode()


def batch(first: int, rows: int) -> bytes:
    """Body of a `POST /predict/batch` with the orders from `first` on."""
    return b'{"orders": [' + b",".join(order(first + row) for row in range(rows)) + b"]}"
