"""The file of coefficients is what the benchmark writes, whole and finite."""

import json
from pathlib import Path

import pytest

from infra.capacity.coefficients import NAMES, PATH, Coefficients
from infra.capacity.errors import CapacityError
from tests.unit.infra.capacity.small import coefficients


def test_the_committed_file_says_unit_and_origin_of_each() -> None:
    """As it was written, with the command that wrote it."""
    read = Coefficients.read()
    assert read.measured["command"].startswith("python -m tests.benchmarks.scale")
    told = json.loads(PATH.read_text())["coefficients"]
    assert {name: (each["unit"], each["what"]) for name, each in told.items()} == NAMES


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """To four digits."""
    written = coefficients(api_prediction_us=123.456)
    written.write(tmp_path / "c.json")
    read = Coefficients.read(tmp_path / "c.json")
    assert read["api_prediction_us"] == pytest.approx(123.5)
    assert read.measured == written.measured


def test_an_absent_file_says_how_to_measure(tmp_path: Path) -> None:
    """It is written by the benchmark."""
    with pytest.raises(CapacityError, match="scale --write"):
        Coefficients.read(tmp_path / "absent.json")


@pytest.mark.parametrize("text", ["[]", "{", '{"measured": {}, "coefficients": {"a": 1}}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    """With its name and what is wrong."""
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(CapacityError, match="is no file of coefficients"):
        Coefficients.read(path)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "no coefficient api_base_bytes"),
        (dict.fromkeys([*NAMES, "speed"], 1.0), "nobody reads the coefficient speed"),
        (dict.fromkeys(NAMES, 1.0) | {"state_id_bytes": -1.0}, "state_id_bytes is -1"),
        (dict.fromkeys(NAMES, 1.0) | {"state_id_bytes": float("nan")}, "state_id_bytes is nan"),
    ],
)
def test_incomplete_coefficients_are_refused(values: dict[str, float], told: str) -> None:
    """By name, with the command that measures."""
    with pytest.raises(CapacityError, match=told):
        Coefficients(values, {})
