"""Schemas of bodies that are read by hand, as the OpenAPI document has them."""

from typing import Any

from pydantic import BaseModel

_REFERENCE = "$ref"


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model without references: pydantic's lead to ``$defs``, which an OpenAPI document has not."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    made: dict[str, Any] = _inlined(schema, definitions)
    return made


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(one, definitions) for one in node]
    if not isinstance(node, dict):
        return node
    rest = {name: _inlined(value, definitions) for name, value in node.items() if name != _REFERENCE}
    if _REFERENCE not in node:
        return rest
    return _inlined(definitions[node[_REFERENCE].rpartition("/")[2]], definitions) | rest
