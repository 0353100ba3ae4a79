"""A shop with several versions of its models, and clients that never stop asking."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx

from artefact import set_champion, version_path
from tests.api_process import RunningApi
from tests.serving_shop import ServingShop, card_of
from tests.small_models import save_candidates, save_model

CLIENTS = 6
ORDER = {"user_id": "user_0001", "product_id": "prod_0002", "transaction_amount": 20.0}


def versioned(shop: ServingShop, folder: Path) -> ServingShop:
    """The shop with models of its own: v1 in use, v2 and v3 beside; the newer, the more trees.

    The lists of the recommendation's versions begin at different products.
    """
    own = replace(shop, models=folder / "models")
    store = own.store()
    for name in ("fraud", "recommendation"):
        for place, version in enumerate(("v1", "v2", "v3")):
            save_model(card_of(store, name, version), own.models, trees=5 + 5 * place)
            if name == "recommendation":
                products = [*own.products[5 * place :], *own.products[: 5 * place]]
                save_candidates(products, version_path(own.models, name, version))
        set_champion(own.models, name, "v1")
    return own


def command(shop: ServingShop, module: str, *arguments: str) -> str:
    """A program of the platform over the shop's models; what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=kept | {"SHOP_DATA_DIR": str(shop.models.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Heard:
    """What clients were answered.

    Attributes:
        failures: Statuses other than 200, and connections that broke.
        predictions: ``model_version`` and both scores of each prediction, and how it was asked.
        lists: ``model_version`` and products of each list of recommendations.
    """

    failures: list[str] = field(default_factory=list)
    predictions: list[tuple[str, float, float, str]] = field(default_factory=list)
    lists: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def versions(self) -> set[str]:
        """Of the predictions."""
        return {version for version, *_ in self.predictions}

    def answers(self) -> int:
        """How many so far."""
        return len(self.predictions) + len(self.lists)


@contextmanager
def asking(api: RunningApi) -> Iterator[Heard]:
    """Clients that ask for one order, for many and for lists, each as fast as it is answered."""
    heard, end = Heard(), Event()
    clients = [Thread(target=_ask_on, args=(api, heard, end, i)) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield heard
    finally:
        end.set()
        for client in clients:
            client.join()


def _ask_on(api: RunningApi, heard: Heard, end: Event, first: int) -> None:
    kinds = cycle((_one, _many, _list)[first % 3 :] + (_one, _many, _list)[: first % 3])
    with httpx.Client(base_url=api.url, timeout=10) as client:
        while not end.is_set():
            try:
                next(kinds)(client, heard)
            except (httpx.HTTPError, AssertionError) as error:
                heard.failures.append(repr(error))


def _said(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return answer.json()


def _one(client: httpx.Client, heard: Heard) -> None:
    heard.predictions.append(_scores(_said(client.post("/predict", json=ORDER)), "one"))


def _many(client: httpx.Client, heard: Heard) -> None:
    said = _said(client.post("/predict/batch", json={"orders": [ORDER] * 20}))
    heard.predictions += [_scores(one, "many") for one in said["predictions"]]
    assert len({one["model_version"] for one in said["predictions"]}) == 1, "a batch of two sets"


def _list(client: httpx.Client, heard: Heard) -> None:
    said = _said(client.get("/recommendations/nobody?k=50"))
    heard.lists.append((said["model_version"], _products(said["recommendations"])))


def _scores(said: dict[str, Any], how: str) -> tuple[str, float, float, str]:
    return said["model_version"], said["fraud_probability"], said["recommendation_score"], how


def _products(recommendations: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(one["product_id"] for one in recommendations))
