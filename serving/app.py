"""The HTTP edge: translates requests into questions and answers into responses, decides nothing."""

from typing import Annotated, Any, Final

import msgspec
import orjson
from fastapi import FastAPI, Path, Query, Request, Response
from pydantic import BaseModel

from serving import document, examples, flags, metrics, problems
from serving.body import JSON, json_body
from serving.catalogue import Models, sheets
from serving.dataplane import Predictor
from serving.direct import DirectRoute
from serving.health import Health, HealthMonitor, Readiness
from serving.instruments import Instruments
from serving.metrics import Metrics
from serving.replies import Prediction, Predictions, Recommendations
from serving.request_ids import RequestIds, request_id
from serving.requests import BatchRequest, PredictionRequest, parse_batch, parse_prediction
from serving.schemas import inlined

_ENCODER: Final = msgspec.json.Encoder()
UserId = Annotated[str, Path(min_length=1, max_length=64, examples=["user_0123"])]


def create_app(
    *,
    predictor: Predictor,
    monitor: HealthMonitor,
    metrics: Metrics,
    body_max_bytes: int,
    batch_body_max_bytes: int,
    recommendations_default: int,
    recommendations_max: int,
) -> FastAPI:
    """Compose the routes around what answers them."""
    app = FastAPI(
        title="Shop predictions",
        version="1",
        description="Fraud probability, recommendation score and recommendations from live features.",
        # Requests are traced and counted by our own middleware; looking for another one costs each of them.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    problems.install(app)
    document.install(app)
    app.add_middleware(Instruments, metrics=metrics)
    app.add_middleware(RequestIds)
    _add_prediction(app, predictor, body_max_bytes)
    _add_batch(app, predictor, batch_body_max_bytes)
    _add_recommendations(app, predictor, recommendations_default, recommendations_max)
    _add_models(app, predictor)
    _add_probes(app, predictor, monitor)
    _add_metrics(app, metrics)
    # Routes are tried one after the other: those that are asked most come first.
    app.router.routes.sort(key=lambda route: not isinstance(route, DirectRoute))
    return app


def _add_prediction(app: FastAPI, predictor: Predictor, body_max_bytes: int) -> None:
    async def predict(request: Request) -> Response:
        explained = flags.is_set(request, flags.EXPLAIN)
        question = parse_prediction(await json_body(request, body_max_bytes), predictor.now())
        return _quickly(await predictor.predict(question, request_id(request.scope), explained=explained))

    app.router.add_api_route(
        "/predict",
        predict,
        methods=["POST"],
        summary="Is this order fraud, and does the product suit the customer?",
        response_model=Prediction,
        responses=document.answer(examples.PREDICTION) | document.problems(400, 413, 415, 422, 503),
        openapi_extra=_body(PredictionRequest) | {"parameters": [flags.EXPLAIN]},
        route_class_override=DirectRoute,
    )


def _add_batch(app: FastAPI, predictor: Predictor, body_max_bytes: int) -> None:
    async def predict_batch(request: Request) -> Response:
        questions = parse_batch(await json_body(request, body_max_bytes), predictor.now())
        return _quickly(await predictor.predict_all(questions, request_id(request.scope)))

    app.router.add_api_route(
        "/predict/batch",
        predict_batch,
        methods=["POST"],
        summary="The same for up to 1,000 orders, answered in their order",
        response_model=Predictions,
        responses=document.answer(examples.PREDICTIONS) | document.problems(400, 413, 415, 422, 503),
        openapi_extra=_body(BatchRequest),
        route_class_override=DirectRoute,
    )


def _add_recommendations(app: FastAPI, predictor: Predictor, default: int, most: int) -> None:
    @app.get(
        "/recommendations/{user_id}",
        summary="Products that this customer most likely orders",
        response_model=Recommendations,
        responses=document.answer(examples.RECOMMENDATIONS) | document.problems(422, 503),
    )
    async def recommendations(
        request: Request,
        user_id: UserId,
        k: Annotated[int, Query(ge=1, le=most, description="How many products.")] = default,
    ) -> Response:
        return _quickly(await predictor.recommend(user_id, k, request_id(request.scope)))


def _add_models(app: FastAPI, predictor: Predictor) -> None:
    @app.get(
        "/models",
        summary="Which models are loaded, what they were trained on and how good they are",
        response_model=Models,
        responses=document.answer(examples.MODELS),
    )
    def models(request: Request) -> Response:
        return _json(sheets(predictor.models, request_id(request.scope)))


def _add_probes(app: FastAPI, predictor: Predictor, monitor: HealthMonitor) -> None:
    @app.get(
        "/health",
        summary="Is the process alive, and what is loaded?",
        response_model=Health,
        responses=document.answer(examples.HEALTH),
    )
    async def health() -> Response:
        return _json(monitor.health(predictor.now()))

    @app.get(
        "/ready",
        summary="Can it answer? Each dependency by name",
        response_model=Readiness,
        responses=document.answer(examples.READY)
        | {503: document.json_answer(examples.NOT_READY, "Not ready") | {"model": Readiness}},
    )
    async def ready() -> Response:
        readiness = await monitor.ready()
        return _json(readiness, 200 if readiness.ready else 503)


def _add_metrics(app: FastAPI, counted: Metrics) -> None:
    @app.get(
        "/metrics",
        summary="Figures in Prometheus' text format",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": examples.METRICS}}}
        },
    )
    async def exposition() -> Response:
        return Response(await counted.expose(), media_type=metrics.CONTENT_TYPE)


def _body(schema: type[BaseModel]) -> dict[str, Any]:
    """Described rather than declared: bodies are read by hand, with a bound."""
    content = {JSON: {"schema": inlined(schema)}}
    return {"requestBody": {"required": True, "content": content}}


def _json(answer: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(answer), status, media_type=JSON)


def _quickly(answer: Prediction | Predictions | Recommendations) -> Response:
    """As ``_json``, in a third of the time: these have hundreds of small objects with slots."""
    return Response(_ENCODER.encode(answer), media_type=JSON)
