"""The windows' state: cost per event against the number of keys and of hops, memory, restart, refolding.

Each piece runs in a process of its own, so that its memory is its own.
"""

import json
import subprocess
import sys
from collections.abc import Sequence

from tests.benchmarks import restart
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.benchmarks.stage import ROOT

KEYS = (10_000, 100_000, 1_000_000)
HOPS = (24, 1_440)
KINDS = ("random", "rising", "falling")
STEPS = ("update", "evaluate", "advance", "refresh")
ROUNDS = {"keys": 2, "hops": 4}
"""How often each case is measured, in turn with the others; the cheapest counts, since a machine only ever adds to a cost."""
NO_GROWTH = 1 / 1.2
"""Least ratio of the smallest case's cost to the largest's: growth of a fifth."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    options = parser("state", __doc__).parse_args(argv)
    report = Report("state")
    parts = (_by_keys, _by_hops, _by_restart)
    with progress() as bar:
        task = bar.add_task("", total=len(parts))
        for part in parts:
            bar.update(task, description=str(part.__doc__).rstrip("."))
            part(report)
            bar.advance(task)
    return report.finish(options.json)


def _by_keys(report: Report) -> None:
    """Filled windows of up to a million users."""
    found = _cheapest("keys", KEYS)
    few, many = found[KEYS[0]], found[KEYS[-1]]
    for count, figures in found.items():
        report.note(
            f"{count:,} keys, us of CPU an event: {_split(figures)}; {figures['rows_per_event']:.2f} rows an event"
        )
    recomputed = _piece("recompute", str(KEYS[-1]))["event"]
    name = f"cost per event, {KEYS[-1]:,} keys"
    report.add(_growth(name, _cost(many), _cost(few), f"{KEYS[0]:,} keys"))
    report.add(
        Bar(name, _cost(many), "us", recomputed, "polars group_by of the day's events", lower_is_better=True)
    )
    report.add(Bar("resident with them", many["resident"] / 1e9, "GB", least=3, lower_is_better=True))
    report.add(
        Bar("bytes per key, all windows and the ids", many["added"] / many["keys"], "B", lower_is_better=True)
    )
    report.note(
        f"{many['keys']:,.0f} keys, {many['ids']:,.0f} event ids; the process {many['resident'] / 1e9:.2f} GB, at most "
        f"{many['peak'] / 1e9:.2f} GB; added {many['added'] / 1e9:.2f} GB, of it arrays {many['arrays'] / 1e9:.2f} GB"
    )


def _by_hops(report: Report) -> None:
    """A tile of every key in every hop of the window."""
    for kind in KINDS:
        found = _cheapest("hops", HOPS, kind)
        few, many = found[HOPS[0]], found[HOPS[-1]]
        report.add(
            _growth(
                f"cost per event, window of {HOPS[-1]:,} hops, {kind}",
                _cost(many),
                _cost(few),
                f"{HOPS[0]} hops",
            )
        )
        for count, figures in found.items():
            report.note(f"{count:,} hops, {kind} values, us of CPU an event: {_split(figures)}")


def _by_restart(report: Report) -> None:
    """A worker with a million keys."""
    found = restart.measured()
    cold = "without a snapshot"
    report.add(
        Bar("live again, from exec to an event readable", found.fresh, "s", least=15, lower_is_better=True)
    )
    report.add(Bar("live again after SIGKILL", found.killed_fresh, "s", least=15, lower_is_better=True))
    report.add(Bar("ready again", found.ready, "s", found.cold_ready, cold, lower_is_better=True))
    report.add(Bar("refolding the archive", found.folded_per_second, "events/s", least=300_000))
    report.note(
        f"restart: {found.keys:,.0f} keys of four views; after SIGKILL ready in {found.killed_ready:.1f} s; refolding: "
        f"{restart.USERS * restart.VIEWS_PER_USER + restart.ORDERS:,} events, each through the two of four views that read it"
    )


def _cheapest(name: str, counts: Sequence[int], *arguments: str) -> dict[int, dict[str, float]]:
    rounds = [{count: _piece(name, str(count), *arguments) for count in counts} for _ in range(ROUNDS[name])]
    return {count: min((found[count] for found in rounds), key=_cost) for count in counts}


def _cost(figures: dict[str, float]) -> float:
    return sum(figures.get(step, 0.0) for step in STEPS)


def _split(figures: dict[str, float]) -> str:
    return ", ".join(f"{step} {figures.get(step, 0.0):.2f}" for step in STEPS)


def _growth(name: str, cost: float, base: float, base_name: str) -> Bar:
    return Bar(name, cost, "us", base, base_name, least=NO_GROWTH, lower_is_better=True)


def _piece(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.state_pieces", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    sys.exit(main())
