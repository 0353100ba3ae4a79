"""infra/terraform is formatted, refers to what it declares, and gives the manifests what they ask for."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "infra" / "terraform"
FILES = {file.name: file.read_text() for file in sorted(FOLDER.glob("*.tf"))}
TEXT = "\n".join(FILES.values())
CODE = re.sub(r"^\s*#.*$", "", TEXT, flags=re.MULTILINE)
needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="needs terraform")


def terraform(*arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    return subprocess.run(
        ["terraform", f"-chdir={folder}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def accounts() -> dict[str, str]:
    """Entries of the local value `programs`: what each service account may read and write."""
    block = re.search(r"  programs = \{\n(.*?)\n  \}", FILES["roles.tf"], re.DOTALL)
    assert block is not None
    return dict(re.findall(r"^    (\w+)\s*= (.*)$", block[1], re.MULTILINE))


@needs_terraform
def test_files_are_formatted() -> None:
    """As `terraform fmt` writes them, which also reads their syntax."""
    done = terraform("fmt", "-check", "-diff")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_terraform
def test_terraform_finds_the_configuration_valid() -> None:
    """Where `terraform init` has brought the provider (its registry has to be reached for that)."""
    if not (FOLDER / ".terraform" / "providers").is_dir():
        pytest.skip("needs the provider hashicorp/aws: terraform -chdir=infra/terraform init -backend=false")
    done = terraform("validate")
    assert done.returncode == 0, done.stdout + done.stderr


def test_references_lead_to_what_is_declared() -> None:
    """Resources, data sources and variables; each variable is of use."""
    declared = {
        f"{kind}.{name}" for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', CODE, re.MULTILINE)
    }
    read = {f"{kind}.{name}" for kind, name in re.findall(r'^data "(\w+)" "(\w+)"', CODE, re.MULTILINE)}
    used = set(re.findall(r"(?<![\w.])data\.(aws_\w+\.\w+)", CODE))
    assert used <= read
    assert set(re.findall(r"(?<![\w.])(aws_\w+\.\w+)(?=[.\[,\]\n ])", CODE)) <= declared
    variables = set(re.findall(r'^variable "(\w+)"', CODE, re.MULTILINE))
    others = "".join(text for name, text in FILES.items() if name != "variables.tf")
    assert set(re.findall(r"\bvar\.(\w+)", others)) == variables
    known = set(
        re.findall(
            r"^  (\w+)\s*= ",
            "\n".join(re.findall(r"^locals \{\n(.*?)^\}", CODE, re.DOTALL | re.MULTILINE)),
            re.MULTILINE,
        )
    )
    assert set(re.findall(r"\blocal\.(\w+)", CODE)) <= known


def test_variables_are_explained_and_checked() -> None:
    """A wrong value is refused with what is right."""
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', FILES["variables.tf"], re.DOTALL | re.MULTILINE)
    for name, block in blocks:
        for part in ("description", "type", "validation", "error_message"):
            assert re.search(rf"^\s+{part}\b", block, re.MULTILINE), (name, part)


def test_sizes_have_the_same_entries_and_are_those_that_are_taken() -> None:
    """No size lacks something that is only noticed when it is applied."""
    sizes = dict(re.findall(r"^    (\w+) = \{\n(.*?)^    \}", FILES["sizes.tf"], re.DOTALL | re.MULTILINE))
    assert sizes.keys() == {"small", "medium", "large"}
    entries = [set(re.findall(r"^      (\w+)\s*=", block, re.MULTILINE)) for block in sizes.values()]
    assert entries[0] == entries[1] == entries[2] == set(re.findall(r"local\.size\.(\w+)", CODE))
    for name in sizes:
        assert f"| {name} |" in (ROOT / "docs/aws.md").read_text()


def test_each_service_account_of_the_manifests_has_its_role() -> None:
    """And no other one: a role that nobody takes is one too many."""
    manifests = yaml.safe_load_all((ROOT / "infra/kubernetes/base/accounts.yaml").read_text())
    assert accounts().keys() == {manifest["metadata"]["name"] for manifest in manifests}


def test_no_program_may_do_everything() -> None:
    """Rights of programs are prefixes of the bucket; who answers requests from outside writes nothing."""
    assert "write = []" in accounts()["api"]
    assert not re.search(r'"\*"', "".join(accounts().values()))
    for name, text in FILES.items():
        if name not in ("keys.tf", "storage.tf"):
            assert not re.search(r'(resources|Resource)\s*= (\[)?"\*"', text), name
            assert not re.search(r'(actions|Action)\s*= (\[)?"(\w+:)?\*"', text), name


def test_outputs_are_the_settings_of_the_overlay() -> None:
    """What Terraform prints replaces settings.env line by line."""
    output = re.search(r'output "settings" \{.*?<<-EOT\n(.*?)EOT', FILES["outputs.tf"], re.DOTALL)
    assert output is not None
    example = (ROOT / "infra/kubernetes/overlays/aws/settings.env").read_text()
    assert re.findall(r"^\s*(\w+)=", output[1], re.MULTILINE) == re.findall(r"^(\w+)=", example, re.MULTILINE)
