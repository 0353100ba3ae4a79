"""Dead letters from end to end: listed, shown, replayed after a fix, and replayed once more, without counting twice."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ingestion import deadletters
from ingestion.stream.errors import NotDurableError
from ingestion.stream.settings import StreamSettings
from tests.chaos.shop import ORDERS, Shop
from tests.chaos.storm import Storm, storm
from tests.chaos.truth import Position

TOO_STRICT, FIXED = 50.0, 0.0
"""Smallest amount of an order."""


def command(shop: Shop, *arguments: str) -> str:
    """What `python -m ingestion.deadletters` prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "ingestion.deadletters", *arguments],
        env={**os.environ, **shop.environment(), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(shop: Shop) -> int:
    """How many orders `list` counts that were refused for their amount."""
    found = re.search(rf"{ORDERS}\W+out_of_range\W+([\d,]+)", command(shop, "list"))
    return int(found[1].replace(",", "")) if found else 0


def replay(shop: Shop) -> str:
    """Send the orders again that were refused for their amount."""
    return command(shop, "replay", "--topic", ORDERS, "--kind", "out_of_range")


def test_letters_replayed_after_a_fix_count_once_however_often_they_are_sent(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract was too strict: its letters are replayed by a command that breaks off, by one that does not, and by one more."""
    shop.apply(smallest_amount=TOO_STRICT)
    with storm(tmp_path, shop, per_second=200) as now:
        now.awake()
        time.sleep(5)
        now.feeder.pause()
        now.refused = too_small(now)
        now.check()
        small = sum(topic == ORDERS for topic, _, _ in now.refused)
        letters = listed(shop)
        assert small <= letters <= small + len(now.load.broken)
        shown = command(shop, "show", "3", "--topic", ORDERS, "--kind", "out_of_range")
        assert shown.count("amount: expected `float` >= 50.0, got") == 3
        assert '{"order_id": "o' in shown

        now.crew.stop_all()
        shop.apply(smallest_amount=FIXED)
        now.awake()
        for name, value in shop.environment().items():
            monkeypatch.setenv(name, value)
        replay_that_breaks_off(monkeypatch)
        assert int(replay(shop).split(" replayed")[0]) >= letters
        now.check()
        left = deadletters.read_ledger(StreamSettings()).letters.values()
        assert all(x.value in now.load.broken for x in left if x.topic == ORDERS), (
            "what was fixed is done with"
        )
        replay(shop)
        now.end()


def replay_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """All letters are sent, none is marked as done."""
    deliver = deadletters._deliver

    def deliver_some(settings: StreamSettings, messages: Any, what: str) -> None:
        if what == "marking as done":
            raise NotDurableError("the power went off")
        deliver(settings, messages, what)

    with monkeypatch.context() as patch:
        patch.setattr(deadletters, "_deliver", deliver_some)
        assert deadletters.main(["replay", "--topic", ORDERS, "--kind", "out_of_range"]) == 1


def too_small(now: Storm) -> set[Position]:
    """Where the messages lie that only the too strict contract refuses."""
    valid = (m for log in now.logs().values() for m in log if m.value not in now.load.broken)
    amounts = {m.position: json.loads(m.value or b"")["amount"] for m in valid}
    return {position for position, amount in amounts.items() if amount is not None and amount < TOO_STRICT}
