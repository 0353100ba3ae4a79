from hypothesis import given
from hypothesis import strategies as st

from serving.access.buckets import LocalBuckets, Rate


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(st.integers(0, 8), max_size=60),
)
def test_a_bucket_is_a_bucket_of_tokens(per_second: int, burst: int, pauses: list[int]) -> None:
    """The obvious form: tokens trickle in, a request takes one; pauses are eighths of the time of a token."""
    clock = Clock()
    buckets, tokens = LocalBuckets(Rate(per_second, burst), 10, clock), burst * 8
    for pause in pauses:
        clock.now += pause / 8 / per_second
        tokens = min(burst * 8, tokens + pause)
        decision = buckets.take("a")
        assert decision.allowed == (tokens >= 8)
        tokens -= 8 if decision.allowed else 0
        assert decision.remaining == tokens // 8


def test_a_refused_request_is_let_through_after_the_wait_it_was_told() -> None:
    """And not sooner."""
    #  burst of 2 at one per second:  0 ok   0 ok   0 refused, wait 1   0.9 refused   1.0 ok
    clock = Clock()
    buckets = LocalBuckets(Rate(1, 2), 10, clock)
    assert [buckets.take("a").allowed for _ in range(3)] == [True, True, False]
    refused = buckets.take("a")
    assert round(refused.wait_seconds, 6) == 1
    assert refused.headers["Retry-After"] == "1"
    clock.now += 0.9
    assert not buckets.take("a").allowed
    clock.now += 0.1
    assert buckets.take("a").allowed


def test_everybody_has_their_own_bucket() -> None:
    """One who asks much takes nothing from others."""
    buckets = LocalBuckets(Rate(1, 1), 10, Clock())
    assert buckets.take("a").allowed
    assert not buckets.take("a").allowed
    assert buckets.take("b").allowed


def test_buckets_are_bounded() -> None:
    """The one not used for longest goes first."""
    buckets = LocalBuckets(Rate(1, 1), 2, Clock())
    for name in ("a", "b", "c"):
        buckets.take(name)
    assert len(buckets) == 2
    assert not buckets.take("b").allowed
    assert buckets.take("a").allowed


def test_the_answer_tells_of_the_bucket() -> None:
    """Size, what is left, seconds until it is full."""
    decision = LocalBuckets(Rate(2, 5), 10, Clock()).take("a")
    assert decision.headers == {"RateLimit-Limit": "5", "RateLimit-Remaining": "4", "RateLimit-Reset": "1"}
