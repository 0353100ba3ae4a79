import asyncio
from typing import Any

from serving.edge.headers import SecurityHeaders


def headers(path: str, *, tls: bool) -> dict[bytes, bytes]:
    """Of an answer."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})

    async def send(message: Any) -> None:
        sent.append(message)

    careful = SecurityHeaders(app, frozenset(["/docs"]), tls=tls)
    asyncio.run(careful({"type": "http", "path": path}, send, send))
    return dict(sent[0]["headers"])


def test_answers_are_not_guessed_kept_or_framed() -> None:
    """And what they had stays."""
    said = headers("/predict", tls=False)
    assert said[b"a"] == b"b"
    assert said[b"x-content-type-options"] == b"nosniff"
    assert said[b"cache-control"] == b"no-store"
    assert said[b"content-security-policy"].startswith(b"default-src 'none'")
    assert b"strict-transport-security" not in said


def test_pages_may_load_their_scripts() -> None:
    """All else holds for them too."""
    said = headers("/docs", tls=False)
    assert b"content-security-policy" not in said
    assert said[b"x-frame-options"] == b"DENY"


def test_with_tls_browsers_are_told_to_stay_with_it() -> None:
    """For a year."""
    assert headers("/predict", tls=True)[b"strict-transport-security"] == b"max-age=31536000"
