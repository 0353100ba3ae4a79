"""What the OpenAPI document says of access."""

from typing import Any

from fastapi import FastAPI

from serving.access.authentication import KEY_HEADER
from serving.access.guard import Guard
from serving.access.policy import OPEN, OPEN_ON_LOOPBACK, needed
from serving.document import OF_ANY_REQUEST, RATE, add_problems

_KEY, _TOKEN = "apiKey", "token"


def describe(app: FastAPI, guard: Guard) -> None:
    """Complete the document of ``app``, which has all its routes by now."""
    document, schemes = app.openapi(), _schemes(guard)
    document.setdefault("components", {})["securitySchemes"] = schemes
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _describe(operation, path, list(schemes), limited=guard.limiter is not None)


def _schemes(guard: Guard) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if guard.authentication.keys is not None:
        found[_KEY] = {"type": "apiKey", "in": "header", "name": KEY_HEADER}
    if guard.authentication.tokens is not None:
        found[_TOKEN] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return found


def _describe(operation: dict[str, Any], path: str, schemes: list[str], *, limited: bool) -> None:
    scope = needed(path)
    if scope == OPEN:
        return
    if limited:
        # Who asks on loopback is not counted, and hears nothing of it.
        rate = {name: told | {"required": path not in OPEN_ON_LOOPBACK} for name, told in RATE.items()}
        for status, told in operation["responses"].items():
            if int(status) not in OF_ANY_REQUEST:
                told["headers"] = told.get("headers", {}) | rate
        add_problems(operation, 429)
    if schemes:
        add_problems(operation, 401, 403)
        anybody: list[dict[str, list[str]]] = [{}] if path in OPEN_ON_LOOPBACK else []
        operation["security"] = [{scheme: []} for scheme in schemes] + anybody
        operation["description"] = f"{operation.get('description', '')}\n\nNeeds the scope `{scope}`.".strip()
