"""How the server is told to listen."""

from fastapi import FastAPI

from serving.gate import _config
from serving.settings import ServingSettings

LOAD_BALANCER_IDLE_SECONDS = 60
"""Of an Application Load Balancer, unless it is told otherwise."""


def test_idle_connections_are_kept_longer_than_by_load_balancers() -> None:
    """Who closes first must not be the API: a request that is on its way then is lost."""
    assert _config(FastAPI(), ServingSettings()).timeout_keep_alive > LOAD_BALANCER_IDLE_SECONDS
    told = ServingSettings.model_validate({"api_keep_alive_seconds": 3})
    assert _config(FastAPI(), told).timeout_keep_alive == 3
