"""Concurrent questions answered together. Hot path.

While one batch is under way, later questions wait and become the next batch. A question that comes alone waits for
nothing, so nothing is added to its time; sixteen at once share one read of features and one run of each model.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Batcher(Generic[Question, Answer]):
    """Collects questions for a function that answers many at once.

    Args:
        answer_all: One answer for each question, in order; what it raises is raised to all who asked.
        most: Most questions in one batch.
    """

    def __init__(
        self, answer_all: Callable[[list[Question]], Awaitable[Sequence[Answer]]], most: int
    ) -> None:
        self._answer_all = answer_all
        self._most = most
        self._waiting: deque[tuple[Question, asyncio.Future[Answer], Context]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """The answer, with others or alone."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer, copy_context()))
        if self._worker is None or self._worker.done():
            self._begin()
        return await answer

    def _begin(self) -> None:
        """In the context of the first that waits: what is traced of a batch is traced as part of its request."""
        _, _, context = self._waiting[0]
        self._worker = asyncio.create_task(self._work(), context=context)

    async def _work(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        wanted = [(question, answer) for question, answer, _ in batch if not answer.done()]
        if wanted:
            await self._answer(wanted)
        if self._waiting:
            self._begin()

    async def _answer(self, batch: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._answer_all([question for question, _ in batch])
        except Exception as error:  # noqa: BLE001 - handed to those who asked
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
            return
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)
