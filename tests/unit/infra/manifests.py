"""The manifests of infra/kubernetes, as they are written and as kustomize renders them."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

KUBERNETES = Path(__file__).parents[3] / "infra" / "kubernetes"
RENDERED = ("base", "overlays/local", "overlays/aws", "monitoring")
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")
Manifest = dict[str, Any]


@cache
def rendered(folder: str) -> tuple[Manifest, ...]:
    """Everything that `kubectl apply -k` would send; skips the test where there is no kubectl."""
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl, which renders the manifests")
    done = subprocess.run(
        ["kubectl", "kustomize", KUBERNETES / folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(manifests: tuple[Manifest, ...], *kinds: str) -> dict[str, Manifest]:
    """Those of some kinds, by name."""
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] in kinds}


def pod(workload: Manifest) -> Manifest:
    """The template of a workload's pods."""
    spec = workload["spec"]
    template: Manifest = (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]
    return template


def container(workload: Manifest) -> Manifest:
    """The one container of its pods."""
    (only,) = pod(workload)["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def referred(node: object, key: str) -> Iterator[str]:
    """Names that stand below a key like ``configMapRef``, anywhere."""
    if isinstance(node, dict):
        if isinstance(node.get(key), dict):
            yield node[key].get("name") or node[key].get("secretName")
        for value in node.values():
            yield from referred(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from referred(value, key)
