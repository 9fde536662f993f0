from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from models import bootstrap, poisson_weights
from models.metrics import delong
from models.poisson_weights import LANES
from tests.models import plain_figures
from tests.models.test_weighted_figures import levels, rows, users


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**20), rows=rows, levels=levels, reach=st.floats(0.01, 0.99))
def test_points_are_scikit_learns_figures(seed: int, rows: int, levels: int, reach: float) -> None:
    y, raw, probability = users(seed, rows, levels)
    if len(set(y)) < 2:
        return
    amounts, expected = y * 3.5, np.exp(raw)
    found = bootstrap.points(y, raw, probability, reach=reach, amounts=amounts, expected=expected)
    everybody = np.ones(rows, dtype=np.int64)
    for model in range(2):
        wanted = plain_figures.figures(y, raw[model], probability[model], everybody, reach)
        wanted |= plain_figures.figures_of_amounts(amounts, expected[model], everybody)
        assert {name: values[model] for name, values in found.items()} == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def without(figures: dict[str, float], name: str) -> dict[str, float]:
    return {each: value for each, value in figures.items() if each != name}


def test_replicates_are_the_figures_of_their_samples() -> None:
    y, raw, probability = users(4, 300, 20)
    found = bootstrap.replicates(y, raw, probability, reach=0.2, count=LANES + 3, seed=9)
    last = poisson_weights.draw(poisson_weights.keys(9, LANES + 3)[LANES:], 300)[:, 2].astype(np.int64)
    for model in range(2):
        wanted = plain_figures.figures(y, raw[model], probability[model], last, 0.2)
        assert {name: found[name][model, -1] for name in wanted if name != "ece"} == pytest.approx(without(wanted, "ece"))


def test_the_seed_alone_decides() -> None:
    y, raw, probability = users(5, 300, 20)
    told = {"reach": 0.2, "amounts": y * 2.0, "expected": np.exp(raw)}
    found = bootstrap.replicates(y, raw, probability, count=100, seed=1, threads=1, **told)
    for threads in (2, 5, 0):
        again = bootstrap.replicates(y, raw, probability, count=100, seed=1, threads=threads, **told)
        assert set(again) == set(found)
        for name, values in again.items():
            np.testing.assert_array_equal(values, found[name])
    fewer = bootstrap.replicates(y, raw, probability, count=7, seed=1, **told)
    np.testing.assert_array_equal(fewer["f1"], found["f1"][:, :7])
    other = bootstrap.replicates(y, raw, probability, count=100, seed=2, **told)
    assert (other["brier"] != found["brier"]).all()


def test_all_models_are_judged_on_the_same_samples() -> None:
    y, raw, probability = users(6, 300, 0)
    beside = bootstrap.replicates(y, raw, probability, reach=0.2, count=40, seed=1)
    alone = bootstrap.replicates(y, raw[1:], probability[1:], reach=0.2, count=40, seed=1)
    twice = bootstrap.replicates(y, raw[[0, 0]], probability[[0, 0]], reach=0.2, count=40, seed=1)
    for name, values in beside.items():
        np.testing.assert_array_equal(alone[name][0], values[1])
        np.testing.assert_array_equal(twice[name][0] - twice[name][1], 0)


@pytest.mark.parametrize("outcome", [0, 1])
def test_what_users_leave_undefined_is_no_point(outcome: int) -> None:
    y, raw, probability = np.full(50, outcome, dtype=np.int8), *users(7, 50, 0)[1:]
    found = bootstrap.points(y, raw, probability, reach=0.2, amounts=np.zeros(50), expected=np.exp(raw))
    assert {"log_loss", "brier", "ece", "accuracy", "precision", "f1", "mae", "rmse"} <= set(found)
    assert not {"auc", "gini", "total_ratio"} & set(found)
    assert ("average_precision" in found) == ("recall" in found) == ("lift_decile_10" in found) == (outcome == 1)
    samples = bootstrap.replicates(y, raw, probability, reach=0.2, count=5, seed=1)
    assert np.isnan(samples["auc"]).all()
    assert np.isfinite(samples["log_loss"]).all()


