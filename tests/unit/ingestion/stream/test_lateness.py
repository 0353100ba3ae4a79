import polars as pl

from ingestion.stream.lateness import Lateness


def rows(*times_us: int) -> pl.DataFrame:
    return pl.DataFrame({"at": pl.Series(times_us, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))})


def test_an_event_is_late_when_it_is_behind_the_newest_before_it_by_more_than_allowed() -> None:
    """Events 100, 91, 90, 89 with 10 allowed: only the last is late; what comes later in the batch makes none late."""
    lateness = Lateness("at", allowed_us=10)
    assert lateness.observe(rows(50, 100, 91, 90, 89)) == 1
    assert lateness.observe(rows(89, 200, 190)) == 1
    assert (lateness.newest_us, lateness.watermark_us) == (200, 190)


def test_before_the_first_event_there_is_no_watermark() -> None:
    """An empty batch changes nothing."""
    lateness = Lateness("at", allowed_us=10)
    assert (lateness.observe(rows()), lateness.watermark_us) == (0, None)
