from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import average_precision_score, log_loss

from models import metrics
from models.calibration import expected_calibration_error
from models.classifier import Floats
from pipeline.config_sections import Evaluation
from pipeline.evaluation.evidence import Difference, Estimate
from pipeline.evaluation.overall import levels, weigh_all
from tests.models.plain_figures import gini, paired_auc

RANDOM = np.random.default_rng(7)
SETTINGS = Evaluation(reach=0.1, replicates=400)
LEVEL = RANDOM.normal(-1, 1.5, 500)
Y = (RANDOM.random(500) < expit(LEVEL)).astype(np.int8)
RAW = np.stack([LEVEL, LEVEL + RANDOM.normal(0, 1, 500), RANDOM.normal(-1, 1, 500)])


def weighed(raw: Floats = RAW, seed: int = 7) -> tuple[tuple[dict[str, Estimate], ...], tuple[Difference, ...]]:
    return weigh_all(Y, [str(place) for place in range(len(raw))], raw, expit(raw), SETTINGS, seed=seed)


def test_figures_are_scikit_learns_and_lie_within_their_intervals() -> None:
    figures, _ = weighed()
    for found, raw in zip(figures, RAW, strict=True):
        assert found["auc"] == Estimate(*(pytest.approx(end) for end in metrics.auc_interval(Y, raw)))
        assert found["average_precision"].value == pytest.approx(average_precision_score(Y, raw))
        assert found["log_loss"].value == pytest.approx(log_loss(Y, expit(raw)))
        assert found["ece"].value == pytest.approx(expected_calibration_error(Y, expit(raw)))
        best = np.argsort(-raw)[:50]
        assert (found["precision"].value, found["recall"].value) == pytest.approx((Y[best].mean(), Y[best].sum() / Y.sum()))
        assert all(each.lower <= each.value <= each.upper for each in found.values() if each.lower is not None and each.upper is not None)
        assert [name for name, each in found.items() if each.lower is None] == []
    assert list(figures[0])[:5] == ["auc", "average_precision", "log_loss", "brier", "ece"]
    assert {"f1", "accuracy", "lift_decile_1", "lift_decile_10", "gain_decile_9"} <= set(figures[0])


def test_the_interval_of_a_mean_is_about_the_normal_one() -> None:
    figures, _ = weighed()
    losses = -np.log(np.where(Y == 1, expit(LEVEL), expit(-LEVEL)))
    half = 1.96 * losses.std() / 500**0.5
    found = figures[0]["log_loss"]
    assert (found.lower, found.upper) == (pytest.approx(losses.mean() - half, rel=0.03), pytest.approx(losses.mean() + half, rel=0.03))


def test_each_pair_is_there_once_and_compared_on_the_same_samples() -> None:
    figures, pairs = weighed()
    assert [(pair.version, pair.other) for pair in pairs] == [("0", "1"), ("0", "2"), ("1", "2")]
    near = pairs[0].figures
    assert near["auc"] == Estimate(*(pytest.approx(end) for end in paired_auc(Y, RAW[0], RAW[1])))
    for name in ("average_precision", "log_loss", "brier", "ece", "recall", "f1"):
        assert near[name].value == pytest.approx(figures[0][name].value - figures[1][name].value)
    for name in ("log_loss", "brier"):  # as two separate tests of the models would not tell them apart so finely
        assert width(near[name]) < 0.8 * (width(figures[0][name]) ** 2 + width(figures[1][name]) ** 2) ** 0.5
    assert not {"lift_decile_1", "gain_decile_1"} & set(near)


def width(estimate: Estimate) -> float:
    assert estimate.lower is not None
    assert estimate.upper is not None
    return estimate.upper - estimate.lower


def test_a_model_that_is_worse_has_a_small_chance_to_look_so() -> None:
    _, pairs = weighed()
    better = pairs[1]
    assert set(better.worse) == {"auc", "log_loss"}
    assert min(better.worse.values()) > 0.999
    assert max(better.reversed().worse.values()) < 0.001


def test_a_chance_is_that_of_the_users_losses() -> None:
    _, pairs = weighed()
    losses = [-np.log(np.where(Y == 1, expit(raw), expit(-raw))) for raw in RAW]
    apart = losses[1] - losses[0]
    score = apart.mean() / (apart.std(ddof=1) / 500**0.5)
    assert pairs[0].worse["log_loss"] == pytest.approx(norm.cdf(score), abs=0.005)


