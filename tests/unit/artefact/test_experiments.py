"""The file of the experiments: what it holds, what it refuses, and who may change it."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from artefact import ArtefactError
from artefact.experiments import EXPERIMENTS_FILE, Experiment, change_experiments, explained, load_experiments

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def said(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": "more-trees",
        "model": "fraud",
        "salt": "s",
        "champion": "v1",
        "challenger": "v2",
        "share": 0.1,
        "started": NOON.isoformat(),
    }
    return given | changes


def experiment(**changes: Any) -> Experiment:
    return Experiment.model_validate(said(**changes))


def test_without_a_file_there_are_no_experiments(tmp_path: Path) -> None:
    """A shop that never made one."""
    assert load_experiments(tmp_path) == ()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Several at once, with different models."""
    both = (experiment(), experiment(name="by-session", model="recommendation", shadows=["v3"]))
    assert change_experiments(tmp_path, lambda _: both) == load_experiments(tmp_path) == both
    assert [file.name for file in tmp_path.iterdir()] == [EXPERIMENTS_FILE]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 0.6}, r"share 0\.6: .*less than or equal to 0\.5"),
        ({"share": 0}, r"share 0: .*greater than 0"),
        ({"share": None}, "a challenger and its share are given together"),
        ({"challenger": None, "share": None}, "name a challenger or a shadow"),
        ({"model": "sales"}, r"model 'sales': .*'fraud' or 'recommendation'"),
        ({"name": "a b"}, "name 'a b': .*pattern"),
        ({"challenger": "../v2"}, r"challenger '\.\./v2': .*pattern"),
        ({"challenger": "v1"}, "version 'v1' has two parts"),
        ({"shadows": ["v3", "v3"]}, "version 'v3' has two parts"),
        ({"salt": ""}, "salt '': .*at least 1"),
        ({"effect": 1}, "effect 1: .*less than 1"),
        ({"started": "2026-06-01T12:00:00"}, "started '2026-06-01T12:00:00': .*timezone"),
        ({"stopped": "2026-05-01T12:00:00Z"}, "stopped 2026-05-01 .* lies before started"),
        ({"chalenger": "v2"}, "chalenger 'v2': Extra inputs are not permitted"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(changes: Mapping[str, Any], message: str) -> None:
    """Field, value, and the way out."""
    with pytest.raises(ValidationError) as raised:
        experiment(**changes)
    with pytest.raises(ArtefactError, match=message):
        raise ArtefactError(explained(raised.value))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"model": "recommendation"}, "experiment 'more-trees' exists already; choose another name"),
        ({"name": "other"}, "'more-trees' and 'other' both run with model 'fraud'; stop one of them"),
    ],
)
def test_experiments_that_cannot_be_told_apart_are_refused(
    tmp_path: Path, second: Mapping[str, Any], message: str
) -> None:
    """The file stays as it was."""
    change_experiments(tmp_path, lambda _: [experiment()])
    with pytest.raises(ArtefactError, match=message):
        change_experiments(tmp_path, lambda known: [*known, experiment(**second)])
    assert load_experiments(tmp_path) == (experiment(),)


def test_one_that_was_stopped_makes_room_for_another(tmp_path: Path) -> None:
    """Of the same model."""
    ended = experiment(stopped=NOON.isoformat())
    change_experiments(tmp_path, lambda _: [ended, experiment(name="other")])
    assert [one.running for one in load_experiments(tmp_path)] == [False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid JSON"),
        (
            json.dumps({"experiments": [said(share=7)]}),
            r"experiments\.0\.share 7: .*0\.5; correct it, or delete",
        ),
    ],
)
def test_a_file_that_was_written_by_hand_is_named(tmp_path: Path, text: str, message: str) -> None:
    """With the field, and what to do."""
    (tmp_path / EXPERIMENTS_FILE).write_text(text)
    with pytest.raises(ArtefactError, match=message) as raised:
        load_experiments(tmp_path)
    assert EXPERIMENTS_FILE in str(raised.value)


def test_without_a_models_folder_the_error_says_to_train(tmp_path: Path) -> None:
    """There is nothing to experiment with."""
    with pytest.raises(ArtefactError, match=r"no models folder .*; train a model first"):
        change_experiments(tmp_path / "absent", lambda _: [])


def test_none_is_lost_where_many_are_added_at_once(tmp_path: Path) -> None:
    """Reading, changing and writing is one step for everybody else."""

    def add(number: int) -> None:
        ended = experiment(name=f"e{number}", stopped=NOON.isoformat())
        change_experiments(tmp_path, lambda known: [*known, ended])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert len(load_experiments(tmp_path)) == 40
