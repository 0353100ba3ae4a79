"""What is seen: one dashboard each for the stream, serving, features and models."""

from typing import Final

from infra.monitoring.dashboards.features import FEATURES
from infra.monitoring.dashboards.models import MODELS
from infra.monitoring.dashboards.serving import SERVING
from infra.monitoring.dashboards.stream import STREAM

DASHBOARDS: Final = (STREAM, SERVING, FEATURES, MODELS)
