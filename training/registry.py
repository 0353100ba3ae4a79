"""``python -m training.registry list|show|promote|rollback``: the versions of the models and the one in use."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Column, Table

from artefact import ArtefactError, champion_path, load_card, load_overrides, version_path
from training.overruling import promote_judged
from training.report import card_markdown
from training.settings import TrainingSettings
from training.versions import champion, models, rollback, versions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 with the reason on stderr if it cannot be done."""
    options = _parser().parse_args(arguments)
    models_dir, console = TrainingSettings().models_dir, Console()
    try:
        if options.command == "list":
            console.print(_listing(models_dir))
        elif options.command == "show":
            console.print(Markdown(_page(models_dir, options.model, options.version)))
        elif options.command == "promote":
            promote_judged(models_dir, options.model, options.version, options.anyway, datetime.now(UTC))
            console.print(f"{options.model}: {options.version} is in use")
        else:
            console.print(f"{options.model}: {rollback(models_dir, options.model)} is in use again")
    except ArtefactError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.registry", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all versions of all models")
    show = commands.add_parser("show", help="the card of a version, by default of the champion")
    show.add_argument("model")
    show.add_argument("version", nargs="?")
    chosen = commands.add_parser("promote", help="put a version in use")
    chosen.add_argument("model")
    chosen.add_argument("version")
    chosen.add_argument(
        "--anyway", default="", metavar="REASON", help="also where its checks failed; kept with the version"
    )
    back = commands.add_parser("rollback", help="put the champion's predecessor in use again")
    back.add_argument("model")
    return parser


def _listing(models_dir: Path) -> Table:
    # The version is what the other commands are given: it is never cut.
    whole = Column("version", no_wrap=True, min_width=25)
    table = Table(
        "model", whole, "in use", "checks overruled", "trained on", "feature service", title=str(models_dir)
    )
    for model in models(models_dir):
        in_use = champion(models_dir, model)
        for version in versions(models_dir, model):
            card = load_card(version_path(models_dir, model, version))
            window = f"{card.data_window.start:%Y-%m-%d} .. {card.data_window.end:%Y-%m-%d}"
            used = "yes" if version == in_use else ""
            overruled = "yes" if load_overrides(version_path(models_dir, model, version)) else ""
            table.add_row(model, version, used, overruled, window, card.feature_service)
    return table


def _page(models_dir: Path, model: str, version: str | None) -> str:
    folder = version_path(models_dir, model, version) if version else champion_path(models_dir, model)
    return card_markdown(load_card(folder), load_overrides(folder))


if __name__ == "__main__":
    sys.exit(main())
