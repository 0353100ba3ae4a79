"""Takes requests and gives receipts. Control path."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import orjson
from feast import FeatureStore

from serving.erasures.known import KnownErasures
from serving.erasures.receipts import ErasureRequest
from serving.erasures.topics import ErasureTopics
from serving.errors import ErasuresUnavailableError, ErasureUnknownError

logger = logging.getLogger(__name__)

PERSON: Final = "user_id"
_ONLINE_SECONDS: Final = 5.0
"""How long the answer waits for the online store; what it has not erased by then is erased all the same."""
_HEARD_SECONDS: Final = 2.0
"""How long a receipt is waited for: another process may have given it, and Kafka has yet to tell."""
_HEARD_EVERY: Final = 0.05


class ErasureDesk:
    """Asks Kafka, then erases what this process can reach.

    Args:
        topics: Kafka; None where no broker is known.
        known: What the topics told.
        erase_online: Erases somebody in the online store; blocks.
        forget: Forgets somebody in this process.
        now_us: The clock, Unix microseconds.
    """

    def __init__(
        self,
        topics: ErasureTopics | None,
        known: KnownErasures,
        erase_online: Callable[[str], int],
        forget: Callable[[str], None],
        now_us: Callable[[], int],
    ) -> None:
        self._topics = topics
        self._known = known
        self._erase_online = erase_online
        self._forget = forget
        self._now_us = now_us

    async def erase(self, user_id: str) -> Mapping[str, Any]:
        """The receipt; everything else happens after the request is acknowledged, so a crash loses nothing.

        Raises:
            ErasuresUnavailableError: Kafka has not taken the request.
        """
        request = ErasureRequest.of(user_id, self._now_us())
        message = orjson.dumps(asdict(request))
        await asyncio.to_thread(self._reachable().ask, user_id, message)
        self._known.asked(message)
        await self._online(user_id)
        self._forget(user_id)
        return request.receipt_json()

    async def receipt(self, receipt: str) -> Mapping[str, Any]:
        """What is known of an erasure.

        Raises:
            ErasureUnknownError: nothing, also a moment later.
            ErasuresUnavailableError: the topics have not been read yet.
        """
        topics = self._reachable()
        known = await self._heard(receipt) if topics.are_read else self._known.receipt(receipt)
        if known is None and not topics.are_read:
            raise ErasuresUnavailableError("receipts have not been read from Kafka yet; ask again")
        if known is None:
            raise ErasureUnknownError(
                f"nothing is known of {receipt!r}; take the id from the answer to DELETE"
            )
        return known

    async def _heard(self, receipt: str) -> Mapping[str, Any] | None:
        until = asyncio.get_running_loop().time() + _HEARD_SECONDS
        while (known := self._known.receipt(receipt)) is None:
            if asyncio.get_running_loop().time() >= until:
                return None
            await asyncio.sleep(_HEARD_EVERY)
        return known

    def _reachable(self) -> ErasureTopics:
        if self._topics is None:
            raise ErasuresUnavailableError(
                "no Kafka broker is known; start one with `make up`, or set SHOP_KAFKA_BOOTSTRAP"
            )
        return self._topics

    async def _online(self, user_id: str) -> None:
        erasing = asyncio.create_task(asyncio.to_thread(self._erase_online, user_id))
        erasing.add_done_callback(_logged)
        await asyncio.wait([erasing], timeout=_ONLINE_SECONDS)


def _logged(erasing: "asyncio.Task[int]") -> None:
    if not erasing.cancelled() and (error := erasing.exception()) is not None:
        logger.warning("the online store is erased later: %s", error)


def online_eraser(store: FeatureStore) -> Callable[[str], int]:
    """Erases in the online store, where it knows how; how many keys were erased."""

    def erase(user_id: str) -> int:
        online = store.provider.online_store
        if not hasattr(online, "erase"):
            logger.warning("%s cannot erase somebody", type(online).__name__)
            return 0
        views = [view for view in store.list_all_feature_views() if hasattr(view, "entity_columns")]
        erased: int = online.erase(store.config, views, {PERSON: user_id})
        return erased

    return erase
