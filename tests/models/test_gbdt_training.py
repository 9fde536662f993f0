from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from features.splits import Roles
from features.timeline import Ints
from models.classifier import Batch, NotLearnable
from models.gbdt import Gbdt
from models.gbdt_parameters import GbdtParameters
from models.gbdt_training import DeviceRefused, FittedGbdt, fit
from models.metrics import auc, log_loss
from models.samples import Samples
from tests.models.feature_columns import columns
from tests.models.gbdt_samples import samples
from tests.models.tiny_shop import START, memoryless

NAMES = tuple(f"feature_{number}" for number in range(8))
COLUMNS = columns(NAMES)
WHOLE: dict[str, Any] = {"bagging_fraction": 1.0, "feature_fraction": 1.0, "threads": 1}
"""Every row and column for every tree: what the tests below reckon with."""

PARAMETERS = GbdtParameters(rounds=60, learning_rate=0.1, leaves=15, min_leaf=10, folds=3, **WHOLE)
VIEW = memoryless(3, 2, 1.0, seed=0)


def shop(seed: int, users: int = 600, cutoffs: int = 4) -> Samples:
    """Every user at every cutoff; the outcome depends on two features, some values are undefined."""
    random, rows = np.random.default_rng(seed), users * cutoffs
    X = np.round(random.normal(size=(rows, len(NAMES))) * 4) / 2
    X[:, 3:][random.random((rows, len(NAMES) - 3)) < 0.2] = np.nan
    y = (random.random(rows) < expit(X[:, 0] + X[:, 1] - 1)).astype(np.int8)
    return samples(X, y, np.tile(np.arange(users), cutoffs), np.repeat(np.arange(cutoffs), users))


def everything(whole: Samples) -> np.ndarray:
    return whole.matrix(np.arange(len(whole.labels)))


def raw(model: Gbdt, X: np.ndarray) -> np.ndarray:
    return model.raw(Batch(VIEW, np.arange(len(X)), START, X))


def text(fitted: FittedGbdt) -> str:
    return str(fitted.model.booster.model_to_string())


@pytest.fixture(scope="module")
def fitted() -> FittedGbdt:
    return fit(shop(1), COLUMNS, PARAMETERS, seed=5)


def test_learns_what_there_is_and_says_log_odds(fitted: FittedGbdt) -> None:
    other = shop(2)
    X = everything(other)
    answers = raw(fitted.model, X)
    assert auc(other.labels, answers) > auc(other.labels, X[:, 0] + X[:, 1]) - 0.02
    assert expit(answers).mean() == pytest.approx(other.labels.mean(), abs=0.03)


def test_calibration_gets_the_newest_cutoff_answered_as_strangers_are(fitted: FittedGbdt) -> None:
    whole = shop(1)
    assert fitted.roles == Roles((0, 1), 2, 3)
    assert np.array_equal(fitted.calibration_rows, np.flatnonzero(whole.cutoff == 3))
    assert np.array_equal(fitted.y, whole.labels[fitted.calibration_rows])
    X = whole.matrix(fitted.calibration_rows)
    assert auc(fitted.y, fitted.raw) < auc(fitted.y, X[:, 0] + X[:, 1]) < auc(fitted.y, raw(fitted.model, X))


def whoever() -> tuple[Samples, Ints]:
    """The outcome is a coin per user, and a feature tells who the user is: whoever saw the user knows the answer."""
    random = np.random.default_rng(3)
    users = np.tile(np.arange(400), 4)
    outcome = random.integers(0, 2, 400)
    X = random.normal(size=400)[users][:, None]
    return samples(X, outcome[users], users, np.repeat(np.arange(4), 400)), users


@pytest.mark.parametrize("crossfit_rows", [400_000, 1])
def test_no_answer_for_calibration_comes_from_a_model_that_saw_the_user(crossfit_rows: int) -> None:
    whole, _ = whoever()
    parameters = GbdtParameters(rounds=40, learning_rate=0.1, min_leaf=2, crossfit_rows=crossfit_rows, **WHOLE)
    found = fit(whole, columns(["who"]), parameters, seed=1)
    assert abs(auc(found.y, found.raw) - 0.5) < (0.1 if crossfit_rows > 1 else 0.3)


def test_the_model_takes_every_sample_and_the_folds_mean_rounds(fitted: FittedGbdt) -> None:
    assert (fitted.taught, fitted.taught_positives, fitted.folds) == (2400, int(shop(1).labels.sum()), 3)
    assert 1 <= fitted.rounds <= PARAMETERS.rounds
    assert fitted.model.booster.num_trees() == fitted.rounds
    assert "leaf_count" in text(fitted)
    assert fitted.model.booster.dump_model()["tree_info"][0]["tree_structure"]["internal_count"] == 2400


