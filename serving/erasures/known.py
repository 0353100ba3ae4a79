"""What this process knows of erasures: requests and receipts as their topics tell them."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import orjson

from serving.erasures.receipts import ErasureRequest, request_of


class KnownErasures:
    """Used by the event loop and by the thread that reads the topics.

    Args:
        forget: Told of a person whose rows may have been read before they were erased.
    """

    def __init__(self, forget: Callable[[str], None]) -> None:
        self._forget = forget
        self._lock = Lock()
        self._requests: dict[str, ErasureRequest] = {}
        self._receipts: dict[str, bytes] = {}

    def asked(self, message: bytes | None) -> None:
        """A message of the topic of requests."""
        request = request_of(message)
        if request is not None:
            with self._lock:
                self._requests[request.receipt] = request
            self._forget(request.user_id)

    def told(self, receipt: str, message: bytes) -> None:
        """A message of the topic of receipts; the person is forgotten again, and once it is done their id, too."""
        is_done = orjson.loads(message)["state"] == "done"
        with self._lock:
            self._receipts[receipt] = message
            request = self._requests.pop(receipt, None) if is_done else self._requests.get(receipt)
        if request is not None:
            self._forget(request.user_id)

    def receipt(self, receipt: str) -> dict[str, Any] | None:
        """The newest of this id; None where nothing is known."""
        with self._lock:
            told, request = self._receipts.get(receipt), self._requests.get(receipt)
        if told is not None:
            known: dict[str, Any] = orjson.loads(told)
            return known
        return None if request is None else request.receipt_json()
