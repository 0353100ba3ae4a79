"""What honest customers do: visits that wander from product to product, and orders at the end of some of them.

::

    visit to buy:  target  related  target  liked  related  target+cart  | order of all that is in the cart
    visit to look: liked   related  related  popular                     |

A step goes to a product related to the last one, back to the visit's target, to a shelf the customer likes or to
anything popular. All visits take each step together, as one array operation.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingestion.events.simulator.catalogue import Catalogue
from ingestion.events.simulator.customers import Customers
from ingestion.events.simulator.draws import DAY, SECOND, Bools, Ints, pick
from ingestion.events.simulator.period import FreshDevices, Period, Raw, RawOrders, RawViews

HOUR_WEIGHTS: Final = np.array(
    [8, 5, 3, 2, 2, 4, 10, 20, 32, 42, 50, 55, 60, 56, 52, 52, 55, 62, 74, 88, 95, 80, 50, 22],
    dtype=np.float64,
)
"""Visits by the hour of the customer's clock."""
WEEKDAY_WEIGHTS: Final = (1.0, 0.93, 0.93, 0.97, 1.04, 1.14, 0.99)
"""Monday first; their mean is 1."""

_MOST_VIEWS: Final = 20
_RELATED, _BACK, _LIKED = 0.48, 0.14, 0.26
_BACK_WHEN_BUYING: Final = 0.12
_CART, _CART_WHEN_BUYING, _COMPLETED = 0.04, 0.16, 0.92
_FRESH_DEVICE, _KIOSK = 0.012, 0.015
_LARGE_QUANTITY: Final = 0.008


@dataclass(frozen=True)
class Visits:
    """Visits 0..N-1; every array of length N.

    Attributes:
        user: Who.
        start_us: When.
        buying: Whether the visit is made to buy.
        target: The product it is made for.
        length: Page views.
    """

    user: Ints
    start_us: Ints
    buying: Bools
    target: Ints
    length: Ints


def honest_traffic(
    rng: np.random.Generator, period: Period, customers: Customers, catalogue: Catalogue, fresh: FreshDevices
) -> Raw:
    """Views and orders of all visits that start in the period."""
    visits = _visits(rng, period, customers, catalogue)
    views = _views(rng, visits, customers, catalogue)
    return Raw(views, _orders(rng, visits, views, customers, catalogue, fresh))


