"""Versions and experiments change under load, and nobody notices but by better answers."""

import signal
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer
from prometheus_client.parser import text_string_to_metric_families

from artefact import load_card, save_card, set_champion, version_path
from ingestion.predictions.record import Record, read
from serving.arms.assignment import is_challenged
from tests.api_process import RunningApi, running_api, wait_until
from tests.integration.serving.swaps import asking, command, versioned
from tests.services import RunningKafka, RunningRedis
from tests.serving_shop import OUT_OF_STOCK, ServingShop, serving_shop

OFTEN = {"SHOP_MODELS_REFRESH_SECONDS": 0.2}
SELDOM = {"SHOP_MODELS_REFRESH_SECONDS": 3600}


@pytest.fixture
def own_shop(shop: ServingShop, tmp_path: Path) -> ServingShop:
    """With models to change."""
    return versioned(shop, tmp_path)


def in_use(api: RunningApi) -> str:
    version: str = api.predict().json()["model_version"]
    return version


def counted(api: RunningApi, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(api.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def test_no_request_is_dropped_or_answered_by_halves_of_two_sets(
    own_shop: ServingShop, tmp_path: Path
) -> None:
    """Each answer has the scores of the versions that it names.

    ::

        fraud           v1 ──────╮ promote v2 ─────────────╭─ v1 rollback
        recommendation  v1 ──────────────╮ promote v2 ───────────
        clients         ═════════════════════════════════════════
    """
    steps = [
        (("promote", "fraud", "v2", "--anyway", "a test"), "fraud@v2,recommendation@v1"),
        (("promote", "recommendation", "v2", "--anyway", "a test"), "fraud@v2,recommendation@v2"),
    ]
    command(own_shop, "training.registry", "promote", "fraud", "v3", "--anyway", "a test")
    command(own_shop, "training.registry", "promote", "fraud", "v1", "--anyway", "a test")
    with running_api(own_shop, tmp_path, **OFTEN) as api:
        with asking(api) as heard:
            for arguments, expected in steps:
                before = heard.answers()
                wait_until(lambda before=before: heard.answers() > before + 60, "answers before the change")
                command(own_shop, "training.registry", *arguments)
                wait_until(lambda expected=expected: expected in heard.versions(), f"answers of {expected}")
            command(own_shop, "training.registry", "rollback", "fraud")
            wait_until(lambda: "fraud@v1,recommendation@v2" in heard.versions(), "answers after the rollback")
        assert api.stop() == 0
    assert heard.failures == []
    assert heard.versions() == {
        f"fraud@{fraud},recommendation@{other}"
        for fraud, other in (("v1", "v1"), ("v2", "v1"), ("v2", "v2"), ("v1", "v2"))
    }
    frauds = {(version.split(",")[0], fraud) for version, fraud, _, _ in heard.predictions}
    others = {(version.split(",")[1], other) for version, _, other, _ in heard.predictions}
    assert len(frauds) == len({fraud for _, fraud in frauds}) == 2
    assert len(others) == len({other for _, other in others}) == 2
    shown = {
        "recommendation@v1": tuple(sorted({*own_shop.products[:10]} - {OUT_OF_STOCK})),
        "recommendation@v2": tuple(sorted({*own_shop.products[5:15]})),
    }
    assert dict(heard.lists) == shown
    assert set(heard.lists) == set(shown.items())


def test_a_signal_puts_a_version_in_use_at_once(own_shop: ServingShop, tmp_path: Path) -> None:
    """An hour before the next look."""
    with running_api(own_shop, tmp_path, **SELDOM) as api:
        set_champion(own_shop.models, "fraud", "v2")
        api.process.send_signal(signal.SIGHUP)
        wait_until(lambda: in_use(api) == "fraud@v2,recommendation@v1", "the version in use")
        assert counted(api, "shop_api_model_info", version="v2", part="champion") == 1
        assert counted(api, "shop_api_model_info", model="fraud") == 1


def test_what_is_remembered_outlives_a_swap(own_redis: RunningRedis, tmp_path: Path) -> None:
    """Asked of v1 ── v2 in use ── Redis is killed ── asked of v2: both customer and product are known."""
    shop = serving_shop(tmp_path / "shop", own_redis.address, project="swapped")
    with running_api(versioned(shop, tmp_path), tmp_path, **SELDOM) as api:
        assert api.predict().json()["degraded"] is None
        set_champion(tmp_path / "models", "fraud", "v2")
        api.process.send_signal(signal.SIGHUP)
        info = {"model": "fraud", "version": "v2", "part": "champion"}
        wait_until(lambda: counted(api, "shop_api_model_info", **info) == 1, "the version in use")
        own_redis.kill()
        answer = api.predict().json()
    assert answer["model_version"] == "fraud@v2,recommendation@v1"
    assert {view["rung"] for view in answer["views"].values()} == {"remembered"}


def test_a_version_that_does_not_fit_is_refused_and_the_running_one_stays(
    own_shop: ServingShop, tmp_path: Path
) -> None:
    """A log line, a metric, a reason in /ready; the API stays in service, and a rollback ends the matter."""
    folder = version_path(own_shop.models, "fraud", "v2")
    save_card(load_card(folder).model_copy(update={"feature_service_hash": "0" * 64}), folder)
    with running_api(own_shop, tmp_path, **OFTEN) as api:
        set_champion(own_shop.models, "fraud", "v2")
        wait_until(lambda: counted(api, "shop_api_models_refused") == 1, "the refusal")
        assert in_use(api) == "fraud@v1,recommendation@v1"
        ready = api.get("/ready")
        assert ready.status_code == 200
        reason = ready.json()["checks"]["wanted_models"]["reason"]
        for part in ("fraud@v2: inputs in feature service", "train the model again; fraud@v1 stays in use"):
            assert part in reason
        assert "fraud@v2 is not used: " in api.log.read_text()
        set_champion(own_shop.models, "fraud", "v1")
        wait_until(lambda: counted(api, "shop_api_models_refused") == 0, "the end of the refusal")
        assert api.get("/ready").json()["checks"]["wanted_models"] == {"ok": True, "reason": ""}


def test_two_experiments_at_once_are_in_answers_and_metrics(own_shop: ServingShop, tmp_path: Path) -> None:
    """Each customer has the arm that salt and id say, in single answers, batches and lists alike."""
    shares: Mapping[str, tuple[str, str]] = {
        "fraud": ("more-trees", "a"),
        "recommendation": ("by-session", "b"),
    }
    with running_api(own_shop, tmp_path, **OFTEN) as api:
        for model, (name, salt) in shares.items():
            arguments = ("--model", model, "--challenger", "v2", "--share", "0.5", "--salt", salt)
            command(own_shop, "serving.experiments", "start", name, *arguments)
        wait_until(
            lambda: api.predict().json()["experiment"] == "more-trees,by-session",
            "both experiments in answers",
        )
        orders = [
            {"user_id": user, "product_id": "prod_0002", "transaction_amount": 20.0}
            for user in own_shop.users
        ]
        for model, (name, _) in shares.items():
            assert counted(api, "shop_api_model_info", model=model, version="v2", part="challenger") == 1
            assert counted(api, "shop_api_arm_predictions_total", experiment=name) > 0
        answered = httpx.post(f"{api.url}/predict/batch", json={"orders": orders}, timeout=10).json()[
            "predictions"
        ]
        for said, order in zip(answered, orders, strict=True):
            versions, names = [], []
            for model, (name, salt) in shares.items():
                challenged = is_challenged(salt, 0.5, order["user_id"])
                versions.append(f"{model}@{'v2' if challenged else 'v1'}")
                names.append(f"{name}:{'challenger' if challenged else 'champion'}")
            assert (said["model_version"], said["arm"]) == (",".join(versions), ",".join(names))
            alone = api.predict(**order).json()
            assert (alone["arm"], alone["fraud_probability"]) == (said["arm"], said["fraud_probability"])
            listed = api.get(f"/recommendations/{order['user_id']}").json()
            assert (listed["arm"], listed["model_version"]) == (said["arm"], versions[1])
        assert len({said["arm"] for said in answered}) == 4
        command(own_shop, "serving.experiments", "stop", "more-trees")
        wait_until(lambda: api.predict().json()["experiment"] == "by-session", "one experiment in answers")


def test_a_shadow_is_recorded_and_decides_nothing(
    own_shop: ServingShop, kafka_broker: RunningKafka, tmp_path: Path
) -> None:
    """A record of its own under the id of the request, with the inputs of the deciding model and its own version."""
    log = {"SHOP_KAFKA_BOOTSTRAP": kafka_broker.bootstrap, "SHOP_PREDICTIONS_TOPIC": "shadowed_predictions"}
    command(own_shop, "serving.experiments", "start", "beside", "--model", "fraud", "--shadow", "v3")
    with running_api(own_shop, tmp_path, **OFTEN, **log) as api:
        said = httpx.post(
            f"{api.url}/predict",
            json={"user_id": "user_0001", "product_id": "prod_0002", "transaction_amount": 20.0},
            headers={"X-Request-ID": "watched"},
            timeout=10,
        ).json()
        assert (said["model_version"], said["arm"]) == ("fraud@v1,recommendation@v1", "champion")
        wait_until(
            lambda: counted(api, "shop_api_shadow_predictions_total", outcome="scored") == 1,
            "the shadow's score",
        )
        assert api.stop() == 0
    records = recorded(kafka_broker, "shadowed_predictions", 2)
    assert [one.request_id for one in records] == ["watched", "watched"]
    deciding, shadow = sorted(records, key=lambda one: len(one.scores), reverse=True)
    decided, beside = deciding.scores["fraud"], shadow.scores["fraud"]
    assert (beside.version, beside.arm, beside.shadow) == ("fraud@v3", "beside:shadow", True)
    assert not decided.shadow
    assert beside.inputs == decided.inputs
    assert beside.probability != decided.probability == said["fraud_probability"]


def recorded(broker: RunningKafka, topic: str, count: int) -> list[Record]:
    """So many messages of a topic, read."""
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": f"test_{topic}", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    try:
        return [read(message.value()) for message in consumer.consume(count, 30)]
    finally:
        consumer.close()