def sampled(seed: int, rows: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, and the log-odds and probabilities of two models: the first one's are right, the second one's too sure and noisy."""
    random = np.random.default_rng(seed)
    right = 1.5 * random.normal(size=rows) - 1
    raw = np.stack([right, 1.5 * right + random.normal(size=rows)])
    probability = 1 / (1 + np.exp(-raw))
    return (random.random(rows) < probability[0]).astype(np.int8), raw, probability


def test_intervals_of_the_auc_agree_with_delong() -> None:
    y, raw, probability = sampled(8)
    areas, covariance = delong(y, raw)
    samples = bootstrap.replicates(y, raw, probability, reach=0.1, count=2000, seed=3)["auc"]
    apart = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    compared = [(areas[0], covariance[0, 0], samples[0]), (areas[1], covariance[1, 1], samples[1])]
    for area, variance, sample in [*compared, (areas[0] - areas[1], apart, samples[0] - samples[1])]:
        deviation = variance**0.5
        lower, upper = bootstrap.interval("auc", area, sample)
        assert sample.std() == pytest.approx(deviation, rel=0.06)
        assert (lower, upper) == pytest.approx((area - 1.96 * deviation, area + 1.96 * deviation), abs=0.2 * deviation)


def test_an_interval_is_the_middle_of_the_replicates() -> None:
    sample = np.append(np.arange(101.0), np.nan)
    assert bootstrap.interval("brier", 50, sample) == pytest.approx((2.5, 97.5))
    assert bootstrap.interval("brier", 50, sample, level=0.5) == pytest.approx((25, 75))


def test_the_bias_of_a_figure_widens_its_interval_on_the_side_of_the_truth() -> None:
    sample = np.arange(101.0)
    assert bootstrap.interval("ece", 40, sample) == pytest.approx((0, 87.5)), "no error is below 0"
    assert bootstrap.interval("ece", 90, sample) == pytest.approx((90 - 47.5, 90 + 40 + 47.5))


def test_chance_is_added_to_the_calibration_gaps_that_it_cannot_explain() -> None:
    gaps = np.array([[0.10, -0.02]])[:, :, None]
    samples = gaps + np.array([[[0.01, -0.01], [0.02, -0.02]]])
    # The second gap is within 1.5 × 0.02 of none: what its samples hold is all chance. The first one is 0.1 − 1.5 × 0.01 at least.
    assert bootstrap._calibration_error(gaps, samples)[0] == pytest.approx([0.12 + 0.01 + 0.02, 0.12 - 0.01 + 0.02])


def test_an_interval_between_two_models_is_the_middle_of_the_paired_differences() -> None:
    first, second = np.arange(101.0), np.arange(101.0) * 0.5
    assert bootstrap.interval_between("brier", np.array([50.0, 25.0]), np.stack([first, second])) == pytest.approx((1.25, 48.75))


def test_an_interval_between_biased_figures_is_put_together_from_both() -> None:
    samples = np.stack([np.linspace(90, 110, 101), np.linspace(85, 95, 101)])
    ends = bootstrap.interval_between("ece", np.array([100.0, 88.0]), samples)
    assert ends == pytest.approx((90.5 - (88 + 4.75), 109.5 - (88 - 2 - 4.75)))
    assert bootstrap.interval_between("ece", np.array([100.0, 100.0]), samples[[0, 0]]) == (0, 0)


def test_there_is_no_interval_without_a_replicate() -> None:
    with pytest.raises(ValueError, match="None of 3 replicates of gini"):
        bootstrap.interval("gini", 0.5, np.full(3, np.nan))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """`tests.benchmarks.evaluation` counts more often, for more figures."""
    truth = bootstrap.points(*sampled(0, 1_000_000), reach=0.1)
    truth["ece"][0] = 0
    covered = {name: np.zeros(2) for name in ("ece", "average_precision", "log_loss", "recall")}
    for seed in range(1, RUNS + 1):
        users = sampled(seed, 1000)
        point, samples = bootstrap.points(*users, reach=0.1), bootstrap.replicates(*users, reach=0.1, count=200, seed=seed)
        for name, times in covered.items():
            ends = [bootstrap.interval(name, point[name][model], samples[name][model]) for model in range(2)]
            times += [lower <= truth[name][model] <= upper for model, (lower, upper) in enumerate(ends)]
    for times in covered.values():
        assert (binom.cdf(times, RUNS, 0.93) > 0.001).all()
        assert (binom.sf(times - 1, RUNS, 0.95) > 0.001).all() or times is covered["ece"]


RUNS = 150


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"y": np.zeros(3, dtype=np.int8)}, "outcomes have the shape"),
        ({"raw": np.zeros((0, 4))}, "models and users"),
        ({"raw": np.zeros((2, 0))}, "models and users"),
        ({"probability": np.zeros((1, 4))}, "probabilities have the shape"),
        ({"raw": np.full((2, 4), np.nan)}, "scores must be finite"),
        ({"probability": np.full((2, 4), np.inf)}, "probabilities must be finite"),
        ({"reach": 1.0}, "reach = 1"),
        ({"amounts": np.zeros(4)}, "belong together"),
        ({"amounts": np.zeros(4), "expected": np.zeros((2, 3))}, "expected amounts have the shape"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict, said: str) -> None:
    told = {
        "y": np.array([0, 1, 0, 1], dtype=np.int8),
        "raw": np.zeros((2, 4)),
        "probability": np.full((2, 4), 0.5),
        "reach": 0.5,
        **changed,
    }
    y, raw, probability = told.pop("y"), told.pop("raw"), told.pop("probability")
    with pytest.raises(ValueError, match=said):
        bootstrap.points(y, raw, probability, **told)
    with pytest.raises(ValueError, match=said):
        bootstrap.replicates(y, raw, probability, count=10, seed=1, **told)
