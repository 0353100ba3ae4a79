import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from serving.direct import DirectRoute


def test_a_direct_route_answers_with_what_its_function_makes() -> None:
    """The document knows it as any other."""
    app = FastAPI()

    async def echo(request: Request) -> Response:
        return Response(await request.body())

    app.router.add_api_route("/echo", echo, methods=["POST"], route_class_override=DirectRoute)
    assert asyncio.run(_said(app)) == b"said"
    assert "post" in app.openapi()["paths"]["/echo"]


def test_a_direct_route_refuses_a_function_with_parameters() -> None:
    """They would never be read; the error names the route, the function and the way out."""

    async def greet(request: Request, name: str) -> Response:
        return Response(f"{request.url} {name}")

    with pytest.raises(
        TypeError, match=r"/greet is answered by .*greet.*name.*leave route_class_override out"
    ):
        FastAPI().router.add_api_route("/greet", greet, route_class_override=DirectRoute)


async def _said(app: FastAPI) -> bytes:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        return (await client.post("/echo", content=b"said")).content
