"""Keeps results of checks and turns them into pages: Great Expectations' Data Docs and the site of our own.

::

    <data_dir>/reports/
      index.html          the overview; links to the pages beside it, one for each area
      models/, experiments/   reports of trainings and experiments, copied
      data_docs/          static site, built by Great Expectations
      gx/                 its suites and validation results
      checks/             one small JSON per check, what the page of data quality is made of
      traffic/            figures of the prediction log, one small JSON per day

The page of gates is made of checks, too, of what is known of the quarantine, and of the models.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import great_expectations as gx
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import (
    DataContextConfig,
    FilesystemStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from expectations.checking import CheckResult, plain
from expectations.kept import Acceptance, KeptCheck
from expectations.settings import QualitySettings
from expectations.site.build import Site

_SITE: Final = "data_docs"
_PAGE_VIEW: Final = {"module_name": "expectations.pages", "class_name": "PageView"}
_TIME: Final = "%Y%m%dT%H%M%S.%fZ"


def utc_now() -> datetime:
    """The present, for entry points; everything below them is given a clock."""
    return datetime.now(UTC)


class Reports:
    """The reports' folder.

    Args:
        settings: Where it lies and how much is shown.
        clock: The present, aware, UTC.
    """

    def __init__(self, settings: QualitySettings, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self.folder = settings.reports_dir.resolve()

    def stamp(self) -> str:
        """The present as part of a file name; sorts by time."""
        return self._clock().astimezone(UTC).strftime(_TIME)

    def keep(
        self,
        result: CheckResult,
        suite: gx.ExpectationSuite,
        batch: str,
        accepted: Acceptance | None = None,
    ) -> KeptCheck:
        """Keep the result of a check, and by whom it was overridden; `build` makes it visible."""
        context, now = self._context(), self._clock().astimezone(UTC)
        context.suites.add_or_update(suite)
        run = RunIdentifier(run_name=batch, run_time=now)
        key = ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(name=suite.name),
            run_id=run,
            batch_identifier=batch,
        )
        result.validation.meta.update(run_id=run, validation_time=now)
        context.validation_results_store.set(key, result.validation)
        kept = _kept(
            result, batch, now, accepted, page=f"{_SITE}/validations/{'/'.join(key.to_tuple())}.html"
        )
        name = f"{now.strftime(_TIME)}-{suite.name}-{batch}.json"
        write_text(self.folder / "checks" / name, json.dumps(asdict(kept), indent=1))
        return kept

    def kept(self) -> list[KeptCheck]:
        """The newest checks first, at most `summary_rows_max`."""
        names = sorted((self.folder / "checks").glob("*.json"), reverse=True)
        return [
            KeptCheck(**json.loads(name.read_text())) for name in names[: self._settings.summary_rows_max]
        ]

    def build(self, tell: Callable[[str], None] = lambda _: None) -> Path:
        """Bring the Data Docs and the site up to date; returns the path of its first page. `tell` is told what is done."""
        context = self._context()
        if missing := self._not_yet_built(context):
            tell("Data Docs")
            context.build_data_docs(site_names=[_SITE], resource_identifiers=missing)
        return Site(self._settings, self._clock(), tell).build(self.kept())

    def _not_yet_built(self, context: Any) -> list[Any]:
        """Validation results without a page, and their suites."""
        keys = context.validation_results_store.list_keys()
        newest = sorted(keys, key=lambda key: key.run_id.run_time)[-self._settings.summary_rows_max :]
        pages = self.folder / _SITE / "validations"
        fresh = [key for key in newest if not (pages / f"{'/'.join(key.to_tuple())}.html").exists()]
        suites = {key.expectation_suite_identifier for key in fresh}
        return [*fresh, *suites]

    def _context(self) -> Any:
        """Great Expectations over files in our folder; it keeps no configuration of its own and calls nobody."""
        defaults = FilesystemStoreBackendDefaults(root_directory=self.folder / "gx")
        site = {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(self.folder / _SITE),
            },
            "site_index_builder": {
                "class_name": "DefaultSiteIndexBuilder",
                "validation_results_limit": self._settings.summary_rows_max,
                "view": {"module_name": "expectations.pages", "class_name": "IndexView"},
            },
            "site_section_builders": {
                "expectations": {"view": _PAGE_VIEW},
                "validations": {"view": _PAGE_VIEW},
                "profiling": "none",
            },
        }
        configuration = DataContextConfig(
            store_backend_defaults=defaults,
            data_docs_sites={_SITE: site},
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        )
        return gx.get_context(project_config=configuration, mode="ephemeral")


def write_text(path: Path, text: str) -> None:
    """Write a whole file at once: a reader sees the old text or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _kept(
    result: CheckResult, batch: str, now: datetime, accepted: Acceptance | None, page: str
) -> KeptCheck:
    return KeptCheck(
        suite=result.suite,
        batch=batch,
        time=now.isoformat(timespec="seconds"),
        success=result.success,
        rows=result.rows,
        evaluated=result.statistics["evaluated_expectations"],
        passed=result.statistics["successful_expectations"],
        seconds=round(result.seconds, 3),
        failures=[plain(asdict(failure)) for failure in result.failures],
        page=page,
        accepted=asdict(accepted) if accepted else None,
    )
