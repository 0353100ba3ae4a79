"""Keeps questions away from a store that does not answer, and finds out when it does again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from serving.breaker import Breaker
from serving.errors import FeaturesUnavailableError
from serving.features import FeatureReader, Features, Row

logger = logging.getLogger(__name__)


class Guard:
    """All reads of one online store share it.

    Args:
        breaker: Its state.
        probe: Reads anything; it has a longer deadline than the reads, since nobody waits for it.
    """

    def __init__(self, breaker: Breaker, probe: Callable[[], Awaitable[object]]) -> None:
        self._breaker = breaker
        self._probe = probe
        self._recovery: asyncio.Task[None] | None = None
        self._reason = ""

    async def read(self, reader: FeatureReader, rows: Sequence[Row]) -> Features | None:
        """What the store says; None where it does not answer in time, or is not asked."""
        if not self._breaker.closed:
            return None
        try:
            return await reader.read(rows)
        except FeaturesUnavailableError as error:
            self._lost(error)
            return None

    async def trouble(self) -> str:
        """Why the store does not answer; empty where it does."""
        if self._breaker.closed:
            try:
                await self._probe()
            except FeaturesUnavailableError as error:
                self._lost(error)
        return self._reason

    def _lost(self, error: FeaturesUnavailableError) -> None:
        if not self._breaker.closed:
            return
        logger.warning("the online store is left alone: %s", error.detail)
        self._reason = error.detail
        self._breaker.failed()
        if self._recovery is None or self._recovery.done():
            self._recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        while not self._breaker.closed:
            await asyncio.sleep(self._breaker.seconds_until_probe)
            if self._breaker.may_probe():
                await self._probe_once()
        logger.warning("the online store answers again")

    async def _probe_once(self) -> None:
        try:
            await self._probe()
        except FeaturesUnavailableError as error:
            self._reason = error.detail
            self._breaker.probe_failed()
        except Exception as error:  # whatever it is, the next probe may succeed; nobody else would ask again
            logger.exception("a probe of the online store failed")
            self._reason = str(error)
            self._breaker.probe_failed()
        else:
            self._breaker.succeeded()
            self._reason = ""
