"""Load at a fixed rate, or as fast as it is answered, on a real server of a few lines."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from infra.answers import Answers
from infra.connection import Connection, Reply
from infra.load import Target, closed_loop, in_turn, open_loop

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SLOW_SECONDS = 0.05


def answering(
    status: str, requests_a_connection: int = 1_000, content: bytes | None = b"{}", seconds: float = 0
) -> Handler:
    """Answers every request so, with its own head where there is no content, and hangs up after some."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(requests_a_connection):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
            await asyncio.sleep(seconds)
            said = head if content is None else content
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(said)}\r\n\r\n".encode() + said)
        writer.close()

    return handle


def answers(handler: Handler, load: Callable[[Target], Awaitable[Answers]]) -> Answers:
    """What a load on a server with this handler gets."""

    async def run() -> Answers:
        async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await load(Target(f"http://127.0.0.1:{port}/predict", in_turn([b"{}"])))

    return asyncio.run(run())


def fired(handler: Handler, per_second: float = 100, seconds: float = 0.2) -> Answers:
    return answers(handler, lambda target: open_loop(target, per_second, seconds))


def test_every_request_of_the_rate_is_answered_and_counted() -> None:
    """A hundred a second for a fifth of a second are twenty."""
    result = fired(answering("200 OK")).result()
    assert result.statuses == {"200": 20}
    assert result.failed == 0
    assert 0 < result.p50_ms <= result.p99_ms <= result.max_ms


def test_a_slow_server_does_not_slow_an_open_loop_down() -> None:
    """The next request is due whether the last one was answered or not.

    ::

        due       | | | | | | | | | |       every 10 ms
        answers             a a a a a …     50 ms later each
    """
    found = fired(answering("200 OK", seconds=SLOW_SECONDS), seconds=0.3)
    assert found.statuses == {"200": 30}
    assert found.seconds < 30 * SLOW_SECONDS
    dues = [answer.due - found.answers[0].due for answer in found.answers]
    assert max(abs(due - number / 100) for number, due in enumerate(sorted(dues))) < 2e-3
    assert all(answer.latency_ms >= 1000 * SLOW_SECONDS for answer in found.answers)
    assert all(answer.latency_ms >= answer.late_ms >= 0 for answer in found.answers)


def test_a_slow_server_slows_a_closed_loop_down() -> None:
    """Each connection waits for its answer; all of them together are as many at once."""
    slow = answering("200 OK", seconds=SLOW_SECONDS)
    found = answers(slow, lambda target: closed_loop(target, connections=2, seconds=4.5 * SLOW_SECONDS))
    assert 2 <= len(found) <= 10
    assert sorted(answer.number for answer in found.answers) == list(range(len(found)))
    assert {answer.late_ms for answer in found.answers} == {0}


def test_a_load_ends_when_it_is_told_to() -> None:
    """Not before what is under way is answered."""
    asked: list[int] = []

    def ended() -> bool:
        asked.append(1)
        return len(asked) > 5

    found = answers(answering("200 OK"), lambda target: open_loop(target, 200, 60, ended))
    assert found.statuses == {"200": 5}


def test_a_connection_that_the_server_closed_is_no_failure() -> None:
    """It is passed over, and not taken for one that broke under a request."""
    found = fired(answering("200 OK", requests_a_connection=1))
    assert (found.statuses, found.broken) == ({"200": 20}, 0)


def test_a_connection_that_breaks_under_a_request_is_counted() -> None:
    """It was kept; the request is sent again on a new one. A request that finds all of them busy opens one."""
    breaks = 0

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering("200 OK", requests_a_connection=1)(reader, _Open(writer))
        await reader.readuntil(b"\r\n\r\n")
        nonlocal breaks
        breaks += 1
        writer.close()

    found = fired(twice, seconds=0.1)
    assert found.statuses == {"200": 10}
    assert found.broken == breaks > 0


class _Open:
    """A writer that is not closed yet."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.write = writer.write

    def close(self) -> None:
        """Later."""


def test_an_answer_that_is_not_200_is_a_failure() -> None:
    """Counted by its status."""
    result = fired(answering("503 Service Unavailable"), seconds=0.1).result()
    assert (result.statuses, result.failed) == ({"503": 10}, 10)


def test_load_shedding_is_told_from_a_server_that_fails() -> None:
    """By its status and by the header that says when to come again."""
    shed = fired(answering("503 Service Unavailable\r\nRetry-After: 1"), seconds=0.05)
    failed = fired(answering("500 Internal Server Error"), seconds=0.05)
    away = fired(answering("503 Service Unavailable"), seconds=0.05)
    assert (shed.failed, shed.server_errors) == (5, 0)
    assert [answers.server_errors for answers in (failed, away)] == [5, 5]
    assert [answers.unanswered for answers in (shed, failed, away)] == [0, 0, 0]


def test_a_server_that_hangs_up_is_a_failure() -> None:
    """On a new connection there is no second try: the request may have been taken."""

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    found = fired(rude, seconds=0.05)
    assert (found.statuses, found.failed) == ({"IncompleteReadError": 5}, 5)
    assert (found.unanswered, found.server_errors) == (5, 0)


def test_answers_tell_their_rung_and_their_time() -> None:
    """What is degraded is told apart; so is when."""
    live = fired(answering("200 OK", content=b'{"degraded":null}'), seconds=0.05)
    typical = fired(answering("200 OK", content=b'{"degraded": "typical"}'), seconds=0.05)
    both = live + typical
    assert both.rungs == Counter({"live": 5, "typical": 5})
    assert both.within(typical.answers[0].due, float("inf")).rungs == {"typical": 5}


def test_requests_have_names_where_they_shall() -> None:
    """The name and the number of the request, as its X-Request-ID."""

    async def run() -> bytes:
        async with await asyncio.start_server(answering("200 OK", content=None), "127.0.0.1", 0) as server:
            connection = await Connection.open("127.0.0.1", server.sockets[0].getsockname()[1])
            reply = await connection.post("/predict", b"{}", "storm-7")
            await connection.close()
            return reply.content

    assert b"\r\nX-Request-ID: storm-7\r\n" in asyncio.run(run())


def test_a_post_returns_status_and_content() -> None:
    """Whatever the case of the header's name."""

    async def run() -> Reply:
        async with await asyncio.start_server(answering("200 OK"), "127.0.0.1", 0) as server:
            connection = await Connection.open("127.0.0.1", server.sockets[0].getsockname()[1])
            answer = await connection.post("/predict", b"{}")
            await connection.close()
            return answer

    assert asyncio.run(run()) == Reply("200", b"{}", retry_after=False)
