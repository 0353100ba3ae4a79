"""Reports and quarantine without somebody, and readable as before."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expectations.parity import record as parity
from expectations.parity.record import Example, FeatureParity, ParityRun, ServiceParity, Standing
from expectations.quarantine import Entry
from expectations.quarantine import Quarantine as Kept
from expectations.settings import QualitySettings
from ingestion.erasures.quotes import ERASED, Quarantine, Reports, without

NOW = datetime(2026, 4, 24, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENDS = {"ann": int(NOW.timestamp() * 1e6)}
EXAMPLE = Example("r1", NOW, {"user_id": "ann", "device_id": "dev_1"}, 3.0, 4.0, NOW, Standing.STALE)
FEATURE = FeatureParity("orders_1h", "user_orders", 100, 90, 5, 3, 2, 1.0, EXAMPLE)
RUN = ParityRun(NOW, NOW - HOUR, NOW, 5.0, 1.5, (ServiceParity("fraud_v1", 100, 0, (FEATURE,)),))


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ({"user_id": "ann", "device_id": "dev_1", "amount": 2.5}, {"user_id": ERASED, "device_id": ERASED, "amount": 2.5}),
        ({"user_id": "annette", "device_id": "dev_1"}, {"user_id": "annette", "device_id": "dev_1"}),
        ({"rows": [{"user_id": "ann", "at": "noon"}, {"user_id": "bob", "at": "noon"}]},
         {"rows": [{"user_id": ERASED, "at": ERASED}, {"user_id": "bob", "at": "noon"}]}),
        ({"values": ["ann", "bob"], "said": "no key: ann, bob"}, {"values": [ERASED, "bob"], "said": f"no key: {ERASED}, bob"}),
        ({"counts": {"ann": 3, "bob": 1}}, {"counts": {ERASED: 3, "bob": 1}}),
    ],
)  # fmt: skip
def test_a_row_of_theirs_loses_its_texts_and_their_id_stands_nowhere(told: Any, left: Any) -> None:
    """Numbers that belong to nobody stay, rows of others as they are."""
    assert without(told, ["ann"]) == left


def test_a_measurement_is_read_as_before_without_the_keys_of_its_example(tmp_path: Path) -> None:
    """What was counted stays."""
    parity.keep(RUN, tmp_path)
    assert Reports(tmp_path).leave_out({**ENDS, "bob": 0}) == {"ann": 1, "bob": 0}
    (run,) = parity.kept(tmp_path)
    example = run.services[0].features[0].example
    assert example == replace(EXAMPLE, keys={"user_id": ERASED, "device_id": ERASED})
    assert run.services[0].compared == 100


def test_pages_that_name_them_are_deleted_and_others_stay(tmp_path: Path) -> None:
    """Whether an id stands there as it is or escaped; what cannot be read is deleted, too."""
    person = "o'neil & söhne"
    named = [
        write(tmp_path / "data_docs" / "a.html", "<td>o&#x27;neil &amp; söhne</td>"),
        write(tmp_path / "parity.html", f"<td>{person}</td>"),
        write(tmp_path / "broken.json", f'{{"user_id": "{person}"'),
    ]
    escaped = write(tmp_path / "checks" / "b.json", json.dumps({"user_id": person}))
    other = write(tmp_path / "index.html", "<td>o'neil</td>")
    assert Reports(tmp_path).leave_out({person: 0}) == {person: 4}
    assert [file.exists() for file in (*named, other)] == [False, False, False, True]
    assert json.loads(escaped.read_text()) == {"user_id": ERASED}
    assert Reports(tmp_path).leave_out({person: 0}) == {person: 0}


def test_quarantined_rows_up_to_the_instant_are_gone(tmp_path: Path) -> None:
    """Those of others, and of somebody who came back, stay with their reasons; the entry counts what it has.

    event times, in hours   ann -1   bob -1   ann +1
    """
    kept = Kept(QualitySettings(data_dir=tmp_path))
    rows = pl.DataFrame(
        {"user_id": ["ann", "bob", "ann"], "event_timestamp": [NOW - HOUR, NOW - HOUR, NOW + HOUR], "amount": [-1.0, -2.0, -3.0]}
    )  # fmt: skip
    entry = Entry("events-orders", "2026-04-24", NOW.isoformat(), 0, {}, refused=False)
    kept.keep(entry, rows, [["negative"], ["negative", "unknown"], ["negative"]])
    quarantine = Quarantine(tmp_path / "quarantine")
    assert quarantine.leave_out(ENDS) == {"ann": 1}
    assert quarantine.leave_out(ENDS) == {"ann": 0}
    (left,) = kept.entries()
    assert (left.rows, left.reasons) == (2, {"negative": 2, "unknown": 1})
    assert kept.rows(left)["amount"].to_list() == [-2.0, -3.0]


def test_an_entry_of_which_nothing_is_left_is_gone(tmp_path: Path) -> None:
    """Rows that tell no time are all of before; rows of products are nobody's."""
    kept = Kept(QualitySettings(data_dir=tmp_path))
    entry = Entry("training-fraud_v1", "a", NOW.isoformat(), 0, {}, refused=False)
    kept.keep(entry, pl.DataFrame({"user_id": ["ann"]}), [["negative"]])
    kept.keep(replace(entry, batch="b"), pl.DataFrame({"product_id": ["ann"]}), [[]])
    assert Quarantine(tmp_path / "quarantine").leave_out(ENDS) == {"ann": 1}
    assert [left.batch for left in kept.entries()] == ["b"]
    assert not (tmp_path / "quarantine" / "training-fraud_v1" / "a").exists()


def test_where_nothing_is_kept_nothing_is_done(tmp_path: Path) -> None:
    """Neither folder has to be there."""
    assert Reports(tmp_path / "reports").leave_out(ENDS) == {"ann": 0}
    assert Quarantine(tmp_path / "quarantine").leave_out(ENDS) == {"ann": 0}
