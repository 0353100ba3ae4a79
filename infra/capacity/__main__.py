"""What a load needs: workers, partitions, memory of Redis and of the windows, archive, API, network, and which limit binds."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from infra.capacity.coefficients import COMMAND, PATH, Coefficients
from infra.capacity.definitions import Definitions
from infra.capacity.errors import CapacityError
from infra.capacity.load import Load
from infra.capacity.plan import Machines, Plan, plan_of
from infra.capacity.table import table

_Given = TypeVar("_Given", Load, Machines)

_HELP = {
    "peak_events": "events per second in the busiest minutes, all topics together",
    "mean_events": "events per second over the day",
    "users": "customers that ever came",
    "active_users": "customers that come on a day",
    "products": "products",
    "predictions": "predictions per second in the busiest minutes (default: 0)",
    "retention_days": "how long archive and prediction log are kept (default: 365)",
    "row_days": "how long a row stays in Redis behind its last change, by key_ttl_seconds or ingestion.sweep (default: 90)",
    "kafka_hours": "how long Kafka keeps messages (default: 168)",
    "replicas": "copies in Kafka and Redis, the first one included (default: 1)",
    "utilisation": "share of a core or of memory that is planned with (default: 0.6)",
    "worker_gib": "memory of a worker (default: 4)",
    "redis_gib": "memory of the largest Redis server that may be had (default: 32)",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the plan; 1 where something was asked that cannot be calculated, 2 where the command line is wrong."""
    asked = _parser().parse_args(argv)
    try:
        plans, caption = _plans(asked)
    except CapacityError as error:
        print(f"capacity: {error}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps([{"times": title, **plan.to_json()} for title, plan in plans], indent=2))
    else:
        Console().print(table([(f"x {title:g}", plan) for title, plan in plans], caption))
    return 0


def _plans(asked: argparse.Namespace) -> tuple[list[tuple[float, Plan]], str]:
    load, machines = _given(Load, asked), _given(Machines, asked)
    loads = [(factor, load.times(factor)) for factor in asked.times]
    cost = Coefficients.read(asked.coefficients)
    from infra.capacity.registry import read  # noqa: PLC0415  # Feast takes seconds to import, which --help need not wait for

    known = read(asked.feature_repo)
    plans = [(factor, plan_of(each, known, cost, machines)) for factor, each in loads]
    return plans, _caption(load, known, cost)


def _caption(load: Load, known: Definitions, cost: Coefficients) -> str:
    told = [f"measured {cost.measured.get('at', '')} on {cost.measured.get('machine', '')}"]
    keys = sorted({key for view in known.views for key in view.keys if load.is_assumed(key)})
    told += [f"as many {key} as users: nobody said how many (--population {key}=N)" for key in keys]
    return "\n".join(told)


def _given(kind: type[_Given], asked: argparse.Namespace) -> _Given:
    """What of an object's fields stands on the command line; the others keep their defaults."""
    values = {told.name: getattr(asked, told.name) for told in fields(kind)}
    return kind(**{name: value for name, value in values.items() if value is not None})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.capacity",
        description=__doc__,
        epilog=f"What things cost was measured by `{COMMAND}`.",
    )
    needed = ("peak_events", "mean_events", "users", "active_users", "products")
    for name, text in _HELP.items():
        parser.add_argument(
            _flag(name), type=int if name == "replicas" else float, required=name in needed, help=text, metavar="N"
        )  # fmt: skip
    parser.add_argument(
        "--share", dest="shares", action=_Pairs, metavar="TOPIC=PART", help="part of the events of a topic; of each topic"
    )  # fmt: skip
    parser.add_argument(
        "--population", dest="populations", action=_Pairs, metavar="KEY=N",
        help="how many different values a join key has (default: as many as users)",
    )  # fmt: skip
    parser.add_argument(
        "--times", type=float, nargs="+", default=[1.0], metavar="X", help="plans for multiples of the load, side by side"
    )  # fmt: skip
    parser.add_argument(
        "--feature-repo", type=Path, default=Path("feature_repo"), help="whose registry is read (default: %(default)s)"
    )  # fmt: skip
    parser.add_argument("--coefficients", type=Path, default=PATH, help="another file of coefficients")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


class _Pairs(argparse.Action):
    """``NAME=NUMBER``, again and again."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        name, _, number = str(values).partition("=")
        try:
            known = {**(getattr(namespace, self.dest) or {}), name: float(number)}
        except ValueError:
            parser.error(f"{option_string} {values}: write NAME=NUMBER, such as orders=0.1")
        setattr(namespace, self.dest, known)


if __name__ == "__main__":
    sys.exit(main())
