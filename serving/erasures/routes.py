"""The HTTP edge of erasures."""

from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Path, Response

from serving import document
from serving.erasures.desk import ErasureDesk
from serving.erasures.receipts import PLACES, ErasureReceipt

UserId = Annotated[str, Path(min_length=1, max_length=64, examples=["user_0123"])]
ReceiptId = Annotated[str, Path(min_length=1, max_length=64, examples=["1f0c9a52d7b84e6b9c0de1a2b3c4d5e6"])]

RECEIPT: dict[str, Any] = {
    "receipt": "1f0c9a52d7b84e6b9c0de1a2b3c4d5e6",
    "person": {
        "salt": "6b1f3ad2c4e85970ab13cd24ef356810",
        "hash": "c1a0d6a3f6f2f4f6f4e3bb0e2b1c7d5a9e8f70615243342516070809fafbfcfd",
    },
    "requested": "2026-03-01T08:00:00+00:00",
    "state": "requested",
    "places": {
        place: {"state": "waiting", "removed": 0, "of": what, "at": None, "reason": ""}
        for place, what in PLACES.items()
    },
    "remains": [{"place": "topic orders", "until": "2026-03-08T08:00:00+00:00"}],
    "finished": None,
}


def add_erasures(app: FastAPI, desk: ErasureDesk) -> None:
    """Add both routes; neither is in the table of scopes, so they need that of administrators."""

    @app.delete(
        "/users/{user_id}",
        summary="Erase a person: features, windows, events, predictions",
        status_code=202,
        response_model=ErasureReceipt,
        responses=_accepted() | document.problems(422, 503),
    )
    async def erase(user_id: UserId) -> Response:
        receipt = await desk.erase(user_id)
        return _json(receipt, 202, {"Location": f"/erasures/{receipt['receipt']}"})

    @app.get(
        "/erasures/{receipt}",
        summary="How far an erasure is, place by place",
        response_model=ErasureReceipt,
        responses=document.answer(RECEIPT) | document.problems(404, 422, 503),
    )
    async def erasure(receipt: ReceiptId) -> Response:
        return _json(await desk.receipt(receipt), 200, {})


def _accepted() -> dict[int | str, dict[str, Any]]:
    location = {"description": "Of the receipt.", "required": True, "schema": {"type": "string"}}
    return {202: document.json_answer(RECEIPT, "Asked for") | {"headers": {"Location": location}}}


def _json(answer: Any, status: int, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(answer), status, headers, media_type="application/json")
