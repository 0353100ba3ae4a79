import asyncio
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serving.batching import Batcher
from serving.errors import StartError
from serving.metrics import Metrics
from serving.request_ids import RequestIds
from serving.tracing import TracedStage, Traces, exporting, tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def spans(*asked: dict[str, str], at_once: bool = False) -> list[ReadableSpan]:
    """Of requests with these headers to an application that reads and scores in batches."""
    exporter, metrics = InMemorySpanExporter(), Metrics()

    async def answer_all(questions: list[int]) -> list[int]:
        await asyncio.sleep(0.01)
        for name in ("features", "score"):
            metrics.stage[name].observe(0.001)
        return questions

    async def ask(app: FastAPI) -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            requests = [client.get("/ask/1", headers=headers) for headers in asked]
            if at_once:
                await asyncio.gather(*requests)
            else:
                for request in requests:
                    await request

    with tracing(exporter) as tracer:
        metrics.stage |= {name: TracedStage(stage, name, tracer) for name, stage in metrics.stage.items()}
        app, batcher = FastAPI(), Batcher(answer_all, 1)
        app.add_middleware(RequestIds)
        app.add_middleware(Traces, tracer=tracer)

        @app.get("/ask/{number}")
        async def answered(number: int) -> int:
            return await batcher.ask(number)

        asyncio.run(ask(app))
    return list(exporter.get_finished_spans())


def test_a_request_and_its_stages_are_spans() -> None:
    """Below one another, named by the route."""
    found = {span.name: span for span in spans({"X-Request-ID": "mine"})}
    assert set(found) == {"GET /ask/{number}", "features", "score", "respond"}
    root = found["GET /ask/{number}"]
    assert root.attributes
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["shop.request_id"] == "mine"
    for name in ("features", "score", "respond"):
        parent = found[name].parent
        assert parent
        assert root.context
        assert parent.span_id == root.context.span_id
    stage = found["features"]
    assert stage.end_time
    assert stage.start_time
    assert stage.end_time - stage.start_time == 1_000_000


def test_the_trace_of_the_client_is_taken_over() -> None:
    """W3C traceparent; one that is no such thing is left alone."""
    good, bad = ({"traceparent": f"00-{TRACE}-{PARENT}-01"}, {"traceparent": "nonsense"})
    traces = {format(span.context.trace_id, "032x") for span in spans(good) if span.context}
    assert traces == {TRACE}
    roots = [span for span in spans(bad) if span.name.startswith("GET")]
    assert [span.parent for span in roots] == [None]


def test_batches_behind_one_another_belong_each_to_a_request_of_their_own() -> None:
    """Three at once, one in each batch: three traces with one read each."""
    found = spans({}, {}, {}, at_once=True)
    reads = [span.context.trace_id for span in found if span.name == "features" and span.context]
    assert len(set(reads)) == len(reads) == 3


def test_traces_that_are_asked_for_and_not_installed_prevent_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what to install."""
    absent: dict[str, Any] = {"opentelemetry.exporter.otlp.proto.http.trace_exporter": None}
    for name, module in absent.items():
        monkeypatch.setitem(sys.modules, name, module)
    with (
        pytest.raises(StartError, match=r"SHOP_API_TRACES_ENDPOINT is set.*feast-shop\[tracing\]"),
        exporting("http://x"),
    ):
        pass


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Something that takes traces over HTTP; its address, and what came."""
    taken: list[bytes] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
        server.shutdown()
        thread.join()


def test_what_waits_is_sent_to_the_collector_at_the_end(collector: tuple[str, list[bytes]]) -> None:
    """As OTLP over HTTP, with the name of the service."""
    endpoint, taken = collector
    with exporting(endpoint) as tracer:
        tracer.start_span("a span of its own").end()
    (sent,) = taken
    assert b"a span of its own" in sent
    assert b"shop-api" in sent
