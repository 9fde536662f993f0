from __future__ import annotations

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from scipy.special import expit

from models import gbdt_rows
from models.classifier import NotLearnable
from models.forward_folds import ContestFold, ForwardFold
from models.gbdt_judge import Judge, OutOfTime, mean_difference
from models.gbdt_parameters import GbdtParameters
from models.gbdt_training import DeviceRefused
from models.samples import Samples
from tests.models.feature_columns import columns
from tests.models.gbdt_samples import samples

COLUMNS = columns(("a", "b"))
SMALL = GbdtParameters(
    rounds=40, learning_rate=0.1, leaves=4, min_leaf=10, early_stopping=5, bagging_fraction=1.0, feature_fraction=1.0, threads=1
)
ALWAYS = float("inf")


@pytest.fixture(scope="module")
def known() -> Samples:
    random = np.random.default_rng(5)
    X = random.normal(size=(1200, 2))
    y = random.random(1200) < expit(1.5 * X[:, 0])
    return samples(X, y, np.tile(np.arange(400), 3), np.repeat(np.arange(3), 400))


FOLD = ForwardFold(learn=np.arange(400), judged=np.arange(400, 800))


@pytest.fixture(scope="module")
def judge(known: Samples) -> Judge:
    return Judge(known, COLUMNS, SMALL, seed=7)


def test_the_loss_is_that_of_the_judged_rows_after_the_best_round(known: Samples, judge: Judge) -> None:
    found = judge.loss(SMALL, FOLD, ALWAYS)
    X, settings = known.matrix(np.arange(800)), {**SMALL.settings(("a", "b"), 7), "verbosity": -1}
    data = lightgbm.Dataset(known.matrix(np.arange(1200)), known.labels, params=settings).construct()
    booster = lightgbm.train(settings, data.subset(FOLD.learn), SMALL.rounds)
    y, lost = known.labels[FOLD.judged], []
    for rounds in range(1, SMALL.rounds + 1):
        p = booster.predict(X[FOLD.judged], num_iteration=rounds)
        lost.append(float(-np.log(np.where(y == 1, p, 1 - p)).mean()))
    assert found.loss == pytest.approx(min(lost), rel=1e-6)
    assert (found.rows, found.rounds) == (400, 1 + int(np.argmin(lost)))


def test_every_searched_parameter_is_heard_on_the_one_binned_matrix(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also leaves of a size that binning would have dropped columns for."""
    monkeypatch.setattr(gbdt_rows, "dataset", None)
    others = [
        replace(SMALL, learning_rate=0.03),
        replace(SMALL, leaves=3),
        replace(SMALL, depth=1),
        replace(SMALL, min_leaf=150),
        replace(SMALL, feature_fraction=0.5),
        replace(SMALL, bagging_fraction=0.5),
        replace(SMALL, l2=50.0),
        replace(SMALL, path_smooth=80.0),
        replace(SMALL, extra_trees=True),
    ]
    losses = [judge.loss(each, FOLD, ALWAYS).loss for each in (SMALL, *others)]
    assert len(set(losses)) == len(losses)
    assert judge.loss(SMALL, FOLD, ALWAYS).loss == losses[0]


def test_a_training_ends_between_rounds_at_its_deadline(judge: Judge) -> None:
    with pytest.raises(OutOfTime):
        judge.loss(SMALL, FOLD, deadline=0.0)


CONTEST = (
    ContestFold(learn=np.arange(0, 200), stop=np.arange(600, 700), judged=np.arange(700, 800)),
    ContestFold(learn=np.arange(200, 400), stop=np.arange(400, 500), judged=np.arange(500, 600)),
)


def test_a_contest_gives_each_judged_row_its_loss_under_each_of_the_parameters(known: Samples, judge: Judge) -> None:
    other = replace(SMALL, leaves=2, learning_rate=0.05)
    rows, lost = judge.contest([SMALL, other], CONTEST)
    assert rows.tolist() == [*range(700, 800), *range(500, 600)]
    assert lost.shape == (2, 200)
    settings = other.settings(("a", "b"), 7)
    data = lightgbm.Dataset(known.matrix(np.arange(1200)), known.labels, params=settings).construct()
    callback = lightgbm.early_stopping(5, verbose=False)
    fold = CONTEST[0]
    booster = lightgbm.train(settings, data.subset(fold.learn), 40, valid_sets=[data.subset(fold.stop)], callbacks=[callback])
    p, y = booster.predict(known.matrix(fold.judged)), known.labels[fold.judged]
    assert lost[1, :100] == pytest.approx(-np.log(np.where(y == 1, p, 1 - p)))
    assert not np.allclose(lost[0], lost[1])


def test_weighting_an_outcome_does_not_count_as_being_wrong(known: Samples) -> None:
    """Parameters that weigh outcome 1 fivefold are judged by the probabilities that they stand for."""
    heavy = replace(SMALL, positive_weight=5.0)
    plain, weighted = (Judge(known, COLUMNS, each, 7).contest([each], CONTEST)[1].mean() for each in (SMALL, heavy))
    assert weighted < plain + 0.05
    assert plain < np.log(2)


def test_columns_that_tell_nothing_cannot_be_judged(known: Samples) -> None:
    flat = samples(np.ones((300, 2)), known.labels[:300], np.arange(300))
    with pytest.raises(NotLearnable, match="one value in all 300 samples"):
        Judge(flat, COLUMNS, SMALL, 7)


def test_a_device_that_lightgbm_was_not_built_for_is_named(judge: Judge) -> None:
    with pytest.raises(DeviceRefused, match="'cuda'"):
        judge.loss(replace(SMALL, device="cuda"), FOLD, ALWAYS)


def test_rows_of_one_user_count_as_one_draw() -> None:
    users, differences = np.array([1, 1, 2, 3]), np.array([1.0, 2.0, 0.0, 1.0])
    found = mean_difference(users, differences)
    # Mean 1; sums of deviations by user 1, −1, 0; variance (1 + 1) / 4² × 3 / 2 = 0.1875.
    assert found.value == 1.0
    assert (found.lower, found.upper) == pytest.approx((1 - 1.959964 * 0.1875**0.5, 1 + 1.959964 * 0.1875**0.5))


def test_one_row_per_user_is_the_plain_interval_of_a_mean() -> None:
    differences = np.random.default_rng(0).normal(size=500)
    found = mean_difference(np.arange(500), differences)
    assert found.upper - found.value == pytest.approx(1.959964 * differences.std(ddof=1) / 500**0.5)
    doubled = mean_difference(np.repeat(np.arange(500), 2), np.repeat(differences, 2))
    assert (doubled.lower, doubled.upper) == pytest.approx((found.lower, found.upper))
