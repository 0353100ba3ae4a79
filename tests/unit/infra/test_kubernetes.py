"""Manifests fit Kubernetes' schemas and one another, and give pods no more than they need."""

import re
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from expectations.watch.settings import WatchSettings
from infra.settings import InfraSettings
from ingestion.erasures.settings import EraseSettings
from ingestion.predictions.settings import PredictionSettings
from ingestion.stream.settings import StreamSettings
from serving.settings import ServingSettings
from tests.unit.infra.keda import KINDS
from tests.unit.infra.manifests import (
    KUBERNETES,
    RENDERED,
    WORKLOADS,
    Manifest,
    container,
    of_kind,
    pod,
    referred,
    rendered,
)
from tests.unit.infra.monitoring.known import labels_by_sample
from tests.unit.infra.monitoring.promql import selectors

VERSION = "1.34"
ROOT = KUBERNETES.parents[1]
WRITTEN = [
    file
    for file in sorted(KUBERNETES.rglob("*.yaml"))
    if file.name not in ("kustomization.yaml", "adapter-values.yaml", "checkov.yaml")
    and file.parent.name != "patches"
]
SETTINGS = (
    EraseSettings,
    InfraSettings,
    PredictionSettings,
    ServingSettings,
    StreamSettings,
    WatchSettings,
)
each_folder = pytest.mark.parametrize("folder", RENDERED)


def check(manifest: Manifest) -> None:
    if manifest["apiVersion"].startswith("keda.sh/"):
        jsonschema.validate(manifest, KINDS[manifest["kind"]])
    else:
        kubernetes_validate.validate(manifest, VERSION, strict=True)


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: str(file.relative_to(KUBERNETES)))
def test_what_is_written_fits_the_schemas(file: Path) -> None:
    """Strictly: a field that Kubernetes does not know is an error."""
    for manifest in yaml.safe_load_all(file.read_text()):
        check(manifest)


@each_folder
def test_what_is_rendered_fits_the_schemas(folder: str) -> None:
    """Patches put things where they belong."""
    for manifest in rendered(folder):
        check(manifest)


def test_a_field_that_is_misspelt_does_not_fit() -> None:
    """The check can fail, of Kubernetes' own kinds and of KEDA's."""
    (account, *_) = yaml.safe_load_all((KUBERNETES / "base/accounts.yaml").read_text())
    with pytest.raises(kubernetes_validate.ValidationError):
        check({**account, "automountServiceAccountTokens": False})
    scaled = yaml.safe_load((KUBERNETES / "base/stream-scaling.yaml").read_text())
    with pytest.raises(jsonschema.ValidationError):
        check({**scaled, "spec": {**scaled["spec"], "maxReplicas": 4}})


