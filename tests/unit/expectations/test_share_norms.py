"""What the shares of the days before let expect of those of a day."""

import numpy as np
import pytest

from expectations.chance import Counted
from expectations.norms import Figure, clock_figures
from expectations.profile import EMPTY, Profile
from expectations.settings import QualitySettings
from expectations.share_norms import known_figures, null_figures

SETTINGS = QualitySettings()
BURSTS_A_ROW = 0.4 / 3_600
"""Card tests of the simulated shop: orders without a session, fifteen to forty at once."""


def day_of(rows: int, nulls: int) -> Profile:
    return Profile(rows, EMPTY.minutes, null_shares={"session_id": nulls / rows})


def broken(figures: list[Figure]) -> set[str]:
    return {
        f.name
        for f in figures
        if (f.minimum is not None and f.value < f.minimum) or (f.maximum is not None and f.value > f.maximum)
    }


def card_tests(random: np.random.Generator, rows: int) -> int:
    """Orders of card tests among so many."""
    return min(rows, int(random.integers(15, 41, random.poisson(BURSTS_A_ROW * rows)).sum()))


def nulls(before: list[Profile], today: Profile) -> set[str]:
    return broken(null_figures(today, before, SETTINGS))


def test_a_burst_on_a_small_day_is_no_alarm() -> None:
    """Thirty-seven orders of a card test, among the 626 that a young day has; large days before had as many at most."""
    random = np.random.default_rng(7)
    before = [day_of(3_600, card_tests(random, 3_600)) for _ in range(28)]
    assert nulls(before, day_of(626, 37)) == set()
    assert nulls([day_of(350, 0) for _ in range(28)], day_of(350, 37)) == set()
    assert nulls(before, day_of(626, 313)) == {"session_id_null_share"}


@pytest.mark.parametrize("rows", [100, 626, 3_600, 20_000])
def test_clean_days_do_not_alarm(rows: int) -> None:
    """Two hundred days of a shop of each size, each beside four weeks."""
    random = np.random.default_rng(11)
    history = [day_of(rows, card_tests(random, rows)) for _ in range(228)]
    assert [d for d in range(28, 228) if nulls(history[d - 28 : d], history[d])] == []


@pytest.mark.parametrize("usual", [0.0, 0.002, 0.1])
@pytest.mark.parametrize("rows", [5_000, 20_000])
def test_nulls_in_a_twentieth_of_a_large_day_are_seen(usual: float, rows: int) -> None:
    """On top of what is usual, and one by one."""
    random = np.random.default_rng(13)
    before = [day_of(rows, int(random.binomial(rows, usual))) for _ in range(28)]
    added = int(random.binomial(rows, usual + 0.05 * (1 - usual)))
    assert nulls(before, day_of(rows, added)) == {"session_id_null_share"}


def test_nulls_in_a_twentieth_of_a_large_day_are_seen_among_bursts() -> None:
    """The days before had card tests."""
    random = np.random.default_rng(17)
    before = [day_of(20_000, card_tests(random, 20_000)) for _ in range(28)]
    assert nulls(before, day_of(20_000, 1_000 + card_tests(random, 20_000))) == {"session_id_null_share"}


def test_a_column_that_days_before_did_not_have_is_not_compared_with_them() -> None:
    """They say nothing about it."""
    old = Profile(2_000, EMPTY.minutes)
    assert null_figures(day_of(2_000, 800), [old, old, old], SETTINGS) == []
    assert nulls([old, day_of(2_000, 810), day_of(2_000, 790)], day_of(2_000, 800)) == set()


def test_only_values_that_are_usually_known_are_asked_to_be() -> None:
    """Sessions are always new; a third of orders in a category never seen is an alarm."""
    usual = {"category": [Counted(5_000, 5_000)], "session_id": [Counted(0, 5_000)]}
    today = {"category": Counted(3_500, 5_000), "session_id": Counted(0, 5_000)}
    figures = known_figures(today, usual, SETTINGS)
    assert broken(figures) == {"category_seen_share"}
    assert [f.name for f in figures] == ["category_seen_share"]


@pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
@pytest.mark.parametrize(("yesterday", "today"), [(20, 600), (600, 20), (30, 30), (4_000, 4_000)])
def test_known_values_of_few_rows_scatter(share: float, yesterday: int, today: int) -> None:
    """Twenty rows of which all were known by luck do not let expect that of six hundred."""
    random = np.random.default_rng(19)
    drawn = [
        known_figures(
            {"user_id": Counted(int(random.binomial(today, share)), today)},
            {"user_id": [Counted(int(random.binomial(yesterday, share)), yesterday) for _ in range(2)]},
            SETTINGS,
        )
        for _ in range(300)
    ]
    assert all(broken(figures) == set() for figures in drawn)


def test_lines_of_one_invoice_have_one_time_on_a_small_day_too() -> None:
    """As many as a day before had at once; a clock that stands still has more."""
    before = [Profile(3_000, EMPTY.minutes, same_instant=60) for _ in range(5)]
    for together, seen in ((60, set()), (90, {"same_instant_share"})):
        today = Profile(150, EMPTY.minutes, same_instant=together)
        assert broken(clock_figures(today, before, SETTINGS)) == seen
