"""The alerts of parity fire where the gate of promotion refuses, and nowhere else."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from expectations.exporter import QualityMetrics
from expectations.parity.gate import missed
from expectations.parity.record import FeatureParity, ParityRun, ServiceParity
from expectations.settings import QualitySettings
from infra.monitoring.written import FOLDER
from tests.unit.expectations.test_records import NOW

RULES = FOLDER / "prometheus" / "rules" / "quality.yml"
RUNBOOK = FOLDER.parent / "docs" / "runbook.md"
COMPARED = 10_000


def service(equal: int, unexplained: int) -> ServiceParity:
    lagging = COMPARED - equal - unexplained
    feature = FeatureParity("x", "user_orders", COMPARED, equal, lagging, unexplained, 0, None, None)
    return ServiceParity("fraud_v1", COMPARED, 0, (feature,))


def refused(one: ServiceParity, settings: QualitySettings) -> list[str]:
    """The alerts that the gate's reasons stand for."""
    words = {"equal history": "ParityLow", "not explained": "ParityBroken"}
    return sorted(
        alert for reason in missed(one, settings) for word, alert in words.items() if word in reason
    )


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (infra/install-test-tools.sh)")
@pytest.mark.parametrize(
    "settings",
    [QualitySettings(), QualitySettings(parity_equal_share_min=0.5, parity_accounted_share_min=0.6)],
)
def test_an_alert_fires_where_the_gate_refuses(settings: QualitySettings, tmp_path: Path) -> None:
    """By default and with other bounds; a value that is just at its bound is good for both."""
    tests = []
    for equal in (9_900, 9_899, 5_000, 4_999):
        for unexplained in (0, 1, 2, 4_000, 4_001):
            one = service(equal, min(unexplained, COMPARED - equal))
            tests.append({**told(one, settings), **expected(refused(one, settings))})
    file = tmp_path / "parity_test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def told(one: ServiceParity, settings: QualitySettings) -> dict[str, object]:
    """The series that the watch would tell after measuring it."""
    metrics = QualityMetrics(settings, ("parity",))
    metrics.parity(ParityRun(NOW, NOW, NOW, 5.0, 1.0, (one,)))
    samples = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    series = []
    for sample in samples:
        labels = {"job": "quality", "instance": "a", **sample.labels}
        name = ",".join(f'{label}="{value}"' for label, value in labels.items())
        series.append({"series": f"{sample.name}{{{name}}}", "values": f"{sample.value!r}x5"})
    return {"interval": "1m", "input_series": series}


def expected(alerts: list[str]) -> dict[str, object]:
    query = 'count by (alertname) (ALERTS{alertname=~"Parity.*"})'
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts]
    return {"promql_expr_test": [{"expr": query, "eval_time": "3m", "exp_samples": samples}]}


def test_the_runbook_promises_what_the_gate_wants() -> None:
    """In per cent."""
    settings = QualitySettings()
    shares = (settings.parity_equal_share_min, settings.parity_accounted_share_min)
    equal, accounted = (f"{share * 100:.6g} %" for share in shares)
    promise = f"{equal} of served values equal history as served, {accounted} once lag is counted in"
    assert promise in RUNBOOK.read_text()
