"""Imports Feast without the run-time type checks that typeguard builds into its classes: 1.5 s instead of 5 s of a start."""

import typeguard


def import_feast() -> None:
    """Import Feast; what imports it later, in this process, finds it without the checks."""
    checks = typeguard.typechecked
    typeguard.typechecked = _as_it_is  # type: ignore[assignment]  # only the form that Feast uses
    try:
        import feast  # noqa: F401, PLC0415 - the import is what takes the time
    finally:
        typeguard.typechecked = checks


def _as_it_is(target: object) -> object:
    return target
