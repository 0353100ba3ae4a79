"""Routes without FastAPI's way to their parameters. Hot path."""

from collections.abc import Awaitable, Callable
from inspect import signature
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.routing import request_response


class DirectRoute(APIRoute):
    """A route whose function is handed the request and answers with a response, as Starlette has it.

    It has no parameters to look for, no dependencies and nothing to close behind it. The document tells of it as of any
    other. Give it to ``add_api_route`` as ``route_class_override``.

    Raises:
        TypeError: if the function takes anything but ``request``.
    """

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **options: Any) -> None:
        if list(signature(endpoint).parameters) != ["request"]:
            raise TypeError(
                f"{path} is answered by {endpoint.__qualname__}{signature(endpoint)}; a direct route's function takes "
                "`request` only: read the rest from it, or leave route_class_override out"
            )
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)
