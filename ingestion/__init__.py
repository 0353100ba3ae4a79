"""How events become features."""

from pathlib import Path

from ingestion.compiled import keep_apart

keep_apart(Path(__file__).parent)
