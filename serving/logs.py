"""What is logged, and how: a line of JSON per event, or text for people.

Of a request a line has its id, the id of its trace, the route and who asked; of a person nothing but ids, and those
hashed where a salt is set.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, Literal, TextIO

import orjson
from starlette.types import ASGIApp, Scope

from serving.observed import Observed

LogFormat = Literal["auto", "json", "text"]

access_logger = logging.getLogger("serving.access")
_TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
"""Attributes of any record; what else it has was given with ``extra``."""


class JsonLines(logging.Formatter):
    """One JSON object per record: time, level, logger, message, then what was given with ``extra``, then the error."""

    def format(self, record: logging.LogRecord) -> str:
        """A line; values that JSON does not know are written as text."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= given(record)
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return orjson.dumps(told, default=str).decode()


class TextLines(logging.Formatter):
    """For a terminal; what was given with ``extra`` stands behind the message."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - named by the standard library
        """A line."""
        return " ".join(
            [super().formatMessage(record), *(f"{name}={value}" for name, value in given(record).items())]
        )


def given(record: logging.LogRecord) -> dict[str, Any]:
    """What a record was given with ``extra``."""
    return {name: value for name, value in vars(record).items() if name not in _USUAL and value is not None}


def configure(level: str, log_format: LogFormat, stream: TextIO = sys.stderr) -> None:
    """Log to ``stream``; text where a person looks at it, unless said otherwise."""
    text = stream.isatty() if log_format == "auto" else log_format == "text"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines() if text else JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class Ids:
    """Ids of people and clients as they are logged.

    Args:
        salt: Where set, an id is logged as its keyed hash: the same person has the same one in every line, and nobody
            without the salt can find out whose it is by trying.
    """

    def __init__(self, salt: str | None) -> None:
        self._key = blake2b(salt.encode(), digest_size=32).digest() if salt else None

    def shown(self, person: str) -> str:
        """The id, or its hash."""
        if self._key is None:
            return person
        return blake2b(person.encode("utf-8", "surrogatepass"), digest_size=12, key=self._key).hexdigest()


class AccessLog(Observed):
    """ASGI middleware: a line per answer."""

    def __init__(self, app: ASGIApp, ids: Ids) -> None:
        super().__init__(app)
        self._ids = ids

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Log it."""
        # The route, not the path: a path may name a person.
        route = getattr(scope.get("route"), "path", "no route")
        told = {"status": status, "milliseconds": round(seconds * 1000, 3), **of_request(scope, self._ids)}
        access_logger.info("%s %s", scope["method"], route, extra=told)


def of_request(scope: Scope, ids: Ids) -> Mapping[str, Any]:
    """What a line says of a request; what is not known is None."""
    state, user = scope.get("state", {}), scope.get("path_params", {}).get("user_id")
    principal = state.get("principal")
    return {
        "request_id": state.get("request_id"),
        "trace_id": state.get("trace_id"),
        "principal": principal and ids.shown(principal),
        "user": user and ids.shown(user),
    }
