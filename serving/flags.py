"""Yes or no in the query of a hot route: read by hand, since a declared parameter costs every request that has none."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from serving.requests import field_errors, invalid

EXPLAIN: Final[Mapping[str, Any]] = {
    "name": "explain",
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": False},
    "description": "Add the features, and those that changed the probabilities most.",
}
_FLAG: Final = TypeAdapter(bool)


def is_set(request: Request, parameter: Mapping[str, Any]) -> bool:
    """Whether a parameter, as the OpenAPI document has it, is given as true.

    Raises:
        InvalidRequestError: if it is neither true nor false.
    """
    if not request.scope["query_string"]:
        return False
    name = parameter["name"]
    given = request.query_params.get(name, "false")
    try:
        return _FLAG.validate_python(given)
    except ValidationError as error:
        (wrong,) = field_errors(error.errors(include_url=False))
        raise invalid([type(wrong)(name, wrong.value, wrong.message)]) from error