def test_the_curve_is_the_held_out_loss_after_each_round(fitted: FittedGbdt) -> None:
    whole = shop(1)
    stop = whole.labels[whole.cutoff == 2]
    assert len(fitted.curve) >= fitted.rounds // 2
    assert fitted.curve.min() < fitted.curve[0] < log_loss(stop, np.full(len(stop), stop.mean()))


def test_plenty_is_learned_from_once_with_a_tenth_of_the_users_held_out() -> None:
    whole = shop(1)
    rounds: list[None] = []
    found = fit(whole, COLUMNS, replace(PARAMETERS, crossfit_rows=1199), 5, lambda: rounds.append(None))
    assert (found.folds, found.taught, len(found.y)) == (1, 2 * 540, 60)
    assert found.model.booster.dump_model()["tree_info"][0]["tree_structure"]["internal_count"] == 2 * 540
    assert found.model.booster.num_trees() == found.rounds <= len(rounds) == len(found.curve)
    assert np.array_equal(raw(found.model, whole.matrix(found.calibration_rows)), found.raw), "the answers are the model's own"


def test_every_round_of_every_training_is_counted() -> None:
    rounds: list[None] = []
    found = fit(shop(1), COLUMNS, GbdtParameters(rounds=7, early_stopping=50, folds=3, **WHOLE), 5, lambda: rounds.append(None))
    assert len(rounds) == 3 * 7 + found.rounds == 28


@pytest.mark.parametrize(
    "changes",
    [{}, {"crossfit_rows": 1}, {"bags": 3, "feature_fraction": 0.5}, {"bagging_fraction": 0.6, "extra_trees": True, "half_life_days": 7.0}],
)
def test_two_trainings_give_the_same_model_text(changes: dict[str, Any]) -> None:
    parameters = replace(PARAMETERS, rounds=20, **changes)
    one, other = (fit(shop(1), COLUMNS, parameters, seed=5) for _ in range(2))
    assert text(one) == text(other)
    assert np.array_equal(one.raw, other.raw)
    assert text(one) != text(fit(shop(1), COLUMNS, parameters, seed=6))


