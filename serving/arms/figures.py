"""What is counted of arms, shadows and swaps. Hot path."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from serving.answers import Arm

SHADOW_OUTCOMES = ("scored", "shed", "failed")
SWAP_OUTCOMES = ("swapped", "refused")


class ArmFigures:
    """Collectors in the registry of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._predictions = Counter(
            "shop_api_arm_predictions",
            "Predictions that an arm of an experiment decided.",
            ["experiment", "arm"],
            registry=registry,
        )
        shadows = Counter(
            "shop_api_shadow_predictions",
            "Predictions that a shadow scored, that were shed because too many waited, or at which it failed.",
            ["outcome"],
            registry=registry,
        )
        swaps = Counter(
            "shop_api_model_swaps",
            "Changes of the models in use: swapped, or refused with a reason in /ready.",
            ["outcome"],
            registry=registry,
        )
        self.refused = Gauge(
            "shop_api_models_refused",
            "Versions and experiments that are wanted and cannot be used.",
            registry=registry,
        )
        self._by_name: dict[str, list[Counter]] = {}
        self.shadow = {outcome: shadows.labels(outcome) for outcome in SHADOW_OUTCOMES}
        self.swap = {outcome: swaps.labels(outcome) for outcome in SWAP_OUTCOMES}

    def decided(self, arm: Arm) -> None:
        """Count one prediction of an arm, also of one that is no longer in use."""
        if arm.experiment is None:
            return
        if arm.name not in self._by_name:
            parts = (part.partition(":") for part in arm.name.split(","))
            self._by_name[arm.name] = [self._predictions.labels(name, chosen) for name, _, chosen in parts]
        for counter in self._by_name[arm.name]:
            counter.inc()
