"""Headers of every answer that tell browsers and caches to be careful. Hot path."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOTHING_MORE: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
OF_ANSWERS: Final = (*_ALWAYS, _NOTHING_MORE)
"""Of every answer that is no page."""
_TLS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """ASGI middleware.

    Args:
        app: What answers.
        pages: Paths of pages for people, which load scripts and styles: they have no content policy.
        tls: Whether the API speaks TLS itself.
    """

    def __init__(self, app: ASGIApp, pages: frozenset[str], *, tls: bool) -> None:
        self._app = app
        self._pages = pages
        self._of_pages = [*_ALWAYS, *([_TLS_ONLY] if tls else [])]
        self._of_answers = [*self._of_pages, _NOTHING_MORE]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        added = self._of_pages if scope["path"] in self._pages else self._of_answers

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, careful)