@each_folder
def test_pods_have_no_rights_and_bounded_memory(folder: str) -> None:
    """Not root, nothing gained, nothing written but in volumes, no token but for Prometheus."""
    for name, workload in of_kind(rendered(folder), *WORKLOADS).items():
        spec, only = pod(workload)["spec"], container(workload)
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert only["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert only["securityContext"]["readOnlyRootFilesystem"] is (name != "kafka"), name
        assert spec.get("automountServiceAccountToken") is False or name == "prometheus", name
        assert {"cpu", "memory"} <= only["resources"]["requests"].keys(), name
        assert "memory" in only["resources"]["limits"], name


@each_folder
def test_what_stays_up_is_probed(folder: str) -> None:
    """Ready and alive."""
    for name, workload in of_kind(rendered(folder), "Deployment", "StatefulSet").items():
        assert {"readinessProbe", "livenessProbe"} <= container(workload).keys(), name


@each_folder
def test_selectors_and_references_lead_somewhere(folder: str) -> None:
    """Services, budgets, policies, scalers, settings and accounts name what is there."""
    manifests = rendered(folder)
    workloads = of_kind(manifests, *WORKLOADS)
    labels = [pod(workload)["metadata"]["labels"] for workload in workloads.values()]
    for one in of_kind(manifests, "Service").values():
        assert any(one["spec"]["selector"].items() <= its.items() for its in labels), one["metadata"]["name"]
    for one in of_kind(manifests, "PodDisruptionBudget").values():
        wanted = one["spec"]["selector"]["matchLabels"]
        assert any(wanted.items() <= its.items() for its in labels), one["metadata"]["name"]
    for one in of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject").values():
        target = one["spec"]["scaleTargetRef"]
        assert workloads[target["name"]]["kind"] == target["kind"]
    configs = of_kind(manifests, "ConfigMap")
    for key in ("configMapRef", "configMap"):
        assert set(referred(list(workloads.values()), key)) <= configs.keys()
    accounts = {
        pod(one)["spec"]["serviceAccountName"]
        for one in workloads.values()
        if "serviceAccountName" in pod(one)["spec"]
    }
    assert accounts <= of_kind(manifests, "ServiceAccount").keys()


def test_programs_run_in_the_images_of_the_project() -> None:
    """With commands that name modules of ours, and variables that are settings."""
    known = {f"SHOP_{name.upper()}" for settings in SETTINGS for name in settings.model_fields}
    known |= {"FEAST_FS_YAML_FILE_PATH", "SHOP_BUCKET", "AWS_REGION"}
    for folder in ("base", "overlays/aws"):
        for name, workload in of_kind(rendered(folder), *WORKLOADS).items():
            only = container(workload)
            assert re.search(r"(^|/)feast-shop/(api|stream|jobs)(:|$)", only["image"]), name
            assert {variable["name"] for variable in only.get("env", ())} <= known, name
            for module in re.findall(r"python -m ([\w.]+)", " ".join(only["args"])):
                path = ROOT / module.replace(".", "/")
                assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
        (settings,) = of_kind(rendered(folder), "ConfigMap").values()
        assert settings["data"].keys() <= known


def test_images_of_others_are_those_of_compose() -> None:
    """One version of each, pinned."""
    compose = {
        service["image"]
        for name in ("docker-compose.yml", "docker-compose.monitoring.yml")
        for service in yaml.safe_load((ROOT / name).read_text())["services"].values()
    }
    for folder in ("overlays/local", "monitoring"):
        images = {container(one)["image"] for one in of_kind(rendered(folder), *WORKLOADS).values()}
        assert {image for image in images if "feast-shop/" not in image} <= compose


def test_stream_workers_are_as_many_as_can_share_the_work() -> None:
    """At most the partitions of a topic and the shares of a view; for each topic of events its lag."""
    manifests = rendered("base")
    (scaled,) = of_kind(manifests, "ScaledObject").values()
    (settings,) = of_kind(manifests, "ConfigMap").values()
    worker = container(of_kind(manifests, "StatefulSet")["stream"])
    shares = next(one["value"] for one in worker["env"] if one["name"] == "SHOP_STREAM_SHARES")
    partitions = settings["data"]["SHOP_TOPIC_PARTITIONS"]
    assert str(scaled["spec"]["maxReplicaCount"]) == shares == partitions
    lags = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
    assert {lag["topic"] for lag in lags} == set(InfraSettings().event_topics)
    assert {lag["consumerGroup"] for lag in lags} == {StreamSettings().stream_group}


def test_the_autoscaler_asks_for_what_the_adapter_tells(tmp_path: Path) -> None:
    """And the adapter asks for metrics that the API tells."""
    rules = yaml.safe_load((KUBERNETES / "monitoring/adapter-values.yaml").read_text())["rules"]["custom"]
    (scaler,) = of_kind(rendered("base"), "HorizontalPodAutoscaler").values()
    wanted = {one["pods"]["metric"]["name"] for one in scaler["spec"]["metrics"] if one["type"] == "Pods"}
    assert wanted == {rule["name"]["as"] for rule in rules}
    known = labels_by_sample(tmp_path)
    for rule in rules:
        query = rule["metricsQuery"].replace("<<.GroupBy>>", "pod").replace("<<.LabelMatchers>>", 'pod="a"')
        for selector in selectors(query):
            assert selector.labels.keys() <= known[selector.metric] | {"pod"}


def test_jobs_in_the_cluster_have_the_names_that_rules_know() -> None:
    """What compose scrapes is scraped, under the same names, at ports that pods name."""
    ours, theirs = (
        {job["job_name"]: job for job in yaml.safe_load(file.read_text())["scrape_configs"]}
        for file in (KUBERNETES / "monitoring/prometheus.yml", ROOT / "infra/prometheus/prometheus.yml")
    )
    assert ours.keys() == theirs.keys()
    workloads = of_kind(rendered("base"), *WORKLOADS)
    for name in ours.keys() & workloads.keys():
        program, port = ours[name]["relabel_configs"][0]["regex"].split(";")
        assert program == name
        assert port in {one["name"] for one in container(workloads[name])["ports"]}


def test_nothing_may_talk_that_was_not_allowed_to() -> None:
    """A policy for all pods that allows nothing, and each client of Kafka and Redis named."""
    policies = of_kind(rendered("base"), "NetworkPolicy")
    assert policies["nothing"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    clients = {
        "kafka": {"setup", "api", "stream", "predictions", "erase"},
        "redis": {"setup", "api", "stream", "erase", "materialize"},
    }
    for server, names in clients.items():
        workloads = of_kind(rendered("base"), *WORKLOADS).items()
        assert {
            name for name, one in workloads if f"shop/{server}" in pod(one)["metadata"]["labels"]
        } == names


def test_secrets_are_named_and_explained_but_not_here() -> None:
    """No value is committed; docs/deployment.md tells how each is made."""
    text = (ROOT / "docs/deployment.md").read_text()
    for folder in RENDERED:
        assert not of_kind(rendered(folder), "Secret")
        for name in referred([one["spec"] for one in rendered(folder) if "spec" in one], "secret"):
            assert f"secret generic {name}" in text, name


def test_passwords_are_files_of_the_pods() -> None:
    """None is in the environment, which children and crash reports have; where settings name a file, pods have its folder."""
    manifests = rendered("overlays/aws")
    (settings,) = of_kind(manifests, "ConfigMap").values()
    folder = str(Path(settings["data"]["SHOP_KAFKA_PASSWORD_FILE"]).parent)
    for name, workload in of_kind(manifests, *WORKLOADS).items():
        assert not [*referred([workload], "secretRef"), *referred([workload], "secretKeyRef")], name
        (mount,) = (one for one in container(workload)["volumeMounts"] if one["mountPath"] == folder)
        (volume,) = (one for one in pod(workload)["spec"]["volumes"] if one["name"] == mount["name"])
        assert volume["secret"]["secretName"] == "connections", name


def test_the_jobs_of_the_cluster_are_those_of_compose() -> None:
    """With the same commands, so that what was tried on a laptop is what runs."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    compose = {name: one["command"] for name, one in services.items() if one.get("profiles") == ["jobs"]}
    written = yaml.safe_load_all((KUBERNETES / "base/jobs.yaml").read_text())
    assert compose == {job["metadata"]["name"]: container(job)["args"] for job in written}
