"""Settings of the program that erases."""

from pathlib import Path

from pydantic import Field

from ingestion.stream.broker_settings import BrokerSettings


class EraseSettings(BrokerSettings):
    """Read from the environment, each name with the prefix `SHOP_`; it also has to be told what stream workers are told."""

    feature_repo: Path = Path("feature_repo")
    """Folder of the Feast definitions; paths in feature_store.yaml are relative to it."""
    erasures_topic: str = "erasures"
    """Topic of the requests to erase somebody; one partition."""
    erasure_receipts_topic: str = "erasure_receipts"
    """Topic of the receipts; one partition, compacted."""

    erase_every_seconds: float = Field(default=2.0, gt=0)
    """How often requests, and what stream workers have acknowledged, are looked at."""
    erase_grace_seconds: float = Field(default=600.0, ge=0)
    """How long replaced files are kept for readers that have listed them; a receipt is done after that."""
    erase_timeout_seconds: float = Field(default=30.0, gt=0)
    """How long Kafka may take to answer."""
    erase_metrics_host: str = "127.0.0.1"
    """Address on which /metrics and /health are served."""
    erase_metrics_port: int = Field(default=8003, ge=0, le=65535)
    """Port for them; 0 takes a free one and logs it."""