def test_equal_models_differ_in_nothing() -> None:
    _, (pair,) = weighed(RAW[[0, 0]])
    assert set(pair.figures.values()) == {Estimate(0.0, 0.0, 0.0)}
    assert pair.worse == {"auc": 0.5, "log_loss": 0.5}


def test_the_same_seed_gives_the_same_figures_and_another_other_ones() -> None:
    assert weighed(seed=3) == weighed(seed=3)
    assert weighed(seed=3)[0][0]["brier"].lower != weighed(seed=4)[0][0]["brier"].lower


def test_a_sum_is_compared_by_its_amounts_too() -> None:
    amounts = np.where(Y == 1, np.exp(LEVEL), 0.0)
    expected = np.stack([np.exp(LEVEL) * expit(LEVEL), np.full(500, amounts.mean())])
    figures, (pair,) = weigh_all(Y, ["1", "2"], RAW[:2], expit(RAW[:2]), SETTINGS, seed=7, amounts=amounts, expected=expected)
    for found, each in zip(figures, expected, strict=True):
        assert found["mae"].value == pytest.approx(np.abs(amounts - each).mean())
        assert found["rmse"].value == pytest.approx(np.square(amounts - each).mean() ** 0.5)
        assert found["gini"].value == pytest.approx(gini(amounts, each), abs=1e-12)
        assert found["total_ratio"].value == pytest.approx(each.sum() / amounts.sum())
    assert pair.worse["gini"] > 0.999
    assert pair.figures.keys() >= {"mae", "rmse", "gini"}
    assert "total_ratio" not in pair.figures


def test_where_one_outcome_is_all_there_is_only_levels_are_known() -> None:
    y, raw = np.zeros(4, dtype=np.int8), np.array([[-1.0] * 4, [-2.0] * 4])
    one, other = levels(y, raw, expit(raw), SETTINGS)
    share = expit(-1.0)
    assert list(one) == list(other) == ["auc", "log_loss", "brier", "ece"]
    assert one["auc"] == Estimate(0.5, 0.0, 1.0)
    assert one["brier"] == Estimate(pytest.approx(share**2))
    assert one["ece"] == Estimate(pytest.approx(share))
    assert other["log_loss"].value == pytest.approx(-np.log(1 - expit(-2.0)))
    assert levels(y, raw[:0], raw[:0], SETTINGS) == ()


def test_where_nobody_spent_anything_there_is_no_order_and_no_ratio() -> None:
    (found,) = levels(Y[:3] * 0, RAW[:1, :3], expit(RAW[:1, :3]), SETTINGS, amounts=np.zeros(3), expected=np.ones((1, 3)))
    assert list(found) == ["auc", "log_loss", "brier", "ece", "mae", "rmse"]
    assert found["mae"].value == 1


def test_a_refund_counts_as_nothing_spent() -> None:
    amounts, expected = np.array([0.0, -4, 10, 30]), np.array([[1.0, 3, 10, 22]])
    y, raw = np.array([0, 0, 1, 1], dtype=np.int8), expected / 10
    (found,), _ = weigh_all(y, ["1"], raw, expit(raw), SETTINGS, seed=7, amounts=amounts, expected=expected)
    assert found["mae"].value == (1 + 3 + 0 + 8) / 4
    assert found["rmse"].value == pytest.approx(((1 + 9 + 0 + 64) / 4) ** 0.5)
    assert found["total_ratio"].value == 36 / 40


def test_without_models_there_is_nothing_to_say() -> None:
    assert weighed(RAW[:0]) == ((), ())


def test_the_calibration_ratio_is_expected_over_happened() -> None:
    y = np.array([0, 1, 0, 1], dtype=np.int8)
    probability = np.array([[0.2, 0.6, 0.3, 0.4], [0.5, 0.5, 0.5, 0.5]])
    (first, second), _ = weigh_all(y, ["1", "2"], probability, probability, Evaluation(replicates=100), seed=1)
    assert first["calibration_ratio"].value == pytest.approx(1.5 / 2)
    assert second["calibration_ratio"].value == pytest.approx(1.0)
