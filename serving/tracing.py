"""OpenTelemetry traces of requests and of the stages of an answer; nothing of it is imported unless asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import time_ns
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import StartError
from serving.metrics import Stage

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

SERVICE_NAME = "shop-api"


@dataclass(frozen=True)
class TracedStage:
    """A stage that is a span too, below that of the request; where requests share a read, of the first of them."""

    stage: Stage
    name: str
    tracer: "Tracer"

    def observe(self, amount: float) -> None:
        """See Stage."""
        self.stage.observe(amount)
        ended = time_ns()
        self.tracer.start_span(self.name, start_time=ended - int(amount * 1e9)).end(ended)


class Traces:
    """ASGI middleware: a span per request, in the trace that the client says it belongs to (W3C ``traceparent``)."""

    def __init__(self, app: ASGIApp, tracer: "Tracer") -> None:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - see the module
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._app = app
        self._tracer = tracer
        self._kind = SpanKind.SERVER
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, within a span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        above = self._propagator.extract(carrier)
        with self._tracer.start_as_current_span(scope["method"], above, self._kind) as span:
            scope.setdefault("state", {})["trace_id"] = format(span.get_span_context().trace_id, "032x")
            await self._answered(span, scope, receive, send)

    async def _answered(self, span: Any, scope: Scope, receive: Receive, send: Send) -> None:
        responding = None

        async def observed(message: Message) -> None:
            nonlocal responding
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                responding = self._tracer.start_span("respond")
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            if responding is not None:
                responding.end()
            if named := scope["state"].get("request_id"):
                span.set_attribute("shop.request_id", named)
            if route := getattr(scope.get("route"), "path", None):
                span.set_attribute("http.route", route)
                span.update_name(f"{scope['method']} {route}")


@contextmanager
def exporting(endpoint: str) -> Iterator["Tracer"]:
    """A tracer whose spans go to a collector (OTLP over HTTP), in batches, from a thread of their own.

    Raises:
        StartError: if what traces need is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - see the module
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise StartError(
            f"SHOP_API_TRACES_ENDPOINT is set, and {error.name} is not installed: pip install 'feast-shop[tracing]'"
        ) from error
    with tracing(OTLPSpanExporter(endpoint=endpoint)) as tracer:
        yield tracer


@contextmanager
def tracing(exporter: "SpanExporter") -> Iterator["Tracer"]:
    """A tracer whose spans go to ``exporter``; at the end those that wait are sent."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see the module
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": SERVICE_NAME}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider.get_tracer("serving")
    finally:
        provider.shutdown()
