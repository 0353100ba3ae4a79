"""What every benchmark prints: figures beside their peers, the machine, one closing line, an exit status.

A benchmark module has ``main(argv) -> int`` and does::

    def main(argv: Sequence[str] | None = None) -> int:
        options = parser("online", __doc__).parse_args(argv)
        report = Report("online")
        report.add(Bar("one row", figure=0.3, unit="ms", peer=1.0, peer_name="stock Feast", least=2.5, lower_is_better=True))
        return report.finish(options.json)
"""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table


@dataclass(frozen=True)
class Bar:
    """One measured figure and what is asked of it.

    Attributes:
        name: What was measured.
        figure: Our value in ``unit``.
        unit: Unit of figure and peer.
        peer: The peer's value, measured in the same run; None where the figure stands alone.
        peer_name: Who the peer is.
        least: The least ratio that is accepted; without a peer a bound on the figure itself
            (a least, or a most where lower is better). None: shown only.
        lower_is_better: True for durations and memory, False for rates and shares.
    """

    name: str
    figure: float
    unit: str
    peer: float | None = None
    peer_name: str = ""
    least: float | None = None
    lower_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer: above 1 is better; None without a peer."""
        if self.peer is None:
            return None
        better, worse = (self.peer, self.figure) if self.lower_is_better else (self.figure, self.peer)
        return better / worse if worse else float("inf")

    @property
    def holds(self) -> bool:
        """Whether the figure is accepted; a figure without bound always is."""
        if self.least is None:
            return True
        if self.ratio is not None:
            return self.ratio >= self.least
        return self.figure <= self.least if self.lower_is_better else self.figure >= self.least

    @property
    def asked(self) -> str:
        """The bound in words."""
        if self.least is None:
            return ""
        if self.peer is not None:
            return f"{_number(self.least)} x"
        return f"{'<=' if self.lower_is_better else '>='} {_number(self.least)}"

    def to_json(self) -> dict[str, Any]:
        """All of the row, with the derived values."""
        return {
            "name": self.name,
            "figure": self.figure,
            "unit": self.unit,
            "peer": self.peer,
            "peer_name": self.peer_name,
            "ratio": self.ratio,
            "least": self.least,
            "lower_is_better": self.lower_is_better,
            "holds": self.holds,
        }


@dataclass
class Report:
    """The rows of one benchmark run and the machine they were measured on."""

    name: str
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    load_at_start: float = field(default_factory=lambda: os.getloadavg()[0])

    def add(self, bar: Bar) -> None:
        """Keep a row."""
        self.bars.append(bar)

    def note(self, line: str) -> None:
        """Keep a line that is printed under the table: sizes, seeds, what was left out and why."""
        self.notes.append(line)

    def finish(self, json_file: Path | None = None) -> int:
        """Print the table and the closing line, write the JSON file, return the exit status."""
        console = Console()
        console.print(self._table())
        for line in self.notes:
            console.print(f"  {line}", markup=False, highlight=False)
        console.print(self.summary, markup=False, highlight=False)
        if json_file is not None:
            json_file.write_text(json.dumps(self.to_json(), indent=2) + "\n")
        return 0 if all(bar.holds for bar in self.bars) else 1

    @property
    def summary(self) -> str:
        """One line that sums the run up."""
        short = [bar.name for bar in self.bars if not bar.holds]
        asked = sum(bar.least is not None for bar in self.bars)
        verdict = f"{asked - len(short)} of {asked} bars hold"
        return f"{self.name}: {verdict}" + (f"; short: {', '.join(short)}" if short else "")

    def to_json(self) -> dict[str, Any]:
        """The whole report for ``--json``."""
        return {
            "benchmark": self.name,
            "machine": machine(),
            "load_at_start": self.load_at_start,
            "load_at_end": os.getloadavg()[0],
            "bars": [bar.to_json() for bar in self.bars],
            "notes": self.notes,
            "summary": self.summary,
        }

    def _table(self) -> Table:
        load = f"load {self.load_at_start:.1f} at start, {os.getloadavg()[0]:.1f} at end"
        table = Table(
            title=self.name, caption=f"{machine()}, {load}", title_justify="left", caption_justify="left"
        )
        table.add_column("")
        for column in ("figure", "peer", "ratio", "least"):
            table.add_column(column, justify="right")
        table.add_column("")
        for bar in self.bars:
            table.add_row(*_cells(bar))
        return table


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Command line of a benchmark; ``--json FILE`` is common to all."""
    first_line = (description or "").strip().split("\n")[0]
    made = argparse.ArgumentParser(prog=f"python -m tests.benchmarks.{name}", description=first_line)
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    return made


def progress() -> Progress:
    """The progress bar of a benchmark; use as a context manager."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        transient=True,
    )


def machine() -> str:
    """Cores this process may use, architecture and Python version."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}"


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile; ``share`` in [0, 1]. Raises ValueError on no values."""
    if not values:
        raise ValueError("a percentile needs at least one value")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cells(bar: Bar) -> tuple[str, ...]:
    peer = "" if bar.peer is None else f"{_number(bar.peer)} {bar.unit}"
    ratio = "" if bar.ratio is None else f"{_number(bar.ratio)} x"
    name = f"{bar.name} [dim](peer: {bar.peer_name})[/dim]" if bar.peer_name else bar.name
    verdict = "" if bar.least is None else "[green]holds[/green]" if bar.holds else "[red]short[/red]"
    return name, f"{_number(bar.figure)} {bar.unit}", peer, ratio, bar.asked, verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
