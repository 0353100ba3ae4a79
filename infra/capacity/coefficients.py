"""What things cost, as it was measured."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.capacity.errors import CapacityError

PATH: Final = Path(__file__).with_name("coefficients.json")
COMMAND: Final = "python -m tests.benchmarks.scale --write"
NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "stream_read_us": ("us of CPU per event", "a worker fetches and decodes an event, whether its windows are here or not"),
    "stream_value_us": ("us of CPU per event and feature", "windows take an event in, repeats are left out"),
    "stream_row_us": ("us of CPU per row", "a worker makes a row and pushes it"),
    "stream_archive_us": ("us of CPU per event", "the leading worker archives and commits"),
    "redis_row_us": ("us of CPU per row", "Redis takes a row in"),
    "redis_prediction_us": ("us of CPU per prediction", "Redis answers what a prediction reads"),
    "api_prediction_us": ("us of CPU per prediction", "the API, from request to answer, prediction log included"),
    "worker_base_bytes": ("B", "memory of a worker whose windows are empty"),
    "api_base_bytes": ("B", "memory of an API process after its load"),
    "state_key_bytes": ("B per key", "windows: an entity of a view"),
    "state_key_value_bytes": ("B per key and feature", "windows: a feature of an entity"),
    "state_tile_bytes": ("B per tile", "windows: a hop in which an entity has events"),
    "state_tile_value_bytes": ("B per tile and feature", "windows: what a tile keeps for each feature over it"),
    "state_distinct_bytes": ("B per value", "windows: a value that is counted once"),
    "state_id_bytes": ("B per event id", "windows: an id that is remembered, twice its horizon"),
    "redis_entity_bytes": ("B per entity", "online store: a key"),
    "redis_row_bytes": ("B per row", "online store: a view of an entity"),
    "redis_value_bytes": ("B per value", "online store: a feature of a row"),
    "kafka_value_bytes": ("B per field", "a message of an event, JSON, by the fields of its contract"),
    "archive_value_bytes": ("B per column", "archive: an event in joined files, by its columns that are no fractions"),
    "archive_float_bytes": ("B per column", "archive: a number with a fraction"),
    "prediction_message_bytes": ("B per prediction", "prediction log: a message"),
    "prediction_archive_bytes": ("B per prediction", "prediction log: a row in parquet"),
    "row_wire_bytes": ("B per value", "a feature on its way to Redis"),
}  # fmt: skip
"""Unit and meaning of every coefficient."""


@dataclass(frozen=True)
class Coefficients:
    """All of `NAMES`, with where they were measured.

    Attributes:
        values: By name, in the unit that `NAMES` says.
        measured: Date, machine and command.
    """

    values: Mapping[str, float]
    measured: Mapping[str, str]

    def __post_init__(self) -> None:
        if missing := sorted(NAMES.keys() - self.values.keys()):
            raise CapacityError(f"no coefficient {', '.join(missing)}; measure them: `{COMMAND}`")
        if unknown := sorted(self.values.keys() - NAMES.keys()):
            raise CapacityError(
                f"nobody reads the coefficient {', '.join(unknown)}; measure anew: `{COMMAND}`"
            )
        for name, value in self.values.items():
            if not math.isfinite(value) or value < 0:
                raise CapacityError(
                    f"the coefficient {name} is {value}, it must be 0 or more; measure anew: `{COMMAND}`"
                )

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    @classmethod
    def read(cls, path: Path = PATH) -> "Coefficients":
        """From the file.

        Raises:
            CapacityError: it is absent, or is not what the benchmark writes.
        """
        try:
            content: dict[str, Any] = json.loads(path.read_text())
            values = {name: float(told["value"]) for name, told in content["coefficients"].items()}
            measured = {name: str(told) for name, told in content["measured"].items()}
        except OSError as error:
            raise CapacityError(f"{path} cannot be read ({error}); measure: `{COMMAND}`") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CapacityError(
                f"{path} is no file of coefficients ({error!r}); measure anew: `{COMMAND}`"
            ) from error
        return cls(values, measured)

    def write(self, path: Path = PATH) -> None:
        """To the file, each with its unit and what it is."""
        told = {
            name: {"value": float(f"{self.values[name]:.4g}"), "unit": unit, "what": what}
            for name, (unit, what) in NAMES.items()
        }
        path.write_text(json.dumps({"measured": dict(self.measured), "coefficients": told}, indent=2) + "\n")
