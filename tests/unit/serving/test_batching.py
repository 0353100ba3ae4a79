import asyncio
from collections.abc import Sequence

import pytest

from serving.batching import Batcher


class Doubler:
    """Doubles numbers when it is let go; refuses negative ones.

    Attributes:
        batches: What each call was asked.
    """

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()

    async def __call__(self, numbers: list[int]) -> Sequence[int]:
        self.batches.append(numbers)
        await self.gate.wait()
        if min(numbers) < 0:
            raise ValueError(f"{min(numbers)} is negative")
        return [2 * number for number in numbers]


async def _asked(batcher: Batcher[int, int], numbers: Sequence[int]) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batcher.ask(number)) for number in numbers]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def test_questions_that_come_while_one_is_under_way_are_answered_together() -> None:
    """At most two at a time.

    1 ─────answered
     2,3,4 waiting ─────2,3 answered─────4 answered
    """

    async def story() -> None:
        doubler = Doubler()
        batcher = Batcher(doubler, most=2)
        first = await _asked(batcher, [1])
        later = await _asked(batcher, [2, 3, 4])
        assert doubler.batches == [[1]]
        doubler.gate.set()
        assert await asyncio.gather(*first, *later) == [2, 4, 6, 8]
        assert doubler.batches == [[1], [2, 3], [4]]

    asyncio.run(story())


def test_a_failed_batch_fails_for_those_who_asked_and_not_for_later_ones() -> None:
    """The worker goes on."""

    async def story() -> None:
        doubler = Doubler()
        batcher = Batcher(doubler, most=1)
        bad = await _asked(batcher, [-1])
        good = await _asked(batcher, [1])
        doubler.gate.set()
        with pytest.raises(ValueError, match="-1 is negative"):
            await bad[0]
        assert await good[0] == 2

    asyncio.run(story())


def test_a_question_whose_asker_left_is_not_answered() -> None:
    """A client that hung up while waiting costs nothing."""

    async def story() -> None:
        doubler = Doubler()
        batcher = Batcher(doubler, most=8)
        first = await _asked(batcher, [1])
        gone, stays = await _asked(batcher, [2, 3])
        gone.cancel()
        await asyncio.sleep(0)
        doubler.gate.set()
        assert [await first[0], await stays] == [2, 6]
        assert doubler.batches == [[1], [3]]

    asyncio.run(story())
