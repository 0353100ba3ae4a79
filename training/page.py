"""The report of a training run: one HTML file that needs nothing else, for a person who decides about the model."""

from collections.abc import Mapping, Sequence
from html import escape

from artefact import Card
from expectations.site.markup import Grid, Plot, blocks, document, paragraph, pill, table
from training.verdict import Verdict


def report_page(card: Card, verdict: Verdict, grids: Sequence[Grid], plots: Sequence[Plot]) -> str:
    """The whole page."""
    window = f"{card.data_window.start:%Y-%m-%d %H:%M} to {card.data_window.end:%Y-%m-%d %H:%M} UTC"
    revision = card.git_revision or "unknown revision"
    tone = "good" if not verdict.failed else "bad"
    trained = f"{card.metrics['chosen']}, trained on {window}, seed {card.seed}, code {revision}"
    checks = [(c.name, _mark(c.holds), c.detail) for c in verdict.checks]
    body = [
        f"<h1>{escape(card.model)} {escape(card.version)}</h1>",
        paragraph(trained, "soft"),
        paragraph(verdict.summary, f"verdict {tone}"),
        f"<h2>Checks</h2>{table(Grid('Checks', ('check', '', 'figures'), checks))}",
        *blocks(grids, plots),
        f"<h2>Protocol</h2>{paragraph(card.metrics['protocol'])}",
    ]
    return document(f"{card.model} {card.version}", body)


def interval(figures: Mapping[str, float]) -> str:
    """A mean with its bounds."""
    return f"{figures['mean']:.3f} ({figures['low']:.3f} .. {figures['high']:.3f})"


def _mark(holds: bool) -> str:
    return pill("good", "held") if holds else pill("bad", "failed")
