"""Plans follow from what was measured; each limit can bind, and is named when it does."""

from typing import Any

import pytest

from infra.capacity.coefficients import Coefficients
from infra.capacity.demand import demand_of
from infra.capacity.errors import CapacityError
from infra.capacity.load import Load
from infra.capacity.plan import GIB, Machines, Plan, plan_of
from tests.unit.infra.capacity.small import DAY, DEFINITIONS, nothing_but

CORE = Machines(utilisation=1.0)


def load(**changes: Any) -> Load:
    given: dict[str, Any] = {
        "peak_events": 1_000.0,
        "mean_events": 1_000.0,
        "users": 1_000.0,
        "active_users": 1_000.0,
        "products": 10.0,
        "shares": {"orders": 0.5, "page_views": 0.5},
    }
    return Load(**given | changes)


def plan(cost: Coefficients, machines: Machines = CORE, **changes: Any) -> Plan:
    return plan_of(load(**changes), DEFINITIONS, cost, machines)


def test_windows_are_divided_and_reading_is_not() -> None:
    """Half of a core reads: of 4 cores of windows each worker takes half a core."""
    # 1,000 events of (3 + 1) / 2 features each.
    cost = nothing_but(stream_read_us=500.0, stream_value_us=2_000.0)
    needed = plan(cost, mean_events=0.0)
    assert needed.demand.windows == pytest.approx(4)
    assert needed.workers == 8
    assert needed.binds.name == "a core of each worker"
    assert needed.spark == ()


def test_no_number_of_workers_is_enough_where_reading_fills_a_core() -> None:
    """The work belongs on a cluster then."""
    needed = plan(nothing_but(stream_read_us=900.0, stream_archive_us=200.0))
    assert needed.workers is None
    assert needed.binds.name.startswith("the leading worker's core")
    assert needed.binds.used == pytest.approx(1.1)
    assert needed.spark == (needed.binds.name,)


def test_more_workers_than_a_group_has_parts_are_no_plan() -> None:
    """33 would have nothing to keep."""
    assert plan(nothing_but(stream_value_us=16_000.0)).workers == 32
    needed = plan(nothing_but(stream_value_us=17_000.0), mean_events=0.0)
    assert needed.workers is None
    assert needed.spark == ("a core of each worker",)


def test_memory_asks_for_workers_too() -> None:
    """16 GiB of windows, twice, among workers of 4 GiB."""
    of_a_key = 16 * GIB / 1_010
    needed = plan(nothing_but(state_key_bytes=of_a_key))
    assert needed.demand.state == pytest.approx(16 * GIB, rel=1e-3)
    assert needed.workers == 8
    assert needed.binds.name == "memory of each worker"


def test_ids_are_remembered_by_every_worker() -> None:
    """Twice the horizon of each topic; where they fill a worker, another one does not help."""
    ids = 2 * (500 * DAY + 500 * 3600)
    needed = plan(nothing_but(state_id_bytes=1.0, state_key_bytes=1.0))
    assert needed.demand.ids == ids
    assert needed.worker_bytes > ids
    full = plan(nothing_but(state_id_bytes=4 * GIB / ids, state_key_bytes=1.0))
    assert full.workers is None
    assert full.spark == ("memory of each worker",)


def test_redis_is_divided_by_memory_and_by_its_core() -> None:
    """A Redis has one core."""
    assert plan(nothing_but(redis_prediction_us=1_000.0), predictions=2_500.0).redis_servers == 3
    rows = 1_000 + 10 + 1_000  # of customers, products, and the table
    needed = plan(nothing_but(redis_row_bytes=100 * GIB / rows))
    assert needed.redis_bytes == pytest.approx(100 * GIB)
    assert needed.redis_servers == 4


def test_views_of_one_entity_share_its_key() -> None:
    """A customer has one key for two views."""
    assert demand_of(load(), DEFINITIONS, nothing_but(redis_entity_bytes=1.0)).online == pytest.approx(1_010)


def test_archive_grows_with_events_and_predictions() -> None:
    """Events of every second, predictions in the proportion of mean to peak."""
    cost = nothing_but(archive_value_bytes=1.0, archive_float_bytes=3.0, prediction_archive_bytes=10.0)
    needed = plan(cost, mean_events=500.0, predictions=100.0, retention_days=10)
    assert needed.demand.archive_day == pytest.approx(500 * DAY * (16 + 12) / 2)
    assert needed.demand.log_day == pytest.approx(50 * DAY * 10)
    assert needed.archive_bytes == pytest.approx(10 * (needed.demand.archive_day + needed.demand.log_day))


def test_the_api_is_planned_by_its_cores() -> None:
    """At the peak."""
    assert plan(nothing_but(api_prediction_us=1_000.0), predictions=2_500.0).api_processes == 3


def test_computing_views_anew_for_days_is_work_for_a_cluster() -> None:
    """A night is the bound."""
    needed = plan(nothing_but(stream_value_us=500.0))
    assert needed.demand.refold_seconds == pytest.approx(1_000 * DAY * 2 * 500e-6)
    assert needed.spark == ("computing all views anew takes each worker 24 hours",)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"utilisation": 0.0}, "--utilisation 0"),
        ({"worker_gib": -1.0}, "--worker-gib -1"),
        ({"redis_gib": 0.0}, "--redis-gib 0"),
    ],
)
def test_wrong_machines_name_value_and_way_out(wrong: dict[str, float], told: str) -> None:
    """Before anything is calculated."""
    with pytest.raises(CapacityError, match=told):
        Machines(**wrong)


def test_a_worker_has_room_for_more_than_itself() -> None:
    """Else no number of them is right."""
    with pytest.raises(CapacityError, match=r"--worker-gib 4: a worker takes 5\.00 GiB before it has read"):
        plan(nothing_but(worker_base_bytes=5.0 * GIB))
