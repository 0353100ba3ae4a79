"""Customers, arms and what decides."""

from collections import Counter
from pathlib import Path

from prometheus_client import CollectorRegistry

from serving.answers import Arm
from serving.arms.cast import load_cast
from serving.arms.chosen import ChosenArms
from serving.arms.figures import ArmFigures
from serving.arms.shadows import Shadows
from tests.unit.serving.arms.shop import experiment, fits, run_experiments, served
from tests.unit.serving.fakes import Notebook

USERS = [f"user_{i}" for i in range(2_000)]


class Chosen:
    """Arms with their figures."""

    def __init__(self, folder: Path) -> None:
        self.registry = CollectorRegistry()
        figures = ArmFigures(self.registry)
        self.arms = ChosenArms(load_cast(folder, fits), Shadows(Notebook(), figures, 0), figures)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


def versions(arm: Arm) -> tuple[str, str]:
    return arm.fraud.card.version, arm.recommendation.card.version


def test_without_experiments_there_is_one_arm(trained: Path) -> None:
    """The champion's, which belongs to none."""
    arm = Chosen(trained).arms.choose("user_1")
    assert (arm.name, arm.experiment, versions(arm)) == ("champion", None, ("v1", "v1"))


def test_a_challenger_answers_its_share(folder: Path) -> None:
    """The other model is the same in both arms."""
    run_experiments(folder, [experiment(share=0.25)])
    arms = Chosen(folder).arms
    found = Counter(versions(arms.choose(user)) for user in USERS)
    assert set(found) == {("v1", "v1"), ("v2", "v1")}
    assert 400 < found["v2", "v1"] < 600


def test_experiments_with_different_models_cross(folder: Path) -> None:
    """Four arms, equally full; each says both experiments."""
    run_experiments(folder, [experiment(), experiment("by-session", "recommendation")])
    arms = Chosen(folder).arms
    found = Counter((arms.choose(user).name, versions(arms.choose(user))) for user in USERS)
    assert set(found) == {
        ("more-trees:champion,by-session:champion", ("v1", "v1")),
        ("more-trees:champion,by-session:challenger", ("v1", "v2")),
        ("more-trees:challenger,by-session:champion", ("v2", "v1")),
        ("more-trees:challenger,by-session:challenger", ("v2", "v2")),
    }
    assert min(found.values()) > 400
    assert arms.choose("user_1").experiment == "more-trees,by-session"


def test_a_customer_has_one_arm(folder: Path) -> None:
    """The same object, so that a batch can be grouped by it."""
    run_experiments(folder, [experiment()])
    arms = Chosen(folder).arms
    assert all(arms.choose(user) is arms.choose(user) for user in USERS[:50])


def test_candidates_go_with_their_model(folder: Path) -> None:
    """v2 sells in another order."""
    run_experiments(folder, [experiment("by-session", "recommendation")])
    arms = Chosen(folder).arms
    popular = {versions(arm)[1]: arm.candidates.popular for arm in map(arms.choose, USERS)}
    assert popular == {"v1": ["a", "b", "c", "d", "e"], "v2": ["e", "d", "c", "b", "a"]}


def test_predictions_are_counted_by_experiment_and_arm(folder: Path) -> None:
    """A prediction of an arm that is no longer in use is counted too."""
    run_experiments(folder, [experiment(), experiment("by-session", "recommendation")])
    chosen = Chosen(folder)
    for user in USERS[:100]:
        chosen.arms.decided(chosen.arms.choose(user), served(user))
    name = "shop_api_arm_predictions_total"
    for one in ("more-trees", "by-session"):
        counts = [chosen.counted(name, experiment=one, arm=arm) for arm in ("champion", "challenger")]
        assert sum(counts) == 100
        assert min(counts) > 20
    chosen.arms.decided(Chosen(folder).arms.choose("user_1"), served())
    counts = [chosen.counted(name, experiment="more-trees", arm=arm) for arm in ("champion", "challenger")]
    assert sum(counts) == 101


def test_a_shadow_is_offered_what_its_model_scored(folder: Path) -> None:
    """A list of recommendations is nothing for a fraud model."""
    run_experiments(folder, [experiment(challenger=None, share=None, shadows=("v2", "v3"))])
    chosen = Chosen(folder)
    arm = chosen.arms.choose("user_1")
    assert arm.experiment is None
    whole = served()
    chosen.arms.decided(arm, whole)
    chosen.arms.decided(arm, served(scores={"recommendation": whole.scores["recommendation"]}))
    assert chosen.counted("shop_api_shadow_predictions_total", outcome="shed") == 2


def test_a_shadow_is_not_offered_what_was_decided_before_it_came(folder: Path) -> None:
    """The features it reads may not have been read then."""
    before = Chosen(folder).arms.choose("user_1")
    run_experiments(folder, [experiment(challenger=None, share=None, shadows=("v2",))])
    chosen = Chosen(folder)
    chosen.arms.decided(before, served())
    assert chosen.counted("shop_api_shadow_predictions_total", outcome="shed") == 0
