"""A plain HTTP/1.1 client over asyncio streams, so that whoever measures does not take the time that is measured."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple


class Reply(NamedTuple):
    """What a server answered.

    Attributes:
        status: Of HTTP.
        content: The body.
        retry_after: Whether it says when to ask again (`Retry-After`).
    """

    status: str
    content: bytes
    retry_after: bool


@dataclass(frozen=True)
class Connection:
    """A keep-alive connection; one request at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, host: str | None, port: int | None) -> "Connection":
        """Connect.

        Raises:
            OSError: nobody listens there.
        """
        return cls(*await asyncio.open_connection(host, port))

    async def post(self, path: str, body: bytes, request_id: str | None = None) -> Reply:
        """The answer.

        Args:
            path: Of the URL.
            body: JSON.
            request_id: `X-Request-ID`; None leaves it to the server.

        Raises:
            IncompleteReadError, ConnectionError: the server hung up.
        """
        named = f"X-Request-ID: {request_id}\r\n" if request_id else ""
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{named}"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        lowered = answer.lower()
        _, _, after = lowered.partition(b"content-length:")
        content = await self.reader.readexactly(int(after.partition(b"\r\n")[0]))
        return Reply(answer.split(b" ", 2)[1].decode(), content, b"\r\nretry-after:" in lowered)

    @property
    def closed(self) -> bool:
        """Whether the server has hung up, as far as is known."""
        return self.reader.at_eof()

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()


@dataclass
class Connections:
    """Kept connections to one server, as many as requests were ever under way at once.

    Attributes:
        host, port: Of the server.
        idle: The one used last comes first.
    """

    host: str | None
    port: int | None
    idle: list[Connection] = field(default_factory=list)

    async def post(self, path: str, body: bytes, request_id: str | None = None) -> tuple[Reply, int]:
        """The answer, and how many kept connections broke under the request before.

        Those that the server closed while they were idle are passed over. Where it hangs up in that very moment, or dies, the
        next one is tried, at last a new one, as HTTP has it.

        Raises:
            OSError: nobody listens.
            IncompleteReadError, ConnectionError: the server hung up on a new connection.
        """
        broken = 0
        while True:
            kept = self._open_one()
            used = kept or await Connection.open(self.host, self.port)
            try:
                reply = await used.post(path, body, request_id)
            except BaseException as error:
                # Whatever ended it: an answer may still come, which belongs to nobody.
                used.writer.close()
                if kept is None or not isinstance(error, asyncio.IncompleteReadError | ConnectionError):
                    raise
                broken += 1
            else:
                self.idle.append(used)
                return reply, broken

    def _open_one(self) -> Connection | None:
        while self.idle:
            kept = self.idle.pop()
            if not kept.closed:
                return kept
            kept.writer.close()
        return None

    async def close(self) -> None:
        """Hang up on all that are idle."""
        while self.idle:
            await self.idle.pop().close()
