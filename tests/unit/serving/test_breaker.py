import pytest

from serving.breaker import Breaker, State


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Story:
    """A breaker with pauses of 1, 2, 4, 4 ... seconds.

    Attributes:
        states: All that it came into.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.states: list[State] = []
        self.breaker = Breaker(
            first_pause_seconds=1, longest_pause_seconds=4, changed=self.states.append, now=self.clock
        )


@pytest.fixture
def story() -> Story:
    return Story()


def test_one_failure_opens_it(story: Story) -> None:
    """Whoever failed has waited long enough for all."""
    assert story.breaker.closed
    story.breaker.failed()
    story.breaker.failed()
    assert story.states == ["open"]
    assert not story.breaker.closed


def test_one_probe_is_let_through_after_the_pause_and_no_second_one(story: Story) -> None:
    """Until it is known how the first went.

    failure ──1 s──► probe
    """
    story.breaker.failed()
    story.clock.seconds += 0.9
    assert not story.breaker.may_probe()
    assert story.breaker.seconds_until_probe == pytest.approx(0.1)
    story.clock.seconds += 0.2
    assert story.breaker.may_probe()
    assert not story.breaker.may_probe()
    assert story.states == ["open", "half-open"]


def test_a_probe_that_succeeds_closes_it(story: Story) -> None:
    """And the next opening starts with the short pause again."""
    story.breaker.failed()
    story.clock.seconds += 1
    assert story.breaker.may_probe()
    story.breaker.succeeded()
    assert story.breaker.closed
    story.breaker.failed()
    assert story.breaker.seconds_until_probe == pytest.approx(1)


def test_pauses_double_up_to_a_bound(story: Story) -> None:
    """Failure ─1─ probe ─2─ probe ─4─ probe ─4─"""  # noqa: D415  a timeline
    story.breaker.failed()
    pauses = []
    for _ in range(4):
        pauses.append(story.breaker.seconds_until_probe)
        story.clock.seconds += pauses[-1]
        assert story.breaker.may_probe()
        story.breaker.probe_failed()
    assert pauses == pytest.approx([1, 2, 4, 4])


def test_a_late_failure_does_not_lengthen_the_pause(story: Story) -> None:
    """Reads that began before it opened fail one after the other."""
    story.breaker.failed()
    story.clock.seconds += 0.5
    story.breaker.failed()
    assert story.breaker.seconds_until_probe == pytest.approx(0.5)
