"""Alert rules ask for what our programs tell, were seen to fire, and say what to do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.monitoring.written import FOLDER, files
from tests.unit.infra.monitoring.known import bounds_by_histogram, labels_by_sample
from tests.unit.infra.monitoring.promql import Selector, selectors
from tests.unit.infra.monitoring.rules import ALERTS, RECORDINGS, Rule

PROMETHEUS = FOLDER / "prometheus"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOK = FOLDER.parent / "docs" / "runbook.md"
SEVERITIES = {"page", "ticket", "watchdog"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool (infra/install-test-tools.sh)"
)
needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="needs amtool (infra/install-test-tools.sh)"
)


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def asked() -> list[Selector]:
    return [selector for rule in ALERTS + RECORDINGS for selector in selectors(rule["expr"])]


@needs_promtool
def test_prometheus_takes_its_configuration_and_rules() -> None:
    """`promtool check config` reads the rules, too."""
    run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")


@needs_promtool
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_rules_fire_when_they_should_and_only_then(file: Path) -> None:
    """Each file of infra/prometheus/tests holds."""
    run("promtool", "test", "rules", file)


def test_every_alert_was_seen_to_fire() -> None:
    """An alert that no test raises may never be raised."""
    seen = {
        name for file in TESTS for name in re.findall(r'alertname="(\w+)"[^}]*\}\', value', file.read_text())
    }
    assert {rule["alert"] for rule in ALERTS} == seen


def test_rules_ask_for_metrics_and_labels_that_our_programs_tell(tmp_path: Path) -> None:
    """A metric that was renamed would silence its alerts for good."""
    known, recorded = labels_by_sample(tmp_path), {rule["record"] for rule in RECORDINGS}
    for selector in asked():
        if ":" in selector.metric:
            assert selector.metric in recorded, selector.metric
        else:
            assert selector.metric in known, selector.metric
            assert selector.labels.keys() <= known[selector.metric] | {"le"}, selector


def test_bounds_of_buckets_exist(tmp_path: Path) -> None:
    """A histogram is asked for a bound that it has; another one would match nothing."""
    bounds = bounds_by_histogram(tmp_path)
    wanted = [selector for selector in asked() if "le" in selector.labels]
    assert wanted
    for selector in wanted:
        assert selector.labels["le"] in bounds[selector.metric], selector


@pytest.mark.parametrize("name", files())
def test_what_is_written_is_what_is_committed(name: str) -> None:
    """`python -m infra.monitoring` was run after the last change."""
    assert (FOLDER / name).read_text() == files()[name]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_means_and_where_it_is_explained(rule: Rule) -> None:
    """Summary, description, the place in the runbook, and how urgent it is."""
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert rule["labels"]["severity"] in SEVERITIES


def test_the_runbook_explains_every_alert_and_no_other() -> None:
    """What it means, what to look at, what to do."""
    sections = re.split(r"^### ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]
    assert sorted(section.split("\n")[0] for section in sections) == sorted(
        {rule["alert"] for rule in ALERTS}
    )
    for section in sections:
        for part in ("**Means**", "**Look at**", "**Do**"):
            assert section.count(part) == 1, section


@needs_amtool
def test_alertmanager_takes_its_configuration_and_sends_alerts_where_they_belong(tmp_path: Path) -> None:
    """Pages, tickets and the watchdog go different ways, and what nobody thought of is a ticket."""
    text = (PROMETHEUS / "alertmanager.yml").read_text()
    config = tmp_path / "alertmanager.yml"
    # Debian's amtool is older than url_file, which has been there since Alertmanager 0.26.
    config.write_text(re.sub(r"url_file: .*/(\S+)", r"url: http://127.0.0.1/\1", text))
    run("amtool", "check-config", config)
    for severity, receiver in {
        "page": "pages",
        "ticket": "tickets",
        "watchdog": "watchdog",
        "x": "tickets",
    }.items():
        route = run("amtool", "config", "routes", "test", f"--config.file={config}", f"severity={severity}")
        assert route.strip() == receiver


def test_alerts_that_silence_others_exist() -> None:
    """Names in inhibitions are names of alerts."""
    config = yaml.safe_load((PROMETHEUS / "alertmanager.yml").read_text())
    matchers = [
        m for rule in config["inhibit_rules"] for m in rule["source_matchers"] + rule["target_matchers"]
    ]
    named = [name for m in matchers for name in re.findall(r'alertname=~?"([\w|]+)"', m)]
    assert {name for names in named for name in names.split("|")} <= {rule["alert"] for rule in ALERTS}
