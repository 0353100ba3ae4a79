import polars as pl

from ingestion.stream.positions import from_positions, later, of_topic, reaches


def rows(*places: tuple[int, int]) -> pl.DataFrame:
    schema = {"_partition": pl.Int32, "_offset": pl.Int64}
    return pl.DataFrame(places, schema=schema, orient="row")


def test_rows_before_the_positions_are_left_out() -> None:
    """Partition 0 from 5 on, partition 9 from 2 on; partition 3 has no position: all of it."""
    read = rows((0, 4), (9, 1), (0, 5), (3, 0), (9, 2))
    assert from_positions(read, {0: 5, 9: 2}).rows() == [(0, 5), (3, 0), (9, 2)]
    assert from_positions(read, {}).height == 5
    assert from_positions(read.clear(), {0: 5}).is_empty()


def test_positions_are_compared_partition_by_partition() -> None:
    """One that is absent stands at 0."""
    assert later({0: 1, 1: 5}, {1: 3, 2: 7}) == {0: 1, 1: 5, 2: 7}
    assert reaches({0: 2}, {0: 2, 1: 0})
    assert not reaches({0: 2}, {0: 2, 1: 1})
    assert of_topic("a", {("a", 0): 1, ("b", 0): 2}) == {0: 1}
