"""Puts new versions in use while requests are answered. Control path.

New versions are loaded beside the running ones in a thread; then one attribute is assigned. A question keeps the set of
models that it began with, so that no answer is made by half of one set and half of another.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from serving.arms.cast import Cast, Fit, load_cast, wanted
from serving.arms.figures import ArmFigures

logger = logging.getLogger(__name__)


class Swapper:
    """Keeps the models in use in step with the models folder.

    Args:
        models_dir: Champion pointers, experiments and versions.
        fit: Why a model does not fit the registered definitions.
        use: Puts a cast in use; awaited in the event loop.
        cast: What is in use now.
        figures: Where swaps are counted.
    """

    def __init__(
        self,
        models_dir: Path,
        fit: Fit,
        use: Callable[[Cast], Awaitable[None]],
        cast: Cast,
        figures: ArmFigures,
    ) -> None:
        self._models_dir = models_dir
        self._fit = fit
        self._use = use
        self._cast = cast
        self._figures = figures
        self._seen: tuple[bytes | None, ...] | None = None
        self._look_now = asyncio.Event()
        self._tell(cast.refused)

    async def trouble(self) -> str:
        """Why something that is wanted is not in use; empty where all is."""
        return "; ".join(f"{what}: {reason}" for what, reason in self._cast.refused.items())

    def look_now(self) -> None:
        """Look at the folder at once."""
        self._look_now.set()

    async def run(self, every_seconds: float) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(every_seconds):
                    await self._look_now.wait()
            except TimeoutError:
                pass
            self._look_now.clear()
            await self.look()

    async def look(self) -> bool:
        """Put in use what the folder asks for; whether anything changed.

        What was refused is tried again each time: its definitions may be registered by now.
        """
        seen = await asyncio.to_thread(wanted, self._models_dir)
        if seen == self._seen and not self._cast.refused:
            return False
        try:
            found = await asyncio.to_thread(load_cast, self._models_dir, self._fit, self._cast)
            changed = await self._change(found)
        except Exception:  # whatever the folder holds, answers go on
            logger.exception("the models in use stay: what the models folder asks for cannot be used")
            return False
        self._seen = seen
        return changed

    async def _change(self, found: Cast) -> bool:
        before = self._cast
        changed = _parts(found) != _parts(before)
        if changed:
            await self._use(found)
            self._figures.swap["swapped"].inc()
            logger.info("models in use: %s", ", ".join(found.models))
        self._cast = found
        if found.refused != before.refused:
            self._tell(found.refused)
        return changed

    def _tell(self, refused: Mapping[str, str]) -> None:
        self._figures.refused.set(len(refused))
        for what, reason in refused.items():
            self._figures.swap["refused"].inc()
            logger.warning("%s is not used: %s", what, reason)


def _parts(cast: Cast) -> tuple[object, ...]:
    """Equal where a customer would not see a difference."""
    return dict(cast.champions), cast.running
