import asyncio
from collections.abc import Sequence
from typing import Any

from serving.breaker import Breaker, State
from serving.errors import FeaturesUnavailableError
from serving.features import Features, Row, ViewRows
from serving.freshness import Freshness
from serving.guard import Guard
from serving.ladder import Ladder
from serving.memory import Memory
from serving.plan import StoredView

VIEWS = (
    StoredView("users", ("user",), ("orders", "country"), "0"),
    StoredView("products", ("product",), ("price",), "0"),
)
TYPICAL = {"orders": 3, "price": 9.5}


class Store:
    """Answers with the number in an entity's name; may be away.

    Attributes:
        away: Whether reads fail.
        broken: Whether the next probe fails in a way nobody foresaw.
        asked: Rows of each read.
    """

    def __init__(self) -> None:
        self.away = False
        self.broken = False
        self.asked: list[Sequence[Row]] = []

    async def read(self, rows: Sequence[Row]) -> Features:
        self.asked.append(rows)
        if self.away:
            raise FeaturesUnavailableError("away")
        users, products = ([int(row[key][1:]) for row in rows] for key in ("user", "product"))
        columns: dict[str, list[Any]] = {"orders": users, "country": ["at"] * len(rows), "price": products}
        live = ViewRows(["PRESENT"] * len(rows), [1_000_000] * len(rows), ["live"] * len(rows))
        return Features(columns, {"users": live, "products": live})

    async def probe(self) -> None:
        if self.broken:
            self.broken = False
            raise ValueError("nobody foresaw this")
        if self.away:
            raise FeaturesUnavailableError("away")


class Story:
    """A ladder over a store, remembering two entities of each view."""

    def __init__(self) -> None:
        self.store = Store()
        self.states: list[State] = []
        self._closed = asyncio.Event()
        breaker = Breaker(first_pause_seconds=0.01, longest_pause_seconds=0.02, changed=self._changed)
        self.guard = Guard(breaker, self.store.probe)
        self.ladder = Ladder(self.store, self.guard, VIEWS, TYPICAL, lambda _: Memory(2), Freshness(60))

    def _changed(self, state: State) -> None:
        self.states.append(state)
        if state == "closed":
            self._closed.set()

    async def recovered(self) -> None:
        """The store was found to answer again."""
        async with asyncio.timeout(5):
            await self._closed.wait()
        await asyncio.sleep(0)

    async def read(self, *pairs: tuple[str, str]) -> Features:
        return await self.ladder.read([{"user": user, "product": product} for user, product in pairs])


def test_rungs_mix_by_view_and_entity() -> None:
    """u1 and p1 were seen together; a known customer with an unknown product keeps their own values.

    read u1,p1 ─────── store away ─────── u1,p1  u1,p9  u9,p9
    """

    async def story() -> Features:
        shop = Story()
        await shop.read(("u1", "p1"))
        shop.store.away = True
        return await shop.read(("u1", "p1"), ("u1", "p9"), ("u9", "p9"))

    found = asyncio.run(story())
    assert found.columns == {"orders": [1, 1, 3], "country": ["at", "at", None], "price": [1, 9.5, 9.5]}
    assert found.views["users"].rungs == ["remembered", "remembered", "typical"]
    assert found.views["products"].rungs == ["remembered", "typical", "typical"]
    assert found.views["products"].statuses == ["PRESENT", "INVALID", "INVALID"]
    assert found.views["users"].timestamps_us == [1_000_000, 1_000_000, None]


def test_while_the_breaker_is_open_the_store_is_not_asked() -> None:
    """The one that failed was the last to wait."""

    async def story() -> int:
        shop = Story()
        shop.store.away = True
        for _ in range(5):
            await shop.read(("u1", "p1"))
        return len(shop.store.asked)

    assert asyncio.run(story()) == 1


