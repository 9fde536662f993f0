"""The oracle against what really happened, user by user and in the large."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import chi2, kstest
from sklearn.metrics import roc_auc_score

from features.target import ANY, Target
from pipeline.simulator.browsing import DAY_SECONDS, Activity, Purchases, Sessions
from pipeline.simulator.oracle import TARGETS, UNKNOWN, Answer, Oracle, cutoff_days
from pipeline.simulator.population import NEVER
from pipeline.simulator.shop import simulate
from pipeline.simulator.world import Flags, Floats, Small, World

FIRST = date(2025, 6, 1)
CELLS = 20
SHORT = (
    Target("purchase_2d", "occurs", "purchase", 2),
    Target("no_purchase_3d", "absent", "purchase", 3),
    Target("any_1d", "occurs", ANY, 1),
    Target("quiet_3d", "absent", ANY, 3),
)


TINY = World(
    interest=(0.2, 0.6),
    interest_share=(0.6, 0.4),
    buying=(0.2, 0.8),
    buying_share=(0.7, 0.3),
    carting=0.3,
    founding=0.7,
    churn=0.15,
    direction_share=(0.7, 0.3),
    lift=(1.3, 0.3),
    returned=0.6,
    return_delay=(0.5, 0.3, 0.2),
    first_return=3,
    lateness=(0.5, 0.3, 0.2),
    duplicated=0.0,
    broken=0.0,
)


@pytest.fixture(scope="module")
def many() -> Oracle:
    """Few days, strong effects, and so many users that a small error shows."""
    return simulate(TINY, 80_000, 10, FIRST, 17)[1]


def surprise(predicted: Floats, happened: Small) -> float:
    """P-value of the outcomes under the predictions, in cells of neighbouring predictions of about equal variance."""
    order = np.argsort(predicted, kind="stable")
    variance = np.cumsum((predicted * (1 - predicted))[order])
    cell = np.minimum(variance / variance[-1] * CELLS, CELLS - 1).astype(int)
    spread = np.bincount(cell, (predicted * (1 - predicted))[order])
    score = np.bincount(cell, (happened - predicted)[order]) ** 2 / spread
    assert spread.min() > 10
    return float(chi2.sf(score.sum(), CELLS))


@pytest.mark.parametrize("directions", [True, False])
@pytest.mark.parametrize("target", SHORT, ids=lambda target: target.name)
def test_each_prediction_comes_true_as_often_as_it_says(many: Oracle, target: Target, directions: bool) -> None:
    for answer in many.answers([target], [4, 7], directions=directions):
        assert surprise(answer.probability, answer.happened) > 1e-5
        assert surprise(answer.given_hidden, answer.happened) > 1e-5


@pytest.mark.slow
def test_over_many_worlds_the_outcomes_are_as_surprising_as_chance() -> None:
    values = [
        surprise(answer.probability, answer.happened)
        for seed in range(40)
        for answer in simulate(TINY, 30_000, 10, FIRST, seed)[1].answers([SHORT[0], SHORT[3]], [7])
    ]
    assert kstest(values, "uniform").pvalue > 1e-3


def test_a_wrong_prediction_is_noticed(many: Oracle) -> None:
    (answer,) = many.answers(SHORT[:1], [7])
    assert surprise(answer.probability * 1.1, answer.happened) < 1e-6
    (forgetful,) = replace(many, world=replace(many.world, lateness=(1.0, 0.0, 0.0))).answers(SHORT[3:], [7])
    assert surprise(forgetful.probability, forgetful.happened) < 1e-6


def test_nothing_that_was_not_delivered_changes_a_prediction(many: Oracle) -> None:
    cutoff = 6
    blank = replace(many, activity=forget(many.activity, cutoff))
    before, after = many.answers(SHORT, [cutoff]), blank.answers(SHORT, [cutoff])
    for full, partial in zip(before, after, strict=True):
        assert (full.user == partial.user).all()
        assert (full.probability == partial.probability).all()


def forget(activity: Activity, cutoff: int) -> Activity:
    """The activity without sessions that have not arrived by the cutoff, and without later cancellations."""
    sessions, purchases = activity.sessions, activity.purchases
    kept = sessions.day + sessions.late < cutoff
    held = kept[purchases.session]
    cancelled = np.where(purchases.cancelled < cutoff, purchases.cancelled, NEVER)[held]
    return replace(
        activity,
        sessions=Sessions(*(getattr(sessions, name)[kept] for name in ("user", "day", "walk", "late"))),
        carts=activity.carts[kept],
        bought=activity.bought[kept],
        purchases=Purchases((np.cumsum(kept) - 1)[purchases.session[held]], purchases.item[held], purchases.cents[held], cancelled),
    )


def test_answers_cover_everybody_with_a_delivery_and_only_closed_horizons(plain: Oracle) -> None:
    answers = {(answer.target.name, answer.cutoff): answer for answer in plain.answers(TARGETS, [28, 168, 175, 196])}
    events = plain.activity.events
    seen = np.unique(events.user[events.arrived < 168])
    assert (answers["churn_28d", 168].user == seen).all()
    within = (events.second >= 168 * DAY_SECONDS) & (events.second < 196 * DAY_SECONDS)
    assert (answers["churn_28d", 168].happened == ~np.isin(seen, events.user[within])).all()
    assert {key for key, answer in answers.items() if (answer.happened == UNKNOWN).all()} == {
        ("churn_28d", 175),
        ("churn_28d", 196),
        ("purchase_7d", 196),
    }


def test_cutoffs_count_back_by_weeks_from_the_end() -> None:
    assert cutoff_days(42) == (28, 35, 42)
    assert cutoff_days(45) == (31, 38, 45)
    assert cutoff_days(10) == (10,)


@pytest.mark.parametrize("profile", ["plain", "ordered"])
def test_default_targets_are_calibrated_in_the_large(profile: str, request: pytest.FixtureRequest) -> None:
    oracle: Oracle = request.getfixturevalue(profile)
    for answer in oracle.answers(TARGETS, [84, 140, 168]):
        for predicted in (answer.probability, answer.given_hidden):
            tenth = np.argsort(np.argsort(predicted, kind="stable")) * 10 // len(predicted)
            gap = np.bincount(tenth, answer.happened - predicted)
            spread = np.sqrt(np.bincount(tenth, predicted * (1 - predicted)))
            common = spread > 1.5  # rarer outcomes are not normally distributed
            assert (np.abs(gap) < 4.5 * spread)[common].all()
            assert common.sum() >= 7


def active(oracle: Oracle, answer: Answer) -> Flags:
    """(n,) who has an event, delivered by the cutoff, in the 28 days before it."""
    events, cutoff = oracle.activity.events, answer.cutoff
    recent = (events.arrived < cutoff) & (events.second >= (cutoff - 28) * DAY_SECONDS)
    return np.isin(answer.user, events.user[recent])


def quality(oracle: Oracle, answers: Iterable[Answer]) -> dict[str, tuple[float, float]]:
    """By target: mean AUC over cutoffs, and base rate; churn among the recently active."""
    found: dict[str, list[tuple[float, float]]] = {}
    for answer in answers:
        rows = active(oracle, answer) if answer.target.kind == "absent" else np.ones(len(answer.user), dtype=bool)
        happened = answer.happened[rows]
        found.setdefault(answer.target.name, []).append((roc_auc_score(happened, answer.probability[rows]), happened.mean()))
    return {name: tuple(np.mean(values, axis=0)) for name, values in found.items()}


CUTOFFS = (84, 112, 140, 168)


def test_the_plain_shop_can_be_learned_and_is_not_trivial(plain: Oracle) -> None:
    figures = quality(plain, plain.answers(TARGETS, CUTOFFS))
    assert 0.75 < figures["purchase_7d"][0] < 0.86
    assert 0.05 < figures["purchase_7d"][1] < 0.25
    assert 0.75 < figures["churn_28d"][0] < 0.86
    assert 0.15 < figures["churn_28d"][1] < 0.5


def test_in_the_plain_shop_the_order_is_worth_nothing(plain: Oracle) -> None:
    pairs = zip(plain.answers(TARGETS, CUTOFFS), plain.answers(TARGETS, CUTOFFS, directions=False), strict=True)
    assert all(sighted.probability == pytest.approx(blind.probability, abs=1e-12) for sighted, blind in pairs)


def test_in_the_ordered_shop_the_order_is_worth_three_points_of_auc(ordered: Oracle) -> None:
    sighted = quality(ordered, ordered.answers(TARGETS, CUTOFFS))
    blind = quality(ordered, ordered.answers(TARGETS, CUTOFFS, directions=False))
    assert sighted["purchase_7d"][0] - blind["purchase_7d"][0] >= 0.03
    assert sighted["churn_28d"][0] - blind["churn_28d"][0] >= 0.03


def test_in_the_noise_shop_everybody_is_the_same(noise: Oracle) -> None:
    for answer in noise.answers(TARGETS, cutoff_days(noise.days)):
        assert np.ptp(answer.probability) < 1e-12
        assert np.ptp(answer.given_hidden) < 1e-12
        assert answer.probability[0] == pytest.approx(answer.given_hidden[0], abs=1e-12)
        assert 0.05 < answer.probability[0] < 0.5
