"""Routes, receipts and what a process knows, without a broker."""

import asyncio
from dataclasses import asdict
from threading import Timer

import httpx
import orjson
from fastapi import FastAPI
from pydantic import TypeAdapter

from connections.kafka import Kafka
from infra.services.ports import LOOPBACK, free_port
from serving import problems
from serving.access.policy import needed
from serving.access.principals import ADMIN
from serving.erasures.desk import ErasureDesk
from serving.erasures.known import KnownErasures
from serving.erasures.receipts import ErasureReceipt, ErasureRequest
from serving.erasures.routes import RECEIPT, add_erasures
from serving.erasures.topics import ErasureTopics
from serving.request_ids import RequestIds

NOW_US = 1_772_352_000_000_000


class Office:
    """The routes over no broker, or over one that does not answer."""

    def __init__(self, *, knows_broker: bool) -> None:
        self.erased: list[str] = []
        self.known = KnownErasures(self.erased.append)
        address = f"{LOOPBACK}:{free_port()}"
        self.topics = (
            ErasureTopics(Kafka(address), "requests", "receipts", 0.2, self.known) if knows_broker else None
        )
        desk = ErasureDesk(self.topics, self.known, self._erase, self.erased.append, lambda: NOW_US)
        self.app = FastAPI()
        problems.install(self.app)
        self.app.add_middleware(RequestIds)
        add_erasures(self.app, desk)

    def _erase(self, user_id: str) -> int:
        self.erased.append(user_id)
        return 1

    def ask(self, method: str, path: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path)

        return asyncio.run(asked())


def told(request: ErasureRequest, state: str) -> bytes:
    return orjson.dumps(request.receipt_json() | {"state": state})


def test_without_a_broker_nothing_is_promised() -> None:
    """503 with the way out, and nobody is erased."""
    office = Office(knows_broker=False)
    for method, path in (("DELETE", "/users/ann"), ("GET", "/erasures/r1")):
        answer = office.ask(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (503, problems.CONTENT_TYPE)
        assert "SHOP_KAFKA_BOOTSTRAP" in answer.json()["detail"]
    assert office.erased == []


def test_a_broker_that_does_not_answer_has_taken_nothing() -> None:
    """503, and nobody is erased."""
    office = Office(knows_broker=True)
    answer = office.ask("DELETE", "/users/ann")
    assert (answer.status_code, office.erased) == (503, [])
    assert "nothing is erased" in answer.json()["detail"]
    assert office.ask("GET", "/erasures/r1").status_code == 503


def test_a_receipt_that_another_process_gave_is_waited_for() -> None:
    """Kafka may tell of it a moment after somebody asks."""
    office, request = Office(knows_broker=True), ErasureRequest.of("ann", NOW_US)
    assert office.topics is not None
    office.topics._up_to_date.set()
    later = Timer(0.2, office.known.asked, [orjson.dumps(asdict(request))])
    later.start()
    answer = office.ask("GET", f"/erasures/{request.receipt}")
    later.join()
    assert (answer.status_code, answer.json()) == (200, request.receipt_json())


def test_ids_that_no_person_has_are_refused() -> None:
    """422 with the field."""
    answer = Office(knows_broker=False).ask("DELETE", f"/users/{'x' * 65}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "user_id")


def test_both_routes_need_the_scope_of_administrators() -> None:
    """They are not in the table of scopes."""
    assert {needed("/users/{user_id}"), needed("/erasures/{receipt}")} == {ADMIN}


def test_receipts_and_their_example_are_what_the_document_says() -> None:
    """Both are read as `ErasureReceipt`."""
    receipts = TypeAdapter(ErasureReceipt)
    assert receipts.validate_python(RECEIPT).places["archive"].state == "waiting"
    request = ErasureRequest.of("ann", NOW_US)
    receipt = receipts.validate_python(request.receipt_json())
    assert (receipt.state, receipt.requested.timestamp() * 1e6) == ("requested", NOW_US)
    assert "ann" not in orjson.dumps(request.receipt_json()).decode()


def test_somebody_is_forgotten_with_each_word_about_them_until_it_is_done() -> None:
    """A request, its beginning and its end; after that the id is not known any more."""
    forgotten: list[str] = []
    known, request = KnownErasures(forgotten.append), ErasureRequest.of("ann", NOW_US)
    known.asked(orjson.dumps(asdict(request)))
    assert (known.receipt(request.receipt) or {})["state"] == "requested"
    for state in ("under_way", "done", "done"):
        known.told(request.receipt, told(request, state))
        assert (known.receipt(request.receipt) or {})["state"] == state
    assert forgotten == ["ann"] * 3


def test_what_is_no_request_is_passed_over() -> None:
    """A message of somebody else on the topic."""
    forgotten: list[str] = []
    known = KnownErasures(forgotten.append)
    for message in (None, b"", b"{", b"[]", b'{"user_id": "ann"}'):
        known.asked(message)
    assert (forgotten, known.receipt("r1")) == ([], None)