def test_the_store_is_asked_again_once_a_probe_succeeded() -> None:
    """Without a question in between."""

    async def story() -> tuple[list[str], list[State]]:
        shop = Story()
        shop.store.away = True
        await shop.read(("u1", "p1"))
        shop.store.away = False
        await shop.recovered()
        found = await shop.read(("u1", "p1"))
        return list(found.views["users"].rungs), shop.states

    assert asyncio.run(story()) == (["live"], ["open", "half-open", "closed"])


def test_a_probe_that_fails_in_an_unforeseen_way_is_not_the_last_one() -> None:
    """Without another one the store would be left alone for ever."""

    async def story() -> list[State]:
        shop = Story()
        shop.store.away = True
        await shop.read(("u1", "p1"))
        shop.store.away, shop.store.broken = False, True
        await shop.recovered()
        return shop.states

    assert asyncio.run(story()) == ["open", "half-open", "open", "half-open", "closed"]


def test_trouble_is_the_reason_until_the_store_answers() -> None:
    """Asking for it finds the trouble before a customer does."""

    async def story() -> list[str]:
        shop = Story()
        shop.store.away = True
        told = [await shop.guard.trouble()]
        shop.store.away = False
        await shop.recovered()
        return [*told, await shop.guard.trouble()]

    assert asyncio.run(story()) == ["away", ""]


def test_the_latest_half_is_always_known_and_never_more_than_the_whole() -> None:
    """Four are kept at most: a b │ c a │ d knows c, a and d; b was forgotten."""
    memory = Memory(4)
    sizes = []
    for name in "abcad":
        memory.keep([name], ["PRESENT"], [None], [[name]])
        sizes.append(len(memory))
    assert [memory.of(name) is not None for name in "abcd"] == [True, False, True, True]
    assert max(sizes) <= 4


def test_the_newest_row_of_an_entity_is_remembered() -> None:
    """Whichever generation the older one is in."""
    memory = Memory(2)
    for number in range(3):
        memory.keep(["a"], ["PRESENT"], [number], [[number]])
    assert memory.of("a") == ("PRESENT", 2, (2,))


def test_what_waits_to_be_sorted_in_is_remembered_in_its_order() -> None:
    """Reads of one row and of three, the same entities again and again; nobody asks in between."""
    memory, expected = Memory(10_000), {}
    for number in range(500):
        keys = [f"u{(number + place) % 70}" for place in range(1 if number % 2 else 3)]
        memory.keep(keys, ["PRESENT"] * len(keys), [number] * len(keys), [[number] * len(keys), keys])
        expected |= {key: ("PRESENT", number, (number, key)) for key in keys}
    assert {key: memory.of(key) for key in expected} == expected


def test_a_forgotten_entity_is_not_remembered_in_any_view() -> None:
    """Nor what it is part of; others are."""
    memory = Memory(10)
    memory.keep(["u1", "u2"], ["PRESENT", "PRESENT"], [1, 1], [[1, 2]])
    memory.forget("u1".__eq__)
    assert (memory.of("u1"), memory.of("u2")) == (None, ("PRESENT", 1, (2,)))


class Pairs(Store):
    """Has a view by both keys in the place of that by the product."""

    async def read(self, rows: Sequence[Row]) -> Features:
        found = await super().read(rows)
        return Features(found.columns, {"users": found.views["users"], "pairs": found.views["products"]})


def test_a_ladder_forgets_an_entity_and_its_pairs() -> None:
    """Of a view by two keys, every pair with it."""
    views = (
        StoredView("users", ("user",), ("orders",), "0"),
        StoredView("pairs", ("product", "user"), ("price",), "0"),
    )
    rows = [{"user": "u1", "product": "p1"}, {"user": "u2", "product": "p1"}]

    async def story() -> list[Sequence[str]]:
        store = Pairs()
        ladder = Ladder(store, Story().guard, views, TYPICAL, lambda _: Memory(10), Freshness(900))
        await ladder.read(rows)
        ladder.forget("user", "u1")
        store.away = True
        away = await ladder.read(rows)
        return [view.rungs for view in away.views.values()]

    assert asyncio.run(story()) == [["typical", "remembered"]] * 2