def version_price(
    rng: np.random.Generator, catalogue: Catalogue, products: Ints, spending: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """What a piece is sold for: around the list price, more for those who spend more."""
    noise = np.exp(rng.normal(0.0, 0.12, len(products)))
    return catalogue.price[products] * noise * np.asarray(spending) ** 0.3


def _visits(rng: np.random.Generator, period: Period, customers: Customers, catalogue: Catalogue) -> Visits:
    user = customers.visitors(rng, rng.poisson(period.sessions))
    start = period.start_us + _times(rng, period, customers, user)
    registered = customers.registered(user, start)
    user, start = user[registered], start[registered]
    buying = rng.random(len(user)) < customers.conversion[user]
    length = np.where(buying, 2 + rng.geometric(0.30, len(user)), rng.geometric(0.32, len(user)))
    target = _liked_product(rng, customers, catalogue, user)
    return Visits(user, start, buying, target, length.clip(max=_MOST_VIEWS))


def _times(rng: np.random.Generator, period: Period, customers: Customers, user: Ints) -> Ints:
    """Begin of each visit within the period."""
    if not period.daily_rhythm:
        return rng.integers(0, period.length_us, len(user))
    hour = pick(rng, HOUR_WEIGHTS, len(user)) + rng.random(len(user))
    return ((hour / 24 * DAY).astype(np.int64) - customers.utc_offset_us(user)) % DAY


def _liked_product(rng: np.random.Generator, customers: Customers, catalogue: Catalogue, user: Ints) -> Ints:
    return catalogue.from_shelves(rng, customers.liked_shelf(rng, user))


def _views(rng: np.random.Generator, visits: Visits, customers: Customers, catalogue: Catalogue) -> RawViews:
    """The wandering; matrices are [visits, steps], of which each visit uses the first `length` steps."""
    count, steps = len(visits.user), int(visits.length.max(initial=1))
    products = np.empty((count, steps), dtype=np.int64)
    products[:, 0] = visits.target
    for step in range(1, steps):
        walking = np.flatnonzero(visits.length > step)
        products[walking, step] = _next(
            rng, visits, walking, products[walking, step - 1], customers, catalogue
        )
    last = np.arange(steps) == visits.length[:, None] - 1
    products = np.where(last & visits.buying[:, None], visits.target[:, None], products)
    gaps = (5 * SECOND + rng.exponential(35 * SECOND, (count, steps))).astype(np.int64)
    times = visits.start_us[:, None] + np.cumsum(gaps, axis=1)
    carted = _carted(rng, visits, last)
    used = np.arange(steps) < visits.length[:, None]
    session, _ = np.nonzero(used)
    quantity = _quantities(rng, customers, visits.user[session]) * carted[used]
    return RawViews(times[used], visits.user[session], products[used], quantity, session)


def _next(
    rng: np.random.Generator,
    visits: Visits,
    walking: Ints,
    previous: Ints,
    customers: Customers,
    catalogue: Catalogue,
) -> Ints:
    """Where each walking visit goes from its previous product."""
    user = visits.user[walking]
    back = _BACK + _BACK_WHEN_BUYING * visits.buying[walking]
    choice = rng.random(len(walking))
    return np.select(
        [choice < _RELATED, choice < _RELATED + back, choice < _RELATED + back + _LIKED * (1 - back)],
        [
            catalogue.related_to(rng, previous),
            visits.target[walking],
            _liked_product(rng, customers, catalogue, user),
        ],
        catalogue.popular(rng, len(walking)),
    )


def _carted(rng: np.random.Generator, visits: Visits, last: Bools) -> Bools:
    """Which views put the product into the cart: the last of a visit to buy always, others seldom."""
    chance = np.where(visits.buying, _CART_WHEN_BUYING, _CART)[:, None]
    return (rng.random(last.shape) < chance) | (last & visits.buying[:, None])


def _quantities(rng: np.random.Generator, customers: Customers, user: Ints) -> Ints:
    usual = 1 + rng.poisson(0.18 * customers.spending[user])
    large = rng.random(len(user)) < _LARGE_QUANTITY
    return np.where(large, rng.integers(5, 21, len(user)), usual)


def _orders(
    rng: np.random.Generator,
    visits: Visits,
    views: RawViews,
    customers: Customers,
    catalogue: Catalogue,
    fresh: FreshDevices,
) -> RawOrders:
    """One order per product in the cart of each visit that is completed."""
    completed = visits.buying & (rng.random(len(visits.user)) < _COMPLETED)
    lines = np.flatnonzero(completed[views.session] & (views.cart_quantity > 0))
    lines = lines[_first_of_each(views.session[lines], views.product[lines], len(catalogue.price))]
    session, product = views.session[lines], views.product[lines]
    user, quantity = visits.user[session], views.cart_quantity[lines]
    amount = version_price(rng, catalogue, product, customers.spending[user]) * quantity
    return RawOrders(
        time_us=_checkout_times(rng, visits, views)[session] + _place(session) * 40_000,
        user=user,
        product=product,
        device=_devices(rng, visits.user, customers, fresh)[session],
        quantity=quantity,
        cents=np.round(amount * 100).astype(np.int64).clip(min=1),
        session=session,
        scenario=np.zeros(len(lines), dtype=np.int64),
    )


def _first_of_each(session: Ints, product: Ints, products: int) -> Ints:
    """Rows that show a product in a session for the first time, in order."""
    return np.sort(np.unique(session * products + product, return_index=True)[1])


def _place(session: Ints) -> Ints:
    """0, 1, 2, ... within each run of one session."""
    starts = np.flatnonzero(np.diff(session, prepend=-1))
    return np.arange(len(session)) - np.repeat(starts, np.diff(np.append(starts, len(session))))


def _checkout_times(rng: np.random.Generator, visits: Visits, views: RawViews) -> Ints:
    """When each visit pays: seconds to minutes after its last view."""
    ends = np.cumsum(visits.length) - 1
    pause = 8 * SECOND + rng.exponential(40 * SECOND, len(ends))
    return views.time_us[ends] + pause.astype(np.int64)


def _devices(rng: np.random.Generator, user: Ints, customers: Customers, fresh: FreshDevices) -> Ints:
    """The device of each visit: mostly an own one, seldom a new one or a terminal in the shop."""
    choice = rng.random(len(user))
    return np.select(
        [choice < _FRESH_DEVICE, choice < _FRESH_DEVICE + _KIOSK],
        [fresh.take(len(user)), customers.kiosk(rng, len(user))],
        customers.own_device(rng, user),
    )
