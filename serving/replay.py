"""Computes a logged prediction again and compares it bit for bit: ``python -m serving.replay REQUEST_ID``.

The model version that the record names scores the logged input row again, and its card's encoder makes that row again from
the logged features. Exit status 0: all equal, 1: something differs, 2: the record or the model is not there.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from artefact import ArtefactError, version_path
from serving.logged import Logged, LoggedScore, NotLoggedError, find
from serving.models import Model
from serving.rules import FRAUD
from serving.settings import ServingSettings

EQUAL, DIFFERENT, NOT_FOUND = 0, 1, 2


@dataclass(frozen=True)
class Replayed:
    """One score, computed again.

    Attributes:
        logged: The prediction.
        score: What was logged of the model.
        probability: What the model says now.
        differing: Inputs that the logged features give otherwise than logged: ``name: logged, encoded``.
    """

    logged: Logged
    score: LoggedScore
    probability: float
    differing: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether probability and inputs are what they were, to the last bit."""
        return not self.differing and self.probability == self.score.probability


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    asked, settings = _parser().parse_args(arguments), ServingSettings()
    archive = asked.archive or settings.data_dir / "predictions"
    try:
        replayed = list(replay(find(archive, asked.request_id, asked.time), settings.models))
    except (NotLoggedError, ArtefactError) as error:
        print(error, file=sys.stderr)
        return NOT_FOUND
    Console().print(table(asked.request_id, replayed))
    for one in replayed:
        for difference in one.differing:
            print(f"{one.score.version} {difference}")
    return EQUAL if all(one.is_equal for one in replayed) else DIFFERENT


def replay(records: Iterable[Logged], models: Path) -> Iterable[Replayed]:
    """Every score of every record again.

    Raises:
        ArtefactError: a model version is not there any more.
    """
    loaded: dict[str, Model] = {}
    for logged in records:
        for score in logged.scores:
            if score.version not in loaded:
                name, _, version = score.version.partition("@")
                loaded[score.version] = Model.load(version_path(models, name, version))
            yield _again(loaded[score.version], logged, score)


def table(request_id: str, replayed: Sequence[Replayed]) -> Table:
    """A line per score."""
    shown = Table(title=f"request {request_id}", title_justify="left")
    for column in ("prediction", "model"):
        shown.add_column(column, overflow="fold")
    for column in ("logged, computed", "inputs", ""):
        shown.add_column(column, justify="right")
    for one in replayed:
        logged, score = one.logged, one.score
        shown.add_row(
            f"{logged.time:%F %T} {logged.row.get('user_id')} {logged.row.get('product_id')}",
            f"{score.version} {score.arm or ''} {logged.rung}",
            f"{score.probability:.9g} {one.probability:.9g}",
            f"{len(one.differing)} of {len(score.inputs)} differ",
            "[green]equal[/]" if one.is_equal else "[red]differs[/]",
        )
    return shown


def _again(model: Model, logged: Logged, score: LoggedScore) -> Replayed:
    inputs = np.array([score.inputs], dtype=np.float32)
    columns = {name: [value] for name, value in {**logged.row, **logged.features}.items()}
    try:
        differing = tuple(_differences(model.encode.names, inputs[0], model.encode(columns)[0]))
    except ArtefactError as error:
        differing = (str(error),)
    return Replayed(logged, score, _probability(model, logged, score, inputs), differing)


def _probability(model: Model, logged: Logged, score: LoggedScore, inputs: npt.NDArray[np.float32]) -> float:
    """Of a row of which nothing was known, the rules may have judged in the model's place (`serving.rules`)."""
    rules = model.card.rules
    if rules is not None and logged.rung == "rules" and score.model == FRAUD and not score.shadow:
        return rules.probability(logged.features)
    return float(model.score(inputs)[0])


def _differences(
    names: Sequence[str], logged: npt.NDArray[np.float32], encoded: npt.NDArray[np.float32]
) -> Iterable[str]:
    for name, was, now in zip(names, logged, encoded, strict=True):
        if not _same(was, now):
            yield f"{name}: logged {was}, encoded {now}"


def _same(one: np.float32, other: np.float32) -> bool:
    """Equal to the bit; no value equals no value, whatever the bits of its NaN."""
    return bool(np.isnan(one) and np.isnan(other)) or one.tobytes() == other.tobytes()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("request_id", help="as the answer told it")
    parser.add_argument(
        "--time",
        type=_time,
        help="about when, ISO 8601, UTC where it names no zone: only days within an hour of it are opened",
    )
    parser.add_argument("--archive", type=Path, help="folder of the archive (predictions in SHOP_DATA_DIR)")
    return parser


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
