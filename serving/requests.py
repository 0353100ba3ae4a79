"""What a client may ask, and how wrong requests are told what is wrong."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from serving.errors import BadRequestError, FieldError, InvalidRequestError

Identifier = Annotated[str, Field(min_length=1, max_length=64)]

EARLIEST_TIME = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(hours=1)
"""How far ahead of our clock a request's time may lie."""
_VALUE_CHARACTERS = 100
_ERRORS_TOLD = 100
"""Of a batch of a thousand wrong orders not all are listed."""
Body = TypeVar("Body", bound=BaseModel)
_EXACT = 2**53
"""Below it JSON has integers everywhere; larger ones are told as text."""
UNKNOWN_DEVICE = "unknown"
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)

BATCH_MAX = 1000
"""Most orders in one request."""

EXAMPLE: dict[str, Any] = {
    "user_id": "user_0123",
    "product_id": "prod_456",
    "transaction_amount": 299.99,
    "context": {"session_id": "sess_789"},
}


def _rfc_3339(value: Any) -> Any:
    """Pydantic itself takes texts of Unix seconds and other forms for times as well."""
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        return value
    raise PydanticCustomError("rfc_3339", "must be a text as RFC 3339 has it, such as 2026-03-01T12:00:00Z")


Time = Annotated[AwareDatetime, Strict(strict=False), BeforeValidator(_rfc_3339)]


class Context(BaseModel):
    """Circumstances of the request; other fields may be added freely."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, use_attribute_docstrings=True)

    session_id: str | None = Field(default=None, max_length=64)
    """The visit that the order belongs to."""
    device_id: Identifier | None = None
    """Browser or phone; without it the device counts as one never seen."""
    time: Time | None = None
    """When the order is placed, RFC 3339 with zone, from the year 2000 to an hour from now; by default now."""


class PredictionRequest(BaseModel):
    """An order that somebody is about to place."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [EXAMPLE]},
    )

    user_id: Identifier
    product_id: Identifier
    transaction_amount: float = Field(gt=0, le=1_000_000)
    """In the shop's currency."""
    context: Context = Context()

    def entity_row(self, now: datetime) -> dict[str, Any]:
        """Join keys and request columns as Feast asks for them."""
        device, time = self.context.device_id or UNKNOWN_DEVICE, self.context.time or now
        return {
            "user_id": self.user_id,
            "product_id": self.product_id,
            "device_id": device,
            "transaction_amount": self.transaction_amount,
            "request_seconds": int(time.timestamp()),
            "request_device_id": device,
        }


class BatchRequest(BaseModel):
    """Orders that are judged together."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"orders": [EXAMPLE, EXAMPLE | {"transaction_amount": 12.5}]}]},
    )

    orders: list[PredictionRequest] = Field(min_length=1, max_length=BATCH_MAX)
    """Answered in this order."""


def parse_prediction(body: bytes, now: datetime) -> PredictionRequest:
    """Read the body of ``POST /predict``.

    Args:
        body: JSON.
        now: Aware; times far ahead of it are refused.

    Raises:
        BadRequestError: if the body is not JSON.
        InvalidRequestError: if a field is missing or wrong; every such field is named with its value.
    """
    request = _parsed(PredictionRequest, body)
    if wrong := _wrong_time(request, now):
        raise invalid([FieldError("context.time", *wrong)])
    return request


def parse_batch(body: bytes, now: datetime) -> list[PredictionRequest]:
    """Read the body of ``POST /predict/batch``: all of it or nothing.

    Args:
        body: JSON.
        now: Aware; times far ahead of it are refused.

    Raises:
        BadRequestError: if the body is not JSON.
        InvalidRequestError: naming every wrong field as ``orders.<index>.<field>``.
    """
    orders = _parsed(BatchRequest, body).orders
    wrong = [
        FieldError(f"orders.{i}.context.time", *found)
        for i, order in enumerate(orders)
        if (found := _wrong_time(order, now))
    ]
    if wrong:
        raise invalid(wrong)
    return orders


def field_errors(errors: Sequence[ErrorDetails], *, skip: int = 0) -> list[FieldError]:
    """Pydantic's errors as fields, values and messages; ``skip`` parts of each path are left out."""
    return [
        FieldError(".".join(str(part) for part in e["loc"][skip:]) or "body", _printable(e), e["msg"])
        for e in errors[:_ERRORS_TOLD]
    ]


def invalid(fields: Sequence[FieldError]) -> InvalidRequestError:
    """The error that says which fields are wrong."""
    told = "; ".join(
        f"{f.field}: {f.message}" + ("" if f.value is None else f" (it is {f.value!r})") for f in fields
    )
    return InvalidRequestError(told, fields)


def _refusal(error: ValidationError) -> BadRequestError | InvalidRequestError:
    errors = error.errors(include_url=False, include_context=False)
    if errors[0]["type"] == "json_invalid":
        return BadRequestError(f"the body is not JSON: {errors[0]['msg'].removeprefix('Invalid JSON: ')}")
    return invalid(field_errors(errors))


def _parsed(schema: type[Body], body: bytes) -> Body:
    if not body.strip():
        raise BadRequestError("the body is empty; send a JSON object as in the example of /docs")
    try:
        return schema.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from error


def _wrong_time(request: PredictionRequest, now: datetime) -> tuple[str, str] | None:
    """The time of an order and what is wrong with it; None where nothing is."""
    time = request.context.time
    if time is None or EARLIEST_TIME <= time <= now + CLOCK_SKEW:
        return None
    bounds = f"must lie between {EARLIEST_TIME.isoformat()} and an hour from now ({now.isoformat()})"
    return time.isoformat(), bounds


def _printable(error: ErrorDetails) -> Any:
    """The value given, short and as JSON can say it; None for a missing field."""
    value = error["input"]
    if error["type"] == "missing" or value is None:
        return None
    if isinstance(value, int) and abs(value) < _EXACT:
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _VALUE_CHARACTERS else text[:_VALUE_CHARACTERS] + "…"
