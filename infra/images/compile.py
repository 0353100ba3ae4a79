"""Loads a program while its image is built: what it imports is kept as bytecode, its loops as machine code.

python compile.py api|stream|jobs
"""

import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path

PROGRAMS = {
    "api": ("serving.server", "ingestion.stores.online", "ingestion.stores.provider"),
    "stream": (
        "ingestion.erase",
        "ingestion.erasures.composition",
        "ingestion.stream.__main__",
        "ingestion.predictions.__main__",
        "ingestion.predictions.keeper",
        "ingestion.erase",
        "ingestion.stores.online",
        "ingestion.stores.provider",
    ),
    "jobs": (
        "expectations.__main__",
        "expectations.gate",
        "expectations.watch.program",
        *(f"expectations.watch.tasks.{task}" for task in ("parity", "freshness", "checks", "drift")),
        "infra.fill",
        "ingestion.batch.__main__",
        "ingestion.simulate",
        "ingestion.stores.engine",
        "ingestion.stores.offline",
        "ingestion.stores.online",
        "ingestion.stores.provider",
        "training.run",
    ),
}
STORE = """
project: image
provider: ingestion.stores.provider.ColumnProvider
registry: {registry}
offline_store:
  type: ingestion.stores.offline.ParquetOfflineStore
  root: {root}
online_store:
  type: ingestion.stores.online.RedisOnlineStore
  connection_string: localhost:1
entity_key_serialization_version: 3
"""


def main(program: str) -> None:
    """Import the modules of a program; compile the windows of this project's topics where it folds events."""
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="feast")
    for module in PROGRAMS[program]:
        import_module(module)
    if program == "stream":
        with tempfile.TemporaryDirectory() as name:
            _compile_windows(Path(name))


def _compile_windows(folder: Path) -> None:
    from feast import FeatureStore  # noqa: PLC0415 - what this image has depends on the program

    from feature_repo import definitions  # noqa: PLC0415
    from ingestion.stream.registry import event_topics  # noqa: PLC0415
    from ingestion.stream.warm_up import warm_up  # noqa: PLC0415

    yaml = folder / "feature_store.yaml"
    yaml.write_text(STORE.format(registry=folder / "registry.db", root=folder))
    store = FeatureStore(repo_path=str(folder), fs_yaml_file=yaml)
    store.apply([getattr(definitions, name) for name in definitions.__all__])
    for topic in event_topics(store):
        warm_up(topic)


if __name__ == "__main__":
    main(sys.argv[1])
