from ingestion.stream.clock import EventClock, WallClock


def test_the_wall_clock_ignores_events_and_never_goes_back() -> None:
    """Readings 10, 5, 20 are 10, 10, 20, whatever events say."""
    readings = iter([10, 5, 20])
    clock = WallClock(lambda: next(readings))
    clock.observe(99)
    assert [clock.now_us() for _ in range(3)] == [10, 10, 20]


def test_the_event_clock_is_the_newest_event() -> None:
    """Unknown before the first event; an older event does not move it."""
    clock = EventClock()
    assert clock.now_us() is None
    for event_us in (7, 3, 9):
        clock.observe(event_us)
    assert clock.now_us() == 9
