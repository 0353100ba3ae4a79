"""How features are read for a set of models: the store, its guard, the ladder. Control path."""

from collections.abc import Callable, Sequence
from itertools import chain
from weakref import WeakSet, WeakValueDictionary

from feast import FeatureStore
from feast.feature_view import FeatureViewState

from artefact import Card, typical_values
from serving.breaker import Breaker
from serving.feast_reader import FeastReader
from serving.features import FeatureReader, Readers
from serving.freshness import Freshness
from serving.guard import Guard
from serving.ladder import Ladder
from serving.memory import Memory
from serving.metrics import Metrics
from serving.on_demand import WithOnDemand
from serving.plan import FeaturePlan, StoredView, plan_features, plan_services
from serving.scoring import LAST_VIEWED

PROBE_ROW = {"user_id": "readiness-probe"}
"""A customer who does not exist: reading their features proves the way to the online store."""
PROBE_SECONDS = 1.0
"""Deadline of a probe: a store that hangs answers it the moment it goes on."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.5
_READ = frozenset({FeatureViewState.STATE_UNSPECIFIED, FeatureViewState.AVAILABLE_ONLINE})
"""States of a view in which Feast reads its features."""


class UnfitRegistryError(LookupError):
    """A feature that models in use read is not registered, or Feast would not read it."""


class Reading:
    """Makes readers that share one guard.

    Args:
        store: Where features are.
        timeout_seconds: How long one read may take.
        remembered_max: Entities remembered per view.
        freshness: Is told how new the rows are.
        metrics: Where reads are counted.
    """

    def __init__(
        self,
        store: FeatureStore,
        *,
        timeout_seconds: float,
        remembered_max: int,
        freshness: Freshness,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._timeout_seconds = timeout_seconds
        self._remembered_max = remembered_max
        self._freshness = freshness
        self._metrics = metrics
        self._ladders: WeakSet[Ladder] = WeakSet()
        self._memories: WeakValueDictionary[StoredView, Memory] = WeakValueDictionary()
        breaker = Breaker(
            first_pause_seconds=FIRST_PAUSE_SECONDS,
            longest_pause_seconds=LONGEST_PAUSE_SECONDS,
            changed=metrics.breaker,
        )
        probe = FeastReader(store, plan_features(store, [LAST_VIEWED]), PROBE_SECONDS, Metrics())
        self.guard = Guard(breaker, lambda: probe.read([PROBE_ROW]))

    def readers(self, fraud: Sequence[Card], recommendation: Sequence[Card]) -> Readers:
        """Readers for models of both kinds; where two cards differ in what is typical the first one counts."""
        typical: dict[str, object] = {}
        for card in chain(fraud, recommendation):
            typical = typical_values(card.inputs, card.statistics) | typical

        def laddered(plan: FeaturePlan) -> FeatureReader:
            stored = FeastReader(self._store, plan, self._timeout_seconds, self._metrics)
            ladder = Ladder(stored, self.guard, plan.views, typical, self._memory, self._freshness)
            self._ladders.add(ladder)
            return WithOnDemand(ladder, plan.on_demand)

        return _readers(self._store, fraud, recommendation, laddered)

    def _memory(self, view: StoredView) -> Memory:
        """Shared by readers of the same features of a view, also those of models that take the place of others."""
        return self._memories.setdefault(view, Memory(self._remembered_max))

    def check(self, store: FeatureStore) -> None:
        """Make sure that what readers in use read is registered with another state of the registry.

        Raises:
            feast.errors.FeastObjectNotFoundException: a view is not there.
            UnfitRegistryError: one of its features is not, or Feast would not read it: it is disabled, or being materialized.
        """
        registry = store.registry
        read = _READ | (
            {FeatureViewState.MATERIALIZING} if registry.serve_features_while_materializing else set()
        )
        for ladder in list(self._ladders):
            for view in ladder.views:
                registered = registry.get_any_feature_view(view.name, store.project, allow_cache=True)
                if not registered.enabled or registered.state not in read:
                    raise UnfitRegistryError(
                        f"Feast reads no features of view {view.name!r}, which models in use read: enabled is {registered.enabled}, "
                        f"its state {registered.state.name}; `feast materialize` or `feast feature-views` change that"
                    )
                gone = set(view.features) - {feature.name for feature in registered.features}
                if gone:
                    raise UnfitRegistryError(
                        f"view {view.name!r} has no {sorted(gone)} any more, which models in use read; "
                        "register them again, or put models in use that do without"
                    )

    def forget(self, join_key: str, entity: str) -> None:
        """Do not remember an entity any more, in any reader that is in use."""
        for ladder in list(self._ladders):
            ladder.forget(join_key, entity)


def patient_readers(
    store: FeatureStore,
    fraud: Sequence[Card],
    recommendation: Sequence[Card],
    timeout_seconds: float,
    metrics: Metrics,
) -> Readers:
    """Readers that wait, and raise where there is no answer."""

    def patient(plan: FeaturePlan) -> FeatureReader:
        return WithOnDemand(FeastReader(store, plan, timeout_seconds, metrics), plan.on_demand)

    return _readers(store, fraud, recommendation, patient)


def _readers(
    store: FeatureStore,
    fraud: Sequence[Card],
    recommendation: Sequence[Card],
    reader: Callable[[FeaturePlan], FeatureReader],
) -> Readers:
    ranking = list(dict.fromkeys(card.feature_service for card in recommendation))
    both = list(dict.fromkeys([*(card.feature_service for card in fraud), *ranking]))
    return Readers(
        order=reader(plan_services(store, both)),
        last_viewed=reader(plan_features(store, [LAST_VIEWED])),
        ranking=reader(plan_services(store, ranking)),
    )
