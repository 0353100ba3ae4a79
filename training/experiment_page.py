"""The report of an experiment: what is said of it in words, a table, and the course of its difference."""

from html import escape

from rich.table import Table

from artefact.experiments import CHALLENGER, CHAMPION
from expectations.site.axes import Axis
from expectations.site.charts import Series, line_chart
from expectations.site.markup import Grid, Plot, blocks, document
from training.arms_compared import ArmFigures, Comparison

_RATE = {"fraud": "decided wrongly", "recommendation": "lists with an order"}
_POSITIVES = {"fraud": "charged back", "recommendation": "ordered"}
_METHOD = {
    "fraud": "An order is decided wrongly if it was HIGH and is good, or was not HIGH and was charged back.",
    "recommendation": "A list counts if the customer ordered one of its products within the horizon.",
}
_UNEVEN = 0.001
"""Below this chance of the split, something is wrong with it."""


def verdict(comparison: Comparison) -> str:
    """In a sentence: which arm is better, or that it is open."""
    difference = comparison.difference
    if difference is None:
        return "only shadows: nothing was decided by them"
    if not difference.decided:
        return f"open: the arms may differ by {difference.low:+.2%} to {difference.high:+.2%}"
    wrong_is_less = comparison.experiment.model == "fraud"
    better = (difference.estimate < 0) == wrong_is_less
    return (
        f"the challenger is {'better' if better else 'worse'}: {_RATE[comparison.experiment.model]} "
        f"{difference.low:+.2%} to {difference.high:+.2%}"
    )


def warning(comparison: Comparison) -> str | None:
    """What makes the comparison worthless, if anything."""
    chance = comparison.split_p_value
    if chance is None or chance >= _UNEVEN:
        return None
    return (
        f"customers are not split by the share of {comparison.experiment.share:.1%} (chance {chance:.1g}): find out which "
        "predictions of an arm are missing before you believe any figure"
    )


def grid(comparison: Comparison) -> Grid:
    """A row per arm and shadow."""
    model = comparison.experiment.model
    columns = (
        "arm",
        "version",
        "predictions",
        "customers",
        "live",
        "settled",
        _POSITIVES[model],
        _RATE[model],
        "average precision",
    )
    return Grid("Arms", columns, [_row(arm) for arm in comparison.arms])


def table(comparison: Comparison) -> Table:
    """The same for the terminal, which is narrow: a column per arm."""
    shown = grid(comparison)
    printed = Table("", *(row[0] for row in shown.rows), title=comparison.experiment.name)
    for number, name in enumerate(shown.columns[1:], start=1):
        printed.add_row(name, *(str(row[number]) for row in shown.rows))
    return printed


def page(comparison: Comparison) -> str:
    """HTML that needs nothing else."""
    experiment, caution = comparison.experiment, warning(comparison)
    until = f"{experiment.stopped:%Y-%m-%d %H:%M}" if experiment.stopped else "now"
    facts = (
        f"{experiment.model}, {experiment.started:%Y-%m-%d %H:%M} to {until}, share {experiment.share or 0:.1%}, known by "
        f"{comparison.end:%Y-%m-%d %H:%M} UTC"
    )
    head = [
        f"<h1>{escape(experiment.name)}</h1>",
        f'<p class="soft">{escape(facts)}</p>',
        f'<p class="verdict {"bad" if caution else "good"}">{escape(caution or verdict(comparison))}</p>',
    ]
    grids = [grid(comparison)]
    if comparison.difference:
        grids.append(_test(comparison))
    plots = [_course(comparison)] if comparison.course else []
    method = (
        f"{_METHOD[experiment.model]} Only predictions whose outcome is final are settled. The test counts each customer "
        "once, with the first outcome that settled. Its bounds hold at all times together with a chance of 95 %: look as "
        "often as you like, and stop when they leave 0 out. Average precision is of all settled scores; a shadow scored "
        "the same predictions as both arms."
    )
    return document(
        experiment.name, [*head, *blocks(grids, plots), f"<h2>Method</h2><p>{escape(method)}</p>"]
    )


def _row(arm: ArmFigures) -> list[str]:
    return [
        arm.arm,
        arm.version,
        f"{arm.predictions:,}",
        f"{arm.customers:,}",
        f"{arm.live_share:.1%}",
        f"{arm.settled:,}",
        f"{arm.positives:,}",
        "" if arm.outcome_rate is None else f"{arm.outcome_rate:.2%}",
        "" if arm.average_precision is None else f"{arm.average_precision:.4f}",
    ]


def _test(comparison: Comparison) -> Grid:
    difference, rows = comparison.difference, []
    assert difference is not None  # noqa: S101  the caller looked
    for arm in (CHAMPION, CHALLENGER):
        outcomes = comparison.outcomes[arm]
        rate = "" if outcomes.rate is None else f"{outcomes.rate:.2%}"
        rows.append([arm, f"{outcomes.units:,}", f"{outcomes.successes:,}", rate])
    bounds = f"{difference.estimate:+.2%} ({difference.low:+.2%} .. {difference.high:+.2%})"
    rows.append(["difference", "", "", f"{bounds}, p {difference.p_value:.3g}"])
    return Grid(
        "One outcome per customer", ("", "customers", "of them", _RATE[comparison.experiment.model]), rows
    )


def _course(comparison: Comparison) -> Plot:
    days = list(range(1, len(comparison.course) + 1))
    shown = [difference for _, difference in comparison.course]
    reach = max(0.01, *(min(0.5, abs(bound)) for one in shown for bound in (one.low, one.high)))
    chart = line_chart(
        Axis("day on which outcomes settled", 0.5, len(days) + 0.5, whole=len(days) <= 10),
        Axis("challenger less champion", -reach, reach),
        [
            Series("difference", days, [one.estimate for one in shown], dotted=True),
            Series("lower bound", days, [one.low for one in shown]),
            Series("no difference", [0.5, len(days) + 0.5], [0, 0], dashed=True),
            Series("upper bound", days, [one.high for one in shown]),
        ],
    )
    return Plot(
        "Course of the difference", chart, "Decided on the first day on which both bounds lie on one side."
    )
