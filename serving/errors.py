"""What can go wrong, each with its HTTP status.

ServingError
  BadRequestError               400  the body cannot be read
  InvalidRequestError           422  a field is missing or wrong
  BodyTooLargeError             413
  FeaturesUnavailableError      503  the online store is away or slow
  StartError                    the API cannot start: never reaches a client
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One field of a request that is wrong.

    Attributes:
        field: Path of the field, such as ``context.time``.
        value: What was given, as JSON can say it; None where nothing was given.
        message: What is wrong with it.
    """

    field: str
    value: Any
    message: str


class ServingError(Exception):
    """Base of all errors of the API; the status of the answer is decided here and nowhere else."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, detail: str, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = tuple(fields)


class BadRequestError(ServingError):
    """The body is not JSON."""

    status = 400
    title = "The body cannot be read"


class InvalidRequestError(ServingError):
    """A field of the request is missing or wrong."""

    status = 422
    title = "The request is not valid"


class BodyTooLargeError(ServingError):
    """The body is larger than the settings allow."""

    status = 413
    title = "The body is too large"


class FeaturesUnavailableError(ServingError):
    """The online store is away or slow."""

    status = 503
    title = "The online store does not answer"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class StartError(ServingError):
    """The API cannot start; the message says what is missing and how to get it."""

    title = "The API cannot start"
