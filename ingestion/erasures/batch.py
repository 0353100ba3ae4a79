"""Requests that are carried out together, and their receipts."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from ingestion.erasures.receipt import PLACES, Place, Receipt, Remains, Request, begun
from ingestion.stream.log import say

log = logging.getLogger(__name__)


class Batch:
    """Some requests on their way through the places.

    Attributes:
        requests: What was asked.
        ends_us: Up to when everything of a person is to be gone, Unix microseconds, by person.

    Args:
        pending: Requests, and what is known of each from an earlier attempt.
        tell: Keeps receipts.
        now: The clock.
    """

    def __init__(
        self,
        pending: Iterable[tuple[Request, Receipt | None]],
        tell: Callable[[Iterable[Receipt]], None],
        now: Callable[[], datetime],
    ) -> None:
        known = list(pending)
        self.requests = [request for request, _ in known]
        self.ends_us: dict[str, int] = {}
        for request in self.requests:
            end_us = max(request.requested_us, self.ends_us.get(request.user_id, 0))
            self.ends_us[request.user_id] = end_us
        self._receipts = [_whole(receipt or begun(request)) for request, receipt in known]
        self._tell = tell
        self._now = now

    def begin(self) -> None:
        """Tell that something is being done."""
        self._tell(self._receipts)

    def waits(self, place: str, reason: str) -> None:
        """Tell what a place waits for, unless it was told before."""
        news = [receipt for receipt in self._receipts if receipt.places[place].reason != reason]
        for receipt in news:
            receipt.places[place].reason = reason
        if news:
            say(log, logging.INFO, "waiting", place=place, reason=reason)
        self._tell(news)

    def done(self, place: str, of: str, counts: Mapping[str, int]) -> None:
        """Tell that nothing of the people is left in a place.

        Args:
            place: Its name.
            of: What was counted.
            counts: How much was taken out, by person; added to what an earlier attempt took out.
        """
        for request, receipt in zip(self.requests, self._receipts, strict=True):
            told = receipt.places[place]
            told.removed += counts.get(request.user_id, 0)
            told.state, told.of, told.at, told.reason = "done", of, self._now(), ""
        self._tell(self._receipts)

    def finish(self, keeps_until: Mapping[str, datetime | None]) -> None:
        """Tell that everything is done, and what expires when."""
        for receipt in self._receipts:
            receipt.remains = [Remains(f"topic {name}", until) for name, until in sorted(keeps_until.items())]
            receipt.state, receipt.finished = "done", self._now()
        self._tell(self._receipts)


def _whole(receipt: Receipt) -> Receipt:
    """One that an older program has begun may lack places."""
    for place in PLACES:
        receipt.places.setdefault(place, Place())
    return receipt
