"""What can go wrong, each with its HTTP status.

ServingError
  BadRequestError               400  the body cannot be read
  UnauthenticatedError          401  nobody knows who asks
  ForbiddenError                403  known, but may not
  InvalidRequestError           422  a field is missing or wrong
  BodyTooLargeError             413
  UnsupportedMediaTypeError     415  the body is not said to be JSON
  TooManyRequestsError          429  more often than agreed
  OverloadedError               503  more questions at once than are answered
  FeaturesUnavailableError      503  the online store is away or slow
  ErasureUnknownError           404  nothing is known of an erasure of this id
  ErasuresUnavailableError      503  Kafka has not taken the request, or is not known
  StartError                    the API cannot start: never reaches a client
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
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
    headers: Mapping[str, str] = MappingProxyType({})
    """Of the answer; an error may have its own."""

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


class UnsupportedMediaTypeError(ServingError):
    """The body is said to be something else than JSON."""

    status = 415
    title = "The body has to be JSON"


class OverloadedError(ServingError):
    """More questions at once than are answered."""

    status = 503
    title = "Too many questions at once"
    headers = MappingProxyType({"Retry-After": "1"})


class AccessError(ServingError):
    """Somebody is not let through; the answer's headers say what would help."""

    def __init__(self, detail: str, headers: Mapping[str, str]) -> None:
        super().__init__(detail)
        self.headers = headers


class UnauthenticatedError(AccessError):
    """Nobody knows who asks."""

    status = 401
    title = "Say who you are"


class ForbiddenError(AccessError):
    """Who asks is known, and may not."""

    status = 403
    title = "That is not allowed"


class TooManyRequestsError(AccessError):
    """More often than agreed."""

    status = 429
    title = "Too many requests"


class FeaturesUnavailableError(ServingError):
    """The online store is away or slow."""

    status = 503
    title = "The online store does not answer"
    headers = MappingProxyType({"Retry-After": "1"})


class ErasureUnknownError(ServingError):
    """Nothing is known of an erasure of this id."""

    status = 404
    title = "There is no such erasure"


class ErasuresUnavailableError(ServingError):
    """Kafka has not taken the request, or is not known: nothing is promised."""

    status = 503
    title = "Erasures cannot be asked for now"
    headers = MappingProxyType({"Retry-After": "5"})


class StartError(ServingError):
    """The API cannot start; the message says what is missing and how to get it."""

    title = "The API cannot start"