def test_two_processes_and_other_blocks_give_the_same_model_text(fitted: FittedGbdt) -> None:
    script = (
        "import hashlib; from tests.models.test_gbdt_training import *; "
        "print(hashlib.sha256(text(fit(shop(1), COLUMNS, PARAMETERS, seed=5)).encode()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert there.stdout.strip() == hashlib.sha256(text(fitted).encode()).hexdigest()
    whole = shop(1)
    small = samples(everything(whole), whole.labels, whole.users, whole.cutoff, block=37)
    assert text(fit(small, COLUMNS, PARAMETERS, seed=5)) == text(fitted)


def test_bags_are_averaged_in_the_model_and_in_the_answers() -> None:
    whole = shop(1)
    alone = replace(PARAMETERS, feature_fraction=0.3, crossfit_rows=1)
    one, bagged = (fit(whole, COLUMNS, parameters, seed=5) for parameters in (alone, replace(alone, bags=3)))
    assert bagged.model.booster.num_trees() > one.model.booster.num_trees()
    np.testing.assert_allclose(raw(bagged.model, whole.matrix(bagged.calibration_rows)), bagged.raw, rtol=0, atol=1e-12)
    assert not np.allclose(bagged.raw, one.raw)


def test_a_heavier_outcome_moves_the_log_odds_and_keeps_the_order() -> None:
    whole = shop(1)
    plain = fit(whole, COLUMNS, PARAMETERS, seed=5)
    heavy = fit(whole, COLUMNS, replace(PARAMETERS, positive_weight=5.0), seed=5)
    weights = np.where(heavy.y == 1, 5.0, 1.0)
    assert np.average(expit(heavy.raw), weights=weights) == pytest.approx(np.average(heavy.y, weights=weights), abs=0.06)
    assert (heavy.raw > plain.raw).mean() > 0.95
    assert auc(heavy.y, heavy.raw) == pytest.approx(auc(plain.y, plain.raw), abs=0.02)


def test_recent_cutoffs_count_more_with_a_half_life() -> None:
    # The share of outcome 1 rises from 20 % to 80 % over the cutoffs, and nothing else is to be known.
    random = np.random.default_rng(4)
    cutoff = np.repeat(np.arange(4), 800)
    y = (random.random(3200) < np.array([0.2, 0.4, 0.6, 0.8])[cutoff]).astype(np.int8)
    whole = samples(random.normal(size=(3200, 1)), y, np.tile(np.arange(800), 4), cutoff)
    parameters = GbdtParameters(rounds=1, min_leaf=3200, folds=2, **WHOLE)
    recent = replace(parameters, half_life_days=3.5)
    answers = [expit(raw(fit(whole, columns(["noise"]), each, seed=1).model, np.zeros((1, 1))))[0] for each in (parameters, recent)]
    assert answers[0] == pytest.approx(y.mean(), abs=0.01)
    weights = 0.25 ** np.array([3, 2, 1, 0])
    assert answers[1] == pytest.approx(np.average([y[cutoff == place].mean() for place in range(4)], weights=weights), abs=0.01)


def test_a_monotone_column_never_moves_the_score_the_other_way() -> None:
    # The outcome rises with the feature and falls again: constrained to rise, the answer may not fall.
    random = np.random.default_rng(6)
    X = random.uniform(-3, 3, size=(3000, 2))
    y = (random.random(3000) < expit(1 - X[:, 0] ** 2)).astype(np.int8)
    whole = samples(X, y, np.tile(np.arange(1000), 3), np.repeat(np.arange(3), 1000))
    line = np.column_stack([np.linspace(-3, 3, 200), np.zeros(200)])
    free = fit(whole, columns(["events_any_7d", "other"]), PARAMETERS, seed=1)
    rising = fit(whole, columns(["events_any_7d", "other"]), replace(PARAMETERS, monotone={"events_*": 1}), seed=1)
    assert np.diff(raw(free.model, line)).min() < -0.1
    assert np.diff(raw(rising.model, line)).min() >= 0
    assert np.ptp(raw(rising.model, line)) > 0.5


def test_columns_that_tell_nothing_new_change_nothing(fitted: FittedGbdt) -> None:
    whole = shop(1)
    X = everything(whole)
    wide = samples(np.column_stack([np.zeros(len(X)), X, X[:, 0]]), whole.labels, whole.users, whole.cutoff)
    more = fit(wide, columns(["nothing", *NAMES, "again"]), PARAMETERS, seed=5)
    assert more.model.features.dropped == {"nothing": "0 for everyone", "again": "the same as feature_0"}
    assert text(more) == text(fitted)
    assert np.array_equal(more.raw, fitted.raw)


def test_one_cutoff_is_enough_and_two_calibrate_on_the_later() -> None:
    one, two = (fit(shop(1, cutoffs=cutoffs), COLUMNS, PARAMETERS, seed=5) for cutoffs in (1, 2))
    assert (one.roles, len(one.y)) == (Roles((0,), 0, 0), 600)
    assert (two.roles, len(two.y)) == (Roles((0,), 0, 1), 600)


def test_samples_that_are_all_alike_are_refused() -> None:
    whole = shop(1)
    alike = samples(np.zeros((len(whole.labels), 2)), whole.labels, whole.users, whole.cutoff)
    with pytest.raises(NotLearnable, match="All 2 feature columns have one value in all 2400 samples"):
        fit(alike, columns(["a", "b"]), PARAMETERS, seed=1)


def test_a_device_that_lightgbm_cannot_use_is_named() -> None:
    with pytest.raises(DeviceRefused, match="cannot train on 'cuda': CUDA Tree Learner was not enabled in this build"):
        fit(shop(1), COLUMNS, replace(PARAMETERS, device="cuda"), seed=1)


def test_a_model_without_a_split_answers_with_the_share() -> None:
    y = np.tile(np.array([0, 0, 1], dtype=np.int8), 300)
    whole = samples(np.arange(900.0)[:, None], y, np.tile(np.arange(300), 3), np.repeat(np.arange(3), 300))
    model = fit(whole, columns(["number"]), GbdtParameters(min_leaf=900, **WHOLE), seed=1).model
    assert raw(model, np.zeros((2, 1))) == pytest.approx(np.full(2, logit(1 / 3)), abs=0.01)


def test_a_model_that_was_fitted_again_answers_about_the_calibrating_rows_itself(fitted: FittedGbdt) -> None:
    whole = shop(1)
    once = fit(whole, COLUMNS, replace(PARAMETERS, crossfit_rows=1), seed=5)
    assert fitted.refitted_raw is not None
    assert (fitted.refitted_raw == raw(fitted.model, whole.matrix(fitted.calibration_rows))).all()
    assert (fitted.refitted_raw != fitted.raw).any()
    assert once.refitted_raw is None
