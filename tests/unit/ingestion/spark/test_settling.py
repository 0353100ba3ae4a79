"""What the garbage collector passes over in Spark's Python workers."""

import subprocess
import sys

_CODE = """
import gc
from ingestion.spark.settling import settle

counts, kept = [], []
for task in range(6):
    kept.append([[] for _ in range(100)])
    settle("a kind")
    counts.append(gc.get_freeze_count())
print(*counts)
"""


def test_what_the_first_tasks_bring_is_passed_over() -> None:
    """At the first, the second and the fourth, not at those between: garbage in cycles would gather."""
    ran = subprocess.run(
        [sys.executable, "-c", _CODE], capture_output=True, text=True, check=True, timeout=60
    )
    first, second, third, fourth, fifth, sixth = map(int, ran.stdout.split())
    assert first < second == third < fourth == fifth == sixth
