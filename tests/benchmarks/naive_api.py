"""The peer of the API benchmark: what one writes first. FastAPI, Feast's own Redis store, scikit-learn per request.

``python -m tests.benchmarks.naive_api FOLDER_OF_THE_REPO FOLDER_OF_THE_MODELS PORT``
"""

import pickle
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from feast import FeatureStore
from pydantic import BaseModel

from artefact import Card, champion_path, encode_rows, load_card
from serving.requests import UNKNOWN_DEVICE
from tests.serving_shop import SERVICES, STOCK_YAML

ESTIMATOR_FILE = "estimator.pickle"


class Order(BaseModel):
    user_id: str
    product_id: str
    transaction_amount: float
    context: dict[str, Any] = {}


def create_app(repo: Path, models: Path) -> FastAPI:
    """Two feature services, two models, one route."""
    store = FeatureStore(repo_path=str(repo), fs_yaml_file=repo / STOCK_YAML)
    services = {name: store.get_feature_service(service) for name, service in SERVICES.items()}
    loaded = {name: _load(champion_path(models, name)) for name in SERVICES}
    app = FastAPI()

    @app.post("/predict")
    async def predict(order: Order) -> dict[str, Any]:
        started = time.perf_counter()
        scores = {}
        for name, (card, estimator) in loaded.items():
            answer = await store.get_online_features_async(features=services[name], entity_rows=[_row(order)])
            scores[name] = float(estimator.predict_proba(encode_rows(card, answer.to_dict()))[0, 1])
        thresholds = loaded["fraud"][0].thresholds
        assert thresholds is not None
        return {
            "user_id": order.user_id,
            "fraud_probability": scores["fraud"],
            "recommendation_score": scores["recommendation"],
            "risk_level": thresholds.level(scores["fraud"]),
            "inference_time_ms": (time.perf_counter() - started) * 1000,
            "model_version": "v1",
        }

    return app


def _load(folder: Path) -> tuple[Card, Any]:
    return load_card(folder), pickle.loads((folder / ESTIMATOR_FILE).read_bytes())  # noqa: S301 - ours


def _row(order: Order) -> dict[str, Any]:
    device = order.context.get("device_id") or UNKNOWN_DEVICE
    return {
        "user_id": order.user_id,
        "product_id": order.product_id,
        "device_id": device,
        "transaction_amount": order.transaction_amount,
        "request_seconds": int(time.time()),
        "request_device_id": device,
    }


if __name__ == "__main__":
    uvicorn.run(
        create_app(Path(sys.argv[1]), Path(sys.argv[2])),
        port=int(sys.argv[3]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
    )
