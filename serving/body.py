"""Reads bodies: JSON, and not more of it than is allowed. Hot path."""

from fastapi import Request

from serving.errors import BodyTooLargeError, UnsupportedMediaTypeError

JSON = "application/json"


async def json_body(request: Request, most: int) -> bytes:
    """The whole body, which may be anything still.

    Raises:
        UnsupportedMediaTypeError: if it is said to be something else than JSON.
        BodyTooLargeError: as soon as there are more than ``most`` bytes.
    """
    given = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if given != JSON and not given.endswith("+json"):
        raise UnsupportedMediaTypeError(f"the content type is {given!r}; send {JSON}")
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > most:
            raise BodyTooLargeError(f"the body is larger than {most} bytes")
    return bytes(parts)
