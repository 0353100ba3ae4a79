"""Folders that have to be on this machine."""

from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator


def _is_no_url(value: Any) -> Any:
    if isinstance(value, str | Path) and (":/" in str(value)):
        raise ValueError(
            f"{value} is a URL, and this has to be a folder of the machine: mount one that its machines share (EFS, NFS). "
            "Archive, tables and registry may be in a bucket: `offline_store.root` and `registry` in feature_store.yaml; and so "
            "may snapshots, the prediction log and erasures: SHOP_STREAM_SNAPSHOT_PATH, SHOP_PREDICTIONS_PATH, SHOP_ERASURES_PATH"
        )
    return value


LocalFolder: TypeAlias = Annotated[Path, BeforeValidator(_is_no_url)]
"""A path; a URL is refused, with what may be one."""
