"""Records of parity and freshness, and the metrics made of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import generate_latest

from expectations.exporter import QualityMetrics
from expectations.freshness import record as freshness
from expectations.freshness.record import Burn, FreshnessRun, ViewFreshness
from expectations.parity import record as parity
from expectations.parity.record import Example, FeatureParity, ParityRun, ServiceParity, Standing
from expectations.settings import QualitySettings
from expectations.watch.settings import TASKS

NOW = datetime(2026, 4, 24, 8, tzinfo=UTC)
EXAMPLE = Example("r1", NOW, {"user_id": "u1", "device_id": None}, 3.0, 4.0, NOW, Standing.STALE)
FEATURE = FeatureParity("orders_1h", "user_orders", 100, 90, 5, 3, 2, 1.0, EXAMPLE)
PARITY = ParityRun(
    NOW, NOW - timedelta(hours=1), NOW, 5.0, 1.5, (ServiceParity("fraud_v1", 100, 0, (FEATURE,)),)
)
VIEW = ViewFreshness("user_orders", "stream", 1.0, 0.99, 1_000, 20, 0.05, 1.5, -1.0, (Burn(1, 2.0, 1_000),))
FRESHNESS = FreshnessRun(NOW, NOW - timedelta(hours=1), NOW, (VIEW,))


def test_a_record_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """Examples, instants and nulls come back."""
    parity.keep(PARITY, tmp_path)
    freshness.keep(FRESHNESS, tmp_path)
    assert parity.kept(tmp_path) == [PARITY]
    assert freshness.kept(tmp_path) == [FRESHNESS]


def test_the_newest_record_is_the_first(tmp_path: Path) -> None:
    """And as many as are asked for."""
    for minutes in (1, 3, 2):
        parity.keep(replace(PARITY, measured=NOW + timedelta(minutes=minutes)), tmp_path)
    newest = parity.kept(tmp_path, most=2)
    assert [run.measured for run in newest] == [NOW + timedelta(minutes=3), NOW + timedelta(minutes=2)]


def test_without_a_record_there_is_none(tmp_path: Path) -> None:
    """A folder that is not there is no error."""
    assert parity.kept(tmp_path) == []


def test_what_lag_explains_is_accounted_for() -> None:
    """Stale and different values are not."""
    (service,) = PARITY.services
    assert (service.equal_ratio, service.accounted_ratio, service.unexplained) == (0.9, 0.95, 5)
    assert ServiceParity("x", 0, 0, ()).equal_ratio is None


def test_metrics_tell_measurements() -> None:
    """Counters add up over measurements, gauges tell the last one."""
    metrics = QualityMetrics(QualitySettings(parity_equal_share_min=0.98), TASKS)
    metrics.parity(PARITY)
    metrics.parity(PARITY)
    metrics.freshness(FRESHNESS)
    metrics.check("events-orders", success=False)
    metrics.done("parity", NOW)
    told = generate_latest(metrics.registry).decode()
    assert 'shop_parity_values_compared_total{service="fraud_v1",view="user_orders"} 200.0' in told
    assert 'shop_parity_equal_ratio{service="fraud_v1"} 0.9' in told
    assert 'shop_freshness_burn_rate{hours="1",view="user_orders"} 2.0' in told
    assert "shop_parity_equal_ratio_min 0.98" in told
    assert "shop_parity_accounted_ratio_min 0.9999" in told
    assert 'shop_quality_check_failed{suite="events-orders"} 1.0' in told
    assert 'shop_quality_task_failures_total{task="drift"} 0.0' in told
