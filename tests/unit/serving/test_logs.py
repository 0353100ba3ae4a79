import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from serving import logs
from serving.logs import AccessLog, Ids


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Where is logged to; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for handler in handlers:
        root.removeHandler(handler)
    yield io.StringIO()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


def test_a_line_is_an_object_with_what_was_given(output: io.StringIO) -> None:
    """Even where the message has line breaks, and a value is nothing JSON knows."""
    logs.configure("info", "json", output)
    logging.getLogger("serving").info(
        "two\nlines %d", 2, extra={"request_id": "r", "trace_id": None, "set": {1}}
    )
    (line,) = output.getvalue().splitlines()
    told = json.loads(line)
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "info",
        "logger": "serving",
        "message": "two\nlines 2",
        "request_id": "r",
        "set": "{1}",
    }


def test_an_error_stands_in_its_line(output: io.StringIO) -> None:
    """With its traceback."""
    logs.configure("info", "json", output)
    try:
        {}["inside"]
    except KeyError:
        logging.getLogger("serving").exception("failed")
    assert "KeyError: 'inside'" in json.loads(output.getvalue())["error"]


def test_text_has_what_was_given_behind_the_message(output: io.StringIO) -> None:
    """For people; a file is no terminal, so it gets JSON unless told otherwise."""
    logs.configure("info", "text", output)
    logging.getLogger("serving").warning("slow", extra={"request_id": "r"})
    assert output.getvalue().endswith("WARNING serving slow request_id=r\n")
    logs.configure("info", "auto", output)
    logging.getLogger("serving").warning("slow")
    assert output.getvalue().splitlines()[-1].startswith("{")


def test_ids_are_hashed_where_a_salt_is_set() -> None:
    """The same person has the same hash, which depends on the salt."""
    assert Ids(None).shown("user_1") == "user_1"
    salted = Ids("salt").shown("user_1")
    assert salted == Ids("salt").shown("user_1")
    assert len({salted, Ids("salt").shown("user_2"), Ids("other").shown("user_1"), "user_1"}) == 4


def access_line(output: io.StringIO, salt: str | None) -> dict[str, Any]:
    """Of a request about a person."""
    logs.configure("info", "json", output)

    class Matched:
        path = "/recommendations/{user_id}"

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope |= {"route": Matched(), "path_params": {"user_id": "user_7"}}
        scope["state"] |= {"request_id": "r", "principal": "key:front"}
        await send({"type": "http.response.start", "status": 429})

    async def send(_: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/recommendations/user_7", "state": {}}
    asyncio.run(AccessLog(app, Ids(salt))(scope, send, send))
    line: dict[str, Any] = json.loads(output.getvalue())
    return line


def test_the_access_log_names_route_and_ids(output: io.StringIO) -> None:
    """Not the path."""
    line = access_line(output, None)
    assert (line["message"], line["status"], line["request_id"]) == (
        "GET /recommendations/{user_id}",
        429,
        "r",
    )
    assert (line["user"], line["principal"]) == ("user_7", "key:front")
    assert line["milliseconds"] >= 0


def test_with_a_salt_no_line_names_a_person(output: io.StringIO) -> None:
    """Nor a client."""
    access_line(output, "salt")
    assert "user_7" not in output.getvalue()
    assert "front" not in output.getvalue()
