"""Models in use, their versions, and the reports of their trainings and experiments, which become part of the site."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from artefact import ArtefactError, Override, champion_path, load_card, load_overrides
from artefact.folder import CARD_FILE, PAGE_FILE, VERDICT_FILE
from expectations.site.area import Area, Problem
from expectations.site.markup import Grid, link, paragraph, pill, table

PAGE: Final = "models.html"
TITLE: Final = "Models"
MODELS, EXPERIMENTS = "models", "experiments"
"""Folders of the data and of the site."""
_VERSIONS_MOST: Final = 20
"""Of each model, the newest."""
_COLUMNS: Final = (
    "Model",
    "Version",
    "",
    "Checks",
    "Overruled by",
    "Estimator",
    "Data until (UTC)",
    "Trained (UTC)",
)


@dataclass(frozen=True)
class Version:
    """A trained version.

    Attributes:
        model: Its model.
        name: Its version.
        champion: Whether it is in use.
        chosen: The kind of estimator.
        data_end: Until when it has seen data.
        created: When it was trained.
        failed: Checks that it failed; None where it was never judged.
        page: Its report in the site; None where it has none.
        overrides: Promotions of it although checks failed, the oldest first.
    """

    model: str
    name: str
    champion: bool
    chosen: str
    data_end: datetime
    created: datetime
    failed: tuple[str, ...] | None
    page: str | None
    overrides: tuple[Override, ...] = ()


def collect_versions(data: Path, site: Path) -> list[Version]:
    """The newest versions of each model, the newest first; their reports are copied into the site."""
    folders = sorted((data / MODELS).glob("[!.]*/"))
    return [version for folder in folders for version in _versions(folder, site)]


def collect_experiments(data: Path, site: Path) -> list[str]:
    """Reports of experiments, copied into the site; their names."""
    pages = sorted((data / EXPERIMENTS).glob("*.html"))
    for page in pages:
        _copy(page, site / EXPERIMENTS / page.name)
    return [page.stem for page in pages]


def models_area(versions: Sequence[Version], experiments: Sequence[str]) -> Area:
    """The area."""
    champions = [version for version in versions if version.champion]
    if not champions:
        return Area(
            TITLE,
            PAGE,
            "unknown",
            "no model",
            "No model is in use; `python -m training` trains them.",
            body=_body(versions, experiments),
        )
    problems = [_problem(version) for version in champions if version.failed]
    return Area(
        TITLE,
        PAGE,
        "look" if problems else "good",
        f"{len(champions)} in use",
        ", ".join(f"{version.model} {version.name}" for version in champions) + ".",
        problems=problems,
        body=_body(versions, experiments),
    )


def _versions(folder: Path, site: Path) -> Iterator[Version]:
    champion = _champion(folder)
    cards = sorted(folder.glob(f"[!.]*/{CARD_FILE}"), reverse=True)
    kept = [
        card.parent
        for place, card in enumerate(cards)
        if place < _VERSIONS_MOST or card.parent.name == champion
    ]
    for version in kept:
        card = load_card(version)
        yield Version(
            folder.name,
            version.name,
            version.name == champion,
            str(card.metrics.get("chosen", "")),
            card.data_window.end,
            card.created,
            _failed(version / VERDICT_FILE),
            _report(version / PAGE_FILE, site, f"{MODELS}/{folder.name}-{version.name}.html"),
            load_overrides(version),
        )


def _champion(folder: Path) -> str | None:
    try:
        return champion_path(folder.parent, folder.name).name
    except ArtefactError:
        return None


def _failed(file: Path) -> tuple[str, ...] | None:
    if not file.exists():
        return None
    return tuple(check["name"] for check in json.loads(file.read_bytes())["checks"] if not check["holds"])


def _report(file: Path, site: Path, page: str) -> str | None:
    if not file.exists():
        return None
    _copy(file, site / page)
    return page


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def _problem(version: Version) -> Problem:
    return Problem(
        version.created,
        f"{version.model} {version.name} is in use although it failed {', '.join(version.failed or ())}.",
        _who(version.overrides),
        f"read its report; `python -m training.registry rollback {version.model}` takes it back",
        "look",
    )


def _who(overrides: Sequence[Override]) -> str:
    if not overrides:
        return "Somebody promoted it against its checks; no record says who or why."
    last = overrides[-1]
    return (
        f"{last.by} promoted it against its checks, {last.time.astimezone(UTC):%F %H:%M} UTC: {last.reason}"
    )


def _body(versions: Sequence[Version], experiments: Sequence[str]) -> list[str]:
    parts = []
    if versions:
        rows = [_row(version) for version in versions]
        parts = ["<h2>Versions</h2>", table(Grid("Versions", _COLUMNS, rows), sortable=True)]
    if experiments:
        rows = [[link(f"{EXPERIMENTS}/{name}.html", name)] for name in experiments]
        parts += ["<h2>Experiments</h2>", table(Grid("Experiments", ("Report",), rows))]
    return [
        *parts,
        paragraph(
            "A version's report tells what it was trained on, what it was held against, and its checks.",
            "soft",
        ),
    ]


def _row(version: Version) -> list[Any]:
    failed = version.failed
    judged = (
        pill("unknown", "not judged")
        if failed is None
        else pill("bad", ", ".join(failed))
        if failed
        else pill("good", "held")
    )
    return [
        version.model,
        link(version.page, version.name) if version.page else version.name,
        pill("good", "in use") if version.champion else "",
        judged,
        ", ".join(dict.fromkeys(override.by for override in version.overrides)),
        version.chosen,
        f"{version.data_end:%F %H:%M}",
        f"{version.created:%F %H:%M}",
    ]
