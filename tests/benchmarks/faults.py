"""Trust: twenty faults, each caught by the right check with the right diagnosis, and clean days without alarms.

A shop is simulated for ten weeks, the fraud model is trained on it, and a month of predictions is written behind it in the
format of the prediction log; their features are those of the point-in-time join at the instants at which they were served.
On each clean day all checks run as the commands run them. Then each fault is put where it would happen, into a copy of the
day behind that month, and the same checks run.
"""

import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from tests.benchmarks.faulty.checks import Day, Looked, Raised
from tests.benchmarks.faulty.faults import FAULTS, Fault, Served, Sides
from tests.benchmarks.faulty.place import copy, store_of, write_events, write_tables
from tests.benchmarks.faulty.served import answers, questions, stored_views, write_log
from tests.benchmarks.faulty.world import CLEAN_DAYS, DAY, END, FAULTY, SERVICE, TRAINED, World, make
from tests.benchmarks.report import Bar, Report, parser, progress

CUSTOMERS = 1_500
_LATER = timedelta(hours=1)


@dataclass(frozen=True)
class Outcome:
    """What the checks made of a fault."""

    fault: Fault
    looked: Looked

    @property
    def caught(self) -> list[Raised]:
        """Alarms of the check that had to raise one."""
        return [alarm for alarm in self.looked.alarms if alarm.check == self.fault.check]

    @property
    def is_right(self) -> bool:
        """Whether the right check raised an alarm, with the right diagnosis only."""
        return {alarm.diagnosis for alarm in self.caught} == {self.fault.diagnosis}


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = parser("faults", __doc__)
    options.add_argument("--seed", type=int, default=7, help="of the simulated shop (default: 7)")
    options.add_argument("--customers", type=int, default=CUSTOMERS, help=f"its size (default: {CUSTOMERS})")
    asked = options.parse_args(argv)
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="feast")
    report = Report("faults")
    with tempfile.TemporaryDirectory() as folder, progress() as bars:
        task = bars.add_task("", total=3 + CLEAN_DAYS + len(FAULTS))

        def step(text: str) -> None:
            bars.update(task, description=text, advance=1)

        world = make(Path(folder), asked.customers, asked.seed, step)
        clean = _clean(world, step)
        outcomes = [_faulty(world, fault, Path(folder) / f"fault{i}", step) for i, fault in enumerate(FAULTS)]
    Console(width=160).print(_table(outcomes))
    _add_bars(report, clean, outcomes)
    report.note(
        f"seed {asked.seed}, {asked.customers:,} customers, {CLEAN_DAYS} clean days behind the training"
    )
    return report.finish(asked.json)


def _clean(world: World, step: Callable[[str], None]) -> list[Looked]:
    """All checks of each clean day, the morning after it; labels as soon as they have settled."""
    store = store_of(world.data, world.registry)
    found = []
    for i in range(CLEAN_DAYS):
        start = TRAINED + i * DAY
        step(f"clean day {start.date()}")
        found.append(Day(store, world.data, start.date(), start + DAY + _LATER).look())
        found.append(Day(store, world.data, start.date(), END + _LATER).look(labels=True))
    return found


def _faulty(world: World, fault: Fault, folder: Path, step: Callable[[str], None]) -> Outcome:
    """The checks of a day on which something went wrong."""
    step(fault.name)
    day = FAULTY - fault.days_back * DAY
    clean = world.of_day(day)
    sides = fault.events(Sides(clean, clean, world.tables), world.seed)
    data = _copy(world, folder / "data", day, sides.archived, sides.tables)
    apart = sides.streamed is not sides.archived
    stream = _copy(world, folder / "stream", day, sides.streamed, sides.tables) if apart else data
    streamed, store = world.with_day(day, sides.streamed), store_of(stream, world.registry)
    asked = questions(sides.streamed["orders"], world.seed)
    read = answers(store, SERVICE, asked, streamed)
    served = fault.served(Served(read, streamed, stored_views(store, SERVICE)))
    write_log(data, served, world.card, lambda rows: fault.score(world.scorer(rows)), first_offset=10_000_000)
    looked = Day(store_of(data, world.registry), data, day, END + _LATER).look(labels=fault.days_back > 0)
    return Outcome(fault, looked)


def _copy(
    world: World,
    data: Path,
    day: date,
    events: Mapping[str, pl.DataFrame],
    tables: Mapping[str, pl.DataFrame],
) -> Path:
    """The clean folder with other events of a day and maybe other tables."""
    copy(world.data, data, day)
    write_events(data, events)
    if tables is not world.tables:
        write_tables(data, tables)
    return data


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(
        "fault", "expected", "caught by it", "", "alarms of others", title="Faults", show_lines=True
    )
    for one in outcomes:
        others = [alarm for alarm in one.looked.alarms if alarm.check != one.fault.check]
        table.add_row(
            one.fault.name,
            f"{one.fault.check}: {one.fault.diagnosis}",
            _told(one.caught),
            "[green]right[/]" if one.is_right else "[red]not right[/]",
            _told(others),
        )
    return table


def _told(alarms: Sequence[Raised]) -> str:
    return "\n".join(dict.fromkeys(f"{a.check}: {a.diagnosis}, {a.what[:90]}" for a in alarms[:4]))


def _add_bars(report: Report, clean: Sequence[Looked], outcomes: Sequence[Outcome]) -> None:
    right = sum(one.is_right for one in outcomes)
    checks, failed = (
        sum((one.made for one in clean), Counter()),
        sum((one.failed for one in clean), Counter()),
    )
    report.add(
        Bar(
            f"faults caught by the right check with the right diagnosis, of {len(outcomes)}",
            right,
            "faults",
            least=19,
        )
    )
    report.add(
        Bar(
            "clean checks with an alarm",
            100 * failed.total() / checks.total(),
            "%",
            least=1,
            lower_is_better=True,
        )
    )
    for check, made in checks.items():
        report.add(Bar(f"of {made:,} by {check}", 100 * failed[check] / made, "%"))
    for alarm in dict.fromkeys(alarm for one in clean for alarm in one.alarms):
        report.note(f"clean, yet an alarm: {alarm.check}, {alarm.diagnosis}: {alarm.what}")


if __name__ == "__main__":
    raise SystemExit(main())
