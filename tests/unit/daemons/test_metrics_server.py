import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from daemons.metrics_server import MetricsServer, PortTakenError
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.status import Phase, Status


@pytest.fixture
def status() -> Status:
    return Status(StreamMetrics())


@pytest.fixture
def server(status: Status) -> Iterator[MetricsServer]:
    running = MetricsServer("127.0.0.1", 0, status, "SHOP_STREAM_METRICS")
    yield running
    running.close()


def get(server: MetricsServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.mark.parametrize("phase", list(Phase))
def test_health_is_200_only_when_the_worker_does_what_it_should(
    server: MetricsServer, status: Status, phase: Phase
) -> None:
    """Ready and standing by are healthy; otherwise 503 with what it waits for."""
    status.enter(phase, "because")
    code, body = get(server, "/health")
    assert code == (200 if phase in (Phase.READY, Phase.STANDBY) else 503)
    assert json.loads(body) == {"status": phase.value, "reason": "because"}


def test_metrics_are_served_from_the_worker_s_own_registry(server: MetricsServer, status: Status) -> None:
    """A count shows; an unknown path says what there is."""
    status.metrics.consumed.labels("orders").inc(3)
    code, body = get(server, "/metrics")
    assert code == 200
    assert 'shop_stream_messages_consumed_total{topic="orders"} 3.0' in body
    assert get(server, "/")[0] == 404


def test_a_port_that_is_taken_is_named(server: MetricsServer, status: Status) -> None:
    """The error names the address and the setting."""
    with pytest.raises(PortTakenError, match=f"127.0.0.1:{server.port}.*SHOP_STREAM_METRICS_PORT"):
        MetricsServer("127.0.0.1", server.port, status, "SHOP_STREAM_METRICS")
