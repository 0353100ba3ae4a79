import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st

from serving import problems
from serving.errors import BadRequestError
from serving.request_ids import HEADER, RequestIds, request_id


def application() -> FastAPI:
    """Says the id of a request, or fails in a foreseen or unforeseen way."""
    app = FastAPI()
    problems.install(app)
    app.add_middleware(RequestIds)

    @app.get("/id")
    async def said(request: Request) -> str:
        return request_id(request.scope)

    @app.get("/foreseen")
    async def foreseen() -> None:
        raise BadRequestError("no")

    @app.get("/unforeseen/{name}")
    async def unforeseen(name: str) -> None:
        raise RuntimeError(name)

    return app


def get(path: str, headers: dict[str, str] | list[tuple[bytes, bytes]] | None = None) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application()), base_url="http://api"
        ) as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("given_id", ["a", "A-b_9", "x" * 64])
def test_a_good_id_of_the_client_is_kept(given_id: str) -> None:
    """In the state and in the header of the answer."""
    answer = get("/id", {HEADER: given_id})
    assert (answer.json(), answer.headers[HEADER]) == (given_id, given_id)


@pytest.mark.parametrize("given_id", ["", "x" * 65, "a b", "a\tb", "é", "a;b", '"a"', "a/b"])
def test_an_id_of_another_form_is_replaced(given_id: str) -> None:
    """It might carry anything into logs."""
    answer = get("/id", [(HEADER.encode(), given_id.encode())])
    assert answer.headers[HEADER] == answer.json() != given_id
    assert len(answer.json()) == 32


@given(st.binary(max_size=80))
def test_whatever_is_sent_the_id_has_its_form(raw: bytes) -> None:
    """Letters, digits, underscores and hyphens, at most 64."""
    answer = get("/id", [(HEADER.encode(), raw)])
    assert set(answer.json()) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert 1 <= len(answer.json()) <= 64


def test_without_an_id_each_request_gets_its_own() -> None:
    """Random, 128 bits as hex digits."""
    first, second = get("/id").json(), get("/id").json()
    assert first != second
    assert len(bytes.fromhex(first)) == 16


@pytest.mark.parametrize(("path", "status"), [("/foreseen", 400), ("/unforeseen/x", 500), ("/nowhere", 404)])
def test_every_problem_names_the_request(path: str, status: int) -> None:
    """In its body and in its header."""
    answer = get(path, {HEADER: "mine"})
    assert (answer.status_code, answer.json()["request_id"], answer.headers[HEADER]) == (
        status,
        "mine",
        "mine",
    )


def test_an_unforeseen_error_is_logged_with_the_request_and_without_the_path(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A path may name a person."""
    get("/unforeseen/user_7", {HEADER: "mine"})
    (line,) = [record for record in caplog.records if record.name == "serving.problems"]
    assert line.getMessage() == "GET /unforeseen/{name} failed"
    assert line.request_id == "mine"  # type: ignore[attr-defined]
