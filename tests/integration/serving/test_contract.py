from pathlib import Path

import pytest

from serving.access.key_file import write
from serving.access.keys import issue
from tests.api_process import running_api
from tests.contract import Examined, examined
from tests.services import RunningKafka
from tests.serving_shop import ServingShop

EXAMPLES, SEED = 60, 20260301
CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
}


@pytest.fixture(scope="module")
def kafka(kafka_broker: RunningKafka) -> dict[str, str]:
    """Settings of an API that has one: without, nobody can be erased."""
    names = ("PREDICTIONS_TOPIC", "ERASURES_TOPIC", "ERASURE_RECEIPTS_TOPIC")
    topics = {f"SHOP_{name}": kafka_broker.topic("contract", partitions=1) for name in names}
    return {"SHOP_KAFKA_BOOTSTRAP": kafka_broker.bootstrap, **topics}


def check(found: Examined) -> None:
    assert found.violations == []
    assert found.server_errors == 0
    assert found.examples >= 200
    assert found.checks.keys() >= CHECKS
    assert found.statuses.keys() >= {200, 202, 405, 422}


def test_answers_are_what_the_document_says(shop: ServingShop, kafka: dict[str, str], tmp_path: Path) -> None:
    """Of good and bad requests of every route; more of them: `python -m tests.benchmarks.contract`."""
    with running_api(shop, tmp_path, **kafka) as api:
        check(examined(api.url, examples=EXAMPLES, seed=SEED))


def test_so_are_those_of_an_api_with_keys_and_a_rate(
    shop: ServingShop, kafka: dict[str, str], tmp_path: Path
) -> None:
    """Without the key each guarded route is refused; nobody reaches the rate."""
    key, record = issue("tester", ["admin"])
    write(tmp_path / "keys", [record])
    limits = {"SHOP_API_KEYS_FILE": tmp_path / "keys", "SHOP_API_RATE_PER_SECOND": 100_000}
    with running_api(shop, tmp_path, **kafka, **limits) as api:
        found = examined(api.url, examples=EXAMPLES, seed=SEED, headers={"X-API-Key": key})
    check(found)
    assert found.statuses[401] > 0
