from datetime import UTC, datetime, timedelta

import polars as pl

from training.slates import Slates, build_slates, visits_of
from training.split import Window

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(days=1))


def views(*rows: tuple[str, str, float], cart: int = 0) -> pl.DataFrame:
    """Rows of (customer, product, minutes after noon)."""
    return pl.DataFrame(
        {
            "user_id": [row[0] for row in rows],
            "product_id": [row[1] for row in rows],
            "event_timestamp": [NOON + timedelta(minutes=row[2]) for row in rows],
            "cart_quantity": [cart] * len(rows),
        },
        schema_overrides={"event_timestamp": pl.Datetime("us", "UTC")},
    )


def orders(*rows: tuple[str, str, float]) -> pl.DataFrame:
    return views(*rows).drop("cart_quantity")


def built(seen: pl.DataFrame, bought: pl.DataFrame | None = None) -> Slates:
    bought = orders() if bought is None else bought
    return build_slates(visits_of(seen, bought), bought, WINDOW, candidates=2, popular=2)


def neighbours(slates: Slates, product: str) -> list[str]:
    return slates.candidates.filter(product_id=product)["candidate_id"].to_list()


def test_what_customers_look_at_next_goes_with_a_product() -> None:
    """u: a b, v: a b, w: a c; each product is its own first candidate."""
    slates = built(
        views(("u", "a", 0), ("u", "b", 1), ("v", "a", 0), ("v", "b", 1), ("w", "a", 0), ("w", "c", 1))
    )
    assert neighbours(slates, "a") == ["a", "b", "c"]
    assert slates.candidates.filter(product_id="a")["rank"].to_list() == [0, 1, 2]


def test_visits_of_different_customers_do_not_go_together() -> None:
    """Customer u looks at a, v at b."""
    assert neighbours(built(views(("u", "a", 0), ("v", "b", 1))), "a") == ["a"]


def test_days_apart_visits_do_not_follow_from_one_another() -> None:
    """Customer u looks at a and b, and at c more than a day later, which is only alike."""
    later = build_slates(
        visits_of(views(("u", "a", 0), ("u", "b", 1), ("u", "c", 1442)), orders()),
        orders(),
        Window(NOON, NOON + timedelta(days=3)),
        candidates=2,
        popular=2,
    )
    assert neighbours(later, "a") == ["a", "b", "c"]


def test_an_order_binds_more_than_a_view() -> None:
    """After a, b is bought and c is looked at, once each."""
    slates = built(
        views(("u", "a", 0), ("v", "a", 0), ("v", "c", 1)),
        orders(("u", "b", 1)),
    )
    assert neighbours(slates, "a") == ["a", "b", "c"]


def test_looking_again_is_one_visit() -> None:
    """The cart's weight stays, the first time counts."""
    visits = visits_of(pl.concat([views(("u", "a", 0)), views(("u", "a", 1), cart=1)]), orders())
    assert visits.select("product_id", "weight").rows() == [("a", 2.0)]
    assert visits["event_timestamp"][0] == NOON


def test_nothing_at_or_behind_the_end_is_counted() -> None:
    """The window is half-open, for pairs and for popularity."""
    end = 24 * 60.0
    slates = built(
        views(("u", "a", end - 1), ("u", "b", end)),
        orders(("u", "a", end - 1), ("u", "b", end), ("v", "b", end)),
    )
    assert neighbours(slates, "a") == ["a"]
    assert slates.popular["product_id"].to_list() == ["a"]


def test_the_most_ordered_are_popular_and_ties_go_by_name() -> None:
    """Ranks start at 1."""
    slates = built(views(("u", "a", 0)), orders(("u", "c", 0), ("v", "c", 0), ("u", "b", 0), ("u", "a", 0)))
    assert slates.popular.rows() == [("c", 1), ("a", 2)]


def test_a_slate_is_the_candidates_of_the_anchor_then_what_sells() -> None:
    """No product twice, cut at the size; without an anchor only what sells."""
    slates = built(views(("u", "a", 0), ("u", "b", 1)), orders(("v", "c", 0), ("w", "c", 0), ("v", "b", 9)))
    instants = pl.DataFrame({"instant": [0, 1], "user_id": ["x", "y"], "anchor": ["a", None]})
    rows = slates.of(instants, 3)
    assert rows.select("instant", "product_id", "position", "is_anchor").rows() == [
        (0, "a", 0, True),
        (0, "b", 1, False),
        (0, "c", 2, False),
        (1, "c", 0, False),
        (1, "b", 1, False),
    ]
    assert slates.of(instants, 2).height == 4


def test_a_candidate_score_belongs_to_the_last_viewed_product() -> None:
    """1 for itself, null for what does not go with it and where nothing was viewed; rows keep their order."""
    slates = built(views(("u", "a", 0), ("u", "b", 1)))
    asked = pl.DataFrame(
        {"product_id": ["z", "a", "b", "a"], "user_product_id_last_1d": ["a", "a", "a", None]}
    )
    scores = slates.with_scores(asked)["candidate_score"].to_list()
    assert scores[0] is None
    assert scores[1] == 1.0
    assert scores[2] > 0
    assert scores[3] is None


def test_the_tables_do_not_depend_on_the_order_of_the_events() -> None:
    """Nor on threads: the same events give the same tables."""
    seen = views(*((f"u{i % 7}", f"p{i * i % 11}", float(i)) for i in range(300)))
    shuffled = seen.sample(fraction=1, shuffle=True, seed=1)
    assert built(seen).candidates.equals(built(shuffled).candidates)
