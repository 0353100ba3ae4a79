"""The kernel refuses to write: the worker stops before it commits, says why, and loses nothing."""

import resource
import time
from pathlib import Path

from tests.chaos.shop import Shop
from tests.chaos.storm import Storm, storm

LARGEST_FILE_BYTES = 16 * 1024
"""Room for the log of the worker, not for an archive file of the burst."""


def test_a_worker_that_cannot_write_stops_before_it_commits(shop: Shop, tmp_path: Path) -> None:
    """No file may grow beyond 16 KiB: exit status 1 and one line; with room again nothing is lost and nothing twice."""
    # Without measuring coverage, which ends the worker with an error of its own when it cannot write.
    settings = {"SHOP_STREAM_ARCHIVE_SECONDS": "1", "COVERAGE_PROCESS_CONFIG": ""}
    with storm(tmp_path, shop, per_second=100, **settings) as now:
        now.awake()
        _burst(now)
        now.check()  # by now all loops of the worker are compiled, for which numba writes files, too
        worker = now.crew.members.pop("one")
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, LARGEST_FILE_BYTES))
        _burst(now)
        assert worker.process.wait(60) == 1, worker.log.read_text()
        last = worker.log.read_text().splitlines()[-1]
        now.tell(last)
        assert "could not be archived" in last
        assert "File too large" in last
        assert "their offsets are not committed, a restart reads them again" in last
        assert "Traceback" not in worker.log.read_text()
        now.end()


def _burst(now: Storm) -> None:
    for sent in now.load.draw(time.time_ns() // 1000, 3_000):
        now.feeder.send(sent)
