"""Stands before every route: who asks, may they, and not too often. Hot path."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access.authentication import Authentication, of_this_machine
from serving.access.buckets import Decision
from serving.access.limiter import Limiter
from serving.access.policy import OPEN, OPEN_ON_LOOPBACK, needed
from serving.access.principals import Principal
from serving.errors import AccessError, ForbiddenError, StartError, TooManyRequestsError, UnauthenticatedError


class AccessMetrics:
    """Counts who was let through."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions = Counter(
            "shop_api_access",
            "Requests to guarded routes: allowed, unauthenticated, forbidden, limited.",
            ["outcome"],
            registry=registry,
        )
        outcomes = ("allowed", "unauthenticated", "forbidden", "limited")
        self.counted = {outcome: self._decisions.labels(outcome) for outcome in outcomes}


@dataclass(frozen=True)
class Guard:
    """What is asked of every request.

    Attributes:
        authentication: Who sent it.
        limiter: How often each may ask; None for no limit.
        metrics: Where outcomes are counted.
    """

    authentication: Authentication
    limiter: Limiter | None
    metrics: AccessMetrics

    def protect(self, app: FastAPI) -> None:
        """Stand before every route that ``app`` has; the documents of the API stay open.

        Raises:
            StartError: if there is a route that cannot be guarded.
        """
        documents = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}
        for route in app.routes:
            if isinstance(route, APIRoute):
                route.app = self.before(route.app, route.path)
            elif getattr(route, "path", None) not in documents:
                raise StartError(
                    f"nothing can stand before {_name(route)}; add it with FastAPI's own decorators"
                )

    def before(self, inner: ASGIApp, route: str) -> ASGIApp:
        """``inner``, asked only by those who may."""
        scope_needed, on_loopback = needed(route), route in OPEN_ON_LOOPBACK
        if scope_needed == OPEN:
            return inner

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            headers, client = Headers(scope=scope), (scope.get("client") or ("",))[0]
            if on_loopback and of_this_machine(headers, client):
                await inner(scope, receive, send)
                return
            decision = await self._counted(scope["state"], headers, client, scope_needed)
            answer = send if decision is None else with_rate(send, decision)
            await inner(scope, receive, answer)

        return guarded

    async def _counted(
        self, state: MutableMapping[str, Any], headers: Headers, client: str, scope_needed: str
    ) -> Decision | None:
        try:
            decision = await self._let_through(state, headers, client, scope_needed)
        except AccessError as error:
            self.metrics.counted[_OUTCOMES[type(error)]].inc()
            raise
        self.metrics.counted["allowed"].inc()
        return decision

    async def _let_through(
        self, state: MutableMapping[str, Any], headers: Headers, client: str, scope_needed: str
    ) -> Decision | None:
        principal = await self.authentication.principal(headers, client)
        state["principal"] = principal.id
        # Refusals are limited as well: a key without the scope must not ask without end.
        decision = await self._limited(principal)
        if not principal.may(scope_needed):
            raise ForbiddenError(
                f"{principal.id} has no scope {scope_needed!r}, which this route needs",
                {
                    "WWW-Authenticate": f'Bearer realm="shop", error="insufficient_scope", scope="{scope_needed}"'
                },
            )
        return decision

    async def _limited(self, principal: Principal) -> Decision | None:
        if self.limiter is None:
            return None
        decision = await self.limiter.take(principal.id)
        if not decision.allowed:
            raise TooManyRequestsError(
                f"{principal.id} may ask {decision.rate.per_second:g} times a second, {decision.rate.burst} at once",
                decision.headers,
            )
        return decision


_OUTCOMES = {
    UnauthenticatedError: "unauthenticated",
    ForbiddenError: "forbidden",
    TooManyRequestsError: "limited",
}


def with_rate(send: Send, decision: Decision) -> Send:
    """Sends answers that tell the client of its bucket."""
    said = [(name.lower().encode(), value.encode()) for name, value in decision.headers.items()]

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *said]
        await send(message)

    return told


def _name(route: BaseRoute) -> str:
    return f"{type(route).__name__} {getattr(route, 'path', '')}"
