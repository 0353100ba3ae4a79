"""The HTTP edge: translates requests into questions and answers into responses, decides nothing."""

from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Path, Query, Request, Response

from serving import metrics, problems
from serving.dataplane import Predictor
from serving.errors import BodyTooLargeError
from serving.health import Health, HealthMonitor, Readiness
from serving.instruments import Instruments
from serving.metrics import Metrics
from serving.replies import Prediction, Recommendations
from serving.request_ids import RequestIds, request_id
from serving.requests import PredictionRequest, parse_prediction

_JSON = "application/json"
UserId = Annotated[str, Path(min_length=1, max_length=64, examples=["user_0123"])]


def create_app(
    *,
    predictor: Predictor,
    monitor: HealthMonitor,
    metrics: Metrics,
    body_max_bytes: int,
    recommendations_default: int,
    recommendations_max: int,
) -> FastAPI:
    """Compose the routes around what answers them."""
    app = FastAPI(
        title="Shop predictions",
        version="1",
        description="Fraud probability, recommendation score and recommendations from live features.",
    )
    problems.install(app)
    app.add_middleware(Instruments, metrics=metrics)
    app.add_middleware(RequestIds)
    _add_predictions(app, predictor, body_max_bytes)
    _add_recommendations(app, predictor, recommendations_default, recommendations_max)
    _add_probes(app, predictor, monitor)
    _add_metrics(app, metrics)
    return app


def _add_predictions(app: FastAPI, predictor: Predictor, body_max_bytes: int) -> None:
    body = {"required": True, "content": {_JSON: {"schema": PredictionRequest.model_json_schema()}}}

    @app.post(
        "/predict",
        summary="Is this order fraud, and does the product suit the customer?",
        response_model=Prediction,
        responses=problems.responses(400, 413, 422, 503),
        openapi_extra={"requestBody": body},
    )
    async def predict(request: Request) -> Response:
        question = parse_prediction(await _body(request, body_max_bytes), predictor.now())
        return _json(await predictor.predict(question, request_id(request.scope)))


def _add_recommendations(app: FastAPI, predictor: Predictor, default: int, most: int) -> None:
    @app.get(
        "/recommendations/{user_id}",
        summary="Products that this customer most likely orders",
        response_model=Recommendations,
        responses=problems.responses(422, 503),
    )
    async def recommendations(
        request: Request,
        user_id: UserId,
        k: Annotated[int, Query(ge=1, le=most, description="How many products.")] = default,
    ) -> Response:
        return _json(await predictor.recommend(user_id, k, request_id(request.scope)))


def _add_probes(app: FastAPI, predictor: Predictor, monitor: HealthMonitor) -> None:
    @app.get("/health", summary="Is the process alive, and what is loaded?", response_model=Health)
    async def health() -> Response:
        return _json(monitor.health(predictor.now()))

    @app.get(
        "/ready",
        summary="Can it answer? Each dependency by name",
        response_model=Readiness,
        responses={503: {"model": Readiness}},
    )
    async def ready() -> Response:
        readiness = await monitor.ready()
        return _json(readiness, 200 if readiness.ready else 503)


def _add_metrics(app: FastAPI, counted: Metrics) -> None:
    @app.get("/metrics", summary="Figures in Prometheus' text format", response_class=Response)
    async def exposition() -> Response:
        return Response(counted.exposition(), media_type=metrics.CONTENT_TYPE)


async def _body(request: Request, most: int) -> bytes:
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > most:
            raise BodyTooLargeError(f"the body is larger than {most} bytes")
    return bytes(parts)


def _json(answer: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(answer), status, media_type=_JSON)
