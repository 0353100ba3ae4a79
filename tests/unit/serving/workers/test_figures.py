import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from serving.workers.crew import Crew
from serving.workers.figures import Figures, exposition, summed


def worker(counts: dict[str, int], level: float = 0.0) -> CollectorRegistry:
    """Counts by kind; a level; one observation per count."""
    registry = CollectorRegistry()
    counter = Counter("asked", "Help.", ["kind"], registry=registry)
    seconds = Histogram("seconds", "Help.", buckets=(1, 2), registry=registry)
    for kind, count in counts.items():
        counter.labels(kind).inc(count)
        seconds.observe(count)
    Gauge("level", "Help.", registry=registry).set(level)
    return registry


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


@given(st.lists(st.dictionaries(st.sampled_from('ab"\\\n'), st.integers(0, 5)), min_size=1, max_size=4))
def test_counts_of_workers_are_summed(counts: list[dict[str, int]]) -> None:
    """By name and labels, histograms too, through bytes and back."""
    figures = [Figures.decode(Figures.of(worker(one)).encode()) for one in counts]
    found = samples(exposition(summed(figures)))
    for kind in {kind for one in counts for kind in one}:
        assert found["asked_total", (("kind", kind),)] == sum(one.get(kind, 0) for one in counts)
    assert found["seconds_count", ()] == sum(len(one) for one in counts)
    assert found["seconds_bucket", (("le", "1.0"),)] == sum(v <= 1 for one in counts for v in one.values())


def test_gauges_are_told_apart_by_worker() -> None:
    """Their sum would mean nothing."""
    figures = [Figures.of(worker({}, level)).of_worker(str(i)) for i, level in enumerate((3, 5))]
    found = samples(exposition(summed(figures)))
    assert (found["level", (("worker", "0"),)], found["level", (("worker", "1"),)]) == (3, 5)


def test_nothing_is_left_of_a_gauge_of_a_worker_that_is_gone() -> None:
    """Counts stay."""
    left = Figures.of(worker({"a": 1}, 3)).counted()
    assert set(left.families) == {"asked", "seconds"}


async def ready() -> str:
    return ""


async def busy() -> str:
    return "the API ends"


def test_workers_tell_their_sum_whoever_is_asked(tmp_path: Path) -> None:
    """Both ways the same."""
    first = Crew(tmp_path, 0, 2, worker({"a": 1}), ready)
    second = Crew(tmp_path, 1, 2, worker({"a": 2, "b": 4}), ready)

    async def story() -> None:
        async with first.meeting(), second.meeting():
            one, other = samples(await first.exposition()), samples(await second.exposition())
        assert one["asked_total", (("kind", "a"),)] == 3
        assert one["asked_total", (("kind", "b"),)] == 4
        assert one["shop_api_worker_starts_total", ()] == 2
        assert one == other

    asyncio.run(story())


def test_what_a_worker_counted_stays_when_it_is_gone_and_when_it_is_back(tmp_path: Path) -> None:
    """A counter never becomes less."""
    #  first: 1 a ..................  told: 3 a   told: 3 a   told: 4 a
    #  second: 2 a, gone, again: 1 a
    first = Crew(tmp_path, 0, 2, worker({"a": 1}), ready)

    async def told() -> float:
        return samples(await first.exposition())["asked_total", (("kind", "a"),)]

    async def story() -> list[float]:
        async with first.meeting():
            async with Crew(tmp_path, 1, 2, worker({"a": 2}), ready).meeting():
                found = [await told()]
            found.append(await told())
            async with Crew(tmp_path, 1, 2, worker({"a": 1}), ready).meeting():
                return [*found, await told()]

    assert asyncio.run(story()) == [3, 3, 4]


def test_a_crew_is_ready_when_all_are(tmp_path: Path) -> None:
    """Who is not is named."""
    first = Crew(tmp_path, 0, 3, worker({}), ready)

    async def story() -> tuple[str, str]:
        async with first.meeting(), Crew(tmp_path, 1, 3, worker({}), busy).meeting():
            said = await first.trouble()
        alone = Crew(tmp_path / "alone", 0, 1, worker({}), ready)
        alone.folder.mkdir()
        async with alone.meeting():
            return said, await alone.trouble()

    assert asyncio.run(story()) == ("worker 1: the API ends; worker 2 does not answer", "")
