"""docker-compose.monitoring.yml watches what docker-compose.yml starts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PLATFORM, WATCHERS = (
    yaml.safe_load((ROOT / name).read_text())
    for name in ("docker-compose.yml", "docker-compose.monitoring.yml")
)
SERVICES: dict[str, dict[str, Any]] = WATCHERS["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


def targets() -> set[tuple[str, str, str]]:
    """Job, host and port of everything that is scraped."""
    config = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())
    found = set()
    for job in config["scrape_configs"]:
        for static in job.get("static_configs", ()):
            found |= {(job["job_name"], *target.split(":")) for target in static["targets"]}
        for dns in job.get("dns_sd_configs", ()):
            found |= {(job["job_name"], name, str(dns["port"])) for name in dns["names"]}
    return found


def test_every_program_that_tells_metrics_is_scraped_at_its_port() -> None:
    """Under its own name, which is what the rules know it by."""
    ports = {
        name: service["healthcheck"]["test"][-1].split("127.0.0.1:")[1].split("/")[0]
        for name, service in PLATFORM["services"].items()
        if "/health'" in str(service.get("healthcheck", {}).get("test"))
    }
    scraped = {job: (host, port) for job, host, port in targets() if job in ports}
    assert scraped == {name: (name, port) for name, port in ports.items()}


def test_what_is_scraped_is_started() -> None:
    """No target is misspelt."""
    assert {host for _, host, _ in targets()} <= PLATFORM["services"].keys() | SERVICES.keys() | {"localhost"}


@each_service
def test_images_are_pinned_and_confined(name: str) -> None:
    """A version, no capability, no way to gain any, nothing written but in its volume."""
    service = SERVICES[name]
    assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@each_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    """Nobody else reaches them."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@each_service
def test_files_that_are_mounted_exist_and_volumes_are_declared(name: str) -> None:
    """Files are read-only."""
    for volume in SERVICES[name]["volumes"]:
        source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).exists(), volume
            assert volume.endswith(":ro")
        else:
            assert source in WATCHERS["volumes"]


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    """Where they are provisioned is where they are mounted."""
    folder = ROOT / "infra/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards/shop.yml").read_text())["providers"]
    assert f"./infra/grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


def test_each_receiver_of_alerts_has_its_file() -> None:
    """Alertmanager reads addresses of webhooks from the folder that is mounted."""
    config = yaml.safe_load((ROOT / "infra/prometheus/alertmanager.yml").read_text())
    files = {
        Path(hook["url_file"]) for receiver in config["receivers"] for hook in receiver["webhook_configs"]
    }
    assert {file.parent for file in files} == {Path("/etc/alertmanager/receivers")}
    assert {file.name for file in files} == {f.name for f in (ROOT / "infra/prometheus/receivers").iterdir()}
