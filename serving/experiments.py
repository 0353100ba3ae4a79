"""``python -m serving.experiments start|stop|list``: experiments with the models that the API answers from.

The API looks at the file by itself; `python -m training.experiment_report NAME` compares the arms.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table

from artefact import ArtefactError, champion_path, load_card, version_path
from artefact.experiments import Experiment, change_experiments, explained, load_experiments
from serving.settings import ServingSettings


def main(
    arguments: Sequence[str] | None = None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> int:
    """Run the command; 1 with the reason on stderr if it cannot be done."""
    options = _parser().parse_args(arguments)
    models_dir, console = ServingSettings().models, Console()
    try:
        if options.command == "start":
            start(models_dir, _started(models_dir, options, now()))
            console.print(f"{options.name} runs; the API takes it up by itself", soft_wrap=True)
        elif options.command == "stop":
            stop(models_dir, options.name, now())
            console.print(f"{options.name} is stopped: the champion answers everybody", soft_wrap=True)
        else:
            console.print(_listing(models_dir))
    except ArtefactError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def start(models_dir: Path, experiment: Experiment) -> None:
    """Add an experiment that runs from now on.

    Raises:
        ArtefactError: if its name is taken, another one runs with its model, or a version is not there.
    """
    for version in (experiment.champion, experiment.challenger, *experiment.shadows):
        if version is not None:
            _check_version(models_dir, experiment.model, version)
    change_experiments(models_dir, lambda known: [*known, experiment])


def stop(models_dir: Path, name: str, at: datetime) -> None:
    """End an experiment at an instant (aware); it stays in the file for its report.

    Raises:
        ArtefactError: if none of that name runs.
    """

    def stopped(known: Sequence[Experiment]) -> list[Experiment]:
        running = [one.name for one in known if one.running]
        if name not in running:
            raise ArtefactError(
                f"no experiment {name!r} runs; {f'running: {running}' if running else 'none does'}"
            )
        return [one.model_copy(update={"stopped": at}) if one.name == name else one for one in known]

    change_experiments(models_dir, stopped)


def _started(models_dir: Path, options: argparse.Namespace, now: datetime) -> Experiment:
    given = {
        "name": options.name,
        "model": options.model,
        "salt": options.salt or token_hex(8),
        "champion": champion_path(models_dir, options.model).name,
        "challenger": options.challenger,
        "share": options.share,
        "shadows": tuple(options.shadow),
        "effect": options.effect,
        "started": now,
    }
    try:
        return Experiment.model_validate(given)
    except ValidationError as error:
        raise ArtefactError(explained(error)) from error


def _check_version(models_dir: Path, model: str, version: str) -> None:
    if not version_path(models_dir, model, version).is_dir():
        raise ArtefactError(
            f"model {model!r} has no version {version!r}; `python -m training.registry list` names them"
        )
    card = load_card(version_path(models_dir, model, version))
    if card.model != model:
        raise ArtefactError(f"version {version!r} in {models_dir / model} is of model {card.model!r}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.experiments", description="Experiments with the models in use."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    begin = commands.add_parser("start", help="let another version answer for a share of the customers")
    begin.add_argument("name", help="of the experiment, never used before")
    begin.add_argument("--model", required=True, choices=("fraud", "recommendation"))
    begin.add_argument("--challenger", metavar="VERSION", help="version that answers for the share")
    begin.add_argument("--share", type=float, help="of the customers, above 0 and up to 0.5")
    begin.add_argument(
        "--shadow", metavar="VERSION", action="append", default=[], help="scores beside; again for another"
    )
    begin.add_argument(
        "--effect", type=float, default=0.02, help="difference of the arms' rates worth finding [0.02]"
    )
    begin.add_argument("--salt", help="the same salt puts the same customers into the share; by default new")
    end = commands.add_parser("stop", help="let the champion answer everybody again")
    end.add_argument("name")
    commands.add_parser("list", help="all experiments, those that were stopped too")
    return parser


def _listing(models_dir: Path) -> Table:
    name, begun, ended = (Column(title, no_wrap=True) for title in ("name", "from", "to"))
    table = Table(
        name, "model", "champion", "challenger", "share", "shadows", begun, ended, title=str(models_dir)
    )
    for one in load_experiments(models_dir):
        table.add_row(
            one.name,
            one.model,
            one.champion,
            one.challenger or "",
            f"{one.share:.1%}" if one.share else "",
            ", ".join(one.shadows),
            f"{one.started:%Y-%m-%d}",
            f"{one.stopped:%Y-%m-%d}" if one.stopped else "runs",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
