"""Affinities against loops that are obviously right, on few visits."""

import numpy as np
import pytest

from training.sequences import Affinities, Recipe, Visits

RULES_ALONE = Recipe(likeness=0, popularity=0)


def visits(*histories: list[int]) -> Visits:
    """Persons 0, 1, ... and what they visited, in order."""
    person = np.repeat(np.arange(len(histories)), [len(h) for h in histories])
    return Visits.of_persons(person, np.concatenate([np.array(h, np.int64) for h in histories]))


def rules(histories: list[list[int]], items: int, recipe: Recipe) -> np.ndarray:
    """What the module says, visit by visit."""
    found = np.zeros((items, items))
    for history in histories:
        for i, before in enumerate(history):
            for lag, after in enumerate(history[i + 1 : i + 1 + recipe.lags], 1):
                found[before, after] += 1 / lag
                found[after, before] += recipe.backward / lag
    totals = found.sum(axis=1, keepdims=True)
    found = np.divide(found, totals**recipe.damping, out=np.zeros_like(found), where=totals > 0)
    np.fill_diagonal(found, 0)
    strongest = found.max(axis=1)
    return found / strongest[strongest > 0].mean()


def test_rules_are_what_two_loops_say() -> None:
    """Two histories that share items, one of them longer than the reach of a rule."""
    histories = [[0, 1, 2, 3, 1, 4], [2, 0, 5, 1]]
    recipe = Recipe(lags=3, likeness=0)
    learnt = Affinities.learn(visits(*histories), 7, recipe).between.toarray()
    np.testing.assert_allclose(learnt, rules(histories, 7, recipe))


def test_a_rule_does_not_reach_from_one_course_into_the_next() -> None:
    """A person's courses 0 1 | 2: nothing leads from 1 to 2."""
    apart = Visits(np.zeros(3, int), np.array([0, 0, 1]), np.array([0, 1, 2]), np.ones(3))
    between = Affinities.learn(apart, 3, RULES_ALONE).between.toarray()
    assert between[0, 1] > between[1, 0] > 0
    assert not between[2].any()
    assert not between[:, 2].any()


def test_what_a_visit_is_worth_counts_for_where_it_leads() -> None:
    """After 0, a purchase of 1 and a view of 2."""
    weighed = Visits(
        np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2]), np.array([1.0, 4, 1, 1])
    )
    between = Affinities.learn(weighed, 3, RULES_ALONE).between.toarray()
    assert between[0, 1] == pytest.approx(4 * between[0, 2])


def test_likeness_does_not_ask_for_the_order() -> None:
    """0 and 1 are visited by the same people; 2 by one of them and by others."""
    alone = Recipe(lags=0, likeness=1)
    between = Affinities.learn(visits([0, 1], [1, 0], [2, 0], [2, 3]), 4, alone).between.toarray()
    assert between[0, 1] == between[1, 0] > between[0, 2] > 0
    assert np.diag(between).tolist() == [0] * 4


def test_the_last_visit_counts_most() -> None:
    """Rules 0 -> 2 and 1 -> 3, learnt from others: who visited 0, then 1, is shown 3 before 2."""
    learnt = Affinities.learn(visits([0, 2], [1, 3]), 4, RULES_ALONE)
    (scores,) = learnt.score(visits([0, 1], [1, 0]), 2)
    assert scores[0, 3] > scores[0, 2] > 0
    assert scores[1, 2] > scores[1, 3] > 0


def test_of_whom_nothing_is_known_the_popular_is_shown() -> None:
    """Person 1 has no visits; the persons come in blocks."""
    learnt = Affinities.learn(visits([0, 1], [2, 1], [3, 1]), 4)
    first, second = learnt.score(visits([0]), 2, block=1)
    assert first.argmax() == 1
    assert second.argmax() == 1
    assert second.max() < first.max()


def test_the_best_come_first_and_ties_by_number() -> None:
    """Of item 0's three candidates two are asked for."""
    learnt = Affinities.learn(visits([0, 1], [0, 1], [0, 3], [0, 2]), 4, RULES_ALONE)
    rows, candidates, scores = learnt.best(2)
    assert candidates[rows == 0].tolist() == [1, 2]
    assert np.all(np.diff(scores[rows == 0]) <= 0)


def test_nothing_visited_leads_nowhere() -> None:
    """Without an error."""
    learnt = Affinities.learn(Visits(*(np.zeros(0, int),) * 3, np.zeros(0)), 3)
    assert learnt.between.nnz == 0
    (scores,) = learnt.score(Visits(*(np.zeros(0, int),) * 3, np.zeros(0)), 1)
    assert scores.tolist() == [[0, 0, 0]]
